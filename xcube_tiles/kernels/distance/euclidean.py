"""The nearest target of every cell, exactly: one pass along columns, one along rows.

Squared distances are compared as integers, with cells of whole-numbered edges (`cell_weights`), so
that ties are ties and the nearest target is the same one in every window that has it: of equally
near ones the first in row-major order.

A. Meijster, J. Roerdink, W. Hesselink (2000): A general algorithm for computing distance transforms
in linear time. Mathematical Morphology and its Applications to Image and Signal Processing.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE = np.int32(-(1 << 31))
"""Stands for the way to a target, or its row, where there is none."""


def cell_weights(height: float, width: float, shape: tuple[int, int]) -> tuple[int, int] | None:
    """Return integers in the ratio of the squared edges of a cell.

    Parameters
    ----------
    height, width
        Edges of a cell, positive.
    shape
        Rows and columns of the raster.

    Returns
    -------
    Weights of squared distances in rows and in columns; None if one edge is so much longer than the
    other that 64 bits don't hold the squared distances of such a raster.

    Notes
    -----
    The ratio of the edges is taken as the nearest fraction whose squares fit. Ratios that are
    simple, such as 1 or 3/2, are exact; others are off by less than 1e-6 even in a raster of
    100 000 by 100 000 cells.

    Examples
    --------
    >>> cell_weights(10.0, 10.0, (2000, 2000)), cell_weights(0.3, 0.1, (2000, 2000))
    ((1, 1), (9, 1))
    """
    # three terms of this size are added up, and doubled once
    largest = isqrt((1 << 60) // (shape[0] ** 2 + shape[1] ** 2))
    ratio = max(height, width) / min(height, width)
    denominator = int(largest / ratio)
    if denominator < 1:
        return None
    edges = Fraction(ratio).limit_denominator(denominator)
    long, short = edges.numerator**2, edges.denominator**2
    return (long, short) if height >= width else (short, long)


def column_offsets(
    targets: NDArray[np.bool_],
    above: NDArray[np.int32] | None = None,
    below: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """Return how far down the nearest target of each cell's own column is.

    Parameters
    ----------
    targets
        Whether cells are targets, (y, x).
    above, below
        Row of the nearest target above the block and below it, (x), counted from the block's first
        row; `NONE`, or None for all columns, where there is none.

    Returns
    -------
    int32 (y, x), negative upwards, the upper of two equally near; `NONE` where the column has no
    target.

    Examples
    --------
    >>> column_offsets(np.array([[True], [False], [True], [False]])).ravel()
    array([ 0, -1,  0, -1], dtype=int32)
    """
    offsets = np.empty(targets.shape, np.int32)
    nothing = np.full(targets.shape[1], NONE, np.int32)
    _column_offsets(
        np.ascontiguousarray(targets),
        nothing.copy() if above is None else above.copy(),
        nothing.copy() if below is None else below.copy(),
        offsets,
    )
    return offsets


@njit(nogil=True, cache=True)
def _column_offsets(
    targets: NDArray[np.bool_], above: NDArray[np.int32], below: NDArray[np.int32],
    offsets: NDArray[np.int32],
) -> None:  # fmt: skip
    height, width = targets.shape
    for y in range(height):
        hits, way = targets[y], offsets[y]
        for x in range(width):
            above[x] = y if hits[x] else above[x]
            way[x] = above[x] - y if above[x] != NONE else NONE
    for y in range(height - 1, -1, -1):
        hits, way = targets[y], offsets[y]
        for x in range(width):
            below[x] = y if hits[x] else below[x]
            down = below[x] - y
            closer = way[x] == NONE or down < -way[x]
            way[x] = down if closer and below[x] != NONE else way[x]


def nearest_offsets(
    column: NDArray[np.int32], weights: tuple[int, int], left: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return how far down, and how far right, the nearest target of each cell is.

    Parameters
    ----------
    column
        What `column_offsets` gave, (y, x), with all columns whose targets may be nearest.
    weights
        Weights of squared distances in rows and in columns, see `cell_weights`.
    left, width
        First of the columns to answer for, and their number.

    Returns
    -------
    Two int32 arrays (y, `width`); of equally near targets the way to the first in row-major order.
    `NONE` where there is no target at all.

    Examples
    --------
    >>> column = column_offsets(np.array([[True, False, False], [False, False, True]]))
    >>> nearest_offsets(column, (1, 1), 0, 3)[1]
    array([[ 0, -1,  0],
           [ 0,  1,  0]], dtype=int32)
    """
    down, right = (np.empty((len(column), width), np.int32) for _ in "yx")
    _nearest_offsets(np.ascontiguousarray(column), weights, left, down, right)
    return down, right


@njit(nogil=True, cache=True)
def _nearest_offsets(
    column: NDArray[np.int32], weights: tuple[int, int], left: int,
    down: NDArray[np.int32], right: NDArray[np.int32],
) -> None:  # fmt: skip
    size = column.shape[1]
    sites, starts = np.empty(size, np.int64), np.empty(size, np.int64)
    squares = np.empty(size, np.int64)
    for y in range(column.shape[0]):
        row = column[y]
        count = _envelope(row, weights, (sites, starts, squares))
        at = 0
        for x in range(left, left + down.shape[1]):
            while at + 1 < count and starts[at + 1] <= x:
                at += 1
            down[y, x - left] = row[sites[at]] if count > 0 else NONE
            right[y, x - left] = sites[at] - x if count > 0 else NONE


@njit(nogil=True, cache=True)
def _envelope(
    row: NDArray[np.int32], weights: tuple[int, int],
    found: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> Any:  # fmt: skip
    """Find the columns whose targets are nearest somewhere in a row, and from where on."""
    sites, starts, squares = found
    count = 0
    for x in range(row.size):
        if row[x] == NONE:
            continue
        # Distance by column is a parabola over the row. A later column wins from some cell on for
        # good, so that the winners lie in order; a tie goes to the upper target, then to the left.
        square = weights[0] * np.int64(row[x]) * np.int64(row[x])
        start = np.int64(0)
        while count > 0:
            last = sites[count - 1]
            rise = weights[1] * (x - last) * (x + last) + square - squares[count - 1]
            step = 2 * weights[1] * (x - last)
            start = -((-rise) // step) if row[x] < row[last] else rise // step + 1
            if start > starts[count - 1]:
                break
            count -= 1
            start = np.int64(0)
        if start < row.size:
            sites[count], starts[count], squares[count] = x, start, square
            count += 1
    return count


def lengths(
    down: NDArray[np.int32], right: NDArray[np.int32], height: float, width: float
) -> NDArray[np.float64]:
    """Return the lengths of ways, NaN where there is none.

    Parameters
    ----------
    down, right
        What `nearest_offsets` gave.
    height, width
        Edges of a cell.
    """
    squared = np.square(down * height) + np.square(right * width)
    return np.where(down == NONE, np.nan, np.sqrt(squared))


def bearings(
    down: NDArray[np.int32], right: NDArray[np.int32], height: float, width: float
) -> NDArray[np.float64]:
    """Return the directions of ways in degrees clockwise from north, NaN where there is none.

    North is 360; 0 is only where there is no way to go.
    """
    angles = np.degrees(np.arctan2(right * width, -(down * height)))
    angles = np.where(angles <= 0, angles + 360, angles)
    angles = np.where((down == 0) & (right == 0), 0, angles)
    return np.where(down == NONE, np.nan, angles)
