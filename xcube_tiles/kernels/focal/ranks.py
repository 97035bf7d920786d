"""Order statistics of large windows: cells become ranks, and a window a row of bits.

Every valid cell of a tile gets a rank of its own, by one sort of the tile. A window is then a set
of ranks, kept as bits: a cell that enters sets one, a cell that leaves clears one, and the k-th
smallest cell is the k-th set bit, found from where it was found for the cell before. Per cell the
cost is that of the cells which enter and leave, whatever the dtype; results are exact.

J. Suomela (2014), *Median filtering is equivalent to sorting*, arXiv:1406.1717.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DE_BRUIJN = 0x03F79D71B4CB0A89
_BIT = np.empty(64, np.int64)
_BIT[[(_DE_BRUIJN << bit & (2**64 - 1)) >> 58 for bit in range(64)]] = np.arange(64)


def ranked(
    window: NDArray[Any], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return the rank of each valid cell, -1 elsewhere, and the valid cells in order."""
    at = np.flatnonzero(valid)
    values = window[valid]
    order = np.argsort(values)
    ranks = np.full(window.size, -1, np.int32)
    ranks[at[order]] = np.arange(len(at), dtype=np.int32)
    return ranks.reshape(window.shape), values[order]


@njit(nogil=True, cache=True)
def order_statistics(
    ranks: NDArray[np.int32],
    inside: NDArray[np.int64],
    leaving: NDArray[np.int64],
    entering: NDArray[np.int64],
    share: float,
    lows: NDArray[np.int32],
    highs: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """Find the two cells between which a share of each window lies, and count its values.

    `lows` is the rank of the cell at ``floor(share * (n - 1))`` of n, `highs` that of the next.
    """
    words = ranks.size // 64 + 1
    bits, held = np.zeros(words, np.uint64), np.zeros(words, np.uint8)
    height, width = lows.shape
    for i in range(height):
        # Words before the pointer hold `below` bits: it follows the statistic from cell to cell.
        pointer, below = 0, 0
        count = _change(ranks[i:], 0, inside, True, pointer, bits, held)[0]
        for j in range(width):
            if j > 0:
                more, lower = _change(ranks[i:], j - 1, leaving, False, pointer, bits, held)
                count, below = count - more, below - lower
                more, lower = _change(ranks[i:], j, entering, True, pointer, bits, held)
                count, below = count + more, below + lower
            counts[i, j] = count
            if count == 0:
                continue
            wanted = min(int(share * (count - 1)), count - 1)
            while below > wanted:
                pointer -= 1
                below -= held[pointer]
            while below + held[pointer] <= wanted:
                below += held[pointer]
                pointer += 1
            lows[i, j], highs[i, j] = _two_bits(bits, pointer, wanted - below, wanted + 1 < count)
        _change(ranks[i:], width - 1, inside, False, 0, bits, held)


@njit(nogil=True, cache=True)
def _change(
    ranks: NDArray[np.int32],
    left: int,
    places: NDArray[np.int64],
    enter: bool,
    pointer: int,
    bits: NDArray[np.uint64],
    held: NDArray[np.uint8],
) -> tuple[int, int]:
    """Let cells enter or leave; return how many have a value, and how many lie below a word."""
    count, lower = 0, 0
    for k in range(places.shape[0]):
        rank = ranks[places[k, 0], left + places[k, 1]]
        if rank >= 0:
            word, bit = rank >> 6, np.uint64(1) << np.uint64(rank & 63)
            bits[word] ^= bit  # each rank is of one cell: it is set when it leaves, and else isn't
            held[word] += 1 if enter else -1
            count += 1
            lower += 1 if word < pointer else 0
    return count, lower


@njit(nogil=True, cache=True)
def _two_bits(bits: NDArray[np.uint64], word: int, skip: int, has_next: bool) -> tuple[int, int]:
    """Return the set bit after `skip` others of a word, and the next one if there is one."""
    left = bits[word]
    for _ in range(skip):
        left &= left - np.uint64(1)
    low = (word << 6) + _lowest_bit(left)
    if not has_next:
        return low, low
    left &= left - np.uint64(1)
    while left == 0:
        word += 1
        left = bits[word]
    return low, (word << 6) + _lowest_bit(left)


@njit(nogil=True, cache=True)
def _lowest_bit(word: Any) -> int:
    """Return the place of the lowest set bit (Leiserson, Prokop and Randall, 1998)."""
    lowest = word & (~word + np.uint64(1))
    return int(_BIT[(lowest * np.uint64(_DE_BRUIJN)) >> np.uint64(58)])
