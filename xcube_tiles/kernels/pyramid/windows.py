"""One number from each window of a raster: the compiled loops below `kernels.pyramid.coarsen`.

Every kernel takes ``cells`` (planes, y, x), the edge ``factor`` of the windows, ``known`` (whether
there is NoData), ``nodata`` in the dtype of the cells, ``needed`` (least count of valid cells) and
fills ``out`` (planes, rows, cols). Windows at the last rows and columns are cut by the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _is_valid(value: Any, known: bool, nodata: Any) -> Any:
    # NaN differs from itself: in floats it is NoData beside the number.
    return not known or (value != nodata and value == value)


@njit(nogil=True, cache=True)
def _next_float(nodata: Any) -> Any:
    # Both arguments must have the cells' dtype: `nodata * 0` would be float64, towards which a
    # float32 moves by less than a cell can hold. The cosine of 0 is a 1 of that dtype.
    zero = nodata - nodata
    return np.nextafter(nodata, zero if nodata != zero else np.cos(zero))


@njit(nogil=True, cache=True)
def _beside(number: Any, side: int, known: bool, nodata: Any, falls: bool) -> Any:
    """Return an integer, moved to the next one if it would equal NoData.

    `side` is the sign of (exact value - number); 0 moves it down if it `falls`, else up.
    """
    if not known or number != nodata:
        return number
    if side == 0:
        side = -1 if falls else 1
    return number + side


@njit(nogil=True, cache=True)
def _take_valid(
    cells: NDArray[Any], rows: tuple[int, int], cols: tuple[int, int], known: bool, nodata: Any,
    taken: NDArray[Any],
) -> int:  # fmt: skip
    """Copy the valid cells of a 2-D window, sorted; return their count."""
    count = 0
    for y in range(rows[0], rows[1]):
        for x in range(cols[0], cols[1]):
            if _is_valid(cells[y, x], known, nodata):
                taken[count] = cells[y, x]
                count += 1
    taken[:count].sort()
    return count


@njit(nogil=True, cache=True)
def median_floats(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Median: the mean of the two middle cells where there are two."""
    taken = np.empty(factor * factor, cells.dtype)
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            rows = (i * factor, min((i + 1) * factor, cells.shape[1]))
            for j in range(out.shape[2]):
                cols = (j * factor, min((j + 1) * factor, cells.shape[2]))
                count = _take_valid(cells[p], rows, cols, known, nodata, taken)
                out[p, i, j] = nodata
                if count < needed:
                    continue
                # NaN is a value only where nothing is NoData; sorted, it comes last.
                low = np.float64(taken[(count - 1) // 2])
                high = np.float64(taken[count // 2])
                out[p, i, j] = low + (high - low) / 2 if low != high else low
                if np.isnan(taken[count - 1]):
                    out[p, i, j] = np.nan
                if known and out[p, i, j] == nodata:
                    out[p, i, j] = _next_float(nodata)


@njit(nogil=True, cache=True)
def median_integers(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Median; the mean of two middle cells is rounded half to even."""
    _median_integers(cells, factor, known, nodata, needed, out, nodata > 0)


@njit(nogil=True, cache=True)
def median_shifted(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Median of unsigned integers that were shifted into int64: their zero is its lowest number."""
    _median_integers(cells, factor, known, nodata, needed, out, nodata > np.int64(-(1 << 63)))


@njit(nogil=True, cache=True)
def _median_integers(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any],
    falls: bool,
) -> None:  # fmt: skip
    taken = np.empty(factor * factor, cells.dtype)
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            rows = (i * factor, min((i + 1) * factor, cells.shape[1]))
            for j in range(out.shape[2]):
                cols = (j * factor, min((j + 1) * factor, cells.shape[2]))
                count = _take_valid(cells[p], rows, cols, known, nodata, taken)
                if count < needed:
                    out[p, i, j] = nodata
                    continue
                low, high = np.int64(taken[(count - 1) // 2]), np.int64(taken[count // 2])
                # The floor of the mean without the sum, which 64 bits may not hold.
                number = (low & high) + ((low ^ high) >> 1)
                halves = (low ^ high) & 1
                up = halves & number
                side = 0 if halves == 0 else (-1 if up else 1)
                out[p, i, j] = _beside(number + up, side, known, np.int64(nodata), falls)


@njit(nogil=True, cache=True)
def mode_sorted(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Most frequent value, the smallest of several, by runs of the sorted window."""
    taken = np.empty(factor * factor, cells.dtype)
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            rows = (i * factor, min((i + 1) * factor, cells.shape[1]))
            for j in range(out.shape[2]):
                cols = (j * factor, min((j + 1) * factor, cells.shape[2]))
                count = _take_valid(cells[p], rows, cols, known, nodata, taken)
                if count < needed:
                    out[p, i, j] = nodata
                    continue
                start, longest = 0, 0
                for at in range(1, count + 1):
                    if at == count or taken[at] != taken[start]:
                        if at - start > longest:
                            longest = at - start
                            out[p, i, j] = taken[start]
                        start = at


@njit(nogil=True, cache=True)
def mode_counted(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Most frequent value, the smallest of several, by a table with a count for each class."""
    lowest = np.int64(cells.min())
    counts = np.zeros(np.int64(cells.max()) - lowest + 1, np.int64)
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            bottom = min((i + 1) * factor, cells.shape[1])
            for j in range(out.shape[2]):
                right = min((j + 1) * factor, cells.shape[2])
                best, most, valid = np.int64(0), np.int64(0), 0
                for y in range(i * factor, bottom):
                    for x in range(j * factor, right):
                        if known and cells[p, y, x] == nodata:
                            continue
                        valid += 1
                        value = np.int64(cells[p, y, x]) - lowest
                        counts[value] += 1
                        if counts[value] > most or (counts[value] == most and value < best):
                            best, most = value, counts[value]
                out[p, i, j] = best + lowest if valid >= needed else np.int64(nodata)
                for y in range(i * factor, bottom):
                    for x in range(j * factor, right):
                        counts[np.int64(cells[p, y, x]) - lowest] = 0


@njit(nogil=True, cache=True)
def _extreme(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any],
    largest: bool,
) -> None:  # fmt: skip
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            bottom = min((i + 1) * factor, cells.shape[1])
            for j in range(out.shape[2]):
                right = min((j + 1) * factor, cells.shape[2])
                best, count = nodata, 0
                for y in range(i * factor, bottom):
                    for x in range(j * factor, right):
                        value = cells[p, y, x]
                        if _is_valid(value, known, nodata):
                            better = value > best if largest else value < best
                            # a NaN that gets here is a value, and as such undoes the others
                            if count == 0 or better or value != value:
                                best = value
                            count += 1
                out[p, i, j] = best if count >= needed else nodata


@njit(nogil=True, cache=True)
def minimum(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Smallest valid cell."""
    _extreme(cells, factor, known, nodata, needed, out, False)


@njit(nogil=True, cache=True)
def maximum(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Largest valid cell."""
    _extreme(cells, factor, known, nodata, needed, out, True)


@njit(nogil=True, cache=True)
def nearest(
    cells: NDArray[Any], factor: int, known: bool, nodata: Any, needed: int, out: NDArray[Any]
) -> None:
    """Take the cell at the window's centre, or the last one before the raster's edge."""
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            y = min(i * factor + factor // 2, cells.shape[1] - 1)
            for j in range(out.shape[2]):
                x = min(j * factor + factor // 2, cells.shape[2] - 1)
                out[p, i, j] = cells[p, y, x]
