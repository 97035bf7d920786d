"""A lazy cube onto another grid: each output block reads just the window that it needs.

Positions are those of `cube.positions`, whatever part is asked for, and the width of a kernel is
that of the whole grid, so that no cell depends on how the cube is chunked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np
import xarray as xr
from dask.array.core import normalize_chunks

from xcube_tiles.cube.blocks import map_windows
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import grid_differences
from xcube_tiles.cube.footprint import covers, scale, window
from xcube_tiles.cube.georef import (
    assign_geobox,
    canonical,
    geobox_of,
    grid_coords,
)
from xcube_tiles.cube.positions import full_turn, is_round, positions
from xcube_tiles.cube.variables import is_raster
from xcube_tiles.errors import CellTypeError, GridError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.kernels.warp import interpolation as kernel
from xcube_tiles.kernels.warp import statistics
from xcube_tiles.kernels.warp.weights import KERNEL_RADIUS, KERNELS
from xcube_tiles.options import get_options
from xcube_tiles.typing import ResamplingName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.typing import XarrayT

_FLOATS = CellType.default(np.float64)

_At: TypeAlias = "tuple[NDArray[np.float64], NDArray[np.float64], int, int]"
"""Rows and columns of positions, and the row and column at which a piece begins."""


def warp(
    obj: XarrayT,
    geobox: GeoBox,
    resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
    *,
    chunk_size: int | None = None,
) -> XarrayT:
    """Warp a cube onto another grid, lazily if it is lazy.

    Parameters
    ----------
    obj
        A cube; variables without y and x pass through.
    geobox
        Target grid, north-up, in any CRS.
    resampling
        Method, or one for each variable (`nearest` for those not named).
    chunk_size
        Edge of the output's blocks in cells; by default the option `chunk_size`.

    Returns
    -------
    The cube in canonical form on `geobox`, each variable of its own cell type (integers and bools
    are float64 after `sum`, which would not fit). Cells outside the source are NoData. NoData cells
    of the source have no weight. A source that goes around the earth has no seam.

    Raises
    ------
    CellTypeError
        Cells without NoData (a raw integer type) that would have to be NoData, as the target isn't
        inside the source; for lazy data some of them are found only when they are computed. 64-bit
        integers, unless the method is `nearest`.
    GridError
        Unknown resampling method.
    """
    obj = canonical(obj)
    like = xr.Dataset(coords=grid_coords(geobox)).assign(grid=(("y", "x"), _hollow(geobox)))
    if not grid_differences(obj, like):
        return assign_geobox(obj, geobox)
    edge = chunk_size or get_options().chunk_size
    if isinstance(obj, xr.DataArray):
        return _warp_array(obj, geobox, method_of(resampling, str(obj.name)), edge)
    warped = {
        name: _warp_array(array, geobox, method_of(resampling, str(name)), edge)
        if is_raster(array)
        else array
        for name, array in obj.data_vars.items()
    }
    coords = {name: c for name, c in obj.coords.items() if not {"y", "x"} & set(c.dims)}
    return assign_geobox(xr.Dataset(warped, coords, obj.attrs), geobox)


def _hollow(geobox: GeoBox) -> NDArray[np.uint8]:
    return np.broadcast_to(np.uint8(0), tuple(geobox.shape))


def method_of(
    resampling: ResamplingName | Mapping[str, ResamplingName], variable: str
) -> ResamplingName:
    """Return the method of a variable, `nearest` if it isn't named; `GridError` if unknown."""
    name: ResamplingName
    name = resampling if isinstance(resampling, str) else resampling.get(variable, "nearest")
    if name not in get_args(ResamplingName):
        raise GridError(
            f"unknown resampling {name!r}; the methods are {', '.join(get_args(ResamplingName))}"
        )
    return name


def _warp_array(
    array: xr.DataArray, geobox: GeoBox, method: ResamplingName, edge: int
) -> xr.DataArray:
    plan = plan_warp(array, geobox, method, edge)
    if plan.result.nodata is None and not covers(plan.source, geobox):
        raise CellTypeError(_lacks_nodata(plan.variable, plan.cells))
    data = map_windows(
        partial(warp_block, plan=plan),
        array.data,
        chunks=plan.chunks,
        windows=plan.window,
        name=f"warp-{method}",
        dtype=plan.result.dtype,
    )
    coords = {name: c for name, c in array.coords.items() if not {"y", "x"} & set(c.dims)}
    result = xr.DataArray(data, coords, array.dims, array.name, array.attrs)
    return set_cell_type(assign_geobox(result, geobox), plan.result)


def plan_warp(array: xr.DataArray, geobox: GeoBox, method: ResamplingName, edge: int) -> Plan:
    """Return how an array in canonical form gets onto a grid, in blocks of an edge.

    Raises
    ------
    CellTypeError
        64-bit integers, unless the method is `nearest`.
    """
    source, cells = geobox_of(array), cell_type_of(array)
    if method != "nearest" and cells.dtype.itemsize == 8 and cells.dtype.kind in "iu":
        raise CellTypeError(
            f"{array.name!r} has 64-bit integers, which {method!r} would round to float64; "
            "use resampling='nearest', or convert the cells first: cube.tiles.convert('float64')"
        )
    chunks = normalize_chunks((edge, edge), shape=tuple(geobox.shape))
    return Plan(
        source=source,
        target=geobox,
        tops=(0, *accumulate(chunks[0])),
        lefts=(0, *accumulate(chunks[1])),
        method=method,
        cells=cells,
        result=_result_cells(method, cells),
        variable=str(array.name),
        scale=scale(source, geobox),
    )


