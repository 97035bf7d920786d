"""The Hilbert curve on a box of 2**b cells an axis, for axes of unequal length too.

It walks from each cell to a neighbour, so that cells close on the curve are close in the box. One
digit of an index stands for one level of halving: where the curve is inside a half is told by a
*state*, its entry corner and direction. All arithmetic is by tables of several levels at once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xcube_tiles.grid.curves.walk import Curve, Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MAX_BITS = 62
"""Bits of an index, as in GeoTrellis: an int64 has one more but for its sign."""

_TABLE_BITS = 10
# Bits of an index that one lookup makes: tables of 24 states stay inside a core's own cache.

_BLOCK = 1 << 15
# Keys computed at a time: their arrays stay there too.


class Levels(NamedTuple):
    """Successive levels of halving that halve the same axes."""

    axes: tuple[int, ...]
    """The axes that still have bits, ascending."""

    top: int
    """Bits of a coordinate above and in these levels."""

    depth: int
    """How many levels."""


class _Tables(NamedTuple):
    """What a few levels do to a state; all are flat, of index `state << bits | digits`."""

    to_index: NDArray[np.int64]
    """Digits of the index, from bits of the axes one behind the other."""

    after: NDArray[np.int64]
    """The state after it, already shifted by the bits."""

    to_bits: NDArray[np.int64]
    """The inverse of `to_index`."""

    after_index: NDArray[np.int64]
    """The state after digits of an index."""


def encode(coordinates: Sequence[NDArray[np.int64]], bits: Sequence[int]) -> NDArray[np.int64]:
    """Return the places of cells on the curve.

    Parameters
    ----------
    coordinates
        One array an axis, 1-D, of equal length, from 0 to `2**bits - 1` (unchecked).
    bits
        Bits of each axis, 0 or more, at most 62 in sum (unchecked).

    Returns
    -------
    int64 array
        From 0 to `2**sum(bits) - 1`.

    Notes
    -----
    Hamilton & Rau-Chaplin, *Compact Hilbert indices: Space-filling curves for domains with unequal
    side lengths*, Information Processing Letters 105 (2008). The first axis is the most
    significant bit of a level, the entry of the first level 0 and its direction the last axis: the
    orientation of GeoTrellis.

    Examples
    --------
    >>> encode((np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])), (1, 1))
    array([0, 1, 2, 3])
    """
    found = np.empty(len(coordinates[0]), np.int64)
    for start in range(0, len(found), _BLOCK):
        block = slice(start, start + _BLOCK)
        found[block] = _encode([axis[block] for axis in coordinates], bits)
    return found


def decode(indexes: NDArray[np.int64], bits: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
    """Return the coordinates of cells from their places on the curve, the inverse of `encode`.

    Examples
    --------
    >>> decode(np.array([0, 1, 2, 3]), (1, 1))
    (array([0, 0, 1, 1]), array([0, 1, 1, 0]))
    """
    found = tuple(np.empty(len(indexes), np.int64) for _ in bits)
    for start in range(0, len(indexes), _BLOCK):
        block = slice(start, start + _BLOCK)
        for axis, values in zip(found, _decode(indexes[block], bits), strict=True):
            axis[block] = values
    return found


def curve(bits: Sequence[int]) -> Curve:
    """Return the curve as a walk takes it.

    Examples
    --------
    >>> [level.axes for level in curve((2, 1)).levels]
    [(0,), (0, 1)]
    """
    levels = [
        one_level(len(bits), tuple(axis for axis, count in enumerate(bits) if count > level))
        for level in reversed(range(max(bits, default=0)))
    ]
    return Curve(tuple(bits), start_state(len(bits)), levels)


def _encode(coordinates: Sequence[NDArray[np.int64]], bits: Sequence[int]) -> NDArray[np.int64]:
    found = np.zeros(len(coordinates[0]), np.int64)
    state = np.full(len(found), start_state(len(bits)), np.int64)
    place, digits = np.empty_like(found), np.empty_like(found)
    for levels in lookups(bits):
        width = levels.depth * len(levels.axes)
        tables = _tables(len(bits), levels.axes, levels.depth)
        np.left_shift(state, width, out=place)
        for number, axis in enumerate(reversed(levels.axes)):
            np.right_shift(coordinates[axis], levels.top - levels.depth, out=digits)
            digits &= 2**levels.depth - 1
            digits <<= number * levels.depth
            place |= digits
        # In place, and unbuffered for being clipped: this is half of the time.
        np.take(tables.to_index, place, out=digits, mode="clip")
        np.take(tables.after, place, out=state, mode="clip")
        found <<= width
        found |= digits
    return found


def _decode(indexes: NDArray[np.int64], bits: Sequence[int]) -> list[NDArray[np.int64]]:
    found = [np.zeros(len(indexes), np.int64) for _ in bits]
    state = np.full(len(indexes), start_state(len(bits)), np.int64)
    rest = sum(bits)
    for levels in lookups(bits):
        width = levels.depth * len(levels.axes)
        tables = _tables(len(bits), levels.axes, levels.depth)
        rest -= width
        place = (state << width) | ((indexes >> rest) & (2**width - 1))
        digits = tables.to_bits[place]
        for number, axis in enumerate(reversed(levels.axes)):
            found[axis] <<= levels.depth
            found[axis] |= (digits >> (number * levels.depth)) & (2**levels.depth - 1)
        state = tables.after_index[place]
    return found


def start_state(count: int) -> int:
    """Return the state of the whole box: it's entered at cell 0, along the last axis."""
    return count - 1


