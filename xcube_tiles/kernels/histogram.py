"""Histograms: cells counted in bins, and ranks found by the bits of cells."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGIT = 16
"""Bits by which a pass over the cells narrows a rank down."""


@njit(nogil=True, cache=True)
def _bins(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    edges: NDArray[np.float64],
    out: NDArray[np.int32],
) -> None:
    last = edges.size - 2
    low, high = edges[0], edges[last + 1]
    scale = (last + 1) / (high - low) if high > low else 0.0
    for i in range(cells.size):
        out[i] = -1
        value = np.float64(cells[i])
        if is_missing(cells[i], nodata, masked) or not (low <= value <= high):
            continue
        # A guess for equal bins; the edges decide.
        at = min(max(int((value - low) * scale), 0), last)
        if value < edges[at] or value >= edges[at + 1]:
            at = int(np.searchsorted(edges, value, side="right")) - 1
        out[i] = min(at, last)


def bins_of(
    cells: NDArray[Any], edges: NDArray[np.float64], *, nodata: float | None = None
) -> NDArray[np.int32]:
    """Return the bin of each cell, -1 outside: a bin holds its lower edge, the last one both.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    edges
        Ascending edges, one more than bins; NaN: no cell is in any.
    nodata
        The number that means NoData; None: none does. NaN always does.

    Examples
    --------
    >>> bins_of(np.array([0.0, 1.0, 2.0, 3.0, np.nan]), np.array([0.0, 1.0, 2.0]))
    array([ 0,  1,  1, -1, -1], dtype=int32)
    """
    flat = np.ascontiguousarray(as_cells(cells)).reshape(-1)
    masked = nodata is not None and not np.isnan(nodata)
    if flat.dtype.kind != "f" and flat.dtype.itemsize == 8 and np.isfinite(edges).all():
        found = _whole_bins(flat, np.asarray(edges))
        return np.where(masked & (flat == (nodata or 0)), np.int32(-1), found).reshape(cells.shape)
    out = np.empty(flat.size, np.int32)
    _bins(flat, flat.dtype.type(nodata if masked else 0), masked, np.asarray(edges), out)
    return out.reshape(cells.shape)


def _whole_bins(cells: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return bins of integers that floats may round: they compare with the next whole edge."""
    limits = np.iinfo(cells.dtype)
    lows = np.ceil(edges[:-1])
    held = lows[lows < 2.0 ** (8 * cells.dtype.itemsize - (cells.dtype.kind == "i"))]
    held = np.maximum(held, float(limits.min)).astype(cells.dtype)
    found = np.searchsorted(held, cells, side="right").astype(np.int32) - 1
    top = floor(edges[-1])
    beyond = cells > min(top, limits.max) if top >= limits.min else True
    bins: NDArray[np.int32] = np.where(beyond, np.int32(-1), found)
    return bins


@njit(nogil=True, cache=True)
def _look_up(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    ends: NDArray[np.float64],
    table: NDArray[np.float64],
    stepped: bool,
    out: NDArray[np.float64],
) -> None:
    last = table.size - 1
    low, high = ends[0], ends[1]
    # Halves first: the difference of the ends may be beyond floats.
    scale = last / (high / 2 - low / 2) if high > low else 0.0
    for i in range(cells.size):
        out[i] = np.nan
        # Without finite cells there are no ends, and nothing to look up.
        if not is_missing(cells[i], nodata, masked) and low <= high:
            at = (min(max(np.float64(cells[i]), low), high) / 2 - low / 2) * scale
            k = max(min(int(at), last - 1), 0)
            part, upper = at - k, table[k + 1]
            if stepped:
                out[i] = upper if part > 0 else table[k]
            else:
                # Rounding must not carry it over the next number.
                out[i] = min(table[k] + (upper - table[k]) * part, upper) if part > 0 else table[k]


