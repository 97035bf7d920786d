"""Cells of one grid from those of another, given where the target's cells lie in the source.

Positions are in source cells: (0, 0) is the top-left corner of the source, (0.5, 0.5) the centre
of its first cell. A piece of the source begins at the row `top` and the column `left`; positions
less these are exact.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.warp.weights import weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def nearest(
    piece: NDArray[Any],
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    top: int,
    left: int,
    whole: bool,
    fill: Any,
    out: NDArray[Any],
) -> int:
    """Take the source cell that holds each position.

    Parameters
    ----------
    piece
        Source cells, shape (n, h, w).
    rows, cols
        Positions, shape (H, W); a position on an edge belongs to the cell right of and below it.
    top, left
        Where the piece begins.
    whole
        The piece goes around the earth: its last column is next to its first.
    fill
        What positions outside the piece, or that aren't finite, get, in the dtype of `piece`.
    out
        Filled with the cells, shape (n, H, W), dtype of `piece`.

    Returns
    -------
    How many positions lie outside.
    """
    count, height, width = piece.shape
    outside = 0
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            y, x = rows[i, j] - top, cols[i, j] - left
            if whole:
                x -= width * floor(x / width)
            if y >= 0.0 and y < height and x >= 0.0 and x < width:
                row, col = int(y), int(x)
                for n in range(count):
                    out[n, i, j] = piece[n, row, col]
            else:
                outside += 1
                for n in range(count):
                    out[n, i, j] = fill
    return outside


@njit(nogil=True, cache=True)
def bilinear(
    piece: NDArray[Any],
    nodata: Any,
    masked: bool,
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    top: int,
    left: int,
    whole: bool,
    out: NDArray[Any],
) -> None:
    """Interpolate between the centres of four source cells; parameters as for `interpolate`."""
    height, width = piece.shape[1:]
    weights = np.empty((2, 2))
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            y, x = rows[i, j] - top, cols[i, j] - left
            if whole:
                x -= width * floor(x / width)
            if not (y >= 0.0 and y <= height and x >= 0.0 and x <= width):
                out[:, i, j] = np.nan
                continue
            row, col = int(y + 0.5) - 1, int(x + 0.5) - 1
            v, u = y - 0.5 - row, x - 0.5 - col
            inner = row >= 0 and col >= 0 and row < height - 1 and col < width - 1
            weights[0, 0], weights[0, 1], weights[1, 0], weights[1, 1] = 1.0 - v, v, 1.0 - u, u
            for n in range(piece.shape[0]):
                value = np.nan
                if inner:
                    a, b = piece[n, row, col], piece[n, row, col + 1]
                    c, d = piece[n, row + 1, col], piece[n, row + 1, col + 1]
                    lost = is_missing(a, nodata, masked) | is_missing(b, nodata, masked)
                    lost |= is_missing(c, nodata, masked) | is_missing(d, nodata, masked)
                    if not lost:
                        upper, lower = a * (1.0 - u) + b * u, c * (1.0 - u) + d * u
                        value = upper * (1.0 - v) + lower * v
                if value != value:
                    near = piece[n, min(int(y), height - 1), min(int(x), width - 1)]
                    if not is_missing(near, nodata, masked):
                        value = _mean(
                            piece[n], nodata, masked, row, col, weights, 2, 2, whole, False
                        )
                out[n, i, j] = value


@njit(nogil=True, cache=True)
def interpolate(
    piece: NDArray[Any],
    nodata: Any,
    masked: bool,
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    top: int,
    left: int,
    kind: int,
    scale_y: float,
    scale_x: float,
    whole: bool,
    out: NDArray[Any],
) -> None:
    """Interpolate between source cell centres by a separable kernel.

    Parameters
    ----------
    piece
        Source cells, shape (n, h, w).
    nodata, masked
        The NoData number in the dtype of `piece`, and whether there is one; NaN is NoData, too.
    rows, cols
        Positions, shape (H, W).
    top, left
        Where the piece begins.
    kind
        Index into `warp_weights.KERNELS`.
    scale_y, scale_x
        Source cells per target cell where that is more than one: the kernel widens by it, so that
        no source cell is skipped. 1 otherwise.
    whole
        The piece goes around the earth: its last column is next to its first.
    out
        Floats, filled with the values, shape (n, H, W). NaN where the cell that holds the position
        has no value, so that the edge of the data stays where it is. Elsewhere cells without a
        value have no weight; next to them a kernel with negative lobes gives way to the triangle,
        whose weights can't cancel.
    """
    height, width = piece.shape[1:]
    weights = np.empty((2, int(6.0 * max(scale_y, scale_x)) + 2))
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            y, x = rows[i, j] - top, cols[i, j] - left
            if whole:
                x -= width * floor(x / width)
            if not (y >= 0.0 and y <= height and x >= 0.0 and x <= width):
                out[:, i, j] = np.nan
                continue
            poor = False
            for strict in (True, False):
                if not (strict or poor):
                    break
                row, tall = weigh(kind if strict else 0, y, scale_y, weights[0])
                col, wide = weigh(kind if strict else 0, x, scale_x, weights[1])
                inner = row >= 0 and col >= 0 and row + tall <= height and col + wide <= width
                for n in range(piece.shape[0]):
                    near = piece[n, min(int(y), height - 1), min(int(x), width - 1)]
                    if strict:
                        out[n, i, j] = np.nan
                    if is_missing(near, nodata, masked) or out[n, i, j] == out[n, i, j]:
                        continue
                    if inner and strict:
                        out[n, i, j] = _full_mean(
                            piece[n], nodata, masked, row, col, weights, tall, wide
                        )
                    if out[n, i, j] != out[n, i, j]:
                        out[n, i, j] = _mean(
                            piece[n], nodata, masked, row, col, weights, tall, wide, whole,
                            strict and kind > 0,
                        )  # fmt: skip
                    poor |= out[n, i, j] != out[n, i, j]


@njit(nogil=True, cache=True)
def _full_mean(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    row: int,
    col: int,
    weights: NDArray[np.float64],
    tall: int,
    wide: int,
) -> float:
    """Return the weighted mean of a rectangle of cells; NaN if one has no value."""
    total, total_weight, lost = 0.0, 0.0, False
    for r in range(tall):
        line, line_weight = 0.0, 0.0
        for c in range(wide):
            value = cells[row + r, col + c]
            lost |= is_missing(value, nodata, masked)
            line += weights[1, c] * value
            line_weight += weights[1, c]
        total += weights[0, r] * line
        total_weight += weights[0, r] * line_weight
    return np.nan if lost else total / total_weight


@njit(nogil=True, cache=True)
def _mean(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    row: int,
    col: int,
    weights: NDArray[np.float64],
    tall: int,
    wide: int,
    whole: bool,
    strict: bool,
) -> float:
    """Return the weighted mean of the cells with a value; NaN if there are others and `strict`."""
    height, width = cells.shape
    total, total_weight = 0.0, 0.0
    for r in range(tall):
        y = row + r
        for c in range(wide):
            weight, x = weights[0, r] * weights[1, c], col + c
            if weight == 0.0:
                continue
            x = x % width if whole else x
            inside = y >= 0 and x >= 0 and y < height and x < width
            if inside and not is_missing(cells[y, x], nodata, masked):
                total += weight * cells[y, x]
                total_weight += weight
            elif strict:
                return np.nan
    return total / total_weight
