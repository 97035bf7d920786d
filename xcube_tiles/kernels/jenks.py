"""Natural breaks of a histogram, by dynamic programming."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _cost(
    counts: NDArray[np.float64],
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
    start: int,
    stop: int,
) -> float:
    """Sum of squared deviations from the mean of values start .. stop - 1."""
    n = counts[stop] - counts[start]
    total = sums[stop] - sums[start]
    return max(float(squares[stop] - squares[start] - total * total / n), 0.0)


@njit(nogil=True, cache=True)
def _fill(
    counts: NDArray[np.float64],
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
    before: NDArray[np.float64],
    least: int,
    best: NDArray[np.float64],
    starts: NDArray[np.int32],
) -> None:
    """Find the last class's start for the first 1, 2, ... values, given the costs before it.

    The best start never moves back as values are added, so that halves are searched apart: n log n.
    """
    size = best.size - 1
    stack = [(least, size, least - 1, size - 1)]
    while stack:
        low, high, first, last = stack.pop()
        middle = (low + high) // 2
        best[middle], starts[middle] = np.inf, first
        for start in range(first, min(last, middle - 1) + 1):
            cost = before[start] + _cost(counts, sums, squares, start, middle)
            if cost < best[middle]:
                best[middle], starts[middle] = cost, start
        if low < middle:
            stack.append((low, middle - 1, first, int(starts[middle])))
        if middle < high:
            stack.append((middle + 1, high, int(starts[middle]), last))


def natural_breaks(
    values: NDArray[np.float64], counts: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return the last value of each class that leaves the least variance within classes.

    Parameters
    ----------
    values
        Different values in ascending order.
    counts
        How often each occurs, at least once.
    classes
        Number of classes, at most as many as values.

    Returns
    -------
    Indices into the values, ascending; the last is that of the largest value.

    Notes
    -----
    Optimal, not a heuristic: Fisher (1958), *On grouping for maximum homogeneity*, with the
    division of Wu (1991). What is minimal is the sum over classes of squared deviations from the
    class's mean, known as Jenks' natural breaks.

    Examples
    --------
    >>> natural_breaks(np.array([1.0, 2.0, 8.0, 9.0]), np.array([1, 1, 1, 1]), 2)
    array([1, 3])
    """
    # Deviations from the middle: squares of large values with a small spread would cancel.
    weights = counts.astype(np.float64)
    away = values - np.average(values, weights=weights)
    totals = [
        np.concatenate([[0.0], np.cumsum(part)])
        for part in (weights, weights * away, weights * away * away)
    ]
    size = len(values)
    before = np.full(size + 1, np.inf)
    before[0] = 0.0
    starts = np.zeros((classes, size + 1), np.int32)
    for at in range(classes):
        best = np.full(size + 1, np.inf)
        _fill(totals[0], totals[1], totals[2], before, at + 1, best, starts[at])
        before = best
    breaks = np.empty(classes, np.int64)
    stop = size
    for at in reversed(range(classes)):
        breaks[at] = stop - 1
        stop = starts[at, stop]
    return breaks
