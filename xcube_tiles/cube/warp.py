"""A lazy cube onto another grid: each output block reads just the window that it needs.

Positions are exact (no interpolated coordinates) and the width of a kernel is that of the whole
grid, so that no cell depends on how the cube is chunked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from math import ceil, floor
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import xarray as xr
from dask.array.core import normalize_chunks

from xcube_tiles.cube.blocks import map_windows
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import grid_differences
from xcube_tiles.cube.georef import (
    GRID_TOLERANCE,
    assign_geobox,
    canonical,
    geobox_of,
    grid_coords,
)
from xcube_tiles.errors import CellTypeError, GridError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.kernels import warp as kernel
from xcube_tiles.options import get_options
from xcube_tiles.typing import ResamplingName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.typing import XarrayT

_SAMPLES = 17
"""Points per edge at which a block is projected back to find its window."""

_STEPS = 2.0**24
"""Positions are multiples of a cell over this many."""


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
    The cube in canonical form on `geobox`, each variable of its own cell type. Cells outside the
    source are NoData. NoData cells of the source have no weight.

    Raises
    ------
    CellTypeError
        Cells without NoData (a raw integer type) that would have to be NoData: the target isn't
        inside the source.
    GridError
        Unknown resampling method.
    """
    obj = canonical(obj)
    like = xr.Dataset(coords=grid_coords(geobox)).assign(grid=(("y", "x"), _hollow(geobox)))
    if not grid_differences(obj, like):
        return assign_geobox(obj, geobox)
    edge = chunk_size or get_options().chunk_size
    if isinstance(obj, xr.DataArray):
        return _warp_array(obj, geobox, _method(resampling, str(obj.name)), edge)
    warped = {
        name: _warp_array(array, geobox, _method(resampling, str(name)), edge)
        if {"y", "x"} <= set(array.dims)
        else array
        for name, array in obj.data_vars.items()
    }
    coords = {name: c for name, c in obj.coords.items() if not {"y", "x"} & set(c.dims)}
    return assign_geobox(xr.Dataset(warped, coords, obj.attrs), geobox)


def _hollow(geobox: GeoBox) -> NDArray[np.uint8]:
    return np.broadcast_to(np.uint8(0), tuple(geobox.shape))


