"""Map tiles straight from raster files: full resolution and overviews as a tile source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import CollectionError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.sources.cubes import variable_attrs
from xcube_tiles.sources.decoding import decodings
from xcube_tiles.sources.dense import TIME, arrange
from xcube_tiles.sources.grids import common_grid, equal_grids
from xcube_tiles.sources.keys import Key
from xcube_tiles.sources.reading import part_of, read_window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.sources.collection import Collection
    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.raster import Raster
    from xcube_tiles.sources.reading import Part


class GeoTiffSource:
    """The rasters of a collection as a source of tiles.

    Cells are those of `Collection.to_cube` on the rasters' own grid; levels are the overviews that
    all files have. Reading is safe in many threads: each keeps its own open files, and opens those
    anew that have changed.

    Parameters
    ----------
    collection
        Rasters on one grid; keys other than time and band have one value each.
    time, bands, scaled
        As for `Collection.to_cube`.

    Raises
    ------
    CollectionError
        Another key has several values; and as `Collection.to_cube`.
    RaggedKeysError, UnequalGridsError, GeoreferenceError
        As `Collection.to_cube`.
    """

    __slots__ = ("_attrs", "_geoboxes", "_options", "_parts", "_times")

    def __init__(
        self,
        collection: Collection,
        *,
        time: str | None = None,
        bands: str | None = None,
        scaled: bool = True,
    ) -> None:
        keys = [Key(name=name, type=kind) for name, kind in collection.key_types.items()]
        table = arrange(list(collection), keys, time=time, bands=bands)
        others = [axis.dim for axis in table.axes if axis.dim != TIME]
        if others:
            raise CollectionError(
                f"key {others[0]!r} has several values and a map shows one; select it with "
                f"where({others[0]}=...)"
            )
        headers = collection.headers()
        self._geoboxes = _levels(list(headers.values()))
        self._options = collection.storage_options
        self._times = np.array(table.axes[0].values, "datetime64[ns]") if table.axes else None
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._attrs: dict[str, dict[str, Any]] = {}
        for name, rasters in table.variables.items():
            self._parts[name], self._attrs[name] = _variable(name, rasters, headers, scaled)

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all levels."""
        return as_crs(self._geoboxes[0].crs)

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grid of each level: the full resolution, then the overviews, each coarser."""
        return self._geoboxes

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, sorted: values of the band key."""
        return tuple(self._parts)

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants (datetime64[ns]), ascending; None if no key is a time."""
        return None if self._times is None else self._times.copy()

    def cell_type(self, variable: str) -> CellType:
        """Return dtype and NoData of a variable."""
        return self._stack(variable)[0].decoding.target

    def variable_attrs(self, variable: str) -> Mapping[str, Any]:
        """Return the CF attributes of a variable: `units`, `long_name`."""
        self._stack(variable)
        return dict(self._attrs[variable])

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        """Return the cells of a window.

        Parameters
        ----------
        variable
            Name of the variable.
        level
            Index into `geoboxes`.
        rows, cols
            Window within the level; both bounds given.
        time
            Index into `times`; None where `times` is None.

        Returns
        -------
        ndarray, shape (rows, cols)
            Cells of the variable's cell type, north up.

        Raises
        ------
        CollectionError
            Unknown variable; level or time out of range; the file has changed its shape.
        """
        stack = self._stack(variable)
        if not 0 <= level < len(self._geoboxes):
            raise CollectionError(f"levels are 0 to {len(self._geoboxes) - 1}, got {level!r}")
        place = 0 if time is None and self._times is None else time
        if place is None or not 0 <= place < len(stack):
            raise CollectionError(f"time must be an index from 0 to {len(stack) - 1}, got {time!r}")
        height, width = self._geoboxes[level].shape
        return read_window(
            stack[place],
            rows,
            cols,
            shape=(height, width),
            options=self._options,
            overview=level - 1 if level else None,
        )

    def _stack(self, variable: str) -> tuple[Part, ...]:
        if variable not in self._parts:
            known = ", ".join(self._parts)
            raise CollectionError(f"unknown variable {variable!r}; the variables are {known}")
        return self._parts[variable]


def _levels(headers: Sequence[RasterHeader]) -> tuple[GeoBox, ...]:
    full = common_grid(headers)
    levels = [full]
    for boxes in zip(*(header.overviews for header in headers), strict=False):
        if not all(equal_grids(boxes[0], box) for box in boxes):
            break
        levels.append(boxes[0])
    return tuple(levels)


def _variable(
    name: str, rasters: Sequence[Raster], headers: Mapping[str, RasterHeader], scaled: bool
) -> tuple[tuple[Part, ...], dict[str, Any]]:
    bands = [headers[raster.path].band(raster.raster_band)[1] for raster in rasters]
    found = decodings(bands, scaled=scaled, needs_nodata=False, variable=name)
    pairs = zip(rasters, found, strict=True)
    parts = tuple(part_of(raster, headers[raster.path], decoding) for raster, decoding in pairs)
    return parts, variable_attrs(bands, scaled=scaled)
