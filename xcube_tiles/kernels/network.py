"""Sorting networks: comparisons that sort columns of any values side by side."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


@lru_cache(maxsize=64)
def sorting_network(size: int) -> NDArray[np.int64]:
    """Return a network that sorts `size` values.

    Parameters
    ----------
    size
        Number of values, at least 1.

    Returns
    -------
    ndarray of int64, shape (comparisons, 2)
        In order of execution: (i, j) with i < j means that the smaller value goes to i.

    Notes
    -----
    Batcher's merge exchange, Knuth, The Art of Computer Programming 3, section 5.2.2, algorithm M:
    about ``size * log2(size)**2 / 4`` comparisons, for sizes that are no power of two as well.

    Examples
    --------
    >>> sorting_network(3).tolist()
    [[0, 2], [0, 1], [1, 2]]
    """
    steps = list(_merge_exchange(size))
    network = np.concatenate(steps) if steps else np.empty((0, 2), np.int64)
    network.flags.writeable = False
    return network


def _merge_exchange(size: int) -> Iterator[NDArray[np.int64]]:
    top = 1 << max((size - 1).bit_length() - 1, 0)
    p = top if size > 1 else 0
    while p:
        q, r, d = top, 0, p
        while True:
            low = np.arange(size - d, dtype=np.int64)
            low = low[(low & p) == r]
            yield np.stack([low, low + d], axis=1)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


def median_network(size: int) -> NDArray[np.int64]:
    """Return the part of the sorting network that the lower half of the values needs.

    The median of n of `size` values, the others at the top, has rank ``n // 2`` or below: what
    only serves higher ranks is left out, a tenth of the comparisons.

    Examples
    --------
    >>> len(sorting_network(24)), len(median_network(24))
    (127, 116)
    """
    return lower_network(size, size // 2)


@lru_cache(maxsize=64)
def lower_network(size: int, last: int) -> NDArray[np.int64]:
    """Return the part of the sorting network that puts the ranks 0 to `last` in place.

    Examples
    --------
    >>> len(lower_network(24, 23)), len(lower_network(24, 0))
    (127, 23)
    """
    return _serving(sorting_network(size), range(last + 1))


def _serving(network: NDArray[np.int64], ranks: Iterable[int]) -> NDArray[np.int64]:
    needed, kept = set(ranks), []
    for i, j in reversed(network.tolist()):
        if i in needed or j in needed:
            needed |= {i, j}
            kept.append((i, j))
    pruned = np.array(kept[::-1], np.int64).reshape(-1, 2)
    pruned.flags.writeable = False
    return pruned
