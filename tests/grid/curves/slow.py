"""A slow Hilbert curve, one cell and one bit at a time, from the formulas of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def hilbert_index(point: Sequence[int], bits: Sequence[int]) -> int:
    """Return the compact Hilbert index: Hamilton & Rau-Chaplin 2008, algorithms 1, 3 and 4."""
    n = len(bits)
    entry, direction, index = 0, n - 1, 0
    for level in reversed(range(max(bits))):
        free = [bits[axis] > level for axis in range(n)]
        # bit n - 1 - axis of a label is that of the axis
        label = sum((point[axis] >> level & 1) << (n - 1 - axis) for axis in range(n))
        mask = sum(free[axis] << (n - 1 - axis) for axis in range(n))
        turn = direction + 1
        w = gray_inverse(rotate_right(label ^ entry, turn, n))
        mask = rotate_right(mask, turn, n)
        # the rank of w: its bits where the mask is free, the highest first
        for bit in reversed(range(n)):
            if mask >> bit & 1:
                index = index << 1 | (w >> bit & 1)
        entry ^= rotate_left(entry_of(w), turn, n)
        direction = (direction + direction_of(w, n) + 1) % n
    return index


def gray_inverse(gray: int) -> int:
    found = 0
    while gray:
        found ^= gray
        gray >>= 1
    return found


def entry_of(w: int) -> int:
    if w == 0:
        return 0
    even = 2 * ((w - 1) // 2)
    return even ^ even >> 1


def direction_of(w: int, n: int) -> int:
    if w == 0:
        return 0
    ones, number = 0, w - 1 if w % 2 == 0 else w
    while number & 1:
        ones, number = ones + 1, number >> 1
    return ones % n


def rotate_right(bits: int, by: int, n: int) -> int:
    by %= n
    return (bits >> by | bits << (n - by)) & ((1 << n) - 1)


def rotate_left(bits: int, by: int, n: int) -> int:
    return rotate_right(bits, n - by % n, n)


def z_index(point: Sequence[int]) -> int:
    """Return the Z-order index, the first axis in the lowest bit."""
    n = len(point)
    return sum(
        (value >> bit & 1) << (bit * n + axis)
        for axis, value in enumerate(point)
        for bit in range(value.bit_length())
    )