def look_up(
    cells: NDArray[Any],
    ends: NDArray[np.float64],
    table: NDArray[np.float64],
    *,
    nodata: float | None = None,
    stepped: bool = False,
) -> NDArray[np.float64]:
    """Return the numbers of an ascending table at cells; NaN for NoData.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape. Those beyond the ends count as the ends.
    ends
        Cells of the first and last number of the table; equal steps lie between.
    table
        Ascending numbers, at least two.
    nodata
        The number that means NoData; None: none does. NaN always does.
    stepped
        Whether a cell between two steps gets the number of the upper one; else what lies between.

    Examples
    --------
    >>> look_up(np.array([0.0, 0.25, 9.0, np.nan]), np.array([0.0, 1.0]), np.array([10.0, 20.0]))
    array([10. , 12.5, 20. ,  nan])
    """
    flat = np.ascontiguousarray(as_cells(cells)).reshape(-1)
    masked = nodata is not None and not np.isnan(nodata)
    out = np.empty(flat.size, np.float64)
    _look_up(flat, flat.dtype.type(nodata if masked else 0), masked, ends, table, stepped, out)
    return out.reshape(cells.shape)


def equal_edges(low: float, high: float, bins: int) -> NDArray[np.float64]:
    """Return the edges of equal bins; of a single number a bin on each side, as numpy has it.

    Examples
    --------
    >>> equal_edges(0, 4, 2), equal_edges(3, 3, 2)
    (array([0., 2., 4.]), array([2.5, 3. , 3.5]))
    """
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Halves first: the difference of the ends may be beyond floats.
    steps = np.arange(bins + 1) / bins
    edges: NDArray[np.float64] = low * (1 - steps) + high * steps
    edges[0], edges[-1] = low, high
    return edges


def sort_keys(cells: NDArray[Any]) -> NDArray[Any]:
    """Return unsigned integers of the cells' size that are ordered as the cells are.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape. -0.0 counts as 0.0.

    Examples
    --------
    >>> sort_keys(np.array([-1, 0, 1], "int8")), np.diff(sort_keys(np.array([-2.0, -0.0, 0.0])))[1]
    (array([127, 128, 129], dtype=uint8), np.uint64(0))
    """
    cells = np.ascontiguousarray(as_cells(cells))
    bits = 8 * cells.dtype.itemsize
    unsigned = np.dtype(f"uint{bits}")
    top = unsigned.type(1 << (bits - 1))
    if cells.dtype.kind == "u":
        return cells
    if cells.dtype.kind == "i":
        return np.asarray(cells.view(unsigned) ^ top)
    raw = (cells + cells.dtype.type(0)).view(unsigned)
    keys: NDArray[Any] = np.where(raw & top, ~raw, raw | top)
    return keys


def from_sort_keys(keys: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the cells of keys.

    Parameters
    ----------
    keys
        Unsigned integers that `sort_keys` made of cells.
    dtype
        Data type of the cells.

    Examples
    --------
    >>> from_sort_keys(sort_keys(np.array([-2.5, 7.0])), np.dtype("float64"))
    array([-2.5,  7. ])
    """
    unsigned = np.dtype(f"uint{8 * dtype.itemsize}")
    keys = keys.astype(unsigned)
    top = unsigned.type(1 << (8 * dtype.itemsize - 1))
    if dtype.kind in "ub":
        return np.asarray(keys.astype(dtype))
    if dtype.kind == "i":
        return np.asarray(keys ^ top).view(dtype)
    raw: NDArray[Any] = np.where(keys & top, keys ^ top, ~keys)
    return raw.view(dtype)


def count_keys(
    keys: NDArray[Any], shift: int, prefixes: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count digits of the keys that begin with one of some prefixes.

    Parameters
    ----------
    keys
        Unsigned integers, 1-D.
    shift
        How many bits follow the digit.
    prefixes
        Distinct ascending bits above the digit; only 0 where the digit is the highest.

    Returns
    -------
    codes, counts
        ``index of the prefix << 16 | digit`` in ascending order, and how often each occurs.

    Examples
    --------
    >>> count_keys(np.array([0x10002, 0x10002, 0x20003], "uint32"), 0, np.array([1], "uint64"))
    (array([2]), array([2]))
    """
    wide = keys.astype(np.uint64, copy=False) >> np.uint64(shift)
    digits = (wide & np.uint64((1 << DIGIT) - 1)).astype(np.int64)
    head = wide >> np.uint64(DIGIT)
    at = np.searchsorted(prefixes, head)
    at[at == len(prefixes)] = 0
    codes = ((at << DIGIT) | digits)[prefixes[at] == head] if len(prefixes) else digits[:0]
    if len(prefixes) << DIGIT <= max(4 * len(codes), 1 << DIGIT):
        counts = np.bincount(codes, minlength=1)
        some = np.flatnonzero(counts)
        return some, counts[some]
    return np.unique(codes, return_counts=True)