def _result_cells(method: ResamplingName, cells: CellType) -> CellType:
    return _FLOATS if method == "sum" and cells.dtype.kind != "f" else cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which window of the source each block of the target needs."""

    source: GeoBox
    target: GeoBox
    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    method: ResamplingName
    cells: CellType
    result: CellType
    variable: str
    """Name of the variable, for errors."""

    scale: tuple[float, float]
    """Source cells per target cell along (x, y) of the whole grid, at least 1."""

    @property
    def chunks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Heights and widths of the target's blocks."""
        heights, widths = (
            tuple(b - a for a, b in pairwise(starts)) for starts in (self.tops, self.lefts)
        )
        return heights, widths

    def window(self, i: int, j: int) -> tuple[slice, slice]:
        """Return the rows and columns of the source, clipped to it, that block (i, j) needs."""
        reach = KERNEL_RADIUS.get(self.method, 0) + 1
        around = reach * self.scale[1], reach * self.scale[0]
        return window(self.source, self.target, *self.part(i, j), around)

    def part(self, i: int, j: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return first and last (exclusive) row, and column, of block (i, j)."""
        return (self.tops[i], self.tops[i + 1]), (self.lefts[j], self.lefts[j + 1])

    def shape(self, i: int, j: int) -> tuple[int, int]:
        """Return the height and width of block (i, j)."""
        (top, bottom), (left, right) = self.part(i, j)
        return bottom - top, right - left

    def positions(self, i: int, j: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where the cells of block (i, j) lie in the source; see `positions`."""
        corners = self.method in statistics.STATISTICS
        return positions(self.source, self.target, *self.part(i, j), corners=corners)


def warp_block(piece: NDArray[Any], *, block: tuple[int, int], plan: Plan) -> NDArray[Any]:
    """Return a block of the target from the window of the source that its plan names."""
    shape = (*piece.shape[:-2], *plan.shape(*block))
    if not piece.size:
        return np.full(shape, _fill(plan), plan.result.dtype)
    stack = np.ascontiguousarray(piece.reshape(-1, *piece.shape[-2:]))
    rows, cols = plan.window(*block)
    work = _nearest if plan.method == "nearest" else _computed
    at = (*plan.positions(*block), rows.start, cols.start)
    whole = is_round(plan.source) and stack.shape[-1] == plan.source.shape[1]
    return work(_numbers(stack), at, plan, whole=whole).view(plan.result.dtype).reshape(shape)


def _nearest(stack: NDArray[Any], at: _At, plan: Plan, *, whole: bool) -> NDArray[Any]:
    out = np.empty((len(stack), *at[0].shape), stack.dtype)
    fill = stack.dtype.type(0 if plan.result.nodata is None else plan.result.nodata)
    if kernel.nearest(stack, *at, whole, fill, out):
        _fill(plan)
    return out


def _computed(stack: NDArray[Any], at: _At, plan: Plan, *, whole: bool) -> NDArray[Any]:
    masked = plan.cells.nodata is not None and not np.isnan(plan.cells.nodata)
    nodata = stack.dtype.type(plan.cells.nodata if masked else 0)
    floats = plan.result.dtype if plan.result.dtype.kind == "f" else np.float64
    corners = int(plan.method in statistics.STATISTICS)
    out = np.empty((len(stack), *(size - corners for size in at[0].shape)), floats)
    if plan.method in statistics.STATISTICS:
        which = statistics.STATISTICS.index(plan.method)
        turn, equator = full_turn(plan.source), (~plan.source.affine).f
        statistics.aggregate(stack, nodata, masked, *at, which, turn, equator, whole, out)
    elif plan.method == "bilinear" and plan.scale == (1.0, 1.0):
        kernel.bilinear(stack, nodata, masked, *at, whole, out)
    else:
        which, (scale_x, scale_y) = KERNELS.index(plan.method), plan.scale
        kernel.interpolate(stack, nodata, masked, *at, which, scale_y, scale_x, whole, out)
    source = CellType.default(out.dtype)
    return out if plan.result == source else convert(out, source, plan.result, overflow="saturate")


def _fill(plan: Plan) -> float:
    """Return what cells outside the source become."""
    if plan.result.nodata is None:
        raise CellTypeError(_lacks_nodata(plan.variable, plan.cells))
    return plan.result.nodata


def _lacks_nodata(variable: str, cells: CellType) -> str:
    return (
        f"{variable!r} has no NoData value ({cells.name}), but the target grid reaches "
        "beyond the source; give it one first, e.g. cube.tiles.convert('int16ud-9999')"
    )


def _numbers(stack: NDArray[Any]) -> NDArray[Any]:
    # One compiled kernel for bools and bytes alike.
    return stack.view(np.uint8) if stack.dtype == bool else stack
