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
    numbers = np.empty(cells.shape, dtype)
    return numbers, _label(cells, missing, known, 1 if diagonal else 0, numbers)


@njit(nogil=True, cache=True)
def _label(
    cells: NDArray[Any], nodata: Any, masked: bool, reach: int, numbers: NDArray[Any]
) -> NDArray[np.int64]:
    height, width = cells.shape
    count = _count_runs(cells)
    starts, stops = np.empty(count, np.int32), np.empty(count, np.int32)
    parents = np.empty(count, numbers.dtype)
    ends = np.empty(height, np.int64)  # where the runs of each row end
    run, above = 0, 0
    for y in range(height):
        first = run
        run = _find_runs(cells[y], nodata, masked, run, starts, stops, parents)
        ends[y] = run
        if y > 0:
            _unite_rows(cells, y, reach, (above, first, run), starts, stops, parents)
        above = first
    firsts = _number_runs(parents[:run], ends, starts, width)
    run = 0
    for y in range(height):
        row = numbers[y]
        row[:] = 0
        while run < ends[y]:
            row[starts[run] : stops[run]] = parents[run]
            run += 1
    return firsts


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
def _find_runs(
    row: NDArray[Any], nodata: Any, masked: bool, run: int, starts: NDArray[np.int32],
    stops: NDArray[np.int32], parents: NDArray[Any],
) -> int:  # fmt: skip
    """Append the runs of one row that have a value; return the number of runs so far."""
    width = row.size
    start = 0
    while start < width:
        value = row[start]
        stop = start + 1
        while stop < width and row[stop] == value:
            stop += 1
        if not is_missing(value, nodata, masked):
            starts[run], stops[run], parents[run] = start, stop, run
            run += 1
        start = stop
    return run


@njit(nogil=True, cache=True)
def _unite_rows(
    cells: NDArray[Any], y: int, reach: int, runs: tuple[int, int, int],
    starts: NDArray[np.int32], stops: NDArray[np.int32], parents: NDArray[Any],
) -> None:  # fmt: skip
    """Unite the runs of a row with those of equal value above: `runs` are above, first, end."""
    above, first, end = runs
    upper, lower = above, first
    while upper < first and lower < end:
        if (
            starts[upper] < stops[lower] + reach
            and starts[lower] < stops[upper] + reach
            and cells[y - 1, starts[upper]] == cells[y, starts[lower]]
        ):
            unite(parents, upper, lower)
        # a run that ends here may, by a corner, still touch the next one of the other row
        if stops[upper] < stops[lower]:
            upper += 1
        elif stops[upper] > stops[lower]:
            lower += 1
        else:
            if reach and lower + 1 < end:
                _touch(cells, y, upper, lower + 1, starts, stops, parents)
            if reach and upper + 1 < first:
                _touch(cells, y, upper + 1, lower, starts, stops, parents)
            upper += 1
            lower += 1


@njit(nogil=True, cache=True)
def _touch(
    cells: NDArray[Any], y: int, upper: int, lower: int,
    starts: NDArray[np.int32], stops: NDArray[np.int32], parents: NDArray[Any],
) -> None:  # fmt: skip
    """Unite two runs that meet at a corner, if they do and are equal."""
    meet = stops[upper] == starts[lower] or stops[lower] == starts[upper]
    if meet and cells[y - 1, starts[upper]] == cells[y, starts[lower]]:
        unite(parents, upper, lower)


@njit(nogil=True, cache=True)
def root_of(parents: NDArray[Any], at: int) -> int:
    """Return the smallest member of a set, halving the way to it for the next who asks."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@njit(nogil=True, cache=True)
def unite(parents: NDArray[Any], one: int, two: int) -> None:
    """Unite the sets of two members; the smallest member stands for the set."""
    one, two = root_of(parents, one), root_of(parents, two)
    if one < two:
        parents[two] = one
    elif two < one:
        parents[one] = two


@njit(nogil=True, cache=True)
def _number_runs(
    parents: NDArray[Any], ends: NDArray[np.int64], starts: NDArray[np.int32], width: int
) -> NDArray[np.int64]:
    """Replace the parents of runs by the numbers of their regions; return their first cells."""
    count = np.int64(0)
    for run in range(parents.size):
        count += np.int64(parents[run] == run)
    firsts = np.empty(count, np.int64)
    region, y = 0, 0
    for run in range(parents.size):
        # a parent precedes its children: it has its number already
        if parents[run] != run:
            parents[run] = parents[parents[run]]
            continue
        while ends[y] <= run:
            y += 1
        firsts[region] = np.int64(y) * width + starts[run]
        region += 1
        parents[run] = region
    return firsts
