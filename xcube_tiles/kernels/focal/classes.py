"""Frequencies around each cell: mode, minority, variety and entropy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.focal import order
from xcube_tiles.kernels.focal.counting import extreme_classes, numbered, sum_over_classes
from xcube_tiles.kernels.focal.moving import moves, tiles
from xcube_tiles.kernels.focal.strips import Windows, gather_windows, windows
from xcube_tiles.kernels.network import sorting_network
from xcube_tiles.kernels.nodata import is_valid
from xcube_tiles.kernels.reduce.columns import WIDTH
from xcube_tiles.kernels.reduce.order import sort_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST, _LEAST = 1, -1


def mode(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
) -> None:
    """Fill `out` with the most frequent value around each cell; of several the smallest.

    Parameters
    ----------
    window
        Integers or floats (rows, cols), C-contiguous, with rims as wide as `mask` reaches.
    mask
        Which cells of the box around the focus are in.
    nodata
        The number that means NoData, in the cells' dtype. NaN always does.
    masked
        Whether `nodata` counts.
    missing
        What stands where no cell is valid.
    out
        Cells of the dtype and the shape of `window`, without its rims.

    Examples
    --------
    >>> cells = np.array([[3, 1, 1, 255, 255]], "uint8")
    >>> out = np.empty((1, 3), "uint8")
    >>> mode(cells, np.ones((1, 3), bool), np.uint8(255), True, 255, out)
    >>> out
    array([[1, 1, 1]], dtype=uint8)
    """
    _extreme(window, mask, nodata, masked, missing, out, _MOST)


def minority(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
) -> None:
    """Fill `out` with the least frequent value around each cell; of several the smallest.

    Parameters are those of `mode`.

    Examples
    --------
    >>> cells = np.array([[3, 1, 1, 255, 255]], "uint8")
    >>> out = np.empty((1, 3), "uint8")
    >>> minority(cells, np.ones((1, 3), bool), np.uint8(255), True, 255, out)
    >>> out
    array([[3, 1, 1]], dtype=uint8)
    """
    _extreme(window, mask, nodata, masked, missing, out, _LEAST)


def variety(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
) -> None:
    """Fill `out` with the number of different values around each cell.

    Parameters are those of `mode`, but `out` is any integers or floats that hold the count.

    Examples
    --------
    >>> cells = np.array([[3, 1, 1, 255, 255, 255]], "uint8")
    >>> out = np.empty((1, 4), "int32")
    >>> variety(cells, np.ones((1, 3), bool), np.uint8(255), True, 0, out)
    >>> out
    array([[2, 1, 1, 0]], dtype=int32)
    """
    size = int(mask.sum())
    once = np.minimum(np.arange(size + 1), 1)
    totals, counts = _summed(window, mask, nodata, masked, once)
    out[...] = np.where(counts > 0, totals, out.dtype.type(missing))


def entropy(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
) -> None:
    """Fill `out` with the entropy of the values around each cell, in bits.

    Parameters are those of `mode`, but `out` is floats.

    Notes
    -----
    ``-sum(p * log2(p))`` over the different values, where p is the share of the cells that have
    one: Shannon (1948), *A mathematical theory of communication*. 0 where all cells are equal.
    Summed as integers of 2**-40 bits, hence the same wherever the window comes from.

    Examples
    --------
    >>> cells = np.array([[3, 1, 1, 255, 255, 255]], "uint8")
    >>> out = np.empty((1, 5), "float32")
    >>> entropy(cells, np.ones((1, 2), bool), np.uint8(255), True, np.nan, out)
    >>> out
    array([[ 1.,  0.,  0., nan, nan]], dtype=float32)
    """
    table, unit = _information(int(mask.sum()))
    totals, counts = _summed(window, mask, nodata, masked, table)
    bits = (table[counts] - totals) * (unit / np.maximum(counts, 1))
    out[...] = np.where(counts > 0, bits, out.dtype.type(missing))


@lru_cache(maxsize=16)
def _information(size: int) -> tuple[NDArray[np.int64], float]:
    """Return ``c * log2(c)`` of the counts c up to a size as integers, and the unit of these."""
    counts = np.arange(size + 1, dtype=np.float64)
    exact = counts * np.log2(np.maximum(counts, 1))
    # No sum over a window exceeds that of a single class, which has to stay below 2**62.
    unit = 2.0 ** -min(40, 62 - int(np.ceil(np.log2(exact[-1] + 2))))
    return np.rint(exact / unit).astype(np.int64), unit


def _extreme(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
    sign: int,
) -> None:
    """Fill `out` with the most frequent values (`sign` 1) or the least frequent ones (-1)."""
    if _is_small(window, mask):
        given = windows(window, mask, nodata, masked)
        network = sorting_network(given.size)
        gap = out.dtype.type(missing)
        places = (given.cells, given.valid, given.down, given.right)
        _extreme_runs(*places, network, sign, gap, out, *_scratch(given))
        return
    move, valid = moves(mask), is_valid(window, nodata if masked else None)
    for cols, covered in tiles(out.shape[1], mask):
        classes, values = numbered(window[:, covered], valid[:, covered])
        found = np.empty(out[:, cols].shape, np.int32)
        extreme_classes(classes, move.inside, move.leaving, move.entering, len(values), sign, found)
        # Class -1, none, is the last of the table.
        out[:, cols] = np.append(values, out.dtype.type(missing))[found]


def _summed(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    table: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the sum of ``table[count]`` over the values in each window, and its valid cells."""
    shape = (window.shape[0] - mask.shape[0] + 1, window.shape[1] - mask.shape[1] + 1)
    totals, counts = np.empty(shape, np.int64), np.empty(shape, np.int32)
    if _is_small(window, mask):
        given = windows(window, mask, nodata, masked)
        network = sorting_network(given.size)
        each = (given.cells, given.valid, given.down, given.right)
        total = np.empty(WIDTH, np.int64)
        _sum_over_runs(*each, network, table, totals, counts, *_scratch(given), total)
        return totals, counts
    move, valid = moves(mask), is_valid(window, nodata if masked else None)
    for cols, covered in tiles(shape[1], mask):
        classes, values = numbered(window[:, covered], valid[:, covered])
        places = (move.inside, move.leaving, move.entering)
        sum_over_classes(classes, *places, len(values), table, totals[:, cols], counts[:, cols])
    return totals, counts


