"""The Z-order (Morton) curve: the bits of the coordinates, interleaved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.grid.curves.walk import Curve, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_BITS = {2: 31, 3: 21}
"""Bits of an axis that fit an int64, by the number of axes."""

_STEPS = {
    2: (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ),
    3: (
        (32, 0x001F00000000FFFF),
        (16, 0x001F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ),
}
# Shift and mask that move the upper half of each group of bits away, by the number of axes.


def encode(coordinates: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the places of cells on the curve.

    Parameters
    ----------
    coordinates
        Two or three arrays of equal shape, from 0 to `2**31 - 1` or `2**21 - 1` (unchecked).

    Returns
    -------
    int64 array
        Bit i of axis a is bit `i * axes + a`: the first axis is the least significant.

    Examples
    --------
    >>> encode((np.array([0, 1, 0, 1, 2]), np.array([0, 0, 1, 1, 0])))
    array([0, 1, 2, 3, 4])
    """
    axes = len(coordinates)
    found = np.zeros(np.shape(coordinates[0]), np.int64)
    for axis, values in enumerate(coordinates):
        spread = values
        for shift, mask in _STEPS[axes]:
            spread = (spread | spread << shift) & mask
        found |= spread << axis
    return found


def decode(indexes: NDArray[np.int64], axes: int) -> tuple[NDArray[np.int64], ...]:
    """Return the coordinates of cells from their places on the curve, the inverse of `encode`.

    Examples
    --------
    >>> decode(np.array([0, 1, 2, 3, 4]), 2)
    (array([0, 1, 0, 1, 2]), array([0, 0, 1, 1, 0]))
    """
    *_, (_, lowest) = _STEPS[axes]
    wider = [*(mask for _, mask in reversed(_STEPS[axes][:-1])), 2 ** MAX_BITS[axes] - 1]
    found = []
    for axis in range(axes):
        values = indexes >> axis & lowest
        for (shift, _), mask in zip(reversed(_STEPS[axes]), wider, strict=True):
            values = (values | values >> shift) & mask
        found.append(values)
    return tuple(found)


def curve(bits: Sequence[int]) -> Curve:
    """Return the curve as a walk takes it, with as many bits for each axis.

    Examples
    --------
    >>> curve((2, 1)).bits
    (2, 2)
    """
    axes = len(bits)
    labels = np.arange(1 << axes)
    rank = np.zeros((1, len(labels)), np.int64)
    for axis in range(axes):
        rank[0] |= (labels >> (axes - 1 - axis) & 1) << axis
    level = Level(tuple(range(axes)), rank, np.zeros_like(rank))
    return Curve((max(bits),) * axes, 0, [level] * max(bits))
