"""Frequencies in large windows: a count for each class, kept up as the window moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def numbered(
    window: NDArray[Any], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return the class of each valid cell, -1 elsewhere, and the classes' values, ascending."""
    values, inverse = np.unique(window[valid], return_inverse=True)
    classes = np.full(window.shape, -1, np.int32)
    classes[valid] = inverse
    # -0.0 and 0.0 are one class; which of them comes first depends on the tile.
    return classes, values + values.dtype.type(0)


@njit(nogil=True, cache=True)
def sum_over_classes(
    classes: NDArray[np.int32],
    inside: NDArray[np.int64],
    leaving: NDArray[np.int64],
    entering: NDArray[np.int64],
    size: int,
    table: NDArray[np.int64],
    totals: NDArray[np.int64],
    counts: NDArray[np.int32],
) -> None:
    """Add up ``table[count]`` over the classes in each window, and count its values.

    Integers: what is added when cells enter is exactly what is taken away when they leave.
    """
    held = np.zeros(size, np.int64)
    height, width = totals.shape
    for i in range(height):
        count, total = _tally(classes[i:], 0, inside, 1, held, table)
        for j in range(width):
            if j > 0:
                less, down = _tally(classes[i:], j - 1, leaving, -1, held, table)
                more, up = _tally(classes[i:], j, entering, 1, held, table)
                count, total = count + more - less, total + up + down
            totals[i, j], counts[i, j] = total, count
        _tally(classes[i:], width - 1, inside, -1, held, table)


@njit(nogil=True, cache=True)
def _tally(
    classes: NDArray[np.int32],
    left: int,
    places: NDArray[np.int64],
    step: int,
    held: NDArray[np.int64],
    table: NDArray[np.int64],
) -> tuple[int, int]:
    """Count cells in or out; return how many there are, and by how much the total grows."""
    count, growth = 0, 0
    for k in range(places.shape[0]):
        at = classes[places[k, 0], left + places[k, 1]]
        if at >= 0:
            count += 1
            growth += table[held[at] + step] - table[held[at]]
            held[at] += step
    return count, growth


@njit(nogil=True, cache=True)
def extreme_classes(
    classes: NDArray[np.int32],
    inside: NDArray[np.int64],
    leaving: NDArray[np.int64],
    entering: NDArray[np.int64],
    size: int,
    sign: int,
    found: NDArray[np.int32],
) -> None:
    """Find the most frequent class of each window (`sign` 1), or the least frequent one (-1).

    Of several the first; -1 where no cell has a class.
    """
    held = np.zeros(size, np.int64)
    height, width = found.shape
    for i in range(height):
        best = -1
        _shift(classes[i:], 0, inside, 1, held, sign, best)
        for j in range(width):
            known = False
            if j > 0:
                best, kept = _shift(classes[i:], j - 1, leaving, -1, held, sign, best)
                best, known = _shift(classes[i:], j, entering, 1, held, sign, best)
                known = known and kept
            if not known:
                best = _search(classes[i:], j, inside, held, sign)
            found[i, j] = best
        _shift(classes[i:], width - 1, inside, -1, held, sign, -1)


@njit(nogil=True, cache=True)
def _shift(
    classes: NDArray[np.int32],
    left: int,
    places: NDArray[np.int64],
    step: int,
    held: NDArray[np.int64],
    sign: int,
    best: int,
) -> tuple[int, bool]:
    """Count cells in or out; return the best class, and whether it is certain to be that."""
    known = best >= 0
    for k in range(places.shape[0]):
        at = classes[places[k, 0], left + places[k, 1]]
        if at < 0:
            continue
        held[at] += step
        if not known:
            continue
        if at == best:
            # One that became rarer, or more frequent while the rarest is sought, may have lost.
            known = step == sign and held[at] > 0
        elif held[at] > 0:
            lead = sign * (held[at] - held[best])
            if lead > 0 or (lead == 0 and at < best):
                best = at
    return best, known


@njit(nogil=True, cache=True)
def _search(
    classes: NDArray[np.int32],
    left: int,
    inside: NDArray[np.int64],
    held: NDArray[np.int64],
    sign: int,
) -> int:
    """Return the best class of all: of those that exist, or of those of the window's cells."""
    best = -1
    if held.size <= inside.shape[0]:
        for at in range(held.size):
            if held[at] > 0 and (best < 0 or sign * held[at] > sign * held[best]):
                best = at
        return best
    for k in range(inside.shape[0]):
        at = classes[inside[k, 0], left + inside[k, 1]]
        if at < 0:
            continue
        lead = 1 if best < 0 else sign * (held[at] - held[best])
        if lead > 0 or (lead == 0 and at < best):
            best = at
    return best
