"""The cheapest way to every cell: Dijkstra's search over a raster.

A step between two cells costs its length times the mean of what both cost to cross. Costs add up in
float64 from the source on. Adding is monotone, rounding included, so that the least cost of a cell
is one number, whatever the order of the search.

E. W. Dijkstra (1959): Numerische Mathematik 1, 269-271.
C. D. Tomlin (2010): Propagating radial waves of travel cost in a grid. International Journal of
Geographical Information Science 24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.distance.buckets import bucket_width, search_by_buckets
from xcube_tiles.kernels.nodata import as_cells, average_dtype, is_valid

if TYPE_CHECKING:
    from numpy.typing import NDArray

START = np.int8(-1)
"""The way to a source, and to a cell that nothing leads to."""

_ROWS = (-1, 0, 0, 1, -1, -1, 1, 1)
_COLS = (0, -1, 1, 0, -1, 1, -1, 1)
# the neighbours by number: the four by edges first

_CHILDREN = 4
"""Children of an entry of the heap: a flat heap touches fewer lines of memory than a binary one."""


def least_costs(
    friction: NDArray[Any],
    nodata: float | None,
    sources: NDArray[np.int64],
    *,
    edges: tuple[float, float],
    diagonal: bool,
    limit: float = np.inf,
    end: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Find the least cost of reaching each cell from any of the sources.

    Parameters
    ----------
    friction
        Cost of crossing a unit of length, (y, x). Negative and infinite cells, and those without a
        value, can't be crossed; those of 0 cost nothing.
    nodata
        The number that means NoData; None: none does. NaN always does.
    sources
        Positions ``y * width + x`` of the cells to start from; those that can't be crossed don't
        count.
    edges
        Height and width of a cell.
    diagonal
        Whether a step may go over a corner.
    limit
        Largest cost of interest.
    end
        Position of a cell at which to stop; None: find all.

    Returns
    -------
    Costs, NaN where no way leads; and the number of the neighbour that the cheapest way comes from
    (see `trace`), `START` at sources. Both (y, x). With `end` cells dearer than it may have
    costs that are too high.

    Examples
    --------
    >>> friction = np.array([[1.0, 1.0, 5.0], [1.0, np.nan, 1.0]])
    >>> least_costs(friction, None, np.array([0]), edges=(10.0, 10.0), diagonal=False)[0]
    array([[ 0., 10., 40.],
           [10., nan, 70.]])
    """
    width = friction.shape[1]
    framed = _framed(as_cells(friction), nodata)
    stride = width + 2
    costs = np.full(framed.shape, np.inf)
    ways = np.full(framed.shape, START)
    steps = np.array([row * stride + col for row, col in zip(_ROWS, _COLS, strict=True)])
    # half of a step lies in each of the two cells
    halves = np.hypot(np.multiply(_ROWS, edges[0]), np.multiply(_COLS, edges[1])) / 2
    count = 8 if diagonal else 4
    rows, cols = np.divmod(sources, width)
    stop = -1 if end is None else (end // width + 1) * stride + end % width + 1
    given = (framed.ravel(), (rows + 1) * stride + cols + 1, steps[:count], halves[:count])
    found_by = (costs.ravel(), ways.ravel())
    bucket = bucket_width(framed, halves[:count])
    if bucket is None:
        _search(*given, limit, stop, *found_by)
    else:
        buckets = int(2 * float(framed.max()) * halves[:count].max() / bucket) + 3
        search_by_buckets(*given, limit, stop, bucket, buckets, *found_by)
    found = costs[1:-1, 1:-1]
    found[np.isinf(found)] = np.nan
    return found, ways[1:-1, 1:-1]


def _framed(friction: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    """Return friction in floats that hold it, in a frame of -1: the search needs no bounds."""
    height, width = friction.shape
    framed = np.full((height + 2, width + 2), -1, average_dtype(friction.dtype))
    passable = is_valid(friction, nodata) & (friction >= 0)
    if friction.dtype.kind == "f":
        passable &= friction < np.inf
    np.copyto(framed[1:-1, 1:-1], friction, where=passable, casting="unsafe")
    return framed


@njit(nogil=True, cache=True)
def _search(
    friction: NDArray[Any], sources: NDArray[np.int64], steps: NDArray[np.int64],
    halves: NDArray[np.float64], limit: float, stop: int,
    costs: NDArray[np.float64], ways: NDArray[np.int8],
) -> None:  # fmt: skip
    keys, cells = np.empty(1024, np.float64), np.empty(1024, np.int64)
    size: Any = np.int64(0)
    for source in sources:
        if friction[source] >= 0 and costs[source] > 0:
            costs[source] = 0
            if size == keys.size:
                keys, cells = _grown(keys), _grown(cells)
            size = _push(keys, cells, size, 0.0, source)
    while size > 0:
        cost, cell = keys[0], cells[0]
        size = _pop(keys, cells, size)
        # A cell that became cheaper is there twice: the dearer entry is stale.
        if cost > costs[cell]:
            continue
        if cell == stop:
            return
        own = np.float64(friction[cell])
        if size + steps.size > keys.size:
            keys, cells = _grown(keys), _grown(cells)
        for way in range(steps.size):
            beside = cell + steps[way]
            other = np.float64(friction[beside])
            total = cost + (own + other) * halves[way]
            if other >= 0 and total < costs[beside] and total <= limit:
                costs[beside] = total
                ways[beside] = way
                size = _push(keys, cells, size, total, beside)


@njit(nogil=True, cache=True)
def _grown(array: NDArray[Any]) -> NDArray[Any]:
    larger = np.empty(2 * array.size, array.dtype)
    for at in range(array.size):  # a slice would take a second to compile
        larger[at] = array[at]
    return larger


@njit(nogil=True, cache=True)
def _push(
    keys: NDArray[np.float64], cells: NDArray[np.int64], size: int, key: float, cell: int
) -> int:
    """Add an entry to a heap; return its size."""
    at: Any = np.int64(size)
    while at > 0:
        parent = (at - 1) // _CHILDREN
        if keys[parent] <= key:
            break
        keys[at], cells[at] = keys[parent], cells[parent]
        at = parent
    keys[at], cells[at] = key, cell
    return size + 1


@njit(nogil=True, cache=True)
def _pop(keys: NDArray[np.float64], cells: NDArray[np.int64], size: int) -> int:
    """Remove the least entry of a heap; return its size."""
    size -= 1
    key, cell = keys[size], cells[size]
    at: Any = np.int64(0)
    while True:
        first = at * _CHILDREN + 1
        if first >= size:
            break
        least = first
        for child in range(first + 1, min(first + _CHILDREN, size)):
            if keys[child] < keys[least]:
                least = child
        if keys[least] >= key:
            break
        keys[at], cells[at] = keys[least], cells[least]
        at = least
    keys[at], cells[at] = key, cell
    return size


def trace(ways: NDArray[np.int8], costs: NDArray[np.float64], end: int) -> NDArray[np.int64]:
    """Return the cells of the cheapest way to one of them, from its source on.

    Parameters
    ----------
    ways, costs
        What `least_costs` gave.
    end
        Position ``y * width + x`` of the cell to reach.

    Returns
    -------
    Positions of the cells, (n,); none if no way leads there.

    Examples
    --------
    >>> friction = np.array([[1.0, 9.0, 1.0], [1.0, 1.0, 1.0]])
    >>> start = np.array([0])
    >>> costs, ways = least_costs(friction, None, start, edges=(1.0, 1.0), diagonal=False)
    >>> trace(ways, costs, 2)
    array([0, 3, 4, 5, 2])
    """
    row, col = divmod(end, ways.shape[1])
    if np.isnan(costs[row, col]):
        return np.empty(0, np.int64)
    cells = [end]
    while ways[row, col] != START:
        way = ways[row, col]
        row, col = row - _ROWS[way], col - _COLS[way]
        cells.append(row * ways.shape[1] + col)
    return np.array(cells[::-1])
