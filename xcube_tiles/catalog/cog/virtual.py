"""A layer whose cells stand in COG files: what a catalog layer offers, without a copy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr
from zarr.storage import MemoryStore

from xcube_tiles.catalog.cog.mosaic import Mosaic
from xcube_tiles.catalog.cog.table import table_to_json
from xcube_tiles.catalog.layer import Layer, Level
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from xcube_tiles.catalog.cog.table import CogTable, VariableRow
    from xcube_tiles.grid.celltype import CellType

_TILE = 512
"""Lazy blocks are multiples of it: most COGs have tiles of 256 or 512 cells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class VirtualLayer(Layer):
    """A layer whose cells stand in GeoTIFFs and are read from there.

    It is read like any layer, and never changed. Files that have changed or vanished since they
    became part of it are refused, and never read as NoData.
    """

    table: CogTable
    """What stands in which file."""

    known: Mapping[str, Any]
    """What the package knows beside: `kind`, `scheme`, `software`, `created`."""

    def __repr__(self) -> str:
        count = len(self.table.files)
        files = "1 file" if count == 1 else f"{count} files"
        # Named, as `super()` without arguments fails in classes with slots.
        return f"{Layer.__repr__(self).removesuffix('>')}, in {files}>"

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the layer."""
        return dict(self.table.attrs)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the package knows of the layer: `kind`, `scheme`, `software`, `created`."""
        return dict(self.known)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(row.name for row in self.table.variables)

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants, datetime64[ns], ascending; None if there are none."""
        return None if self.table.times is None else self.table.times.copy()

    def dims(self, variable: str) -> tuple[str, ...]:
        """Return the dimensions of a variable, y and x last."""
        self._variable(variable)
        return ("y", "x") if self.table.times is None else ("time", "y", "x")

    def shape_of(self, level: int) -> tuple[int, int]:
        """Return the rows and columns of a level.

        Raises
        ------
        CatalogError
            A level that isn't there.
        """
        self._check_level(level)
        return self.levels[level].shape

    def variable_attrs(self, variable: str) -> dict[str, Any]:
        """Return a variable's CF attributes, its NoData left out."""
        return dict(self._variable(variable).attrs)

    def cell_type(self, variable: str) -> CellType:
        """Return the cell type of a variable, equal in all files."""
        return self._variable(variable).cells

    def check_current(self) -> None:
        """Do nothing: a file is checked each time it is read."""

    def array(self, variable: str, level: int) -> Any:
        """Return the cells of a variable at a level as an array that is read when it is indexed.

        Raises
        ------
        CatalogError
            A variable or level that isn't there.
        """
        self._check_level(level)
        return FileArray(self, self._variable(variable), level)

    def mosaic(self, variable: str, level: int, time: int | None) -> Mosaic:
        """Return the files of a variable at a level and a time."""
        key = f"mosaic/{variable}/{level}/{time}"
        if key not in self._cache:
            row, place = self._variable(variable), self.table.levels[level]
            files = [
                file
                for file in self.table.files
                if file.group == place.group
                and variable in file.bands
                and file.time in (None, time)
            ]
            self._cache[key] = Mosaic(files, variable, row.cells, place)
        mosaic: Mosaic = self._cache[key]
        return mosaic

    def _variable(self, name: str) -> VariableRow:
        for row in self.table.variables:
            if row.name == name:
                return row
        raise CatalogError(
            f"layer {self.name!r} has no variable {name!r}; it has {', '.join(self.variables)}"
        )


class FileArray:
    """A variable of a layer at a level, read from its files when it is indexed.

    Parameters
    ----------
    layer
        The layer.
    row
        The variable.
    level
        Number of the level.
    """

    __slots__ = ("_row", "chunks", "dtype", "layer", "level", "ndim", "shape", "shards")

    def __init__(self, layer: VirtualLayer, row: VariableRow, level: int) -> None:
        self.layer, self.level, self._row = layer, level, row
        times = layer.table.times
        lead = () if times is None else (int(times.size),)
        self.shape = (*lead, *layer.levels[level].shape)
        self.chunks = (*(1 for _ in lead), _TILE, _TILE)
        self.shards = None
        self.dtype, self.ndim = row.cells.dtype, len(self.shape)

    @property
    def fill_value(self) -> Any:
        """NoData; 0 where there is none."""
        return self.dtype.type(0 if self._row.cells.nodata is None else self._row.cells.nodata)

    @property
    def store_path(self) -> str:
        """A text that tells these cells from those of other files, and of other versions."""
        table = table_to_json(self.layer.table)
        text = json.dumps([table["files"], table["levels"][self.level], self._row.name])
        return f"{self.layer.name}/{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"

    @property
    def oindex(self) -> FileArray:
        """The array itself: positions along time may be listed."""
        return self

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return cells for a place, a slice or a list along time, and slices along y and x."""
        index = index if isinstance(index, tuple) else (index,)
        items = [*index, *(slice(None),) * (self.ndim - len(index))]
        lead, (rows, cols) = items[:-2], items[-2:]
        down, across = (
            slice(*span.indices(size)[:2])
            for span, size in zip((rows, cols), self.shape[-2:], strict=True)
        )
        if not lead:
            return self._read(None, down, across)
        if isinstance(lead[0], int | np.integer):
            return self._read(int(lead[0]), down, across)
        places = np.arange(self.shape[0])[lead[0]]
        sizes = (max(0, span.stop - span.start) for span in (down, across))
        block = np.empty((places.size, *sizes), self.dtype)
        for at, time in enumerate(places):
            block[at] = self._read(int(time), down, across)
        return block

    def _read(self, time: int | None, rows: slice, cols: slice) -> NDArray[Any]:
        return self.layer.mosaic(self._row.name, self.level, time).read(rows, cols)

    def __reduce__(self) -> tuple[Callable[..., FileArray], tuple[Any, ...]]:
        layer = self.layer
        return _rebuilt, (layer.name, layer.table, dict(layer.known), self._row.name, self.level)


def _rebuilt(
    name: str, table: CogTable, known: Mapping[str, Any], variable: str, level: int
) -> FileArray:
    array: FileArray = make_virtual(name, table, known).array(variable, level)
    return array


def make_virtual(
    name: str, table: CogTable, known: Mapping[str, Any], group: zarr.Group | None = None
) -> VirtualLayer:
    """Return a layer of files.

    Parameters
    ----------
    name
        Name of the layer.
    table
        What stands in which file.
    known
        What is known beside.
    group
        The layer's group in a catalog; None: it is in none.
    """
    coords = {}
    if table.times is not None:
        coords["time"] = xr.Variable(("time",), table.times, {"standard_name": "time"})
    return VirtualLayer(
        name=name,
        levels=tuple(
            Level(number=number, path=str(number), geobox=row.geobox, zoom=row.zoom)
            for number, row in enumerate(table.levels)
        ),
        group=zarr.create_group(MemoryStore()) if group is None else group,
        table=table,
        known=known,
        _cache={"coords": coords},  # where reading looks for them
    )
