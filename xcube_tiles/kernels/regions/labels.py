"""Connected cells of equal value: compiled labelling of a block, and its union with its neighbours.

A *run* is a longest stretch of cells of equal value within a row. Runs are found row by row, united
with those of the row above that they touch, and numbered; cells are written once. Every number
grows in row-major order of the region's first cell, so that a result doesn't depend on the way in
which it was put together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def label(
    cells: NDArray[Any], nodata: float | None, *, diagonal: bool, dtype: DTypeLike = np.int32
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give each region of a raster a number.

    Parameters
    ----------
    cells
        Cells (y, x), numbers.
    nodata
        The number that means NoData; None: none does. NaN always does.
    diagonal
        Whether cells that touch at a corner only are connected.
    dtype
        Data type of the numbers; it must hold the count of cells.

    Returns
    -------
    Numbers 1..n of the cells' regions, 0 for NoData, shape (y, x); and the position ``y * width +
    x`` of each region's first cell, shape (n,), ascending.

    Examples
    --------
    >>> numbers, firsts = label(np.array([[7, 7, 0], [5, 0, 7]]), 0, diagonal=True)
    >>> numbers
    array([[1, 1, 0],
           [2, 0, 1]], dtype=int32)
    >>> firsts
    array([0, 3])
    """
    cells = np.ascontiguousarray(cells)
    known = nodata is not None and not np.isnan(nodata)
    missing = cells.dtype.type(nodata if nodata is not None and known else 0)
    most = _count_runs(cells)
    starts, stops = np.empty(most, np.int32), np.empty(most, np.int32)
    parents = np.empty(most, dtype)
    ends = np.empty(len(cells), np.int64)
    runs = _unite_runs(cells, missing, known, int(diagonal), starts, stops, parents, ends)
    firsts = np.empty(runs, np.int64)
    count = _number_runs(runs, parents, ends, starts, cells.shape[1], firsts)
    numbers = np.empty(cells.shape, dtype)
    _write_runs(starts, stops, parents, ends, numbers)
    return numbers, firsts[:count].copy()


@njit(nogil=True, cache=True)
def _count_runs(cells: NDArray[Any]) -> Any:
    count = np.int64(0)
    for y in range(cells.shape[0]):
        left, right = cells[y, :-1], cells[y, 1:]
        changes = np.int64(1)
        for x in range(right.size):
            changes += np.int64(left[x] != right[x])
        count += changes
    return count


@njit(nogil=True, cache=True)
def _unite_runs(
    cells: NDArray[Any], nodata: Any, masked: bool, reach: int, starts: NDArray[np.int32],
    stops: NDArray[np.int32], parents: NDArray[Any], ends: NDArray[np.int64],
) -> Any:  # fmt: skip
    """Find the runs that have a value, fill `ends` with where each row's end; return their number.

    Each run's parent is one of its region that precedes it, or itself if none does.
    """
    above, first, run = np.int64(0), np.int64(0), np.int64(0)
    for y in range(cells.shape[0]):
        row = cells[y]
        first, start = run, np.int64(0)
        while start < row.size:
            value = row[start]
            stop = start + 1
            while stop < row.size and row[stop] == value:
                stop += 1
            if not is_missing(value, nodata, masked):
                starts[run], stops[run], parents[run] = start, stop, run
                run += 1
            start = stop
        ends[y] = run
        if y > 0:
            _unite_rows(cells[y - 1], row, reach, above, first, run, starts, stops, parents)
        above = first
    return run


@njit(nogil=True, cache=True)
def _unite_rows(
    upper_row: NDArray[Any], lower_row: NDArray[Any], reach: int, above: Any, first: Any, end: Any,
    starts: NDArray[np.int32], stops: NDArray[np.int32], parents: NDArray[Any],
) -> None:  # fmt: skip
    """Unite the runs of a row, from `first` to `end`, with equal ones of that above they touch."""
    upper, lower = above, first
    while upper < first and lower < end:
        if (
            starts[upper] < stops[lower] + reach
            and starts[lower] < stops[upper] + reach
            and upper_row[starts[upper]] == lower_row[starts[lower]]
        ):
            unite(parents, upper, lower)
        # The run that ends first touches none to come; where both end at one column, either may
        # still touch the next one of the other row by a corner.
        beside = lower + 1
        if (
            reach > 0
            and stops[upper] == stops[lower]
            and beside < end
            and starts[beside] == stops[upper]
            and upper_row[starts[upper]] == lower_row[starts[beside]]
        ):
            unite(parents, upper, beside)
        if stops[upper] <= stops[lower]:
            upper += 1
        else:
            lower += 1


@njit(nogil=True, cache=True)
def root_of(parents: NDArray[Any], at: int) -> Any:
    """Return the smallest member of a set, halving the way to it for the next who asks."""
    root = np.int64(at)
    while parents[root] != root:
        parents[root] = parents[parents[root]]
        root = np.int64(parents[root])
    return root


@njit(nogil=True, cache=True)
def unite(parents: NDArray[Any], one: int, two: int) -> None:
    """Unite the sets of two members; the smallest member stands for the set."""
    low, high = root_of(parents, one), root_of(parents, two)
    if low > high:
        low, high = high, low
    parents[high] = low


@njit(nogil=True, cache=True)
def _number_runs(
    runs: int, parents: NDArray[Any], ends: NDArray[np.int64], starts: NDArray[np.int32],
    width: int, firsts: NDArray[np.int64],
) -> Any:  # fmt: skip
    """Replace parents by the numbers of regions, find their first cells; return their number."""
    region, y = np.int64(0), np.int64(0)
    for run in range(runs):
        # a parent precedes its children: it has its number already
        if parents[run] != run:
            parents[run] = parents[parents[run]]
            continue
        while ends[y] <= run:
            y += 1
        firsts[region] = y * width + starts[run]
        region += 1
        parents[run] = region
    return region


@njit(nogil=True, cache=True)
def _write_runs(
    starts: NDArray[np.int32], stops: NDArray[np.int32], regions: NDArray[Any],
    ends: NDArray[np.int64], numbers: NDArray[Any],
) -> None:  # fmt: skip
    run = np.int64(0)
    for y in range(numbers.shape[0]):
        row = numbers[y]
        at = np.int64(0)
        while run < ends[y]:
            for x in range(at, starts[run]):
                row[x] = 0
            at = np.int64(stops[run])
            for x in range(starts[run], at):
                row[x] = regions[run]
            run += 1
        for x in range(at, row.size):
            row[x] = 0
