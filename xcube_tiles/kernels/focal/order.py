"""Focal order statistics: the median and percentiles of the cells around each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.focal.moving import moves, tiles
from xcube_tiles.kernels.focal.ranks import order_statistics, ranked
from xcube_tiles.kernels.focal.strips import gather_windows, windows
from xcube_tiles.kernels.network import lower_network
from xcube_tiles.kernels.nodata import is_valid
from xcube_tiles.kernels.reduce.columns import WIDTH
from xcube_tiles.kernels.reduce.order import between, middle, sort_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

NETWORK_CELLS = {1: 225, 2: 169, 4: 121, 8: 64}
"""Largest window that a network sorts, by the bytes of a cell: at about that size, ranks take as
long. Measured on one core, ns a cell, float32: network 15 at 3x3, 30 at 5x5, 56 at 7x7, 175 at
11x11; ranks 160 at 11x11, 240 at 25x25."""

_MIDDLE = -1.0
"""In place of a share: the median, whose two middle cells count alike."""


def median(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
) -> None:
    """Fill `out` with the median of the cells around each cell.

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
        Floats (`average_dtype`), of the shape of `window` without its rims.

    Notes
    -----
    Of an even number of values the mean of the two in the middle, computed in the dtype of float
    cells and in float64 for integers, as `numpy.nanmedian` does.

    Examples
    --------
    >>> cells, out = np.array([[3, 1, 2, 255, 255]], "uint8"), np.empty((1, 3), "float32")
    >>> median(cells, np.ones((1, 3), bool), np.uint8(255), True, np.nan, out)
    >>> out
    array([[2. , 1.5, 2. ]], dtype=float32)
    """
    _statistic(window, mask, nodata, masked, missing, out, _MIDDLE)


def percentile(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
    *,
    q: float,
) -> None:
    """Fill `out` with a percentile of the cells around each cell.

    Parameters
    ----------
    window, mask, nodata, masked, missing, out
        As for `median`.
    q
        Share of the values that lie below, 0 to 1.

    Notes
    -----
    Linear interpolation between order statistics, type 7 of Hyndman and Fan (1996), *Sample
    quantiles in statistical packages*; numpy's default. Computed in float64.

    Examples
    --------
    >>> cells, out = np.array([[1, 2, 3, 255, 255]], "uint8"), np.empty((1, 3), "float32")
    >>> percentile(cells, np.ones((1, 3), bool), np.uint8(255), True, np.nan, out, q=0.25)
    >>> out
    array([[1.5 , 2.25, 3.  ]], dtype=float32)
    """
    _statistic(window, mask, nodata, masked, missing, out, float(q))


def _statistic(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: Any,
    masked: bool,
    missing: Any,
    out: NDArray[Any],
    share: float,
) -> None:
    size = int(mask.sum())
    one = window.dtype.type(1) if window.dtype.kind == "f" else np.float64(1)
    gap = out.dtype.type(missing)
    if size > NETWORK_CELLS[window.itemsize]:
        _by_ranks(window, mask, is_valid(window, nodata if masked else None), share, one, gap, out)
        return
    given = windows(window, mask, nodata, masked)
    last = int((0.5 if share == _MIDDLE else share) * (size - 1)) + 1
    network = lower_network(size, min(last, size - 1))
    _by_network(given.cells, given.valid, given.down, given.right, network, share, one, gap, out)


@njit(nogil=True, cache=True)
def _by_network(
    cells: NDArray[Any],
    valid: NDArray[np.uint8],
    down: NDArray[np.int64],
    right: NDArray[np.int64],
    network: NDArray[np.int64],
    share: float,
    one: Any,
    missing: Any,
    out: NDArray[Any],
) -> None:
    block = np.empty((down.size, WIDTH), cells.dtype)
    counts = np.empty(WIDTH, np.int32)
    at = 0.5 if share == _MIDDLE else share
    for i in range(out.shape[0]):
        for first in range(0, out.shape[1], WIDTH):
            width = min(WIDTH, out.shape[1] - first)
            gather_windows(cells, valid, down, right, i, first, width, block, counts)
            sort_columns(block, network)
            for w in range(width):
                n = counts[w]
                if n == 0:
                    out[i, first + w] = missing
                    continue
                k = min(int(at * (n - 1)), n - 1)
                low, high = block[k, w], block[min(k + 1, n - 1), w]
                out[i, first + w] = _value(low, high, n, share, one)


def _by_ranks(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    share: float,
    one: Any,
    missing: Any,
    out: NDArray[Any],
) -> None:
    move, at = moves(mask), 0.5 if share == _MIDDLE else share
    for cols, covered in tiles(out.shape[1], mask):
        ranks, values = ranked(window[:, covered], valid[:, covered])
        result = out[:, cols]
        lows, highs, counts = (np.zeros(result.shape, np.int32) for _ in range(3))
        order_statistics(ranks, move.inside, move.leaving, move.entering, at, lows, highs, counts)
        _values(values, lows, highs, counts, share, one, missing, result)


@njit(nogil=True, cache=True)
def _values(
    values: NDArray[Any],
    lows: NDArray[np.int32],
    highs: NDArray[np.int32],
    counts: NDArray[np.int32],
    share: float,
    one: Any,
    missing: Any,
    out: NDArray[Any],
) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            n = counts[i, j]
            if n == 0:
                out[i, j] = missing
                continue
            low, high = values[lows[i, j]], values[highs[i, j]]
            out[i, j] = _value(low, high, n, share, one)


@njit(nogil=True, cache=True)
def _value(low: Any, high: Any, count: int, share: float, one: Any) -> Any:
    """Return the statistic that lies between two cells; `low` is the one at or below it."""
    if share == _MIDDLE:
        # `one` carries the dtype to compute in: that of float cells, float64 for integers.
        return low * one if count % 2 else middle(low * one, high * one)
    rank = share * (count - 1)
    return between(np.float64(low), np.float64(high), rank - min(int(rank), count - 1))
