"""Sums and counts carried from level to level, and the exact means and sums made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xcube_tiles.kernels.pyramid import halving
from xcube_tiles.kernels.pyramid.planes import coarse_shape, least_count, marker, planes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling

Totals: TypeAlias = "tuple[NDArray[Any], ...]"
"""Sums and counts (planes, y, x): (float64, count) of floats, (int64, count) of integers of up to
32 bits, (int64 high words, uint64 low words, count) of 64-bit integers."""

_WIDE = 8
"""Bytes of the integers whose sums take two words."""

_FEW = 2**31
"""Fewer cells are counted in int32."""

MOST_CELLS = 2**31
"""Windows of so many 32- or 64-bit integers may exceed the words that hold their sums."""


def totals_of(cells: NDArray[Any], nodata: float | None) -> Totals:
    """Return the totals of the valid cells of each window of 2 x 2.

    Parameters
    ----------
    cells
        Shape (..., y, x); bool, integer or float.
    nodata
        As in `kernels.pyramid.coarsen.coarsen`.

    Returns
    -------
    tuple of ndarray
        Shape (planes, ceil(y / 2), ceil(x / 2)); the leading dimensions are one.
    """
    planes = planes_of(cells)
    shape = coarse_shape(planes, 2)
    number, known = marker(nodata, planes.dtype)
    counts = np.zeros(shape, np.int32 if planes[0:1].size < _FEW else np.int64)
    if planes.dtype.kind == "f":
        sums = np.zeros(shape, np.float64)
        halving.sum_floats(planes, known, number, sums, counts)
        return sums, counts
    if planes.dtype.itemsize == _WIDE:
        return _two_words(planes, known, number, shape)
    sums = np.zeros(shape, np.int64)
    halving.sum_integers(planes, known, number, sums, counts)
    return sums, counts


def doubled(totals: Totals) -> Totals:
    """Return the totals of windows of twice the edge."""
    return tuple(_quarters_added(part) for part in totals)


def settled(
    totals: Totals,
    *,
    edge: int,
    method: PyramidResampling,
    dtype: np.dtype[Any],
    nodata: float | None,
    min_valid: float,
) -> NDArray[Any]:
    """Return the cells of a level.

    Parameters
    ----------
    totals
        Of the level's windows.
    edge
        Edge of a window in cells of the base.
    method
        ``mean`` or ``sum``.
    dtype
        Of the base and the result.
    nodata, min_valid
        As in `kernels.pyramid.coarsen.coarsen`.
    """
    if dtype.kind == "b":
        out = settled(
            totals, edge=edge, method=method, dtype=np.dtype(np.uint8), nodata=None, min_valid=0
        )
        return out.astype(bool)
    *sums, counts = totals
    needed = 1 if nodata is None else least_count(min_valid, edge)
    number, known = marker(nodata, dtype)
    if method == "sum":
        return _sums_held(sums, counts >= needed, dtype, nodata)
    out = np.empty(counts.shape, dtype)
    flat = out.reshape(-1)
    if dtype.kind == "f":
        beside = np.nextafter(number, dtype.type(1 if number == 0 else 0))
        halving.mean_of_floats(
            sums[0].reshape(-1), counts.reshape(-1), needed, known, number, beside, flat
        )
    elif len(sums) == 2:
        high, low = (part.reshape(-1) for part in sums)
        halving.mean_of_words(high, low, counts.reshape(-1), needed, known, number, flat)
    else:
        halving.mean_of_integers(
            sums[0].reshape(-1), counts.reshape(-1), needed, edge * edge, known, number, flat
        )
    return out


def _quarters_added(parts: NDArray[Any]) -> NDArray[Any]:
    sums = np.zeros(coarse_shape(parts, 2), parts.dtype)
    halving.add_quarters(parts, sums)
    return sums


def _two_words(
    planes: NDArray[Any], known: bool, number: Any, shape: tuple[int, ...]
) -> tuple[NDArray[Any], ...]:
    """Sum 64-bit integers as two words each, of which neither overflows."""
    valid = np.ones(planes.shape, bool) if not known else planes != number
    bits = planes.dtype.type(halving.LOW)
    high = np.where(valid, planes >> bits, 0).astype(np.int64)
    low = np.where(valid, planes.view(np.uint64) & np.uint64(2**halving.LOW - 1), 0)
    return (
        _quarters_added(high),
        _quarters_added(low.astype(np.uint64)),
        _quarters_added(valid.astype(np.int64)),
    )


def _sums_held(
    sums: list[NDArray[Any]], enough: NDArray[Any], dtype: np.dtype[Any], nodata: float | None
) -> NDArray[Any]:
    """Return sums in the dtype of the cells: integers saturate, and none becomes NoData."""
    out = np.full(enough.shape, 0 if nodata is None else nodata, dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # beyond a float's range lies infinity
            held = sums[0].astype(dtype)
        if nodata is not None:
            number = dtype.type(nodata)
            aside = np.nextafter(number, dtype.type(1 if nodata == 0 else 0))
            held = np.where(held == number, aside, held)
    else:
        held = _saturated(sums, dtype)
        if nodata is not None:
            aside = dtype.type(int(nodata) + (-1 if nodata > 0 else 1))
            held = np.where(held == dtype.type(nodata), aside, held)
    out[enough] = held[enough]
    return out


def _saturated(sums: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    limits = np.iinfo(dtype)
    if len(sums) == 1:
        clipped: NDArray[Any] = np.clip(sums[0], limits.min, limits.max)
        return clipped.astype(dtype)
    high, low = sums
    high = high + (low >> np.uint64(halving.LOW)).astype(np.int64)
    low = low & np.uint64(2**halving.LOW - 1)
    held: NDArray[Any] = ((high.view(np.uint64) << np.uint64(halving.LOW)) | low).view(dtype)
    held[high > limits.max >> halving.LOW] = limits.max
    held[high < limits.min >> halving.LOW] = limits.min
    return held
