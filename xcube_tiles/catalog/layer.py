"""A layer as it lies on disk: levels, variables, times, and raw reads without dask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from xcube_tiles.catalog.building.holes import has_holes
from xcube_tiles.catalog.building.leftovers import level_paths
from xcube_tiles.catalog.format.conventions import (
    PRIVATE,
    decode_nodata,
    parse_layout,
    without_conventions,
)
from xcube_tiles.catalog.format.coords import decode_coord, from_json
from xcube_tiles.catalog.format.direct import DirectReader, direct_reader
from xcube_tiles.catalog.managing.records import Recorded
from xcube_tiles.catalog.stores.objects import get_document
from xcube_tiles.catalog.stores.store import pinned
from xcube_tiles.errors import (
    CatalogError,
    DamagedLayerError,
    LayerChangedError,
    LayerNotFoundError,
)
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox
    from zarr.abc.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One resolution of a layer."""

    number: int
    """0 is the finest."""

    path: str
    """Path of the level's group below the layer."""

    geobox: GeoBox = field(repr=False)
    """Grid of the arrays on disk, padding included."""

    zoom: int
    """Zoom of the layer's scheme; the level's number in a local scheme."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.geobox.shape[0]), int(self.geobox.shape[1])

    @property
    def resolution(self) -> tuple[float, float]:
        """Width and height of a cell, as (x, y) in CRS units; both positive."""
        return float(self.geobox.affine.a), -float(self.geobox.affine.e)

    @property
    def extent(self) -> Extent:
        """Outer edges of the cells."""
        return Extent.from_geobox(self.geobox)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Layer(Recorded):
    """A named pyramid in a catalog.

    Opening reads one document; an array is opened once, when it is first read.
    """

    name: str
    """Name within the catalog."""

    levels: tuple[Level, ...]
    """The finest first."""

    group: zarr.Group
    """The layer's Zarr group."""

    _cache: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        finest, coarsest = self.levels[0].shape, self.levels[-1].shape
        crs = f"EPSG:{self.crs.epsg}" if self.crs.epsg else "custom CRS"
        return (
            f"<Layer {self.name!r}: {', '.join(self.variables)}; {crs}; "
            f"{_counted(len(self.levels))}, {finest[0]} x {finest[1]} to "
            f"{coarsest[0]} x {coarsest[1]}>"
        )

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the cube that was written."""
        return without_conventions(self.group.attrs.asdict())

    @property
    def metadata(self) -> dict[str, Any]:
        """What the package knows beyond the conventions; empty for layers made by others.

        `scheme`, `zoom` of the base, `original_shape` before padding, `resampling` per variable,
        `min_valid`, `statistics` per variable, `software`, `created`.
        """
        attributes: dict[str, Any] = self.group.attrs.asdict()
        return dict(attributes.get(PRIVATE, {}))

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all levels."""
        return self.levels[0].extent.crs

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grids of the levels, the finest first."""
        return tuple(level.geobox for level in self.levels)

    @property
    def extent(self) -> Extent:
        """Outer edges of the cube that was written, without the padding."""
        height, width = self.shape_of(0)
        return Extent.from_geobox(self.levels[0].geobox[:height, :width])

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that have y and x, in the order of the cube that was written."""
        if "variables" not in self._cache:
            attributes: dict[str, Any] = self.group.attrs.asdict()
            dims = tuple(attributes.get("spatial:dimensions", ("y", "x")))
            written = list(self.metadata.get("resampling", ()))
            found = [n for n, a in self._level_group(0).arrays() if dimension_names(a)[-2:] == dims]
            known = [name for name in written if name in found]
            self._cache["variables"] = (*known, *sorted(set(found) - set(known)))
        names: tuple[str, ...] = self._cache["variables"]
        return names

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants of the time dimension, datetime64[ns]; None if there is none."""
        if "times" not in self._cache:
            self._cache["times"] = self._read_times()
        times: NDArray[np.datetime64] | None = self._cache["times"]
        return times

    def dims(self, variable: str) -> tuple[str, ...]:
        """Return the dimensions of a variable, y and x last."""
        return dimension_names(self.array(variable, 0))

    def labels(self, variable: str) -> NDArray[Any] | None:
        """Return the labels of a variable's dimension before y and x; None if there are none."""
        key = f"{variable}/labels"
        if key not in self._cache:
            dims = self.dims(variable)
            self._cache[key] = self._read_labels(dims[0]) if len(dims) == 3 else None
        cached: NDArray[Any] | None = self._cache[key]
        return cached

    def shape_of(self, level: int) -> tuple[int, int]:
        """Return the rows and columns of a level that hold the cube, without the padding.

        Raises
        ------
        CatalogError
            A level that isn't there.
        """
        self._check_level(level)
        base = self.metadata.get("original_shape")
        if base is None:
            return self.levels[level].shape
        factor = round(self.levels[level].resolution[0] / self.levels[0].resolution[0])
        height, width = (-(-int(size) // factor) for size in base)
        return height, width

    def variable_attrs(self, variable: str) -> dict[str, Any]:
        """Return a variable's attributes as they were written, its NoData left out."""
        attrs = without_conventions(self.array(variable, 0).attrs.asdict())
        attrs.pop("_FillValue", None)
        return attrs

    def cell_type(self, variable: str) -> CellType:
        """Return the cell type of a variable, equal on all levels."""
        key = f"{variable}/type"
        if key not in self._cache:
            array = self.array(variable, 0)
            nodata = decode_nodata(array.attrs.get("_FillValue"), array.dtype)
            default = nodata is None and array.dtype.kind == "f"
            self._cache[key] = (
                CellType.default(array.dtype)
                if default
                else CellType(dtype=array.dtype, nodata=nodata)
            )
        cell_type: CellType = self._cache[key]
        return cell_type

    def read(
        self,
        variable: str,
        *,
        level: int,
        rows: slice,
        cols: slice,
        time: int | None = None,
    ) -> NDArray[Any]:
        """Return raw cells: no masking, no scaling, no dask.

        Parameters
        ----------
        variable
            Name of a variable.
        level
            Number of a level.
        rows, cols
            Slices, of step 1, of the level's arrays, padding included.
        time
            Position along the first dimension of an array that has three; None: all of them.

        Returns
        -------
        ndarray
            Shape (rows, cols), or (n, rows, cols) for all positions.

        Raises
        ------
        CatalogError
            A variable, level or time that isn't there; the layer was deleted or replaced meanwhile.
        DamagedLayerError
            A file that holds some of the cells is cut short or damaged.
        """
        array = self.array(variable, level)
        lead: tuple[int | slice, ...] = ()
        if array.ndim > 2:
            if time is not None and not 0 <= time < array.shape[0]:
                raise CatalogError(
                    f"variable {variable!r} of layer {self.name!r} has {array.shape[0]} positions "
                    f"along {self.dims(variable)[0]!r}, got {time!r}"
                )
            lead = (slice(None) if time is None else time,)
        cells = self._direct(variable, level, lead, rows, cols)
        if cells is None:
            cells = self._read_array(variable, level, (*lead, rows, cols))
        spans = (
            part.indices(size)[:2]
            for part, size in zip((rows, cols), array.shape[-2:], strict=True)
        )
        if has_holes(cells, array, *spans):
            self.check_current()
        return cells

    def _read_array(
        self, variable: str, level: int, index: tuple[int | slice, ...]
    ) -> NDArray[Any]:
        try:
            return np.asarray(self.array(variable, level)[index])
        except CatalogError:
            raise
        except (ValueError, RuntimeError, EOFError) as error:  # whatever codecs raise
            self.check_current()
            raise DamagedLayerError(
                f"cells of variable {variable!r} at level {level} of layer {self.name!r} can't be "
                f"read, a file of it is cut short or damaged: {error}; "
                f"catalog.verify({self.name!r}) names it"
            ) from error

    def _direct(
        self, variable: str, level: int, lead: tuple[int | slice, ...], rows: slice, cols: slice
    ) -> NDArray[Any] | None:
        """Return a window that can be read without Zarr's pipeline, None if it can't."""
        key = f"{level}/{variable}/direct"
        if key not in self._cache:
            self._cache[key] = direct_reader(self.array(variable, level))
        reader: DirectReader | None = self._cache[key]
        places = tuple(at for at in lead if isinstance(at, int))
        if reader is None or len(places) != len(lead):
            return None
        return reader.read(places, rows, cols)

    def check_current(self) -> None:
        """Make sure that the cells are where they were: a chunk that isn't reads as NoData.

        Raises
        ------
        LayerNotFoundError
            The layer was deleted.
        LayerChangedError
            It was replaced twice since.
        """
        place = self.group.store_path
        root = get_document(place.store, f"{place.path}/zarr.json")
        private = {} if root is None else root.get("attributes", {}).get(PRIVATE, {})
        path = self.levels[0].path
        same = path in level_paths(root) and private.get("created") == self.metadata.get("created")
        if not same and path not in private.get("retired", ()):
            if root is None:
                raise LayerNotFoundError(f"layer {self.name!r} was deleted while it was read")
            raise LayerChangedError(
                f"layer {self.name!r} was replaced while it was read: open it again, "
                f"catalog[{self.name!r}], and read from that"
            )

    def array(self, variable: str, level: int) -> zarr.Array[Any]:
        """Return the Zarr array of a variable at a level.

        Raises
        ------
        CatalogError
            A variable or level that isn't there.
        """
        key = f"{level}/{variable}"
        if key not in self._cache:
            self._cache[key] = self._open_array(variable, level)
        array: zarr.Array[Any] = self._cache[key]
        return array

    def _open_array(self, variable: str, level: int) -> zarr.Array[Any]:
        self._check_level(level)
        found = self._level_group(level).get(variable)
        if not isinstance(found, zarr.Array):
            raise CatalogError(
                f"layer {self.name!r} has no variable {variable!r}; "
                f"it has {', '.join(self.variables)}"
            )
        return found

    def _check_level(self, level: int) -> None:
        if not isinstance(level, int) or not 0 <= level < len(self.levels):
            raise CatalogError(
                f"layer {self.name!r} has the levels 0 to {len(self.levels) - 1}, got {level!r}"
            )

    def _level_group(self, level: int) -> zarr.Group:
        path = self.levels[level].path
        group = self.group[path]
        if not isinstance(group, zarr.Group):
            raise CatalogError(f"level {path!r} of layer {self.name!r} is no group")
        return group

    def _read_labels(self, dim: str) -> NDArray[Any] | None:
        found = self._level_group(0).get(dim)
        if isinstance(found, zarr.Array):
            coord = decode_coord(dim, np.asarray(found[:]), found.attrs.asdict())
            return np.asarray(coord.values)
        # Texts are kept as JSON: Zarr has no type for them that others read.
        kept = self.metadata.get("coords", {}).get(dim)
        return None if kept is None else np.asarray(from_json(kept).values)

    def _read_times(self) -> NDArray[np.datetime64] | None:
        leads = {dim for name in self.variables for dim in self.dims(name)[:-2]}
        for dim in sorted(leads):
            array = self._level_group(0).get(dim)
            if isinstance(array, zarr.Array):
                coord = decode_coord(dim, np.asarray(array[:]), array.attrs.asdict())
                if coord.dtype.kind == "M":
                    return np.asarray(coord.values.astype("datetime64[ns]"))
        return None


def dimension_names(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Return the names of an array's dimensions; none for Zarr v2, which has no place for them."""
    return tuple(str(name) for name in getattr(array.metadata, "dimension_names", None) or ())


def _counted(levels: int) -> str:
    return "1 level" if levels == 1 else f"{levels} levels"


def open_layer(store: Store, name: str) -> Layer:
    """Return a layer; its root document is read, with the metadata of all its arrays.

    Raises
    ------
    CatalogError
        A layer whose attributes can't be understood.
    """
    try:
        group = zarr.open_group(pinned(store), path=name, mode="r", zarr_format=3)
    except ValueError:
        get_document(store, f"{name}/zarr.json")  # tells what is wrong with it
        raise
    return layer_of(name, group)


def layer_of(name: str, group: zarr.Group) -> Layer:
    """Return the layer that a group is; errors are those of `open_layer`."""
    attributes: dict[str, Any] = group.attrs.asdict()
    base: int | None = dict(attributes.get(PRIVATE, {})).get("zoom")
    found = parse_layout(attributes)
    finest = found[0][1].affine.a
    levels = []
    for number, (path, box) in enumerate(found):
        factor = round(box.affine.a / finest)
        zoom = number if base is None else base - (factor.bit_length() - 1)
        levels.append(Level(number=number, path=path, geobox=box, zoom=zoom))
    return Layer(name=name, levels=tuple(levels), group=group)
