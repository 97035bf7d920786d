"""Stream order: how many streams have joined above each cell of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.algebra.hydrology.accumulation import receivers_of
from xcube_tiles.algebra.hydrology.cells import (
    cell_types,
    codes_of,
    directions_of,
)
from xcube_tiles.algebra.rasters import raster_of, with_other
from xcube_tiles.cube.blocks import map_whole
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.hydrology.directions import NODATA
from xcube_tiles.kernels.hydrology.routing import accumulate, downstream, shreve, strahler
from xcube_tiles.kernels.nodata import is_valid

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

StreamOrder: TypeAlias = Literal["strahler", "shreve"]
"""How streams that join are counted."""

_ORDERS = {"strahler": strahler, "shreve": shreve}
_RESULT = CellType(dtype=np.dtype(np.int32), nodata=0)


def stream_order(
    directions: xr.DataArray,
    *,
    threshold: float,
    method: StreamOrder = "strahler",
    accumulation: xr.DataArray | None = None,
) -> xr.DataArray:
    """Return the order of streams.

    Parameters
    ----------
    directions
        Flow directions, as `flow_direction` gives them, dimensions (..., y, x).
    threshold
        Least accumulation of a stream's cells: cells that drain through one, itself left out.
    method
        `"strahler"`: a stream without tributaries has order 1; where two of equal order join it
        grows by 1. `"shreve"`: the number of sources above.
    accumulation
        What `threshold` is compared with, such as rain that was accumulated with `weights`; on the
        same grid. None: `flow_accumulation(directions)`.

    Returns
    -------
    int32 from 1; 0, which is NoData, where no stream is. Named `stream_order`; lazy if the input
    is.

    Raises
    ------
    AlgebraError
        A threshold that isn't a finite number, an unknown method; directions that aren't integers;
        when computed: numbers that are no directions, directions that make a loop.
    IncompatibleCubesError
        Grids or labels of `accumulation` differ.
    DimensionError
        A Dataset.

    Notes
    -----
    Strahler (1957), *Quantitative analysis of watershed geomorphology*; Shreve (1966),
    *Statistical law of stream numbers*. One task per raster has it in memory whole.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ways = xr.DataArray(np.uint8([[2, 4, 8], [0, 4, 0], [0, 0, 0]]), dims=("y", "x"))
    >>> stream_order(assign_geobox(ways, grid), threshold=0).values
    array([[1, 1, 1],
           [1, 2, 1],
           [1, 2, 1]], dtype=int32)
    >>> stream_order(assign_geobox(ways, grid), threshold=1, method="shreve").values
    array([[0, 0, 0],
           [0, 1, 0],
           [0, 1, 0]], dtype=int32)
    """
    if method not in get_args(StreamOrder):
        names = ", ".join(repr(name) for name in get_args(StreamOrder))
        raise AlgebraError(f"unknown method {method!r}; expected one of {names}")
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float, np.number)):
        raise AlgebraError(f"threshold must be a number of cells upstream, got {threshold!r}")
    if not np.isfinite(threshold):
        raise AlgebraError(f"threshold must be finite, got {threshold!r}")
    directions = directions_of(directions)
    arrays = [directions]
    types = cell_types(directions)
    if accumulation is not None:
        other = raster_of(accumulation, "accumulation")
        types = cell_types(directions, other)
        arrays = list(with_other(directions, other))
    data = map_whole(
        _raster,
        *(array.data for array in arrays),
        name="stream-order",
        dtype=_RESULT.dtype,
        cells=types,
        threshold=float(threshold),
        method=method,
    )
    result = arrays[0].copy(data=data).rename("stream_order")
    result.attrs = {}
    return set_cell_type(result, _RESULT)


def _raster(
    raster: NDArray[Any],
    *others: NDArray[Any],
    cells: tuple[CellType, ...],
    threshold: float,
    method: StreamOrder,
) -> NDArray[np.int32]:
    codes = codes_of(raster, cells[0])
    below = receivers_of(codes)
    order = downstream(below)
    if others:
        streams = is_valid(others[0], cells[1].nodata) & (others[0] >= threshold)
    else:
        upstream = np.zeros(codes.size, np.int64)
        accumulate(below, order, np.ones(codes.size, np.int64), upstream)
        streams = (upstream >= threshold).reshape(codes.shape)
    streams = np.ascontiguousarray(streams & (codes != NODATA))
    out = np.zeros(codes.size, np.int32)
    _ORDERS[method](below, order, streams.reshape(-1), out)
    return out.reshape(codes.shape)
