"""Sums and counts of windows that double from level to level: the loops below means and sums.

A sum of a window is that of its four quarters, each row's pair first, so the order of the additions
depends on the cells' places alone: no split into blocks changes a bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOW = 32
"""Bits in the low word of a 64-bit integer: sums of such cells are carried as two words."""


@njit(nogil=True, cache=True)
def sum_integers(
    cells: NDArray[Any], known: bool, nodata: Any, sums: NDArray[Any], counts: NDArray[Any]
) -> None:
    """Add up the valid cells of each window of 2 x 2, and count them.

    Parameters
    ----------
    cells
        Integers of at most 32 bits, (planes, y, x).
    known, nodata
        Whether there is NoData, and its number in the dtype of the cells.
    sums, counts
        Zeros, int64 and int32, (planes, ceil(y / 2), ceil(x / 2)).
    """
    width = cells.shape[2]
    for p in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            row, total, count = cells[p, y], sums[p, y // 2], counts[p, y // 2]
            # Without a branch the compiler takes several cells at a time.
            for j in range(width // 2):
                a, b = row[2 * j], row[2 * j + 1]
                first = np.int64(not known or a != nodata)
                second = np.int64(not known or b != nodata)
                total[j] += first * np.int64(a) + second * np.int64(b)
                count[j] += np.int32(first + second)
            if width % 2:
                last = np.int64(not known or row[width - 1] != nodata)
                total[width // 2] += last * np.int64(row[width - 1])
                count[width // 2] += np.int32(last)


@njit(nogil=True, cache=True)
def sum_floats(
    cells: NDArray[Any], known: bool, nodata: Any, sums: NDArray[Any], counts: NDArray[Any]
) -> None:
    """Do as `sum_integers`, with sums in float64; NaN is NoData as well if there is any."""
    width = cells.shape[2]
    for p in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            row, total, count = cells[p, y], sums[p, y // 2], counts[p, y // 2]
            for j in range(width // 2):
                a, b = row[2 * j], row[2 * j + 1]
                first = not known or (a == a and a != nodata)
                second = not known or (b == b and b != nodata)
                total[j] += (np.float64(a) if first else 0.0) + (np.float64(b) if second else 0.0)
                count[j] += np.int32(first) + np.int32(second)
            if width % 2:
                a = row[width - 1]
                last = not known or (a == a and a != nodata)
                total[width // 2] += np.float64(a) if last else 0.0
                count[width // 2] += np.int32(last)


@njit(nogil=True, cache=True)
def add_quarters(parts: NDArray[Any], sums: NDArray[Any]) -> None:
    """Add up parts (planes, y, x) to zeros (planes, ceil(y / 2), ceil(x / 2)) of their dtype."""
    width = parts.shape[2]
    for p in range(parts.shape[0]):
        for y in range(parts.shape[1]):
            row, total = parts[p, y], sums[p, y // 2]
            for j in range(width // 2):
                total[j] += row[2 * j] + row[2 * j + 1]
            if width % 2:
                total[width // 2] += row[width - 1]


@njit(nogil=True, cache=True)
def mean_of_floats(
    sums: NDArray[Any], counts: NDArray[Any], needed: int, known: bool, nodata: Any, beside: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Divide sums by counts; what would equal NoData becomes `beside`. All arrays are flat."""
    for k in range(out.size):
        if counts[k] < needed:
            out[k] = nodata
            continue
        out[k] = sums[k] / counts[k]
        if known and out[k] == nodata:
            out[k] = beside


@njit(nogil=True, cache=True)
def mean_of_integers(
    sums: NDArray[Any], counts: NDArray[Any], needed: int, full: int, known: bool, nodata: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Divide int64 sums by counts, rounded half to even; all arrays are flat.

    What would equal NoData moves to the next number on the side of the exact mean. `full` is the
    count of a whole window, 2**n: a shift instead of a division, which costs ten times as much.
    """
    shift = 0
    while 1 << shift < full:
        shift += 1
    nodata_ = np.int64(nodata)
    for k in range(out.size):
        total, count = sums[k], np.int64(counts[k])
        if count < needed:
            out[k] = nodata
            continue
        number = total >> shift if count == full else total // count
        twice = 2 * (total - number * count)
        up = twice > count or (twice == count and number % 2 != 0)
        number += np.int64(up)
        if known and number == nodata_:
            above = twice != 0 and not up
            rises = twice == 0 and nodata_ <= 0
            number += 1 if above or rises else -1
        out[k] = number


@njit(nogil=True, cache=True)
def mean_of_words(
    high: NDArray[Any], low: NDArray[Any], counts: NDArray[Any], needed: int, known: bool,
    nodata: Any, out: NDArray[Any],
) -> None:  # fmt: skip
    """Divide sums in two words by counts below 2**31, as `mean_of_integers` does.

    The sum is ``high * 2**32 + low`` with `high` in int64, `low` in uint64; `out` is int64, or
    uint64 for unsigned cells.
    """
    zero, one, two = out.dtype.type(0), out.dtype.type(1), np.uint64(2)
    for k in range(out.size):
        if counts[k] < needed:
            out[k] = nodata
            continue
        count = np.int64(counts[k])
        number = high[k] // count
        rest = (np.uint64(high[k] - number * count) << np.uint64(LOW)) + low[k]
        ucount = np.uint64(count)
        quotient = rest // ucount
        twice = (rest - quotient * ucount) * two
        value = (np.uint64(number) << np.uint64(LOW)) + quotient
        up = twice > ucount or (twice == ucount and value % two != np.uint64(0))
        if up:
            value += np.uint64(1)
        result = out.dtype.type(value)
        if known and result == nodata:
            above = twice != np.uint64(0) and not up
            rises = twice == np.uint64(0) and nodata <= zero
            result = result + one if above or rises else result - one
        out[k] = result
