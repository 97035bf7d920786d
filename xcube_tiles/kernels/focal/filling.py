"""Values for cells without one, from the valid cells around them; other cells stay as they are.

Each kernel takes ``cells`` (h, w), the ``places`` (n, 2) of the neighbours relative to the focus,
``nodata`` in the dtype of the cells, ``masked`` (whether it is NoData; NaN always is) and the
``weights`` (n,) of the neighbours, and fills ``out``, a copy of the cells. Neighbours outside the
plane are left out. Integers come as int64: `as_int64` makes them so. What they are filled with is
rounded half to even and never NoData.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _neighbours(
    cells: NDArray[Any],
    i: int,
    j: int,
    places: NDArray[np.int64],
    nodata: Any,
    masked: bool,
    most: int,
    found: NDArray[Any],
    which: NDArray[np.int64],
) -> int:
    """Collect at most `most` valid neighbours, in the order of the places."""
    count = 0
    for k in range(len(places)):
        y, x = i + places[k, 0], j + places[k, 1]
        if y < 0 or y >= cells.shape[0] or x < 0 or x >= cells.shape[1]:
            continue
        if not is_missing(cells[y, x], nodata, masked):
            found[count] = cells[y, x]
            which[count] = k
            count += 1
            if count == most:
                break
    return count


@njit(nogil=True, cache=True)
def fill_nearest(
    cells: NDArray[Any], places: NDArray[np.int64], nodata: Any, masked: bool,
    weights: NDArray[np.float64], out: NDArray[Any],
) -> None:  # fmt: skip
    """Take the first valid neighbour; places are in the order of their distance."""
    found, which = np.empty(1, cells.dtype), np.empty(1, np.int64)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if is_missing(cells[i, j], nodata, masked) and _neighbours(
                cells, i, j, places, nodata, masked, 1, found, which
            ):
                out[i, j] = found[0]


@njit(nogil=True, cache=True)
def fill_weighted_floats(
    cells: NDArray[Any], places: NDArray[np.int64], nodata: Any, masked: bool,
    weights: NDArray[np.float64], out: NDArray[Any],
) -> None:  # fmt: skip
    """Take the weighted mean, summed in float64."""
    found, which = np.empty(len(places), cells.dtype), np.empty(len(places), np.int64)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if not is_missing(cells[i, j], nodata, masked):
                continue
            count = _neighbours(cells, i, j, places, nodata, masked, -1, found, which)
            if count:
                out[i, j] = _weighted_mean(found, which, count, weights)
                _move_float(out, i, j, nodata, masked)


@njit(nogil=True, cache=True)
def fill_weighted_integers(
    cells: NDArray[np.int64], places: NDArray[np.int64], nodata: Any, masked: bool,
    weights: NDArray[np.float64], out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Take the weighted mean of numbers of at most 32 bits, summed in float64."""
    found, which = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if not is_missing(cells[i, j], nodata, masked):
                continue
            count = _neighbours(cells, i, j, places, nodata, masked, -1, found, which)
            if count:
                value = _weighted_mean(found, which, count, weights)
                number = np.int64(np.rint(value))
                if masked and number == nodata:
                    number += 1 if value > number else -1
                out[i, j] = number


@njit(nogil=True, cache=True)
def _weighted_mean(
    found: NDArray[Any], which: NDArray[np.int64], count: int, weights: NDArray[np.float64]
) -> float:
    total, share = 0.0, 0.0
    for k in range(count):
        total += weights[which[k]] * np.float64(found[k])
        share += weights[which[k]]
    return total / share


