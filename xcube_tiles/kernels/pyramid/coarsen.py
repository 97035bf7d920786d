"""Coarser cells from windows of finer ones: what the levels of a pyramid are made with.

A level is computed from the cells of the base, so that it inherits neither the rounding nor the
NoData of the levels between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.kernels.pyramid import windows
from xcube_tiles.kernels.pyramid.planes import coarse_shape, least_count, marker, planes_of
from xcube_tiles.kernels.pyramid.totals import doubled, settled, totals_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling

_KERNELS: dict[str, Callable[..., None]] = {
    "median": windows.median_floats,
    "mode": windows.mode_sorted,
    "min": windows.minimum,
    "max": windows.maximum,
    "nearest": windows.nearest,
}
_INTEGER_KERNELS: dict[str, Callable[..., None]] = {
    **_KERNELS,
    "median": windows.median_integers,
}
_SMALL_INTEGER_KERNELS: dict[str, Callable[..., None]] = {
    **_INTEGER_KERNELS,
    "mode": windows.mode_counted,
}


def coarsen(
    cells: NDArray[Any],
    *,
    factor: int,
    method: PyramidResampling,
    nodata: float | None,
    min_valid: float = 0.0,
) -> NDArray[Any]:
    """Return cells that are `factor` times larger along y and x.

    Parameters
    ----------
    cells
        Shape (..., y, x); bool, integer or float.
    factor
        Edge of the window in cells, a power of two. The first window starts at the first row and
        column; the last ones are cut by the raster's edge.
    method
        ``mean``, ``median``, ``mode``, ``min``, ``max`` and ``sum`` use the valid cells of the
        window; ``nearest`` takes the cell at its centre (below and right of it for an even
        factor), valid or not.
    nodata
        Number that means NoData; NaN in floats means it as well. None: every cell is valid.
    min_valid
        Least share of valid cells, of ``factor**2``, that a valid result needs; for 0 one cell is
        enough. Without effect on ``nearest`` and where `nodata` is None.

    Returns
    -------
    ndarray
        Shape (..., ceil(y / factor), ceil(x / factor)), dtype of `cells`. Windows without enough
        valid cells are NoData.

    Raises
    ------
    GridError
        A factor that is no power of two.

    Notes
    -----
    Sums are taken in float64 for floats and exactly for integers. Integer results are rounded half
    to even and saturate. A valid result that would equal NoData becomes the next number on the side
    of its exact value. The mode is the most frequent value, the smallest of several.

    Examples
    --------
    >>> cells = np.array([[1, 2, 0, 0], [4, 0, 0, 0]], dtype=np.uint8)
    >>> coarsen(cells, factor=2, method="mean", nodata=0)
    array([[2, 0]], dtype=uint8)
    """
    if factor < 1 or factor & (factor - 1):
        raise GridError(f"factor must be a power of two (1, 2, 4 ...), got {factor!r}")
    if factor == 1 or not cells.size:
        return cells[..., ::factor, ::factor].copy()
    if method in ("mean", "sum"):
        return _from_totals(cells, factor, method, nodata, min_valid)
    if method == "median" and cells.dtype == np.uint64:
        return _median_uint64(cells, factor, nodata, min_valid)
    return _run(_kernel(method, cells.dtype), cells, factor, nodata, min_valid)


def _from_totals(
    cells: NDArray[Any],
    factor: int,
    method: PyramidResampling,
    nodata: float | None,
    min_valid: float,
) -> NDArray[Any]:
    totals = totals_of(cells, nodata)
    for _ in range(factor.bit_length() - 2):
        totals = doubled(totals)
    out = settled(
        totals, edge=factor, method=method, dtype=cells.dtype, nodata=nodata, min_valid=min_valid
    )
    return out.reshape(*cells.shape[:-2], *out.shape[1:])


def _run(
    kernel: Callable[..., None],
    cells: NDArray[Any],
    factor: int,
    nodata: float | None,
    min_valid: float,
) -> NDArray[Any]:
    planes = planes_of(cells)
    out = np.empty(coarse_shape(planes, factor), planes.dtype)
    number, known = marker(nodata, planes.dtype)
    kernel(planes, factor, known, number, least_count(min_valid, factor) if known else 1, out)
    return out.reshape(*cells.shape[:-2], *out.shape[1:]).view(cells.dtype)


def _median_uint64(
    cells: NDArray[Any], factor: int, nodata: float | None, min_valid: float
) -> NDArray[Any]:
    """Median by way of int64, in the same order: the kernel computes in int64."""
    middle = np.uint64(1 << 63)
    shifted = (cells ^ middle).view(np.int64)
    nodata = None if nodata is None else int(nodata) - (1 << 63)
    result = _run(windows.median_shifted, shifted, factor, nodata, min_valid)
    return result.view(np.uint64) ^ middle


def _kernel(method: PyramidResampling, dtype: np.dtype[Any]) -> Callable[..., None]:
    if dtype.kind == "f":
        return _KERNELS[method]
    # Integers of up to 16 bits have few enough classes to be counted in a table.
    return (_SMALL_INTEGER_KERNELS if dtype.itemsize <= 2 else _INTEGER_KERNELS)[method]
