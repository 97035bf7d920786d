"""Flow accumulation: how much land, or rain, lies above each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.hydrology.cells import (
    cell_types,
    codes_of,
    directions_of,
)
from xcube_tiles.algebra.rasters import raster_of, with_other
from xcube_tiles.cube.blocks import map_shared, map_whole
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.hydrology.directions import NODATA, receivers
from xcube_tiles.kernels.hydrology.routing import accumulate, downstream
from xcube_tiles.kernels.hydrology.seams import Flow, Outline, flow_of, inflows, outline
from xcube_tiles.kernels.nodata import is_valid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

_WEIGHED = CellType.parse("float64")


def flow_accumulation(
    directions: xr.DataArray, *, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Return how many cells drain through each cell.

    Parameters
    ----------
    directions
        Flow directions, as `flow_direction` gives them, dimensions (..., y, x).
    weights
        How much each cell adds, such as rain, on the same grid; a dimension that it lacks
        broadcasts. NoData adds nothing. None: each cell adds 1.

    Returns
    -------
    The number of cells upstream, the cell itself left out: int32 (int64 for rasters of 2**31 cells
    and more), NoData -1. With `weights` their sum, float64 with NaN. Named `flow_accumulation`;
    lazy if the input is.

    Raises
    ------
    AlgebraError
        Directions that aren't integers; when computed: numbers that are no directions, directions
        that make a loop.
    IncompatibleCubesError
        Grids or labels of `weights` differ.
    DimensionError
        A Dataset.

    Notes
    -----
    Water that flows off the raster or into NoData is gone. Cells are taken in an order in which
    each comes before the one that it drains to: time and memory are proportional to the cells.

    Counts are made block by block [1]_: three tasks a block, and one for all that holds the borders
    of the blocks. Sums of weights are floats, which blocks would add in another order: one task per
    raster has it in memory whole.

    References
    ----------
    .. [1] R. Barnes (2017): Parallel non-divergent flow accumulation for trillion cell digital
       elevation models on desktops or clusters. Environmental Modelling & Software 92.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ways = xr.DataArray(
    ...     np.uint8([[1, 1, 0], [128, 255, 64]]),
    ...     dims=("y", "x"),
    ...     attrs={"_FillValue": np.uint8(255)},
    ... )
    >>> flow_accumulation(assign_geobox(ways, grid)).values
    array([[ 0,  2,  4],
           [ 0, -1,  0]], dtype=int32)
    """
    directions = directions_of(directions)
    if weights is not None:
        return _weighed(directions, raster_of(weights, "weights"))
    size = directions.sizes["y"] * directions.sizes["x"]
    numbers = CellType(dtype=np.dtype(np.int32 if size < 2**31 else np.int64), nodata=-1)
    data = map_shared(
        _summarize,
        _merge,
        _apply,
        directions.data,
        name="flow-accumulation",
        dtype=numbers.dtype,
        cells=cell_type_of(directions),
        dtype_out=numbers.dtype,
    )
    return _result(directions, data, numbers)


def _result(directions: xr.DataArray, data: Any, cells: CellType) -> xr.DataArray:
    result = directions.copy(data=data).rename("flow_accumulation")
    result.attrs = {}
    return set_cell_type(result, cells)


def receivers_of(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the index of the cell that each cell of a block drains to, or -1 or -2."""
    out = np.empty(codes.size, np.int64)
    receivers(codes, out)
    return out


def counts_of(flow: Flow, upstream: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add to what flows into a block from outside the cells that each of its cells drains."""
    ones = np.ones(upstream.size, np.int64)
    accumulate(flow.receivers, flow.order, ones, upstream)
    return upstream


def _summarize(
    block: NDArray[Any],
    *,
    origin: tuple[int, int],
    shape: tuple[int, int],
    cells: CellType,
    dtype_out: np.dtype[Any],
) -> tuple[tuple[NDArray[np.uint8], Flow], Outline]:
    codes = codes_of(block, cells)
    flow = flow_of(receivers_of(codes))
    counts = counts_of(flow, np.zeros(codes.size, np.int64))
    return (codes, flow), outline(flow, codes, counts[flow.ends] + 1, origin=origin, shape=shape)


def _merge(
    outlines: Sequence[tuple[tuple[int, int], Outline]],
    *,
    cells: CellType,
    dtype_out: np.dtype[Any],
) -> Mapping[tuple[int, int], NDArray[np.int64]]:
    found = inflows([each for _, each in outlines])
    return {origin: each for (origin, _), each in zip(outlines, found, strict=True)}


def _apply(
    kept: tuple[NDArray[np.uint8], Flow],
    inflow: NDArray[np.int64],
    *,
    cells: CellType,
    dtype_out: np.dtype[Any],
) -> NDArray[Any]:
    codes, flow = kept
    upstream = np.zeros(codes.shape, np.int64)
    rim = np.ones(codes.shape, np.bool_)
    rim[1:-1, 1:-1] = False
    upstream[rim & (codes != NODATA)] = inflow
    counts = counts_of(flow, upstream.reshape(-1)).reshape(codes.shape)
    return np.where(codes == NODATA, -1, counts).astype(dtype_out)


def _weighed(directions: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    types = cell_types(directions, weights)
    directions, weights = with_other(directions, weights)
    data = map_whole(
        _weighed_raster,
        directions.data,
        weights.data,
        name="weighted-accumulation",
        dtype=_WEIGHED.dtype,
        cells=types,
    )
    return _result(directions, data, _WEIGHED)


def _weighed_raster(
    raster: NDArray[Any], weights: NDArray[Any], *, cells: tuple[CellType, ...]
) -> NDArray[np.float64]:
    codes = codes_of(raster, cells[0])
    own = np.where(is_valid(weights, cells[1].nodata), weights, 0).astype(np.float64).reshape(-1)
    flow, upstream = receivers_of(codes), np.zeros(codes.size)
    accumulate(flow, downstream(flow), own, upstream)
    return np.where(codes == NODATA, np.nan, upstream.reshape(codes.shape))
