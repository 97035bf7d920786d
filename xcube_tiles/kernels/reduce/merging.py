"""How the states of `kernels.reduce.moments` of neighbouring blocks become one."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.kernels.reduce.moments import State


def merge_by_adding(states: Sequence[State]) -> State:
    """Merge the states of `sums` or `truths`."""
    return tuple(reduce(np.add, parts) for parts in zip(*states, strict=True))


def merge_products(states: Sequence[State]) -> State:
    """Merge the states of `products`."""
    counts, values = zip(*states, strict=True)
    return reduce(np.add, counts), reduce(np.multiply, values)


def merge_spreads(states: Sequence[State]) -> State:
    """Merge the states of `spreads`.

    Notes
    -----
    Chan, Golub and LeVeque (1979), *Updating formulae and a pairwise algorithm for computing sample
    variances*, eq. 2.1.
    """
    return reduce(_merge_two_spreads, states)


def _merge_two_spreads(a: State, b: State) -> State:
    count = a[0] + b[0]
    weight = b[0] / np.maximum(count, 1)
    step = b[1] - a[1]
    return count, a[1] + step * weight, a[2] + b[2] + step * step * (a[0] * weight)


def merge_smallest(states: Sequence[State]) -> State:
    """Merge the states of `extremes` with ``largest=False``."""
    return _merge_where(states, lambda a, b: b < a)


def merge_largest(states: Sequence[State]) -> State:
    """Merge the states of `extremes` with ``largest=True``."""
    return _merge_where(states, lambda a, b: b > a)


def merge_first(states: Sequence[State]) -> State:
    """Merge the states of `ends` with ``last=False``."""
    return _merge_where(states, lambda a, b: np.zeros(a.shape, np.bool_))


def merge_last(states: Sequence[State]) -> State:
    """Merge the states of `ends` with ``last=True``."""
    return _merge_where(states, lambda a, b: np.ones(a.shape, np.bool_))


def _merge_where(
    states: Sequence[State],
    better: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]],
) -> State:
    def merge(a: State, b: State) -> State:
        take = (b[0] > 0) & ((a[0] == 0) | better(a[1], b[1]))
        return a[0] + b[0], np.where(take, b[1], a[1])

    return reduce(merge, states)
