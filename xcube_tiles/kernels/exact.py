"""Sums of floats without any rounding: the same whatever the order, and however blocks are cut.

A sum is a Python integer, in units of 2**-1075 (half the smallest float64). Such sums are added up
as integers are, and divided with one rounding at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT_BITS = 1075
"""Sums are in units of 2**-UNIT_BITS."""

_EXPONENTS = 2047
_LOW_BITS = 26
_SPLIT = 134217729.0
"""2**27 + 1: Dekker's constant, which splits a float64 in two halves of 26 bits."""


def exact_sum(numbers: NDArray[np.float64]) -> int:
    """Return the sum of finite numbers, in units of 2**-1075.

    Notes
    -----
    The 53 bits of each number are added to a counter of its exponent, in two parts, so that 2**36
    numbers fit.

    Examples
    --------
    >>> float(sum([1e100, 1.0, -1e100])), exact_sum(np.array([1e100, 1, -1e100])) / 2**1075
    (0.0, 1.0)
    >>> exact_sum(np.array([]))
    0
    """
    high, low = np.zeros(_EXPONENTS, np.int64), np.zeros(_EXPONENTS, np.int64)
    bits = np.ascontiguousarray(numbers, np.float64).reshape(-1).view(np.int64)
    _count(bits, high, low)
    total = 0
    for at in np.flatnonzero(high | low):
        part = (int(high[at]) << _LOW_BITS) + int(low[at])
        total += part << max(int(at), 1)  # numbers below 2**-1022 have the exponent of that
    return total


def exact_dot(one: NDArray[np.float64], two: NDArray[np.float64]) -> int:
    """Return the sum of products of finite numbers, in units of 2**-1075.

    Notes
    -----
    A product is two floats, the rounded one and its error (Dekker 1971). Products of numbers beyond
    1e150 may overflow; of errors below 2**-1075, nothing is kept.

    Examples
    --------
    >>> root = np.array([1e8 + 1, 1e8])
    >>> exact_dot(root, root * [1, -1]) / 2**1075
    200000001.0
    """
    product = one * two
    one_high, two_high = _high(one), _high(two)
    one_low, two_low = one - one_high, two - two_high
    error = one_high * two_high - product
    error += one_high * two_low
    error += one_low * two_high
    error += one_low * two_low
    return exact_sum(product) + exact_sum(error)


def _high(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = _SPLIT * numbers
    return scaled - (scaled - numbers)


@njit(nogil=True, cache=True)
def _count(bits: NDArray[np.int64], high: NDArray[np.int64], low: NDArray[np.int64]) -> None:
    for word in bits:
        exponent = (word >> 52) & 0x7FF
        part = word & ((1 << 52) - 1)
        if exponent > 0:
            part |= 1 << 52
        if word < 0:
            part = -part
        high[exponent] += part >> _LOW_BITS
        low[exponent] += part & ((1 << _LOW_BITS) - 1)
