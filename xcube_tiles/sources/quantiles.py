"""Exact percentiles of a raster that is read block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Blocks = Callable[[], Iterable[NDArray[Any]]]

PERCENTILES = np.arange(1, 100) / 100
"""Shares of valid cells below the 99 percentiles."""

IN_MEMORY = 2**25
"""Most cells that are gathered and sorted at once: a quarter of a gigabyte of float64."""

_DIGIT = 16
"""Bits that one pass over the raster settles; their histogram has 65536 bins."""


def percentiles(
    blocks: Blocks, *, count: int, dtype: np.dtype[Any], in_memory: int = IN_MEMORY
) -> tuple[float, ...]:
    """Return the 1st to 99th percentile.

    Parameters
    ----------
    blocks
        Returns the valid cells of each block, 1-D and finite; called once for each pass.
    count
        Their number in total, at least 1.
    dtype
        Their dtype.
    in_memory
        Up to this many cells wider than 16 bits are gathered in one pass. Others are counted by
        their leading 16 bits, then, where a percentile lies, by the next 16, and so on.

    Notes
    -----
    Linear interpolation between order statistics in float64, as `numpy.percentile` does; both ways
    are exact and give the same numbers.

    Examples
    --------
    >>> percentiles(lambda: [np.array([3]), np.array([1, 2])], count=3, dtype=np.dtype("int64"))[49]
    2.0
    """
    position = (count - 1) * PERCENTILES
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, count - 1)
    ranks = np.unique(np.concatenate([low, high]))
    # Counting numbers of 16 bits is one pass and quicker than sorting, however few they are.
    sort = count <= in_memory and 8 * dtype.itemsize > _DIGIT
    values = _gathered(blocks, ranks) if sort else _counted(blocks, ranks, dtype)
    held = values.astype(np.float64)
    first, last = held[np.searchsorted(ranks, low)], held[np.searchsorted(ranks, high)]
    share, span = position - low, last - first
    # From the nearer end, so that a share of 1 gives the upper value to the bit.
    between = np.where(share < 0.5, first + span * share, last - span * (1 - share))
    return tuple(between.tolist())


def _gathered(blocks: Blocks, ranks: NDArray[np.int64]) -> NDArray[Any]:
    cells = np.concatenate(list(blocks()))
    cells.partition(ranks)
    return cells[ranks]


def _counted(blocks: Blocks, ranks: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Find order statistics digit by digit of an unsigned code that sorts as the cells do."""
    bits = 8 * max(dtype.itemsize, 2)
    prefixes = np.zeros(len(ranks), np.uint64)
    left = ranks.copy()
    for shift in range(bits - _DIGIT, -1, -_DIGIT):
        known = np.unique(prefixes)
        histogram = np.zeros((len(known), 1 << _DIGIT), np.int64)
        for block in blocks():
            _count_digits(_code(block), known, shift, bits, histogram)
        row = np.searchsorted(known, prefixes)
        below = histogram.cumsum(axis=1)
        digit = np.array(
            [np.searchsorted(below[at], rank, "right") for at, rank in zip(row, left, strict=True)]
        )
        left -= np.where(digit > 0, below[row, digit - 1], 0)
        prefixes = (prefixes << np.uint64(_DIGIT)) | digit.astype(np.uint64)
    return _decode(prefixes, dtype)


def _count_digits(
    code: NDArray[Any],
    known: NDArray[np.uint64],
    shift: int,
    bits: int,
    histogram: NDArray[np.int64],
) -> None:
    digit = (code >> code.dtype.type(shift)).astype(np.intp)
    if shift + _DIGIT < bits:
        prefix = (code >> code.dtype.type(shift + _DIGIT)).astype(np.uint64)
        row = np.minimum(np.searchsorted(known, prefix), len(known) - 1)
        wanted = known[row] == prefix
        digit = (row[wanted] << _DIGIT) | (digit[wanted] & ((1 << _DIGIT) - 1))
    histogram += np.bincount(digit, minlength=histogram.size).reshape(histogram.shape)


def _code(cells: NDArray[Any]) -> NDArray[Any]:
    """Return unsigned integers that sort as the cells do."""
    if cells.dtype.itemsize < 2:
        cells = cells.astype(np.int16)
    if cells.dtype.kind == "u":
        return cells
    bits = 8 * cells.dtype.itemsize
    kind = np.dtype(f"u{cells.dtype.itemsize}")
    sign, full = kind.type(1 << (bits - 1)), kind.type((1 << bits) - 1)
    # Adding zero makes -0.0 and 0.0 one value.
    plain = cells + cells.dtype.type(0) if cells.dtype.kind == "f" else cells
    raw = np.ascontiguousarray(plain).view(kind)
    if cells.dtype.kind == "i":
        return np.asarray(raw ^ sign)
    return np.asarray(np.where(raw & sign, raw ^ full, raw | sign))


def _decode(code: NDArray[np.uint64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.itemsize < 2:
        return _decode(code, np.dtype(np.int16)).astype(dtype)
    if dtype.kind == "u":
        return code.astype(dtype)
    bits = 8 * dtype.itemsize
    sign, full = np.uint64(1 << (bits - 1)), np.uint64((1 << bits) - 1)
    flipped = code ^ sign if dtype.kind == "i" else np.where(code & sign, code ^ sign, code ^ full)
    return flipped.astype(f"u{dtype.itemsize}").view(dtype)
