"""Cells of one grid from those of another, given where the target's cells lie in the source.

Positions are in source cells: (0, 0) is the top-left corner of the piece, (0.5, 0.5) the centre of
its first cell. Results are float64 with NaN for NoData; `nearest` keeps the dtype.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

KERNEL_RADIUS = {"bilinear": 1, "cubic": 2, "cubic_spline": 2, "lanczos": 3}
"""Reach of each interpolation kernel on either side, in source cells."""

KERNELS = tuple(KERNEL_RADIUS)
STATISTICS = ("average", "sum", "min", "max", "mode", "median", "q1", "q3")
"""What can be computed of the source cells under a target cell."""

_EPSILON = 1e-9


def nearest(
    piece: NDArray[Any], rows: NDArray[np.float64], cols: NDArray[np.float64], fill: float
) -> NDArray[Any]:
    """Return the source cell that holds each position.

    Parameters
    ----------
    piece
        Source cells, shape (n, h, w).
    rows, cols
        Positions, shape (H, W); a position on an edge belongs to the cell right of and below it.
    fill
        What positions outside the piece, or that aren't finite, get.

    Returns
    -------
    Array of shape (n, H, W) and the dtype of `piece`.
    """
    hit = inside(piece.shape, rows, cols)
    row = np.where(hit, np.floor(rows + _EPSILON), 0).astype(np.intp)
    col = np.where(hit, np.floor(cols + _EPSILON), 0).astype(np.intp)
    result: NDArray[Any] = piece[:, row, col]
    result[:, ~hit] = fill
    return result


def inside(
    shape: tuple[int, ...], rows: NDArray[np.float64], cols: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which positions lie in a piece of a shape (..., h, w), as `nearest` has it."""
    height, width = shape[-2:]
    with np.errstate(invalid="ignore"):
        row, col = np.floor(rows + _EPSILON), np.floor(cols + _EPSILON)
        hit: NDArray[np.bool_] = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    return hit


@njit(nogil=True, cache=True)
def _weight(kind: int, distance: float) -> float:
    t = abs(distance)
    if kind == 0:  # triangle
        return max(0.0, 1.0 - t)
    if kind == 1:  # Keys' cubic convolution, a = -0.5
        if t <= 1.0:
            return (1.5 * t - 2.5) * t * t + 1.0
        return ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0 if t < 2.0 else 0.0
    if kind == 2:  # cubic B-spline
        if t <= 1.0:
            return (4.0 + t * t * (3.0 * t - 6.0)) / 6.0
        return (2.0 - t) ** 3 / 6.0 if t < 2.0 else 0.0
    if t < 1e-8:  # Lanczos, 3 lobes
        return 1.0
    if t >= 3.0:
        return 0.0
    return float(3.0 * np.sin(np.pi * t) * np.sin(np.pi * t / 3.0) / (np.pi * t) ** 2)


@njit(nogil=True, cache=True)
def interpolate(
    piece: NDArray[Any],
    valid: NDArray[np.bool_],
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    kind: int,
    scale_y: float,
    scale_x: float,
    whole: bool,
) -> NDArray[np.float64]:
    """Interpolate between source cell centres by a separable kernel.

    Parameters
    ----------
    piece, valid
        Source cells and whether they have a value, shape (n, h, w).
    rows, cols
        Positions, shape (H, W).
    kind
        Index into `KERNELS`.
    scale_y, scale_x
        Source cells per target cell where that is more than one: the kernel widens by it, so that
        no source cell is skipped. 1 otherwise.
    whole
        The piece goes around the earth: its last column is next to its first.

    Returns
    -------
    float64 array of shape (n, H, W). NaN where the cell that holds the position has no value, so
    that the edge of the data stays where it is. Elsewhere cells without a value have no weight;
    next to them a kernel with negative lobes gives way to the triangle, whose weights can't cancel.
    """
    count, height, width = piece.shape
    radius_y = (1.0 if kind == 0 else 3.0 if kind == 3 else 2.0) * scale_y
    radius_x = (1.0 if kind == 0 else 3.0 if kind == 3 else 2.0) * scale_x
    result = np.full((count, rows.shape[0], rows.shape[1]), np.nan)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            y, x = rows[i, j], cols[i, j]
            if not (0.0 <= y <= height and 0.0 <= x <= width):
                continue
            row, col = min(int(y), height - 1), min(int(x), width - 1)
            for n in range(count):
                if not valid[n, row, col]:
                    continue
                total, weights, full = _tap(
                    piece[n], valid[n], y, x, kind, radius_y, radius_x, scale_y, scale_x, whole
                )
                if not full and kind != 0:
                    total, weights, full = _tap(
                        piece[n], valid[n], y, x, 0, scale_y, scale_x, scale_y, scale_x, whole
                    )
                result[n, i, j] = total / weights
    return result


