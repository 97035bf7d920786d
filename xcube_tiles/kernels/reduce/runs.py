"""Frequencies along one axis: mode, minority and variety, from the runs of sorted values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.network import sorting_network
from xcube_tiles.kernels.reduce.columns import WIDTH, Columns, columns, over_columns
from xcube_tiles.kernels.reduce.order import gather, padding, sort_columns

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_MODE, _MINORITY, _VARIETY = 0, 1, 2


@njit(nogil=True, cache=True)
def _runs(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    pad: Any,
    min_count: int,
    network: NDArray[np.int64],
    what: int,
    missing: Any,
    out: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    """Walk the runs of equal values in sorted columns."""
    block = np.empty((cells.shape[0], WIDTH), cells.dtype)
    valid = np.empty(WIDTH, np.int32)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        gather(cells, nodata, masked, pad, first, width, block, valid)
        sort_columns(block, network)
        for w in range(width):
            n = valid[w]
            if n < min_count:
                out[first + w] = missing
                continue
            best, length, runs, begin = 0, 0, 0, 0
            for t in range(1, n + 1):
                if t < n and block[t, w] == block[begin, w]:
                    continue
                run = t - begin
                # Strict comparisons: of values that are equally frequent the smallest stays.
                if runs == 0 or (run > length if what == _MODE else run < length):
                    best, length = begin, run
                runs += 1
                begin = t
            out[first + w] = runs if what == _VARIETY else block[best, w]


def mode(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    nodata: float | None = None,
    min_count: int = 1,
    missing: float = 0,
    threads: int = 1,
) -> NDArray[Any]:
    """Return the most frequent value along an axis; of several the smallest.

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
    missing
        What stands where too few cells are valid.
    threads
        Most threads to use.

    Returns
    -------
    ndarray
        `cells` without the axis, in its dtype.

    Examples
    --------
    >>> mode(np.array([3, 1, 3, 1, 255, 255, 255], "uint8"), nodata=255)
    array(1, dtype=uint8)
    """
    return _run_value(cells, axis, _MODE, nodata, min_count, missing, threads)


def minority(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    nodata: float | None = None,
    min_count: int = 1,
    missing: float = 0,
    threads: int = 1,
) -> NDArray[Any]:
    """Return the least frequent value along an axis; of several the smallest.

    Parameters and result are those of `mode`.

    Examples
    --------
    >>> minority(np.array([3, 1, 3, 2, 1], "uint8"))
    array(2, dtype=uint8)
    """
    return _run_value(cells, axis, _MINORITY, nodata, min_count, missing, threads)


def _run_value(
    cells: NDArray[Any],
    axis: int,
    what: int,
    nodata: float | None,
    min_count: int,
    missing: float,
    threads: int,
) -> NDArray[Any]:
    given = columns(cells, axis, nodata)
    dtype = given.cells.dtype
    return _walk(given, what, dtype, min_count, dtype.type(missing), threads).view(
        cells.dtype if cells.dtype.kind == "b" else dtype
    )


def variety(
    cells: NDArray[Any], axis: int = 0, *, nodata: float | None = None, threads: int = 1
) -> NDArray[np.int32]:
    """Return the number of different values along an axis, NoData left out.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    axis
        Axis to reduce; it has at least one cell.
    nodata
        The number that means NoData; None: none does. NaN always does.
    threads
        Most threads to use.

    Returns
    -------
    ndarray of int32
        `cells` without the axis; 0 where no cell is valid.

    Examples
    --------
    >>> variety(np.array([[3, 0], [1, 0], [3, 0]], "uint8"), nodata=0)
    array([2, 0], dtype=int32)
    """
    given = columns(cells, axis, nodata)
    return _walk(given, _VARIETY, np.int32, 0, np.int32(0), threads)


def _walk(
    given: Columns, what: int, dtype: DTypeLike, min_count: int, missing: Any, threads: int
) -> NDArray[Any]:
    out = given.empty(dtype)
    network = sorting_network(given.depth)
    over_columns(
        _runs,
        [given],
        padding(given),
        min_count,
        network,
        what,
        missing,
        outs=[out],
        threads=threads,
    )
    return given.restore(out)
