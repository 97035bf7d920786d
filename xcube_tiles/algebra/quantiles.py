"""Quantiles of all cells of a raster together, exact whatever the blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.algebra.histogram import from_small
from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.kernels.histogram import DIGIT, count_keys, from_sort_keys, sort_keys
from xcube_tiles.kernels.nodata import is_valid
from xcube_tiles.kernels.reduce.order import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType


def quantiles(array: xr.DataArray, shares: Sequence[float]) -> Any:
    """Return quantiles of all valid cells together; lazy if the array is.

    Parameters
    ----------
    array
        Cells of any type, in canonical form.
    shares
        Shares between 0 and 1.

    Returns
    -------
    float64, one for each share; NaN if no cell has a value.

    Notes
    -----
    Exact, whatever the blocks: cells are ordered by their bits, 16 of which are counted in a pass
    over the blocks, so that cells of 8 and 16 bits take one pass, of 32 bits two, of 64 bits four.
    Linear interpolation between order statistics, type 7 of Hyndman and Fan (1996).

    Examples
    --------
    >>> import xarray as xr
    >>> quantiles(xr.DataArray([[1.0, 2.0, 3.0, np.nan]], dims=("y", "x")), [0.25, 0.5])
    array([1.5, 2. ])
    """
    source = cell_type_of(array)
    wanted = tuple(float(share) for share in shares)
    bits = 8 * source.dtype.itemsize
    found: tuple[Any, ...] = ()
    for shift in reversed(range(0, bits, DIGIT)):
        found = (
            fold_blocks(
                _start_digit,
                array.data,
                combine=_merge_digit,
                finalize=_finish_digit,
                name="ranks",
                shape=(2 * len(wanted) + 1, 2),
                dtype=np.uint64,
                tables=found,
                source=source,
                shift=shift,
                shares=wanted,
            ),
        )
    return from_small(
        _interpolated,
        found[0].reshape(-1),
        name="quantiles",
        size=len(wanted),
        source=source,
        shares=wanted,
    )


class _Digits(NamedTuple):
    """Counts of digits below some prefixes."""

    ranks: NDArray[np.uint64] | None
    """Rows (prefix, rank below it) and (number of cells, 0); None: nothing is known yet."""

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]


def _start_digit(
    block: NDArray[Any],
    ranks: NDArray[np.uint64] | None = None,
    *,
    origin: object,
    source: CellType,
    shift: int,
    shares: tuple[float, ...],
) -> _Digits:
    keys = sort_keys(block[is_valid(block, source.nodata)])
    prefixes = np.zeros(1, np.uint64) if ranks is None else np.unique(ranks[:-1, 0])
    return _Digits(ranks, *count_keys(keys, shift, prefixes))


def _merge_digit(states: list[_Digits]) -> _Digits:
    codes, inverse = np.unique(
        np.concatenate([state.codes for state in states]), return_inverse=True
    )
    counts = np.zeros(len(codes), np.int64)
    np.add.at(counts, inverse, np.concatenate([state.counts for state in states]))
    return _Digits(states[0].ranks, codes, counts)


def _finish_digit(
    state: _Digits, *, source: CellType, shift: int, shares: tuple[float, ...]
) -> NDArray[np.uint64]:
    """Find the digit of each rank: its prefix gets that digit, its rank counts below it."""
    ranks = _first_ranks(int(state.counts.sum()), shares) if state.ranks is None else state.ranks
    found = ranks.copy()
    if not ranks[-1, 0]:
        return found
    prefixes = np.unique(ranks[:-1, 0])
    ends = np.cumsum(state.counts)
    for row, (prefix, rank) in enumerate(ranks[:-1]):
        first = np.searchsorted(state.codes, np.searchsorted(prefixes, prefix) << DIGIT)
        before = int(ends[first - 1]) if first else 0
        at = np.searchsorted(ends, before + int(rank), side="right")
        below = int(ends[at - 1]) - before if at > first else 0
        digit = int(state.codes[at]) & ((1 << DIGIT) - 1)
        found[row] = (int(prefix) << DIGIT) | digit, int(rank) - below
    return found


def _first_ranks(count: int, shares: tuple[float, ...]) -> NDArray[np.uint64]:
    """Return the ranks on both sides of each share, without prefix, and the number of cells."""
    rows = []
    for share in shares:
        rank = share * max(count - 1, 0)
        low = min(int(rank), max(count - 1, 0))
        rows += [(0, low), (0, min(low + 1, max(count - 1, 0)))]
    return np.array([*rows, (count, 0)], np.uint64)


def _interpolated(
    ranks: NDArray[np.uint64], *, source: CellType, shares: tuple[float, ...]
) -> NDArray[np.float64]:
    count = int(ranks[-2])
    if not count:
        return np.full(len(shares), np.nan)
    keys = ranks[:-2:2]
    low, high = (from_sort_keys(keys[at::2], source.dtype).astype(np.float64) for at in (0, 1))
    part = np.array(shares) * (count - 1)
    part -= np.floor(part)
    return np.array([between(*ends) for ends in zip(low, high, part, strict=True)], np.float64)