@njit(nogil=True, cache=True)
def _tap(
    cells: NDArray[Any],
    valid: NDArray[np.bool_],
    y: float,
    x: float,
    kind: int,
    radius_y: float,
    radius_x: float,
    scale_y: float,
    scale_x: float,
    whole: bool,
) -> tuple[float, float, bool]:
    """Return the weighted sum, the sum of weights, and whether all cells had a value."""
    height, width = cells.shape
    top, bottom = ceil(y - 0.5 - radius_y), floor(y - 0.5 + radius_y)
    left, right = ceil(x - 0.5 - radius_x), floor(x - 0.5 + radius_x)
    total, weights, full = 0.0, 0.0, True
    for r in range(top, bottom + 1):
        along_y = _weight(kind, (r + 0.5 - y) / scale_y)
        if along_y == 0.0:
            continue
        for c in range(left, right + 1):
            weight = along_y * _weight(kind, (c + 0.5 - x) / scale_x)
            if weight == 0.0:
                continue
            col = c % width if whole else c
            if r < 0 or col < 0 or r >= height or col >= width or not valid[r, col]:
                full = False
                continue
            total += weight * cells[r, col]
            weights += weight
    return total, weights, full


@njit(nogil=True, cache=True)
def aggregate(
    piece: NDArray[Any],
    valid: NDArray[np.bool_],
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    statistic: int,
    turn: float,
    equator: float,
    whole: bool,
) -> NDArray[np.float64]:
    """Compute a statistic of the source cells under each target cell.

    Parameters
    ----------
    piece, valid
        Source cells and whether they have a value, shape (n, h, w).
    rows, cols
        Positions of the target cells' corners, shape (H + 1, W + 1).
    statistic
        Index into `STATISTICS`.
    turn
        Columns in a full turn of longitude, by which the corners of a cell may differ; else 0.
    equator
        Row of the equator, where `turn` isn't 0.
    whole
        The piece goes around the earth: its last column is next to its first.

    Returns
    -------
    float64 array of shape (n, H, W); NaN where no cell under the target has a value.

    Notes
    -----
    A target cell covers the upright rectangle around its corners; one with a pole inside, all rows
    from there to its farthest corner. `average` and `sum` weight each
    source cell by the share of it that is covered; the others take the cells of which any part is
    covered, once each. The smallest of equally frequent values is the mode; the median and the
    quartiles interpolate linearly.
    """
    count, height, width = piece.shape
    result = np.full((count, rows.shape[0] - 1, rows.shape[1] - 1), np.nan)
    buffer = np.empty(0)
    for i in range(result.shape[1]):
        for j in range(result.shape[2]):
            ys, xs = rows[i : i + 2, j : j + 2], cols[i : i + 2, j : j + 2]
            top, bottom = ys.min(), ys.max()
            left, right = _across(xs, turn)
            if not (np.isfinite(bottom - top) and np.isfinite(right - left)):
                continue
            if turn > 0 and right - left >= turn:  # a pole is in the cell
                top, bottom = (-1e9, bottom) if top < equator else (top, 1e9)
            # A sliver thinner than this is rounding: aligned cells must not gain a neighbour.
            first_row, first_col = max(floor(top + 1e-6), 0), floor(left + 1e-6)
            last_row, last_col = min(ceil(bottom - 1e-6), height), ceil(right - 1e-6)
            if not whole:
                first_col, last_col = max(first_col, 0), min(last_col, width)
            size = max(last_row - first_row, 0) * max(last_col - first_col, 0)
            if size == 0:
                continue
            if buffer.size < size:
                buffer = np.empty(size)
            for n in range(count):
                total, weights, used = 0.0, 0.0, 0
                for r in range(first_row, last_row):
                    share = min(bottom, r + 1.0) - max(top, float(r))
                    for c in range(first_col, last_col):
                        col = c % width if whole else c
                        if not valid[n, r, col]:
                            continue
                        weight = share * (min(right, c + 1.0) - max(left, float(c)))
                        value = float(piece[n, r, col])
                        total += weight * value
                        weights += weight
                        buffer[used] = value
                        used += 1
                if used == 0:
                    continue
                if statistic == 0:
                    result[n, i, j] = total / weights
                elif statistic == 1:
                    result[n, i, j] = total
                else:
                    result[n, i, j] = _order(buffer[:used], statistic)
    return result


@njit(nogil=True, cache=True)
def _across(xs: NDArray[np.float64], turn: float) -> tuple[float, float]:
    """Return the first and last column of four corners; a full turn if a pole is between them."""
    if turn == 0.0:
        return xs.min(), xs.max()
    ring = (xs[0, 0], xs[0, 1], xs[1, 1], xs[1, 0])
    left = right = x = ring[0]
    for at in range(1, 5):
        step = ring[at % 4] - ring[at - 1]
        x += step - turn * np.rint(step / turn)
        if at < 4:
            left, right = min(left, x), max(right, x)
    if abs(x - ring[0]) > turn / 2:
        return left, left + turn
    return left, right


@njit(nogil=True, cache=True)
def _order(values: NDArray[np.float64], statistic: int) -> float:
    if statistic == 2:
        return values.min()  # type: ignore[no-any-return]
    if statistic == 3:
        return values.max()  # type: ignore[no-any-return]
    ordered = np.sort(values)
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
