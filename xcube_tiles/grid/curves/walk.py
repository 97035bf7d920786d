"""Walking down a curve by halving its box: index ranges of a box of cells, and its n-th cell.

Both curves of this package number the parts of each halving by a table, so that one walk does for
both. It goes down level by level, with all parts of a level in arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_PARTS = 4096
"""Parts of a level that a walk looks at, at most: those of all levels take some 10 ms."""


class Level(NamedTuple):
    """One level of halving; tables are of (state, label).

    A label tells for each axis that's halved whether a part is the upper half, the first axis in
    the most significant bit.
    """

    axes: tuple[int, ...]
    """The axes that are halved."""

    rank: NDArray[np.int64]
    """Which of the parts the curve visits in turn."""

    after: NDArray[np.int64]
    """The state of the curve inside the part."""


class Curve(NamedTuple):
    """A curve through a box of `2**bits` cells an axis."""

    bits: tuple[int, ...]
    """Bits of a coordinate along each axis."""

    start: int
    """State of the curve in the whole box."""

    levels: Sequence[Level]
    """The levels, the coarsest first; the last leaves single cells."""


class Cover(NamedTuple):
    """Index ranges that hold all cells of a box."""

    ranges: NDArray[np.int64]
    """Shape (n, 2): first and last index, both included; ascending, with gaps between."""

    visited: int
    """How many parts the walk looked at."""


class _Parts(NamedTuple):
    """Parts of one level."""

    prefix: NDArray[np.int64]
    """Leading digits of the indexes inside."""

    state: NDArray[np.int64]

    corner: NDArray[np.int64]
    """Lowest cell, of shape (axes, parts)."""

    def where(self, chosen: NDArray[np.bool_]) -> _Parts:
        return _Parts(self.prefix[chosen], self.state[chosen], self.corner[:, chosen])


class _Box(NamedTuple):
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def touches(self, corner: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
        low, high = _beside(self.first, corner), _beside(self.last, corner)
        end = corner + _beside(sizes - 1, corner)
        return np.asarray(np.all((corner <= high) & (end >= low), axis=0))

    def holds(self, corner: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
        low, high = _beside(self.first, corner), _beside(self.last, corner)
        end = corner + _beside(sizes - 1, corner)
        return np.asarray(np.all((corner >= low) & (end <= high), axis=0))

    def cells(self, corner: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many cells of the box lie in each part."""
        low = np.maximum(_beside(self.first, corner), corner)
        high = np.minimum(_beside(self.last, corner), corner + _beside(sizes - 1, corner))
        return np.asarray(np.prod(np.maximum(high - low + 1, 0), axis=0))


def cover(curve: Curve, first: Sequence[int], last: Sequence[int], most: int) -> Cover:
    """Return index ranges that hold all cells of a box.

    Parameters
    ----------
    curve
        The curve.
    first, last
        Lowest and highest cell of the box, both inside it and inside the curve (unchecked).
    most
        Ranges at most, from 1.

    Returns
    -------
    Cover
        Exact unless the box has more ranges than `most` or the walk met more than `MOST_PARTS`
        parts on one level that the box cuts. Then ranges are joined across the smallest gaps
        known; each still starts and ends with a cell of the box.

    Examples
    --------
    >>> from xcube_tiles.grid.curves.zorder import curve
    >>> cover(curve((2, 2)), (0, 1), (1, 2), most=10).ranges.tolist()
    [[2, 3], [8, 9]]
    >>> cover(curve((2, 2)), (0, 1), (1, 2), most=1).ranges.tolist()
    [[2, 9]]
    """
    box = _Box(np.asarray(first, np.int64), np.asarray(last, np.int64))
    parts, sizes, visited = _root(curve), _sizes(curve), 1
    rest = sum(curve.bits)
    whole = [_index_ranges(parts.where(box.holds(parts.corner, sizes)), rest)]
    parts = parts.where(~box.holds(parts.corner, sizes))
    depth = 0
    while len(parts.prefix) and len(parts.prefix) << len(curve.levels[depth].axes) <= MOST_PARTS:
        level = curve.levels[depth]
        sizes = _halved(sizes, level)
        parts = _children(parts, level, sizes)
        visited += len(parts.prefix)
        rest -= len(level.axes)
        depth += 1
        parts = parts.where(box.touches(parts.corner, sizes))
        held = box.holds(parts.corner, sizes)
        whole.append(_index_ranges(parts.where(held), rest))
        parts = parts.where(~held)
    if len(parts.prefix):
        ends = [_end(curve, parts, sizes, box, depth, last=end) for end in (False, True)]
        visited += 2 * len(parts.prefix) * (len(curve.levels) - depth)
        whole.append(np.column_stack(ends))
    return Cover(joined(np.concatenate(whole), most), visited)