def _is_small(window: NDArray[Any], mask: NDArray[np.bool_]) -> bool:
    return int(mask.sum()) <= order.NETWORK_CELLS[window.itemsize]


def _scratch(given: Windows) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return rows for sorted columns, one that is looked at but not used, and one of results.

    And rows of counts. They are made here, as `numpy.empty` takes long to compile; so do
    assignments to slices, in place of which the kernels have loops.
    """
    block = np.zeros((given.size + 2, WIDTH), given.cells.dtype)
    return block, np.zeros((4, WIDTH), np.int32)


@njit(nogil=True, cache=True)
def _end_runs(
    above: NDArray[Any],
    here: NDArray[Any],
    row: int,
    counts: NDArray[np.int32],
    base: int,
    sign: int,
    runs: NDArray[np.int32],
    keys: NDArray[np.int32],
) -> None:
    """Go one row down sorted columns; `keys` gets ``base + sign * length`` of runs that end, or 0.

    Short loops over few arrays, here and below: with more of them the compiler can't be sure that
    none overlap, and leaves the vector units idle.
    """
    for w in range(WIDTH):
        n = counts[w]
        ended = (row == n) | ((row < n) & (here[w] != above[w]))
        keys[w] = base + sign * runs[w] if ended else 0
    for w in range(WIDTH):
        runs[w] = 1 if keys[w] > 0 else runs[w] + 1


@njit(nogil=True, cache=True)
def _extreme_runs(
    cells: NDArray[Any],
    valid: NDArray[np.uint8],
    down: NDArray[np.int64],
    right: NDArray[np.int64],
    network: NDArray[np.int64],
    sign: int,
    missing: Any,
    out: NDArray[Any],
    block: NDArray[Any],
    spare: NDArray[np.int32],
) -> None:
    """Walk the runs of equal values in sorted columns, those of a strip in step; see `_scratch`."""
    counts, runs, keys, score = spare[0], spare[1], spare[2], spare[3]
    best = block[down.size + 1]
    base = 0 if sign == _MOST else down.size + 1
    for i in range(out.shape[0]):
        for first in range(0, out.shape[1], WIDTH):
            width = min(WIDTH, out.shape[1] - first)
            gather_windows(cells, valid, down, right, i, first, width, block, counts)
            sort_columns(block, network)
            for w in range(WIDTH):
                best[w], score[w], runs[w] = missing, 0, 1
            for t in range(1, down.size + 1):
                _end_runs(block[t - 1], block[t], t, counts, base, sign, runs, keys)
                above = block[t - 1]
                for w in range(WIDTH):
                    # Strict: of values that are equally frequent the smallest stays.
                    best[w] = above[w] if keys[w] > score[w] else best[w]
                for w in range(WIDTH):
                    score[w] = max(score[w], keys[w])
            row = out[i, first : first + width]
            for w in range(width):
                row[w] = best[w]


@njit(nogil=True, cache=True)
def _sum_over_runs(
    cells: NDArray[Any],
    valid: NDArray[np.uint8],
    down: NDArray[np.int64],
    right: NDArray[np.int64],
    network: NDArray[np.int64],
    table: NDArray[np.int64],
    totals: NDArray[np.int64],
    counts: NDArray[np.int32],
    block: NDArray[Any],
    spare: NDArray[np.int32],
    total: NDArray[np.int64],
) -> None:
    """Add up ``table[length]`` over the runs of equal values in sorted columns; count values."""
    valids, runs, keys = spare[0], spare[1], spare[2]
    for i in range(totals.shape[0]):
        for first in range(0, totals.shape[1], WIDTH):
            width = min(WIDTH, totals.shape[1] - first)
            gather_windows(cells, valid, down, right, i, first, width, block, valids)
            sort_columns(block, network)
            for w in range(WIDTH):
                total[w], runs[w] = 0, 1
            for t in range(1, down.size + 1):
                _end_runs(block[t - 1], block[t], t, valids, 0, 1, runs, keys)
                for w in range(WIDTH):
                    total[w] += table[np.uint32(keys[w])]  # table[0] is 0
            sums, sizes = totals[i, first : first + width], counts[i, first : first + width]
            for w in range(width):
                sums[w], sizes[w] = total[w], valids[w]
