"""Row-major order: the first axis runs fastest, the last slowest."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.grid.curves.walk import MOST_PARTS, Cover, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST = 1 << 63
"""Cells that int64 numbers from 0."""


def encode(coordinates: Sequence[NDArray[np.int64]], shape: Sequence[int]) -> NDArray[np.int64]:
    """Return the numbers of cells.

    Parameters
    ----------
    coordinates
        One array an axis, of equal shapes, from 0 to the number of cells less 1 (unchecked).
    shape
        Cells along each axis.

    Examples
    --------
    >>> encode((np.array([2, 0]), np.array([0, 1])), (3, 2))
    array([2, 3])
    """
    found = np.zeros(coordinates[0].shape, np.int64)
    for values, count in zip(reversed(coordinates), reversed(shape), strict=True):
        found *= count
        found += values
    return found


def decode(indexes: NDArray[np.int64], shape: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
    """Return the coordinates of cells from their numbers, the inverse of `encode`.

    Examples
    --------
    >>> decode(np.array([2, 3]), (3, 2))
    (array([2, 0]), array([0, 1]))
    """
    found = []
    for count in shape:
        indexes, values = np.divmod(indexes, count)
        found.append(values)
    return tuple(found)


def cover(shape: Sequence[int], first: Sequence[int], last: Sequence[int], most: int) -> Cover:
    """Return ranges of numbers that hold all cells of a box.

    Parameters
    ----------
    shape
        Cells along each axis.
    first, last
        Lowest and highest cell of the box, both inside it (unchecked).
    most
        Ranges at most, from 1.

    Returns
    -------
    Cover
        Exact unless the box has more ranges than `most`. Then rows are joined, or times.

    Examples
    --------
    >>> cover((4, 4), (1, 0), (2, 2), most=10).ranges.tolist()
    [[1, 2], [5, 6], [9, 10]]
    >>> cover((4, 4), (1, 0), (2, 2), most=2).ranges.tolist()
    [[1, 6], [9, 10]]
    """
    (low, *lows), (high, *highs) = first, last
    runs, stride = [(low, high)], shape[0]
    for count, start, stop in zip(shape[1:], lows, highs, strict=True):
        runs = _stacked(runs, stride, start, stop, max(most, MOST_PARTS))
        stride *= count
    return Cover(joined(np.array(runs, np.int64), most), len(runs))


def _stacked(
    runs: list[tuple[int, int]], stride: int, start: int, stop: int, most: int
) -> list[tuple[int, int]]:
    """Return runs of a plane once for each plane of some, joined to `most` at most."""
    planes = stop - start + 1
    if len(runs) * planes > most:
        runs = [(runs[0][0], runs[-1][1])]
    if len(runs) == 1 and runs[0] == (0, stride - 1):
        return [(start * stride, (stop + 1) * stride - 1)]
    groups = min(planes, max(most // len(runs), 1))
    edges = [start + planes * group // groups for group in range(groups + 1)]
    if groups < planes:
        return [
            (begin * stride + runs[0][0], (end - 1) * stride + runs[-1][1])
            for begin, end in pairwise(edges)
        ]
    return [
        (plane * stride + first, plane * stride + last)
        for plane in edges[:-1]
        for first, last in runs
    ]