def lookups(bits: Sequence[int]) -> Iterator[Levels]:
    """Yield the levels from the coarsest to the finest, as many at a time as one lookup takes."""
    top = max(bits, default=0)
    while top:
        axes = tuple(axis for axis, count in enumerate(bits) if count >= top)
        below = max((count for count in bits if count < top), default=0)
        depth = min(top - below, _TABLE_BITS // len(axes))
        yield Levels(axes, top, depth)
        top -= depth


@lru_cache(maxsize=64)
def _tables(dimensions: int, axes: tuple[int, ...], levels: int) -> _Tables:
    one = one_level(dimensions, axes)
    width, free = levels * len(axes), len(axes)
    states = np.arange(dimensions << dimensions)[:, np.newaxis]
    bits = np.arange(1 << width)
    state = np.broadcast_to(states, (len(states), len(bits)))
    index = np.zeros_like(state)
    for level in reversed(range(levels)):
        label = np.zeros_like(bits)
        for number in range(free):
            label |= (bits >> (number * levels + level) & 1) << number
        index = index << free | one.rank[state, label]
        state = one.after[state, label]
    order = np.argsort(index, axis=1)
    return _Tables(
        to_index=np.ascontiguousarray(index).ravel(),
        after=state.ravel(),
        to_bits=order.ravel(),
        after_index=np.take_along_axis(state, order, axis=1).ravel(),
    )


@lru_cache(maxsize=16)
def one_level(dimensions: int, axes: tuple[int, ...]) -> Level:
    """Return what one level does where only some axes are halved.

    The others have no cell in their upper half: the curve is that of the cube, with those parts
    left out.
    """
    labels = [_spread(label, axes, dimensions) for label in range(1 << len(axes))]
    rank = np.empty((dimensions << dimensions, len(labels)), np.int64)
    after = np.empty_like(rank)
    for state in range(len(rank)):
        turns = [_turn(state, label, dimensions) for label in labels]
        visits = sorted(turn for turn, _ in turns)
        rank[state] = [visits.index(turn) for turn, _ in turns]
        after[state] = [following for _, following in turns]
    return Level(axes, rank, after)


def _spread(label: int, axes: tuple[int, ...], dimensions: int) -> int:
    """Return a label of some axes as one of all axes."""
    bits = [label >> number & 1 for number in reversed(range(len(axes)))]
    return sum(bit << (dimensions - 1 - axis) for bit, axis in zip(bits, axes, strict=True))


def _turn(state: int, label: int, dimensions: int) -> tuple[int, int]:
    """Return when the curve visits a part, and the state inside it.

    The formulas of section 3 of Hamilton & Rau-Chaplin: `entry` is their e, `direction` their d.
    """
    entry, direction = divmod(state, dimensions)
    gray = _rotated(label ^ entry, -(direction + 1), dimensions)
    turn = gray
    for shift in range(1, dimensions):
        turn ^= gray >> shift
    inner = (turn - 1) & ~1 if turn else 0
    entry ^= _rotated(inner ^ inner >> 1, direction + 1, dimensions)
    ones = turn if turn % 2 else max(turn - 1, 0)
    direction += _trailing_ones(ones) % dimensions + 1
    return turn, entry * dimensions + direction % dimensions


def _rotated(bits: int, left: int, dimensions: int) -> int:
    left %= dimensions
    return (bits << left | bits >> (dimensions - left)) & ((1 << dimensions) - 1)


def _trailing_ones(number: int) -> int:
    return (~number & (number + 1)).bit_length() - 1
