"""Which zone each cell is in, as a number that counts from 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A table of places is filled for every block: beyond some entries a cell, search is faster.
_SMALL_TABLE = 1 << 16
_ENTRIES_PER_CELL = 4


class Places(NamedTuple):
    """Where the cells of a block belong."""

    where: NDArray[np.int32]
    """Index into `ids` for each cell, -1 outside all zones; in the shape of the block."""

    ids: NDArray[np.int64]
    """Those labels that the block has, as indices into the labels, in order of appearance."""


def as_keys(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return integers as int64 of the same order; uint64 is shifted by 2**63.

    Parameters
    ----------
    values
        Integers or bool.

    Examples
    --------
    >>> as_keys(np.array([0, 2**64 - 1], "uint64")).tolist()
    [-9223372036854775808, 9223372036854775807]
    """
    if values.dtype == np.uint64:
        return (values ^ np.uint64(1 << 63)).view(np.int64)
    return values.astype(np.int64, copy=False)


@njit(nogil=True, cache=True)
def _by_table(
    keys: NDArray[np.int64],
    low: np.int64,
    table: NDArray[np.int32],
    ids: NDArray[np.int64],
    where: NDArray[np.int32],
) -> int:
    """Look each key up: the table has -1 outside, -2 - index for labels not met yet."""
    found = 0
    size = np.uint64(table.size)
    for i in range(keys.size):
        # Unsigned, one comparison keeps both ends, and differences that wrap lie outside.
        at = np.uint64(keys[i] - low)
        if at >= size:
            where[i] = -1
            continue
        place = table[at]
        if place < -1:
            ids[found] = -2 - place
            place = np.int32(found)
            table[at] = place
            found += 1
        where[i] = place
    return found


@njit(nogil=True, cache=True)
def _by_search(
    keys: NDArray[np.int64],
    labels: NDArray[np.int64],
    table: NDArray[np.int32],
    ids: NDArray[np.int64],
    where: NDArray[np.int32],
) -> int:
    """Search each key among sorted labels; neighbours mostly have the same."""
    found, last = 0, np.int32(-1)
    for i in range(keys.size):
        key = keys[i]
        if i == 0 or key != keys[i - 1]:
            at = np.searchsorted(labels, key)
            last = np.int32(-1)
            if at < labels.size and labels[at] == key:
                if table[at] < 0:
                    ids[found] = at
                    table[at] = found
                    found += 1
                last = table[at]
        where[i] = last
    return found


def locate(zones: NDArray[Any], labels: NDArray[Any]) -> Places:
    """Return the place of each cell among the labels that a block has.

    Parameters
    ----------
    zones
        Integers or bool of any shape.
    labels
        Distinct labels in ascending order. Zones that aren't among them are outside.

    Examples
    --------
    >>> where, ids = locate(np.array([[7, 5], [9, 7]]), np.array([3, 5, 7]))
    >>> where, ids
    (array([[ 0,  1],
           [-1,  0]], dtype=int32), array([2, 1]))
    """
    keys, sorted_keys = as_keys(zones), as_keys(np.asarray(labels))
    where = np.empty(zones.shape, np.int32)
    ids = np.empty(min(keys.size, sorted_keys.size), np.int64)
    if not ids.size:
        where[...] = -1
        return Places(where, ids)
    flat, out = np.ascontiguousarray(keys).reshape(-1), where.reshape(-1)
    low = sorted_keys[0]
    span = int(sorted_keys[-1]) - int(low) + 1
    if span <= max(_SMALL_TABLE, _ENTRIES_PER_CELL * keys.size):
        table = np.full(span, -1, np.int32)
        table[sorted_keys - low] = np.arange(-2, -2 - sorted_keys.size, -1)
        found = _by_table(flat, low, table, ids, out)
    else:
        table = np.full(sorted_keys.size, -1, np.int32)
        found = _by_search(flat, sorted_keys, table, ids, out)
    return Places(where, ids[:found])


@njit(nogil=True, cache=True)
def _mark(keys: NDArray[np.int64], low: np.int64, seen: NDArray[np.bool_]) -> None:
    for i in range(keys.size):
        seen[keys[i] - low] = True


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct numbers of an array in ascending order.

    Parameters
    ----------
    values
        Integers of any shape.

    Examples
    --------
    >>> distinct(np.array([[7, 5], [9, 7]]))
    array([5, 7, 9])
    """
    if not values.size or values.dtype == np.uint64:
        return np.unique(values)
    keys = np.ascontiguousarray(as_keys(values)).reshape(-1)
    low, high = keys.min(), keys.max()
    span = int(high) - int(low) + 1
    if span > max(_SMALL_TABLE, _ENTRIES_PER_CELL * keys.size):
        return np.unique(values)
    seen = np.zeros(span, np.bool_)
    _mark(keys, low, seen)
    labels: NDArray[Any] = (np.flatnonzero(seen) + low).astype(values.dtype)
    return labels
