"""Which combinations of values several arrays have, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _hash(cells: NDArray[np.int64], at: int) -> Any:
    mixed = np.uint64(0)
    for layer in range(cells.shape[0]):
        mixed = (mixed ^ np.uint64(cells[layer, at])) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


@njit(nogil=True, cache=True)
def _same(cells: NDArray[np.int64], one: int, two: int) -> bool:
    same = True
    for layer in range(cells.shape[0]):
        same &= cells[layer, one] == cells[layer, two]
    return same


@njit(nogil=True, cache=True)
def _codes(
    cells: NDArray[np.int64], missing: NDArray[np.bool_], codes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Write the number of each cell's combination; return the first cell of each."""
    size = 1024
    slots = np.full(size, -1, np.int64)
    firsts = np.empty(size // 2, np.int64)
    found, before = 0, -1
    for at in range(cells.shape[1]):
        if missing[at]:
            codes[at] = -1
            continue
        if before >= 0 and _same(cells, at, before):  # classes lie in patches
            codes[at] = codes[before]
            continue
        before = at
        slot = np.int64(_hash(cells, at) & np.uint64(size - 1))
        while slots[slot] >= 0 and not _same(cells, at, firsts[slots[slot]]):
            slot = (slot + 1) & (size - 1)
        if slots[slot] < 0:
            slots[slot] = found
            firsts[found] = at
            found += 1
        codes[at] = slots[slot]
        if 2 * found >= size:
            size *= 4
            grown = np.empty(size // 2, np.int64)
            grown[:found] = firsts[:found]
            firsts = grown
            slots = np.full(size, -1, np.int64)
            for code in range(found):
                slot = np.int64(_hash(cells, firsts[code]) & np.uint64(size - 1))
                while slots[slot] >= 0:
                    slot = (slot + 1) & (size - 1)
                slots[slot] = code
    return firsts[:found].copy()


def combinations(
    layers: Sequence[NDArray[Any]], missing: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each combination of values a number.

    Parameters
    ----------
    layers
        Integers or bool, arrays of equal shape.
    missing
        Which cells have no value in some layer.

    Returns
    -------
    codes : ndarray of int64
        Number of each cell's combination, from 0 in order of appearance; -1 for missing cells.
    keys : ndarray of int64
        The values of each combination, as (layer, combination); uint64 as int64 of equal bits.

    Examples
    --------
    >>> layers = [np.array([3, 3, 1, 3]), np.array([0, 1, 0, 0])]
    >>> combinations(layers, np.zeros(4, bool))
    (array([0, 1, 2, 0]), array([[3, 3, 1],
           [0, 1, 0]]))
    """
    shape = missing.shape
    cells = np.empty((len(layers), missing.size), np.int64)
    for layer, row in zip(layers, cells, strict=True):
        row[:] = layer.ravel().astype(np.int64, copy=False)
    codes = np.empty(missing.size, np.int64)
    firsts = _codes(cells, np.ascontiguousarray(missing).ravel(), codes)
    return codes.reshape(shape), cells[:, firsts]
