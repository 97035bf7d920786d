"""Coarser cells from windows of finer ones: what the levels of a pyramid are made with.

A level is computed from the cells of the base, so that it inherits neither the rounding nor the
NoData of the levels between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.kernels.pyramid import windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling

_KERNELS: dict[str, Callable[..., None]] = {
    "mean": windows.mean_floats,
    "median": windows.median_floats,
    "mode": windows.mode_sorted,
    "min": windows.minimum,
    "max": windows.maximum,
    "nearest": windows.nearest,
}
_INTEGER_KERNELS: dict[str, Callable[..., None]] = {
    **_KERNELS,
    "mean": windows.mean_integers,
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
        Edge of the window, in cells. The first window starts at the first row and column; the
        last ones are cut by the raster's edge.
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

    Notes
    -----
    Sums are taken in float64 for floats and exactly for integers; a ``sum``, and the ``mean`` of
    64-bit integers, in float64 (exact below 2**53). Integer results are rounded half to even and
    saturate. A valid result that would equal NoData becomes the next number on the side of its
    exact value. The mode is the most frequent value, the smallest of several.

    Examples
    --------
    >>> cells = np.array([[1, 2, 0, 0], [4, 0, 0, 0]], dtype=np.uint8)
    >>> coarsen(cells, factor=2, method="mean", nodata=0)
    array([[2, 0]], dtype=uint8)
    """
    if not cells.size:
        return _empty(cells, factor)
    if method == "median" and cells.dtype == np.uint64:
        return _median_uint64(cells, factor, nodata, min_valid)
    wide_mean = method == "mean" and cells.dtype.kind in "iu" and cells.dtype.itemsize == 8
    if method == "sum" or wide_mean:
        sums = window_sums(cells, factor=factor, nodata=nodata)
        counts = window_counts(cells, factor=factor, nodata=nodata)
        return finish(
            sums, counts, cells=factor, method=method, dtype=cells.dtype, nodata=nodata,
            min_valid=min_valid,
        )  # fmt: skip
    return _run(_kernel(method, cells.dtype), cells, factor, nodata, min_valid)


def _run(
    kernel: Callable[..., None],
    cells: NDArray[Any],
    factor: int,
    nodata: float | None,
    min_valid: float,
) -> NDArray[Any]:
    planes = _planes(cells)
    out = np.empty(_coarse_shape(planes, factor), planes.dtype)
    number, known = _marker(nodata, planes.dtype)
    kernel(planes, factor, known, number, _least_count(min_valid, factor) if known else 1, out)
    return out.reshape(*cells.shape[:-2], *out.shape[1:]).view(cells.dtype)


def window_sums(cells: NDArray[Any], *, factor: int, nodata: float | None) -> NDArray[np.float64]:
    """Return the sum of the valid cells of each window, in float64; 0 where there are none."""
    return _sums(cells, factor, nodata, of_ones=False)


def window_counts(cells: NDArray[Any], *, factor: int, nodata: float | None) -> NDArray[np.float64]:
    """Return the number of valid cells of each window, as float64."""
    return _sums(cells, factor, nodata, of_ones=True)


def finish(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    *,
    cells: int,
    method: PyramidResampling,
    dtype: np.dtype[Any],
    nodata: float | None,
    min_valid: float = 0.0,
) -> NDArray[Any]:
    """Return means or sums from the sums and counts of windows.

    Parameters
    ----------
    sums, counts
        Of equal shape; those of several windows may be added up before.
    cells
        Edge of the window in cells of the base.
    method
        ``mean`` or ``sum``.
    dtype, nodata, min_valid
        As in `coarsen`.
    """
    needed = 1 if nodata is None else _least_count(min_valid, cells)
    enough = counts >= needed
    exact = sums
    if method == "mean":
        exact = np.divide(sums, counts, out=np.zeros_like(sums), where=enough)
    out = np.full(exact.shape, 0 if nodata is None else nodata, dtype)
    out[enough] = _settled(exact[enough], dtype, nodata)
    return out


