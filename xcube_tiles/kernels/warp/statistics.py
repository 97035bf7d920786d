"""Statistics of the source cells under each target cell, given where its corners lie."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

STATISTICS = ("average", "sum", "min", "max", "mode", "median", "q1", "q3")
"""What can be computed of the source cells under a target cell."""

_SLIVER = 1e-6
"""What a target cell covers of a row or column less than this is rounding: aligned cells must not
gain a neighbour."""


@njit(nogil=True, cache=True)
def aggregate(
    piece: NDArray[Any],
    nodata: Any,
    masked: bool,
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    top: int,
    left: int,
    statistic: int,
    turn: float,
    equator: float,
    whole: bool,
    out: NDArray[Any],
) -> None:
    """Compute a statistic of the source cells under each target cell.

    Parameters
    ----------
    piece
        Source cells, shape (n, h, w).
    nodata, masked
        The NoData number in the dtype of `piece`, and whether there is one; NaN is NoData, too.
    rows, cols
        Positions of the target cells' corners in the source, shape (H + 1, W + 1).
    top, left
        Row and column of the source at which the piece begins.
    statistic
        Index into `STATISTICS`.
    turn
        Columns in a full turn of longitude, by which the corners of a cell may differ; else 0.
    equator
        Row of the equator in the source, where `turn` isn't 0.
    whole
        The piece goes around the earth: its last column is next to its first.
    out
        Floats, filled with the results, shape (n, H, W); NaN where no cell under the target has a
        value.

    Notes
    -----
    A target cell covers the upright rectangle around its corners; one with a pole inside, all rows
    from there to its farthest corner. `average` and `sum` weight each
    source cell by the share of it that is covered; the others take the cells of which any part is
    covered, once each. The smallest of equally frequent values is the mode; the median and the
    quartiles interpolate linearly.
    """
    count, height, width = piece.shape
    buffer = np.empty(16)
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            high, low, west, east = _around(rows, cols, i, j, turn, equator)
            high, low, west, east = high - top, low - top, west - left, east - left
            if not (np.isfinite(low - high) and np.isfinite(east - west)):
                out[:, i, j] = np.nan
                continue
            first_row, first_col = max(floor(high + _SLIVER), 0), floor(west + _SLIVER)
            last_row, last_col = min(ceil(low - _SLIVER), height), ceil(east - _SLIVER)
            if not whole:
                first_col, last_col = max(first_col, 0), min(last_col, width)
            size = max(last_row - first_row, 0) * max(last_col - first_col, 0)
            if buffer.size < size:
                buffer = np.empty(size)
            cells = (first_row, last_row, first_col, last_col)
            for n in range(count):
                if statistic < 2:
                    total, weights = _weighed(
                        piece[n], nodata, masked, cells, (high, low, west, east)
                    )
                    mean = total if statistic else total / weights if weights else np.nan
                    out[n, i, j] = mean if weights > 0.0 else np.nan
                else:
                    used = _gathered(piece[n], nodata, masked, cells, buffer)
                    out[n, i, j] = _order(buffer[:used], statistic) if used else np.nan


@njit(nogil=True, cache=True)
def _around(
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    i: int,
    j: int,
    turn: float,
    equator: float,
) -> tuple[float, float, float, float]:
    """Return first and last row, first and last column, of the rectangle around four corners."""
    a, b, c, d = rows[i, j], rows[i, j + 1], rows[i + 1, j + 1], rows[i + 1, j]
    top, bottom = min(a, b, c, d), max(a, b, c, d)
    a, b, c, d = cols[i, j], cols[i, j + 1], cols[i + 1, j + 1], cols[i + 1, j]
    if turn == 0.0:
        return top, bottom, min(a, b, c, d), max(a, b, c, d)
    left, right = _unrolled(a, b, c, d, turn)
    if right - left >= turn:  # a pole is in the cell
        return (-1e9, bottom, left, right) if top < equator else (top, 1e9, left, right)
    return top, bottom, left, right


@njit(nogil=True, cache=True)
def _unrolled(a: float, b: float, c: float, d: float, turn: float) -> tuple[float, float]:
    """Return the first and last column of four corners; a full turn if a pole is between them."""
    left = right = x = last = a
    for corner in (b, c, d):
        step = corner - last
        x += step - turn * floor(step / turn + 0.5)
        left, right, last = min(left, x), max(right, x), corner
    step = a - last
    x += step - turn * floor(step / turn + 0.5)
    return (left, left + turn) if abs(x - a) > turn / 2 else (left, right)


@njit(nogil=True, cache=True)
def _weighed(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    span: tuple[int, int, int, int],
    edges: tuple[float, float, float, float],
) -> tuple[float, float]:
    """Return the sum of cells weighted by how much of each is covered, and that of the weights."""
    (top, bottom, left, right), (high, low, west, east) = span, edges
    total, weights = 0.0, 0.0
    width = cells.shape[1]
    for r in range(top, bottom):
        share = min(low, r + 1.0) - max(high, float(r))
        for c in range(left, right):
            value = cells[r, c % width]
            if not is_missing(value, nodata, masked):
                weight = share * (min(east, c + 1.0) - max(west, float(c)))
                total += weight * float(value)
                weights += weight
    return total, weights


@njit(nogil=True, cache=True)
def _gathered(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    span: tuple[int, int, int, int],
    buffer: NDArray[np.float64],
) -> int:
    """Fill in the cells of a rectangle that have a value; return how many there are."""
    top, bottom, left, right = span
    used, width = 0, cells.shape[1]
    for r in range(top, bottom):
        for c in range(left, right):
            value = cells[r, c % width]
            if not is_missing(value, nodata, masked):
                buffer[used] = value
                used += 1
    return used


@njit(nogil=True, cache=True)
def _order(values: NDArray[np.float64], statistic: int) -> float:
    if statistic == 2:
        return values.min()  # type: ignore[no-any-return]
    if statistic == 3:
        return values.max()  # type: ignore[no-any-return]
    _sort(values)
    ordered = values
    if statistic == 4:
        best, longest, run = ordered[0], 0, 0
        for at in range(ordered.size):
            run = run + 1 if at and ordered[at] == ordered[at - 1] else 1
            if run > longest:
                best, longest = ordered[at], run
        return best  # type: ignore[no-any-return]
    share = 0.5 if statistic == 5 else 0.25 if statistic == 6 else 0.75
    place = share * (ordered.size - 1)
    low = int(place)
    high = min(low + 1, ordered.size - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])  # type: ignore[no-any-return]


@njit(nogil=True, cache=True)
def _sort(values: NDArray[np.float64]) -> None:
    """Sort in place, after Shell with Knuth's gaps; `np.sort` takes seconds to compile."""
    gap = 1
    while gap < values.size // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for at in range(gap, values.size):
            value, place = values[at], at
            while place >= gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap //= 3