@njit(nogil=True, cache=True)
def fill_mean_integers(
    cells: NDArray[np.int64], places: NDArray[np.int64], nodata: Any, masked: bool,
    weights: NDArray[np.float64], out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Take the mean, exactly also where the sum has more than 64 bits."""
    found, which = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if not is_missing(cells[i, j], nodata, masked):
                continue
            count = _neighbours(cells, i, j, places, nodata, masked, -1, found, which)
            if count:
                # Quotients and remainders apart: their sums are at most as large as a cell.
                whole, rest = np.int64(0), np.int64(0)
                for k in range(count):
                    part = found[k] // count
                    whole += part
                    rest += found[k] - part * count
                whole += rest // count
                out[i, j] = _rounded(whole, rest % count, count, nodata, masked)


@njit(nogil=True, cache=True)
def fill_median_floats(
    cells: NDArray[Any], places: NDArray[np.int64], nodata: Any, masked: bool,
    weights: NDArray[np.float64], out: NDArray[Any],
) -> None:  # fmt: skip
    """Take the median: the mean of the two middle cells where there are two."""
    found, which = np.empty(len(places), cells.dtype), np.empty(len(places), np.int64)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if not is_missing(cells[i, j], nodata, masked):
                continue
            count = _neighbours(cells, i, j, places, nodata, masked, -1, found, which)
            if count:
                _sort(found, count)
                low, high = np.float64(found[(count - 1) // 2]), np.float64(found[count // 2])
                # Halves first: the sum of two of the largest floats isn't one.
                out[i, j] = low if low == high else 0.5 * low + 0.5 * high
                _move_float(out, i, j, nodata, masked)


@njit(nogil=True, cache=True)
def fill_median_integers(
    cells: NDArray[np.int64], places: NDArray[np.int64], nodata: Any, masked: bool,
    weights: NDArray[np.float64], out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Take the median: the mean of the two middle cells where there are two."""
    found, which = np.empty(len(places), np.int64), np.empty(len(places), np.int64)
    for i in range(cells.shape[0]):
        for j in range(cells.shape[1]):
            if not is_missing(cells[i, j], nodata, masked):
                continue
            count = _neighbours(cells, i, j, places, nodata, masked, -1, found, which)
            if count:
                _sort(found, count)
                low, high = found[(count - 1) // 2], found[count // 2]
                # What both have, and half of what one has: no sum that could overflow.
                whole = (low & high) + ((low ^ high) >> 1)
                out[i, j] = _rounded(whole, (low ^ high) & 1, 2, nodata, masked)


@njit(nogil=True, cache=True)
def _sort(values: NDArray[Any], count: int) -> None:
    """Sort the first values by Shell's method, which compiles in a tenth of the time of `sort`."""
    gap = count // 2
    while gap > 0:
        for i in range(gap, count):
            value, j = values[i], i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 2


@njit(nogil=True, cache=True)
def _move_float(out: NDArray[Any], i: int, j: int, nodata: Any, masked: bool) -> None:
    """Replace a number that would be NoData by the next one that a cell can hold."""
    if masked and out[i, j] == nodata:
        # Of the cells' dtype: towards a wider one, `nextafter` steps by less than a cell can.
        out[i, j] = 0 if nodata != 0 else 1
        out[i, j] = np.nextafter(nodata, out[i, j])


@njit(nogil=True, cache=True)
def _rounded(whole: Any, rest: Any, count: int, nodata: Any, masked: bool) -> Any:
    """Round ``whole + rest / count`` half to even, beside NoData; 0 <= rest < count."""
    twice = 2 * rest
    up = twice > count or (twice == count and whole % 2 != 0)
    number = whole + 1 if up else whole
    if masked and number == nodata:
        # What was rounded down goes up, and the other way round; an exact value goes down. The
        # mean of valid cells has a valid cell below and above it, so that none leaves the dtype.
        number = whole if up else (whole + 1 if rest > 0 else whole - 1)
    return number


def as_int64(cells: NDArray[Any]) -> NDArray[np.int64]:
    """Return integers as int64 in the same order; those of uint64 are moved down by 2**63.

    Means and medians move along, and 2**63 is even: rounding is the same.

    Examples
    --------
    >>> as_int64(np.array([0, 2**63 + 5], "uint64")).tolist()
    [-9223372036854775808, 5]
    """
    if cells.dtype == np.uint64:
        return np.ascontiguousarray(cells ^ np.uint64(1 << 63)).view(np.int64)
    return cells.astype(np.int64)


def from_int64(cells: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return what `as_int64` made of integers of a dtype as such integers.

    Examples
    --------
    >>> from_int64(np.array([5]), np.dtype("uint64")).tolist() == [2**63 + 5]
    True
    """
    if dtype == np.uint64:
        return cells.view(np.uint64) ^ np.uint64(1 << 63)
    return cells.astype(dtype)
