"""Depressions: raised to the level at which their water runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.hydrology.directions import DOWN, RIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fill(
    cells: NDArray[Any],
    valid: NDArray[np.bool_],
    *,
    gradient: bool,
    nodata: float | None = None,
) -> NDArray[Any]:
    """Return elevations without depressions.

    Parameters
    ----------
    cells
        Elevations (rows, cols); floats where there is a gradient.
    valid
        Where cells have a value; water leaves over the raster's edge and into cells that have none.
    gradient
        Make every cell but the outlets higher than a neighbour, by the least step that its dtype
        has: next to 0 the smallest normal number, as smaller ones vanish when slopes are computed.
    nodata
        A number that no cell is raised to; None: any will do.

    Returns
    -------
    ndarray
        As `cells`; those that aren't valid stay as they are.

    Notes
    -----
    Priority-flood: Barnes, Lehman and Mulla (2014), *Priority-flood: an optimal depression-filling
    and watershed-labeling algorithm for digital elevation models*, algorithms 2 and 3.

    Examples
    --------
    >>> pit = np.array([[5, 5, 5], [5, 1, 4], [5, 5, 5]])
    >>> fill(pit, np.ones((3, 3), bool), gradient=False)[1]
    array([5, 4, 4])
    """
    out = np.ascontiguousarray(cells).copy()
    labels = seeds(np.ascontiguousarray(valid), (True, True, True, True))[0]
    flood(out, labels, gradient, steps(cells.dtype, nodata))
    return out


def steps(dtype: np.dtype[Any], nodata: float | None = None) -> tuple[Any, Any, Any]:
    """Return infinity, the least step and the number that no cell is raised to, as floats."""
    of = dtype.type if dtype.kind == "f" else np.float64
    return of(np.inf), of(np.finfo(of).smallest_normal), of(np.nan if nodata is None else nodata)


@njit(nogil=True, cache=True)
def seeds(
    valid: NDArray[np.bool_], edges: tuple[bool, bool, bool, bool]
) -> tuple[NDArray[np.int32], int]:
    """Return a label for each cell that a flood of a block starts from, and how many there are.

    0 for outlets; 1, 2 ... for other cells of the block's border; -1 for cells that a flood has to
    reach, -2 for NoData. `edges` tells which sides of the block are the raster's: top, bottom,
    left, right.
    """
    height, width = valid.shape
    labels, count = np.full((height, width), -2, np.int32), 1
    for i in range(height):
        for j in range(width):
            if not valid[i, j]:
                continue
            labels[i, j] = -1
            border = False
            for k in range(8):
                y, x = i + DOWN[k], j + RIGHT[k]
                beyond = (y < 0 and edges[0]) or (y >= height and edges[1])
                beyond = beyond or (x < 0 and edges[2]) or (x >= width and edges[3])
                inside = 0 <= y < height and 0 <= x < width
                if beyond or (inside and not valid[y, x]):
                    labels[i, j] = 0
                border = border or not inside
            if border and labels[i, j] < 0:
                labels[i, j] = count
                count += 1
    return labels, count


@njit(nogil=True, cache=True)
def flood(
    levels: NDArray[Any],
    labels: NDArray[np.int32],
    gradient: bool,
    rules: tuple[Any, Any, Any],
) -> None:
    """Visit cells from the labelled ones inwards, the lowest first; raise what lies lower.

    Cells get the label that they are reached from. `rules` are those of `steps`.
    """
    height, width = levels.shape
    keys, items = np.empty(levels.size, levels.dtype), np.empty(levels.size, np.int64)
    pond = np.empty(levels.size, np.int64)  # raised cells: level with the lowest of all, no heap
    # In an array, as numba would make one float64 of an integer and the next float.
    raised = np.empty(1, levels.dtype)
    size, first, last = 0, 0, 0
    for i in range(height):
        for j in range(width):
            if labels[i, j] >= 0:
                push(keys, items, size, levels[i, j], i * width + j)
                size += 1
    while size > 0 or first < last:
        if first < last:
            at = pond[first]
            first += 1
        else:
            at = pop(keys, items, size)
            size -= 1
        i, j = at // width, at % width
        raised[0] = levels[i, j]
        if gradient:
            raised[0] = _next(levels[i, j], rules)
        level = raised[0]
        for k in range(8):
            y, x = i + DOWN[k], j + RIGHT[k]
            if not (0 <= y < height and 0 <= x < width) or labels[y, x] != -1:
                continue
            labels[y, x] = labels[i, j]
            low = levels[y, x] <= level
            if low:
                levels[y, x] = level
            if low and not gradient:
                pond[last] = y * width + x
                last += 1
            else:
                push(keys, items, size, levels[y, x], y * width + x)
                size += 1


@njit(nogil=True, cache=True)
def _next(level: Any, rules: tuple[Any, Any, Any]) -> Any:
    """Return the least number that is high enough above a level and isn't forbidden."""
    above, least, taboo = rules
    higher = _above(level, above, least)
    return _above(higher, above, least) if higher == taboo else higher


@njit(nogil=True, cache=True)
def _above(level: Any, above: Any, least: Any) -> Any:
    higher = np.nextafter(level, above)
    return higher if higher - level >= least else level + least


@njit(nogil=True, cache=True)
def push(keys: NDArray[Any], items: NDArray[np.int64], size: int, key: Any, item: int) -> None:
    """Add to a heap whose smallest key, of equal ones that of the smallest item, comes first."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if keys[parent] < key or (keys[parent] == key and items[parent] < item):
            break
        keys[at], items[at] = keys[parent], items[parent]
        at = parent
    keys[at], items[at] = key, item


@njit(nogil=True, cache=True)
def pop(keys: NDArray[Any], items: NDArray[np.int64], size: int) -> int:
    """Take the first item off a heap."""
    found, last = items[0], size - 1
    key, item, at = keys[last], items[last], 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        other = child + 1
        if other < last and (
            keys[other] < keys[child]
            or (keys[other] == keys[child] and items[other] < items[child])
        ):
            child = other
        if key < keys[child] or (key == keys[child] and item < items[child]):
            break
        keys[at], items[at] = keys[child], items[child]
        at = child
    keys[at], items[at] = key, item
    return int(found)
