"""Sums that are exact: numbers of any size as digits, so that the order of adding is no matter.

A sum of floats depends on its order, hence on the blocks of a cube. Here each cell is added as an
integer, into digits of 16 bits: a float32 is an integer of 24 bits times a power of two, and falls
into one digit's range with room to spare. What is made of the digits is rounded once, at the end.
"""

from __future__ import annotations

from math import frexp, isinf, ldexp, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BITS = 16
"""Bits of a digit."""

SPARE = 3
"""Digits above the highest one that cells are added to, for what is carried."""


class Digits(NamedTuple):
    """Integers of many digits, times a power of two."""

    values: NDArray[np.int64]
    """Digits, the lowest first, along the last axis. They may be negative, and exceed 16 bits."""

    exponent: int
    """Power of two of the lowest digit's unit."""


@njit(nogil=True, cache=True)
def _carry(digits: NDArray[np.int64]) -> None:
    for i in range(digits.shape[0]):
        for k in range(digits.shape[1] - 1):
            over = digits[i, k] >> 16
            digits[i, k] -= over << 16
            digits[i, k + 1] += over


def carry(digits: NDArray[np.int64]) -> None:
    """Bring all digits but the last to 0 .. 2**16 - 1, in place."""
    if digits.size:
        _carry(digits.reshape(-1, digits.shape[-1]))


def add_rows(parts: Sequence[Digits], rows: Sequence[NDArray[np.int64]], count: int) -> Digits:
    """Add numbers of several blocks up.

    Parameters
    ----------
    parts
        Digits of shape (layers, places, digits).
    rows
        For each part, the row of the result that each place is added to.
    count
        Number of rows.

    Examples
    --------
    >>> one = Digits(np.array([[[5, 1]]]), 0)
    >>> add_rows([one, one], [np.array([1]), np.array([1])], 2).values.tolist()
    [[[0, 0], [10, 2]]]
    """
    low = min(part.exponent for part in parts)
    tops = [(part.exponent - low) // BITS + part.values.shape[-1] for part in parts]
    layers = max(part.values.shape[0] for part in parts)
    total = np.zeros((layers, count, max(tops)), np.int64)
    for part, row, top in zip(parts, rows, tops, strict=True):
        total[:, row, top - part.values.shape[-1] : top] += part.values
    carry(total)
    return Digits(total, low)


def integers(digits: Digits) -> NDArray[Any]:
    """Return numbers as Python integers, in units of 2**exponent; the last axis is gone.

    Examples
    --------
    >>> integers(Digits(np.array([[1, 2], [0, -1]]), 0))
    array([131073, -65536], dtype=object)
    """
    total = np.zeros(digits.values.shape[:-1], object)
    for k in reversed(range(digits.values.shape[-1])):
        total = (total << BITS) + digits.values[..., k].astype(object)
    return total


def ratio(numerator: int, denominator: int, exponent: int) -> float:
    """Return numerator / denominator * 2**exponent, rounded once; NaN for nothing.

    Examples
    --------
    >>> ratio(1, 3, 0), ratio(1, 1, 5000), ratio(0, 0, 0)
    (0.3333333333333333, inf, nan)
    """
    if denominator == 0:
        return np.nan
    if exponent >= 0:
        numerator <<= exponent
    else:
        denominator <<= -exponent
    try:
        return numerator / denominator
    except OverflowError:
        return np.inf if numerator > 0 else -np.inf


def root(numerator: int, denominator: int, exponent: int) -> float:
    """Return the square root of numerator / denominator * 2**exponent, also of such beyond floats.

    Examples
    --------
    >>> root(9, 4, 0), root(1, 1, 2000) == 2.0**1000
    (1.5, True)
    """
    if denominator == 0:
        return np.nan
    halves = (numerator.bit_length() - denominator.bit_length() + exponent) // 2
    part = sqrt(ratio(numerator, denominator, exponent - 2 * halves))
    _, power = frexp(part)
    return np.inf if isinf(part) or power + halves > 1024 else ldexp(part, halves)


ratios = np.frompyfunc(ratio, 3, 1)
"""`ratio` of arrays of Python integers."""

roots = np.frompyfunc(root, 3, 1)
"""`root` of arrays of Python integers."""
