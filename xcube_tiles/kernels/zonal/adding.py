"""Counts, extremes and exact sums of the cells of each place: loops, one for a kind of number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Each loop adds the cells of one layer to arrays with a row for each place:
#   counts (places), lows, highs (places, in the cells' dtype),
#   sums, squares (places, digits); no digits: not wanted.
# `base` is the exponent field of the sums' lowest digit; that of the squares is twice as much.


@njit(nogil=True, cache=True)
def add_integers(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    counts: NDArray[np.int64],
    lows: NDArray[Any],
    highs: NDArray[Any],
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add integers of at most 32 bits: their sum is one digit, which 2**31 cells don't fill."""
    wanted = squares.shape[1] > 0
    for i in range(cells.size):
        value = cells[i]
        if (where[i] < 0) | (masked & (value == nodata)):
            continue
        w = np.uint32(where[i])
        counts[w] += 1
        if value < lows[w]:
            lows[w] = value
        if value > highs[w]:
            highs[w] = value
        number = np.int64(value)
        sums[w, 0] += number
        if wanted:
            size = np.uint64(abs(number))
            square = size * size
            squares[w, 0] += np.int64(square & np.uint64(0xFFFFFFFF))
            squares[w, 2] += np.int64(square >> np.uint64(32))


@njit(nogil=True, cache=True)
def add_long(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    counts: NDArray[np.int64],
    lows: NDArray[Any],
    highs: NDArray[Any],
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add integers of 64 bits by their halves."""
    wanted = squares.shape[1] > 0
    half, half_mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    for i in range(cells.size):
        value = cells[i]
        if (where[i] < 0) | (masked & (value == nodata)):
            continue
        w = np.uint32(where[i])
        counts[w] += 1
        if value < lows[w]:
            lows[w] = value
        if value > highs[w]:
            highs[w] = value
        # The lowest number has no positive twin; unsigned, its own bits are that.
        size = np.uint64(value) if value >= 0 else np.uint64(0) - np.uint64(value)
        low, high = size & half_mask, size >> half
        sign = np.int64(1) if value >= 0 else np.int64(-1)
        sums[w, 0] += sign * np.int64(low)
        sums[w, 2] += sign * np.int64(high)
        if wanted:
            small, cross, large = low * low, low * high, high * high
            squares[w, 0] += np.int64(small & half_mask)
            squares[w, 2] += np.int64(small >> half) + 2 * np.int64(cross & half_mask)
            squares[w, 4] += np.int64(large & half_mask) + 2 * np.int64(cross >> half)
            squares[w, 6] += np.int64(large >> half)


@njit(nogil=True, cache=True)
def sizes(bits: NDArray[Any], infinity: Any) -> tuple[Any, Any, bool]:
    """Return the smallest and largest finite float but zero, as bits; whether one is infinite.

    `infinity` has the bits of that; where there is no such float the smallest is infinity.
    """
    mask = infinity | (infinity - 1)  # all but the sign
    low, high, infinite = infinity, infinity - infinity, False
    for i in range(bits.size):
        size = bits[i] & mask
        infinite |= size == infinity
        low = min(low, size if size > 0 else infinity)
        high = max(high, size if size < infinity else infinity - infinity)
    return low, high, infinite


@njit(nogil=True, cache=True)
def add_near(
    cells: NDArray[np.float32],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    scale: float,
    half: int,
    counts: NDArray[np.int64],
    lows: NDArray[Any],
    highs: NDArray[Any],
    table: NDArray[np.int64],
) -> None:
    """Add float32 of near sizes as integers, `scale` times as large, to a table (places, 4).

    With halves of `half` bits: sums, squares of low halves, products, squares of high halves.
    """
    mask = (np.int64(1) << half) - 1
    for i in range(cells.size):
        value = cells[i]
        if (where[i] < 0) | is_missing(value, nodata, masked):
            continue
        w = np.uint32(where[i])
        counts[w] += 1
        if value < lows[w]:
            lows[w] = value
        if value > highs[w]:
            highs[w] = value
        number = np.int64(np.float64(value) * scale)
        low, high = number & mask, number >> half
        table[w, 0] += number
        table[w, 1] += low * low
        table[w, 2] += low * high
        table[w, 3] += high * high


@njit(nogil=True, cache=True)
def _put(digits: NDArray[np.int64], number: int, position: int) -> None:
    """Add a number of at most 62 bits, times 2**position."""
    at, shift = position >> 4, position & 15
    digits[at] += (number & 0xFFFFFFFF) << shift
    digits[at + 2] += (number >> 32) << shift


@njit(nogil=True, cache=True)
def empty_table(
    table: NDArray[np.int64],
    half: int,
    position: int,
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Move what `add_near` added up to digits; its unit is 2**position of their lowest."""
    wanted = squares.shape[1] > 0
    for w in range(table.shape[0]):
        _put(sums[w], table[w, 0], position)
        if wanted:
            _put(squares[w], table[w, 1], 2 * position)
            _put(squares[w], table[w, 2], 2 * position + half + 1)
            _put(squares[w], table[w, 3], 2 * position + 2 * half)
    table[:] = 0


@njit(nogil=True, cache=True)
def add_floats(
    cells: NDArray[np.float32],
    bits: NDArray[np.int32],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    base: int,
    counts: NDArray[np.int64],
    lows: NDArray[Any],
    highs: NDArray[Any],
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add float32 of any size: 24 bits each, at most 39 in a digit."""
    wanted = squares.shape[1] > 0
    for i in range(cells.size):
        value = cells[i]
        if (where[i] < 0) | is_missing(value, nodata, masked):
            continue
        w = np.uint32(where[i])
        counts[w] += 1
        if value < lows[w]:
            lows[w] = value
        if value > highs[w]:
            highs[w] = value
        field = (bits[i] >> 23) & 0xFF
        if field == 0xFF:
            continue
        number = np.int64((bits[i] & 0x7FFFFF) | (0x800000 if field > 0 else 0))
        # A zero may lie below the lowest digit; it is added as nothing.
        at = np.uint32(max(max(field, 1) - base, 0))
        signed = -number if bits[i] < 0 else number
        sums[w, at >> 4] += signed << (at & 15)
        if wanted:
            square = number * number
            at = np.uint32(2 * at)
            squares[w, at >> 4] += (square & 0xFFFFFF) << (at & 15)
            at += np.uint32(24)
            squares[w, at >> 4] += (square >> 24) << (at & 15)


@njit(nogil=True, cache=True)
def add_doubles(
    cells: NDArray[np.float64],
    bits: NDArray[np.int64],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    base: int,
    counts: NDArray[np.int64],
    lows: NDArray[Any],
    highs: NDArray[Any],
    sums: NDArray[np.int64],
    squares: NDArray[np.int64],
) -> None:
    """Add float64 in pieces of 27 bits: at most 43 in a digit."""
    wanted = squares.shape[1] > 0
    mask, step = np.int64((1 << 27) - 1), np.uint32(27)
    for i in range(cells.size):
        value = cells[i]
        if (where[i] < 0) | is_missing(value, nodata, masked):
            continue
        w = np.uint32(where[i])
        counts[w] += 1
        if value < lows[w]:
            lows[w] = value
        if value > highs[w]:
            highs[w] = value
        field = (bits[i] >> 52) & 0x7FF
        if field == 0x7FF:
            continue
        number = (bits[i] & ((1 << 52) - 1)) | ((1 << 52) if field > 0 else 0)
        at = np.uint32(max(max(field, 1) - base, 0))
        low, high = number & mask, number >> 27
        sign = np.int64(-1) if bits[i] < 0 else np.int64(1)
        sums[w, at >> 4] += (sign * low) << (at & 15)
        sums[w, (at + step) >> 4] += (sign * high) << ((at + step) & 15)
        if wanted:
            small, cross, large = low * low, 2 * low * high, high * high
            at = np.uint32(2 * at)
            squares[w, at >> 4] += (small & mask) << (at & 15)
            at += step
            squares[w, at >> 4] += ((small >> 27) + (cross & mask)) << (at & 15)
            at += step
            squares[w, at >> 4] += ((cross >> 27) + (large & mask)) << (at & 15)
            at += step
            squares[w, at >> 4] += (large >> 27) << (at & 15)
