"""Sums of floats without any rounding: the same whatever the order, and however blocks are cut.

A sum is a Python integer, in units of 2**-1075 (half the smallest float64). Such sums are added up
as integers are, and divided with one rounding at the end. Until then numbers are added to counters:
one for each of the exponents that a float64 can have, in two parts of 26 and 27 bits, so that 2**36
numbers fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT_BITS = 1075
"""Sums are in units of 2**-UNIT_BITS."""

EXPONENTS = 2048
"""Counters of a sum; those of the last one are of numbers that aren't finite."""

_LOW_BITS = 26
_SPLIT = 134217729.0
"""2**27 + 1: Dekker's constant, which splits a float64 in two halves of 26 bits."""


def exact_sum(numbers: NDArray[np.float64]) -> int:
    """Return the sum of finite numbers, in units of 2**-1075.

    Examples
    --------
    >>> cells = np.array([1e100, 1.0, -1e100])
    >>> float(cells.sum()), exact_sum(cells) / 2**1075
    (0.0, 1.0)
    >>> exact_sum(np.array([]))
    0
    """
    counters = new_counters()
    count(np.ascontiguousarray(numbers, np.float64).reshape(-1).view(np.int64), counters)
    return total_of(counters)


def new_counters() -> NDArray[np.int64]:
    """Return the counters of an empty sum, of shape (2, EXPONENTS)."""
    return np.zeros((2, EXPONENTS), np.int64)


def total_of(counters: NDArray[np.int64]) -> int:
    """Return the sum of the numbers that were counted, in units of 2**-1075."""
    total = 0
    for at in np.flatnonzero(counters.any(axis=0)):
        part = (int(counters[0, at]) << _LOW_BITS) + int(counters[1, at])
        total += part << max(int(at), 1)  # numbers below 2**-1022 have the exponent of that
    return total


@njit(nogil=True, cache=True)
def count(bits: NDArray[np.int64], counters: NDArray[np.int64]) -> None:
    """Add numbers, given as the bits of float64, to counters. Zeros add nothing."""
    high, low = counters[0], counters[1]
    for word in bits:
        exponent = (word >> 52) & 0x7FF
        part = word & ((1 << 52) - 1)
        part |= np.int64(exponent > 0) << 52
        sign = word >> 63
        part = (part ^ sign) - sign
        high[exponent] += part >> _LOW_BITS
        low[exponent] += part & ((1 << _LOW_BITS) - 1)


@njit(nogil=True, cache=True)
def multiply(
    one: NDArray[np.float64],
    two: NDArray[np.float64],
    product: NDArray[np.float64],
    error: NDArray[np.float64],
) -> None:
    """Fill `product` and `error`: their sums are the exact products of the numbers.

    Notes
    -----
    Dekker, Numerische Mathematik 18, 1971. Products of numbers beyond 1e150 aren't finite; errors
    below 2**-1075 are lost.
    """
    for j in range(len(one)):
        scaled = _SPLIT * one[j]
        one_high = scaled - (scaled - one[j])
        one_low = one[j] - one_high
        scaled = _SPLIT * two[j]
        two_high = scaled - (scaled - two[j])
        two_low = two[j] - two_high
        whole = one[j] * two[j]
        rest = ((one_high * two_high - whole) + one_high * two_low) + one_low * two_high
        product[j] = whole
        error[j] = rest + one_low * two_low