def nth(
    curve: Curve, first: Sequence[int], last: Sequence[int], which: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the indexes of the n-th cells of a box, counted from 0 along the curve.

    Parameters
    ----------
    curve
        The curve.
    first, last
        Lowest and highest cell of the box (unchecked).
    which
        Numbers of cells, 1-D, from 0 to the number of cells less one (unchecked).

    Examples
    --------
    >>> from xcube_tiles.grid.curves.zorder import curve
    >>> nth(curve((2, 2)), (0, 1), (1, 2), np.array([0, 2]))
    array([2, 8])
    """
    box = _Box(np.asarray(first, np.int64), np.asarray(last, np.int64))
    sizes, rest = _sizes(curve), which.astype(np.int64)
    parts = _Parts(*(np.repeat(array, len(rest), axis=-1) for array in _root(curve)))
    for level in curve.levels:
        sizes = _halved(sizes, level)
        children = _children(parts, level, sizes)
        shape = len(rest), 1 << len(level.axes)
        turns = np.argsort(children.prefix.reshape(shape), axis=1)
        cells = np.take_along_axis(box.cells(children.corner, sizes).reshape(shape), turns, axis=1)
        ends = np.cumsum(cells, axis=1)
        turn = np.sum(ends <= rest[:, np.newaxis], axis=1, keepdims=True)
        rest = rest - np.take_along_axis(ends - cells, turn, axis=1)[:, 0]
        parts = _chosen(children, np.take_along_axis(turns, turn, axis=1)[:, 0])
    return parts.prefix


def _end(
    curve: Curve, parts: _Parts, sizes: NDArray[np.int64], box: _Box, depth: int, *, last: bool
) -> NDArray[np.int64]:
    """Return the first or last index of the box in each part that it touches."""
    for level in curve.levels[depth:]:
        sizes = _halved(sizes, level)
        children = _children(parts, level, sizes)
        shape = len(parts.prefix), 1 << len(level.axes)
        touched = box.touches(children.corner, sizes).reshape(shape)
        prefix = children.prefix.reshape(shape)
        if last:
            choice = np.argmax(np.where(touched, prefix, -1), axis=1)
        else:
            choice = np.argmin(np.where(touched, prefix, np.iinfo(np.int64).max), axis=1)
        parts = _chosen(children, choice)
    return parts.prefix


def _root(curve: Curve) -> _Parts:
    zero = np.zeros(1, np.int64)
    return _Parts(zero, zero + curve.start, np.zeros((len(curve.bits), 1), np.int64))


def _sizes(curve: Curve) -> NDArray[np.int64]:
    return np.array([1 << bits for bits in curve.bits], np.int64)


def _halved(sizes: NDArray[np.int64], level: Level) -> NDArray[np.int64]:
    halved = sizes.copy()
    halved[list(level.axes)] >>= 1
    return halved


def _children(parts: _Parts, level: Level, sizes: NDArray[np.int64]) -> _Parts:
    """Return the parts of parts, those of one after the other in the order of their labels."""
    width = len(level.axes)
    labels = np.arange(1 << width)
    offsets = np.zeros((len(sizes), len(labels)), np.int64)
    for number, axis in enumerate(reversed(level.axes)):
        offsets[axis] = (labels >> number & 1) * sizes[axis]
    corner = parts.corner[:, :, np.newaxis] + offsets[:, np.newaxis]
    return _Parts(
        ((parts.prefix << width)[:, np.newaxis] | level.rank[parts.state]).ravel(),
        level.after[parts.state].ravel(),
        corner.reshape(len(sizes), -1),
    )


def _chosen(children: _Parts, choice: NDArray[np.int64]) -> _Parts:
    """Return one child of each part."""
    width = len(children.prefix) // max(len(choice), 1)
    places = np.arange(len(choice)) * width + choice
    return _Parts(children.prefix[places], children.state[places], children.corner[:, places])


def _index_ranges(parts: _Parts, rest: int) -> NDArray[np.int64]:
    first = parts.prefix << rest
    return np.column_stack((first, first + ((1 << rest) - 1)))


def joined(ranges: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return ranges in order, neighbours joined, then those with the smallest gaps between.

    Examples
    --------
    >>> joined(np.array([[8, 9], [0, 1], [2, 2], [4, 5]]), most=2).tolist()
    [[0, 5], [8, 9]]
    """
    ranges = ranges[np.argsort(ranges[:, 0])]
    gaps = ranges[1:, 0] - ranges[:-1, 1] - 1
    kept = np.flatnonzero(gaps)
    if len(kept) >= most:
        largest = np.argsort(gaps[kept], kind="stable")[len(kept) - (most - 1) :]
        kept = np.sort(kept[largest])
    return np.column_stack((ranges[np.append(0, kept + 1), 0], ranges[np.append(kept, -1), 1]))


def _beside(values: NDArray[np.int64], corner: NDArray[np.int64]) -> NDArray[np.int64]:
    return values.reshape(-1, *[1] * (corner.ndim - 1))
