"""Order statistics along one axis: median and quantiles, by sorting networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.network import median_network, sorting_network
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.kernels.reduce.columns import WIDTH, Columns, columns, over_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# A sorting network runs without branches over WIDTH columns at once. Measured on one core of an
# AVX-512 machine, float32, 30 % NaN: 2 ns a cell at a depth of 32 to 128, 2.5 at 365, 4.6 at 3000;
# quickselect takes 16 ns at every depth. So there is no second algorithm for deep stacks.


@njit(nogil=True, cache=True)
def gather(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    pad: Any,
    start: int,
    width: int,
    block: NDArray[Any],
    valid: NDArray[np.int32],
) -> None:
    """Copy columns into scratch, NoData replaced by the largest number; count the others."""
    # Loops, as assignments to slices take long to compile.
    for w in range(valid.size):
        valid[w] = 0
    for t in range(cells.shape[0]):
        for w in range(width, block.shape[1]):
            block[t, w] = pad
        row = cells[t, start : start + width]  # its indices can't be negative: vectorizes
        for w in range(width):
            value = row[w]
            missing = is_missing(value, nodata, masked)
            block[t, w] = pad if missing else value
            valid[w] += 0 if missing else 1


@njit(nogil=True, cache=True)
def sort_columns(block: NDArray[Any], network: NDArray[np.int64]) -> None:
    """Sort the columns of scratch."""
    for k in range(network.shape[0]):
        i, j = network[k, 0], network[k, 1]
        for w in range(WIDTH):
            a, b = block[i, w], block[j, w]
            block[i, w] = min(b, a)
            block[j, w] = max(a, b)


@njit(nogil=True, cache=True)
def _median(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    pad: Any,
    one: Any,
    min_count: int,
    network: NDArray[np.int64],
    out: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    block = np.empty((cells.shape[0], WIDTH), cells.dtype)
    valid = np.empty(WIDTH, np.int32)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        gather(cells, nodata, masked, pad, first, width, block, valid)
        sort_columns(block, network)
        for w in range(width):
            n = valid[w]
            if n < min_count:
                out[first + w] = np.nan
                continue
            # `one` carries the dtype to compute in: that of float cells, float64 for integers.
            out[first + w] = middle(block[(n - 1) // 2, w] * one, block[n // 2, w] * one)


@njit(nogil=True, cache=True)
def middle(low: Any, high: Any) -> Any:
    """Return the mean of two floats in their own dtype; infinite only if one of them is."""
    if low == high:  # also two equal infinities
        return low
    half = (low + high) / 2
    if np.isinf(half) and low != half:
        return low / 2 + high / 2  # the sum alone left the range
    return half


@njit(nogil=True, cache=True)
def _quantiles(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    pad: Any,
    min_count: int,
    network: NDArray[np.int64],
    shares: NDArray[np.float64],
    out: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    block = np.empty((cells.shape[0], WIDTH), cells.dtype)
    valid = np.empty(WIDTH, np.int32)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        gather(cells, nodata, masked, pad, first, width, block, valid)
        sort_columns(block, network)
        for k in range(shares.size):
            for w in range(width):
                n = valid[w]
                if n < min_count:
                    out[k, first + w] = np.nan
                    continue
                rank = shares[k] * (n - 1)
                at = min(int(rank), n - 1)
                low = np.float64(block[at, w])
                high = np.float64(block[min(at + 1, n - 1), w])
                out[k, first + w] = between(low, high, rank - at)


@njit(nogil=True, cache=True)
def between(low: float, high: float, share: float) -> float:
    """Interpolate as numpy does: from the nearer end, so that both ends are exact."""
    if low == high or share == 0.0:  # infinite differences times 0 would be NaN
        return low
    span = high - low
    if np.isinf(span):
        return low * (1.0 - share) + high * share
    return low + span * share if share < 0.5 else high - span * (1.0 - share)


def padding(given: Columns) -> Any:
    """Return the largest number of the dtype, which sorts behind every value."""
    dtype = given.cells.dtype
    return dtype.type(np.inf if dtype.kind == "f" else np.iinfo(dtype).max)


def median(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    nodata: float | None = None,
    min_count: int = 1,
    threads: int = 1,
) -> NDArray[Any]:
    """Return the median along an axis, NoData left out.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    axis
        Axis to reduce; it has at least one cell.
    nodata
        The number that means NoData; None: none does. NaN always does.
    min_count
        Least number of valid cells that give a value.
    threads
        Most threads to use.

    Returns
    -------
    ndarray
        `cells` without the axis, as floats (`average_dtype`); NaN where too few cells are valid.

    Notes
    -----
    Of an even number of values the mean of the two in the middle, computed in the dtype of float
    cells and in float64 for integers: equal to `numpy.nanmedian` to the bit, except where the
    sum of the two leaves the range, which is infinite there and right here.

    Examples
    --------
    >>> median(np.array([[1, 9], [2, 9], [9, 9]], "int16"), nodata=9)
    array([1.5, nan], dtype=float32)
    """
    given = columns(cells, axis, nodata)
    out = given.empty(average_dtype(cells.dtype))
    one = given.cells.dtype.type(1) if given.cells.dtype.kind == "f" else np.float64(1)
    network = median_network(given.depth)
    over_columns(
        _median,
        [given],
        padding(given),
        one,
        max(min_count, 1),
        network,
        outs=[out],
        threads=threads,
    )
    return given.restore(out)


def quantile(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    q: Sequence[float],
    nodata: float | None = None,
    min_count: int = 1,
    threads: int = 1,
) -> NDArray[Any]:
    """Return quantiles along an axis, NoData left out.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    axis
        Axis to reduce; it has at least one cell.
    q
        Shares between 0 and 1.
    nodata
        The number that means NoData; None: none does. NaN always does.
    min_count
        Least number of valid cells that give a value.
    threads
        Most threads to use.

    Returns
    -------
    ndarray
        As `cells`, with one layer per share in place of the axis, as floats (`average_dtype`); NaN
        where too few cells are valid.

    Notes
    -----
    Linear interpolation between order statistics, type 7 of Hyndman and Fan (1996), *Sample
    quantiles in statistical packages*; numpy's default. Ranks and interpolation are float64,
    whereas numpy rounds the ranks of float32 cells to float32.

    Examples
    --------
    >>> quantile(np.array([1, 2, 3, 4, 255], "uint8"), q=[0.25, 0.5], nodata=255)
    array([1.75, 2.5 ], dtype=float32)
    """
    given = columns(cells, axis, nodata)
    shares = np.array(q, np.float64)
    out = given.empty(average_dtype(cells.dtype), shares.size)
    network = sorting_network(given.depth)
    over_columns(
        _quantiles,
        [given],
        padding(given),
        max(min_count, 1),
        network,
        shares,
        outs=[out],
        threads=threads,
    )
    return given.restore_with(out)
