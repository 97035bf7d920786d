"""A layer, or a part of it, as a lazy cube."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr

from xcube_tiles.catalog.coords import decode_coord, from_json
from xcube_tiles.catalog.layer import dimension_names
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.cube.footprint import touched
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import CatalogError, GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.options import get_options

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import zarr
    from numpy.typing import NDArray

    from xcube_tiles.catalog.layer import Layer, Level

Instant: TypeAlias = "str | datetime | np.datetime64"
"""A time; a string may name a whole year, month or day."""

TimeSelection: TypeAlias = "Instant | slice | tuple[Instant | None, Instant | None]"
"""An instant, or a range that includes both ends."""


def read_layer(
    layer: Layer,
    *,
    zoom: int | None = None,
    extent: Extent | tuple[float, float, float, float] | None = None,
    time: TimeSelection | None = None,
    bands: str | Iterable[str] | None = None,
) -> xr.Dataset:
    """Return a layer, or a part of it, as a lazy cube in canonical form.

    Parameters
    ----------
    layer
        Layer of a catalog.
    zoom
        Zoom of the layer's scheme; for a local scheme the number of the level, 0 the finest.
        None: the finest.
    extent
        Part wanted, in any CRS; ``(xmin, ymin, xmax, ymax)`` is in the layer's own. The result
        holds every cell that it touches.
    time
        An instant (its dimension is dropped), a string that names a period such as ``"2018-05"``,
        or a range ``(start, stop)`` with both ends included; None for an open one.
    bands
        Names of variables, in the order wanted; None: all.

    Returns
    -------
    Dataset
        Integer cells stay integers, with their NoData in ``attrs["_FillValue"]``. The padding of
        the base is left out.

    Raises
    ------
    CatalogError
        A zoom or variable that the layer hasn't; a time that it hasn't, or that isn't understood.
    GridError
        An extent that doesn't touch the layer.
    """
    level = _level_at(layer, zoom)
    rows, cols = _window(layer, level, extent)
    names = _variables(layer, bands)
    arrays = {name: _lazy(layer, name, level.number, rows, cols) for name in names}
    cube = assign_geobox(
        xr.Dataset(arrays, coords=_coords(layer), attrs=layer.attrs), level.geobox[rows, cols]
    )
    for name in names:
        cube[name] = set_cell_type(cube[name], layer.cell_type(name))
    return cube if time is None else _at_time(layer, cube, time)


def _level_at(layer: Layer, zoom: int | None) -> Level:
    if zoom is None:
        return layer.levels[0]
    for level in layer.levels:
        if level.zoom == zoom:
            return level
    zooms = ", ".join(str(level.zoom) for level in layer.levels)
    raise CatalogError(f"layer {layer.name!r} has the zooms {zooms} (the finest first), not {zoom}")


def _variables(layer: Layer, bands: str | Iterable[str] | None) -> tuple[str, ...]:
    if bands is None:
        return layer.variables
    names = (bands,) if isinstance(bands, str) else tuple(bands)
    if not names:
        raise CatalogError(f"no bands to read; layer {layer.name!r} has {_listed(layer)}")
    for name in names:
        if name not in layer.variables:
            raise CatalogError(
                f"layer {layer.name!r} has no band {name!r}; it has {_listed(layer)}"
            )
    return names


def _listed(layer: Layer) -> str:
    return ", ".join(layer.variables)


def _window(
    layer: Layer, level: Level, extent: Extent | tuple[float, float, float, float] | None
) -> tuple[slice, slice]:
    """Return the rows and columns that an extent touches, padding left out."""
    height, width = layer.shape_of(level.number)
    if extent is None:
        return slice(0, height), slice(0, width)
    if not isinstance(extent, Extent):
        extent = Extent.from_bounds(extent, layer.crs)
    rows, cols = touched(level.geobox[:height, :width], extent)
    if cols.start >= cols.stop or rows.start >= rows.stop:
        raise GridError(
            f"{tuple(extent.to_crs(layer.crs).bounds)!r} doesn't touch layer {layer.name!r}, which "
            f"covers {tuple(layer.extent.bounds)!r} of {layer.crs!s}"
        )
    return rows, cols


class _ZarrReader:
    """Reads slices of a Zarr array; equal arrays pickle to the same few bytes."""

    __slots__ = ("array",)

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.array = array

    def __call__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        return np.asarray(self.array[index])


def _lazy(layer: Layer, name: str, level: int, rows: slice, cols: slice) -> xr.Variable:
    array = layer.array(name, level)
    inner = array.chunks[-1]
    edge = max(inner, get_options().chunk_size // inner * inner)
    data = from_reader(
        _ZarrReader(array),
        shape=array.shape,
        chunks=(*(1,) * (array.ndim - 2), edge, edge),
        dtype=array.dtype,
        name=f"layer-{layer.name}",
        # A layer that is written again under its name has another instant of creation.
        token=(str(layer.group.store_path), level, name, layer.metadata.get("created")),
    )
    dims = (*layer.dims(name)[:-2], "y", "x")
    return xr.Variable(dims, data[..., rows, cols], layer.variable_attrs(name))


def _coords(layer: Layer) -> dict[str, xr.Variable]:
    """Return the coordinates other than y, x and the grid mapping."""
    group = layer.group[layer.levels[0].path]
    spatial = {"y", "x", SPATIAL_REF, *layer.dims(layer.variables[0])[-2:]}
    found = {}
    for name, array in group.arrays():  # type: ignore[union-attr]
        dims = dimension_names(array)
        if name not in spatial and len(dims) == 1 and not spatial & set(dims):
            found[name] = decode_coord(dims[0], np.asarray(array[:]), array.attrs.asdict())
    stored = layer.metadata.get("coords", {})
    return {**found, **{name: from_json(document) for name, document in stored.items()}}


def _at_time(layer: Layer, cube: xr.Dataset, time: TimeSelection) -> xr.Dataset:
    dim = next((str(d) for d, c in cube.coords.items() if c.dtype.kind == "M" and c.dims), None)
    if dim is None:
        raise CatalogError(f"layer {layer.name!r} has no time dimension to select {time!r} from")
    wanted = slice(*time) if isinstance(time, tuple) else time
    try:
        selected = cube.sel({dim: wanted})
    except (KeyError, TypeError, ValueError) as error:
        raise _no_time(layer, cube[dim], time) from error
    if not selected.sizes.get(dim, 1):
        raise _no_time(layer, cube[dim], time)
    return selected


def _no_time(layer: Layer, times: xr.DataArray, time: TimeSelection) -> CatalogError:
    first, last = np.datetime_as_string(times.values[[0, -1]], unit="s")
    return CatalogError(
        f"layer {layer.name!r} has no time {time!r}; it has {times.size} from {first} to {last}. "
        "Pass an instant, a period such as '2018-05' or a range (start, stop)"
    )