def add_windows(parts: NDArray[np.float64], *, factor: int) -> NDArray[np.float64]:
    """Return sums or counts of windows that are `factor` times larger."""
    return _sums(parts, factor, None, of_ones=False)


def _settled(exact: NDArray[np.float64], dtype: np.dtype[Any], nodata: float | None) -> Any:
    """Round numbers to a dtype; none of them becomes NoData."""
    if dtype.kind == "f":
        held = exact.astype(dtype)
        if nodata is not None:
            toward = dtype.type(1 if nodata == 0 else 0)
            held = np.where(held == dtype.type(nodata), np.nextafter(held, toward), held)
        return held
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    rounded = np.rint(exact)
    # The limits of 64-bit integers are no float64: only what lies between them is converted.
    held = np.where((rounded > low) & (rounded < high), rounded, 0).astype(dtype)
    held = np.where(rounded <= low, dtype.type(low), held)
    held = np.where(rounded >= high, dtype.type(high), held)
    if nodata is None:
        return held
    below = -1 if nodata > low else 1
    aside = np.where(exact < nodata, below, 1 if nodata < high else -1)
    aside = np.where(exact == nodata, -1 if nodata > 0 else 1, aside)
    moved = dtype.type(nodata) + aside.astype(dtype)
    return np.where(held == dtype.type(nodata), moved, held)


def _median_uint64(
    cells: NDArray[Any], factor: int, nodata: float | None, min_valid: float
) -> NDArray[Any]:
    """Median by way of int64, in the same order: the kernel computes in int64."""
    middle = np.uint64(1 << 63)
    shifted = (cells ^ middle).view(np.int64)
    nodata = None if nodata is None else int(nodata) - (1 << 63)
    result = _run(windows.median_shifted, shifted, factor, nodata, min_valid)
    return result.view(np.uint64) ^ middle


def _empty(cells: NDArray[Any], factor: int) -> NDArray[Any]:
    return np.empty((*cells.shape[:-2], *_coarse_shape(cells, factor)[-2:]), cells.dtype)


def _least_count(min_valid: float, factor: int) -> int:
    return max(1, int(np.ceil(min_valid * factor * factor)))


def _planes(cells: NDArray[Any]) -> NDArray[Any]:
    """Return cells as (planes, y, x), booleans as integers: numba can't add booleans."""
    numbers = cells.view(np.uint8) if cells.dtype.kind == "b" else cells
    return np.ascontiguousarray(numbers).reshape(-1, *cells.shape[-2:])


def _coarse_shape(planes: NDArray[Any], factor: int) -> tuple[int, ...]:
    return (planes.shape[0], *(-(-size // factor) for size in planes.shape[-2:]))


def _marker(nodata: float | None, dtype: np.dtype[Any]) -> tuple[Any, bool]:
    """Return NoData in the cells' dtype (a wider one never equals a float32), and if it counts."""
    return dtype.type(0 if nodata is None else nodata), nodata is not None


def _sums(
    cells: NDArray[Any], factor: int, nodata: float | None, *, of_ones: bool
) -> NDArray[np.float64]:
    if not cells.size:
        return _empty(cells, factor).astype(np.float64)
    planes = _planes(cells)
    out = np.empty(_coarse_shape(planes, factor), np.float64)
    number, known = _marker(nodata, planes.dtype)
    windows.sums(planes, factor, known, number, of_ones, out)
    return out.reshape(*cells.shape[:-2], *out.shape[1:])


def _kernel(method: PyramidResampling, dtype: np.dtype[Any]) -> Callable[..., None]:
    if dtype.kind == "f":
        return _KERNELS[method]
    # Integers of up to 16 bits have few enough classes to be counted in a table.
    return (_SMALL_INTEGER_KERNELS if dtype.itemsize <= 2 else _INTEGER_KERNELS)[method]
