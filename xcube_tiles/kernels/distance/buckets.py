"""Dijkstra's search by buckets instead of a heap: no sorting where steps don't differ too much.

Cells wait in buckets by their cost so far. A bucket is narrower than the cheapest step, so that the
cells in it can't make each other cheaper, and any of them may be next.

R. B. Dial (1969): Algorithm 360: shortest-path forest with topological ordering. Communications of
the ACM 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_BUCKETS = 1 << 14
"""More of them would be empty too often to be worth looking at."""

_NOT_WAITING = -2
_FIRST = -3
# In `before`: a cell that is in no bucket; the first one of bucket b has `_FIRST - b`.


def bucket_width(friction: NDArray[Any], halves: NDArray[np.float64]) -> float | None:
    """Return the width of buckets for a search, None if buckets aren't fit for it.

    Parameters
    ----------
    friction
        Framed friction, negative where cells can't be crossed.
    halves
        Half the lengths of the steps.
    """
    cheapest = friction.min(where=friction >= 0, initial=np.inf)
    # a little narrower, as sums are rounded
    width = 0.999 * 2 * float(cheapest) * float(halves.min())
    dearest = 2 * float(friction.max()) * float(halves.max())
    if not 0 < width < np.inf or friction.size >= 2**31 or dearest / width > _MOST_BUCKETS:
        return None
    return width


@njit(nogil=True, cache=True)
def search_by_buckets(
    friction: NDArray[Any], sources: NDArray[np.int64], steps: NDArray[np.int64],
    halves: NDArray[np.float64], limit: float, stop: int, width: float, count: int,
    costs: NDArray[np.float64], ways: NDArray[np.int8],
) -> None:  # fmt: skip
    """Fill least costs and the ways they come by; see `kernels.distance.cost.least_costs`.

    `count` buckets of a `width` hold more than the dearest step: they are used in turn.
    """
    firsts = np.full(count, -1, np.int32)
    after = np.full(friction.size, -1, np.int32)
    before = np.full(friction.size, _NOT_WAITING, np.int32)
    waiting, turn = np.int64(0), np.int64(0)
    for source in sources:
        if friction[source] >= 0 and costs[source] > 0:
            costs[source] = 0
            _put(source, np.int64(0), firsts, after, before)
            waiting += 1
    while waiting > 0:
        cell = np.int64(firsts[turn])
        if cell < 0:
            turn = turn + 1 if turn + 1 < count else np.int64(0)
            continue
        _take(cell, firsts, after, before)
        waiting -= 1
        if cell == stop:
            return
        cost, own = costs[cell], np.float64(friction[cell])
        for way in range(steps.size):
            beside = cell + steps[way]
            other = np.float64(friction[beside])
            total = cost + (own + other) * halves[way]
            if other >= 0 and total < costs[beside] and total <= limit:
                costs[beside] = total
                ways[beside] = way
                if before[beside] == _NOT_WAITING:
                    waiting += 1
                else:
                    _take(beside, firsts, after, before)
                _put(beside, np.int64(total / width) % count, firsts, after, before)


@njit(nogil=True, cache=True)
def _put(
    cell: Any, bucket: Any, firsts: NDArray[np.int32], after: NDArray[np.int32],
    before: NDArray[np.int32],
) -> None:  # fmt: skip
    following = firsts[bucket]
    after[cell], before[cell] = following, _FIRST - bucket
    if following >= 0:
        before[following] = cell
    firsts[bucket] = cell


@njit(nogil=True, cache=True)
def _take(
    cell: Any, firsts: NDArray[np.int32], after: NDArray[np.int32], before: NDArray[np.int32]
) -> None:
    previous, following = before[cell], after[cell]
    if previous <= _FIRST:
        firsts[_FIRST - previous] = following
    else:
        after[previous] = following
    if following >= 0:
        before[following] = previous
    before[cell] = _NOT_WAITING