def _method(
    resampling: ResamplingName | Mapping[str, ResamplingName], variable: str
) -> ResamplingName:
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
    source, cells = geobox_of(array), cell_type_of(array)
    if method != "nearest" and cells.dtype.itemsize == 8 and cells.dtype.kind in "iu":
        raise CellTypeError(
            f"{array.name!r} has 64-bit integers, which {method!r} would round to float64; "
            "use resampling='nearest', or convert the cells first"
        )
    chunks = normalize_chunks((edge, edge), shape=tuple(geobox.shape))
    plan = _Plan(
        source=source,
        target=geobox,
        tops=(0, *accumulate(chunks[0])),
        lefts=(0, *accumulate(chunks[1])),
        method=method,
        cells=cells,
        scale=_scale(source, geobox),
    )
    if cells.nodata is None and not _covers(source, geobox):
        raise CellTypeError(
            f"{array.name!r} has no NoData value ({cells.name}), but the target grid reaches "
            "beyond the source; give it one first, e.g. cube.tiles.convert('int16ud-9999')"
        )
    data = map_windows(
        partial(_warp_block, plan=plan),
        array.data,
        chunks=chunks,
        windows=plan.window,
        name=f"warp-{method}",
        dtype=array.dtype,
    )
    coords = {name: c for name, c in array.coords.items() if not {"y", "x"} & set(c.dims)}
    result = xr.DataArray(data, coords, array.dims, array.name, array.attrs)
    return set_cell_type(assign_geobox(result, geobox), cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which window of the source each block of the target needs."""

    source: GeoBox
    target: GeoBox
    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    method: ResamplingName
    cells: CellType
    scale: tuple[float, float]
    """Source cells per target cell along (x, y) of the whole grid, at least 1."""

    def window(self, i: int, j: int) -> tuple[slice, slice]:
        """Return the rows and columns of the source, clipped to it, that block (i, j) needs."""
        rows, cols = self.positions(i, j, corners=True, samples=_SAMPLES)
        reach = kernel.KERNEL_RADIUS.get(self.method, 0) + 1
        return (
            _padded(rows, self.source.shape[0], reach * self.scale[1]),
            _padded(cols, self.source.shape[1], reach * self.scale[0]),
        )

    def shape(self, i: int, j: int) -> tuple[int, int]:
        """Return the height and width of block (i, j)."""
        return self.tops[i + 1] - self.tops[i], self.lefts[j + 1] - self.lefts[j]

    def positions(
        self, i: int, j: int, *, corners: bool, samples: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where the cells of block (i, j) lie in the source; see `positions`."""
        rows, cols = self.tops[i : i + 2], self.lefts[j : j + 2]
        return positions(
            self.source,
            self.target,
            (rows[0], rows[1]),
            (cols[0], cols[1]),
            corners=corners,
            samples=samples,
        )


def positions(
    source: GeoBox,
    target: GeoBox,
    rows: tuple[int, int],
    cols: tuple[int, int],
    *,
    corners: bool,
    samples: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where (rows, cols) of a part of a target grid lie in the source, in its cells.

    They are counted from the grids' own corners and rounded to a 2^24th of a cell: whatever part is
    asked for, a cell's position is the same to the last bit, also less an integer offset.
    """
    if corners:
        down = np.linspace(rows[0], rows[1], samples or rows[1] - rows[0] + 1)
        across = np.linspace(cols[0], cols[1], samples or cols[1] - cols[0] + 1)
    else:
        down = np.arange(rows[0] + 0.5, rows[1])
        across = np.arange(cols[0] + 0.5, cols[1])
    to, back = target.affine, ~source.affine
    x, y = np.meshgrid(to.c + across * to.a, to.f + down * to.e)
    if target.crs != source.crs:
        x, y = _transformer(target.crs, source.crs)(x, y)
    col, row = back.c + np.asarray(x) * back.a, back.f + np.asarray(y) * back.e
    return np.rint(row * _STEPS) / _STEPS, np.rint(col * _STEPS) / _STEPS


def _transformer(source: CRS | None, target: CRS | None) -> Any:
    if source is None or target is None:
        raise GridError("a grid without a CRS can't be warped")
    return source.transformer_to_crs(target)


def _scale(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    """Return source cells per target cell along (x, y), at least 1, at the target's middle."""
    row, col = target.shape[0] // 2, target.shape[1] // 2
    rows, cols = positions(source, target, (row, row + 1), (col, col + 1), corners=True)
    if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
        return 1.0, 1.0
    return max(1.0, float(np.ptp(cols))), max(1.0, float(np.ptp(rows)))


def _covers(source: GeoBox, target: GeoBox) -> bool:
    """Whether the centres of all target cells lie in the source, as far as samples tell."""
    height, width = target.shape
    rows, cols = positions(source, target, (0, height), (0, width), corners=True, samples=_SAMPLES)
    height, width = source.shape
    slack = 0.5 + GRID_TOLERANCE
    return bool(
        ((rows >= -slack) & (rows <= height + slack)).all()
        and ((cols >= -slack) & (cols <= width + slack)).all()
    )


def _padded(cells: NDArray[Any], size: int, pad: float) -> slice:
    cells = cells[np.isfinite(cells)]
    if not cells.size:
        return slice(0, 0)
    # Between the sampled points an edge may bulge; a hundredth of its length is far more.
    pad += 0.01 * float(np.ptp(cells))
    low = min(max(floor(cells.min() - pad), 0), size)
    return slice(low, max(low, min(ceil(cells.max() + pad), size)))


def _warp_block(piece: NDArray[Any], *, block: tuple[int, int], plan: _Plan) -> NDArray[Any]:
    cells = plan.cells
    shape = (*piece.shape[:-2], *plan.shape(*block))
    if not piece.size:
        return np.full(shape, cells.nodata if cells.nodata is not None else 0, piece.dtype)
    stack = np.ascontiguousarray(piece.reshape(-1, *piece.shape[-2:]))
    window = plan.window(*block)
    rows, cols = plan.positions(*block, corners=plan.method in kernel.STATISTICS)
    rows, cols = rows - window[0].start, cols - window[1].start
    if plan.method == "nearest":
        fill = cells.nodata if cells.nodata is not None else 0
        return kernel.nearest(stack, rows, cols, fill).reshape(shape)
    if plan.method in kernel.STATISTICS:
        at = kernel.STATISTICS.index(plan.method)
        values = kernel.aggregate(_numbers(stack), ~cells.is_nodata(stack), rows, cols, at)
    else:
        at = kernel.KERNELS.index(plan.method)
        scale_x, scale_y = plan.scale
        valid = ~cells.is_nodata(stack)
        values = kernel.interpolate(_numbers(stack), valid, rows, cols, at, scale_y, scale_x)
    floats = CellType.default(np.float64)
    return convert(values, floats, cells, overflow="saturate").reshape(shape)


def _numbers(stack: NDArray[Any]) -> NDArray[Any]:
    # One compiled kernel for bools and bytes alike.
    return stack.view(np.uint8) if stack.dtype == bool else stack
