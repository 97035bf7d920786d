"""Valleys and ridges as running water makes them, in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONCAVITY = 0.45
"""How fast a river flattens as its catchment grows; measured ones lie between 0.4 and 0.6."""

STEEPEST = 0.8
"""Rise per metre above which a slope slides."""

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


def drained_heights(
    roughness: NDArray[np.float32],
    uplift: NDArray[np.float32],
    outlets: NDArray[np.bool_],
    *,
    cell: float,
) -> NDArray[np.float32]:
    """Return heights above the outlets at which every river carries off what is lifted.

    Parameters
    ----------
    roughness
        `(y, x)`: what a metre of way costs the water; positive. Its pattern bends the streams.
    uplift
        `(y, x)`: slope of a stream that drains a single cell.
    outlets
        `(y, x)`: cells at height 0, where all water ends. At least one.
    cell
        Edge of a cell, in metres.

    Returns
    -------
    NDArray
        float32 of shape `(y, x)`, metres, 0 at the outlets.

    Notes
    -----
    The streams are the tree of cheapest ways to an outlet. Along it the slope is
    `uplift * area ** -CONCAVITY`, with `area` in cells upstream: the steady state of the
    stream-power law (Whipple and Tucker, 1999, doi:10.1029/1999JB900120).

    Examples
    --------
    A valley between two rows of cells: the farther from the outlet, the higher.

    >>> outlets = np.zeros((3, 4), bool)
    >>> outlets[:, 0] = True
    >>> flat = np.ones((3, 4), np.float32)
    >>> drained_heights(flat, 0.1 * flat, outlets, cell=10.0)[1].round(2)
    array([0.  , 0.61, 1.34, 2.34], dtype=float32)
    """
    order, parent, length = _stream_tree(roughness, outlets, cell)
    area = _accumulate(order, parent)
    slope = np.minimum(uplift.ravel() * area**-CONCAVITY, STEEPEST)
    heights = _climb(order, parent, slope * length).reshape(roughness.shape)
    return _slide(heights.astype(np.float32), cell)


def _stream_tree(
    roughness: NDArray[np.float32], outlets: NDArray[np.bool_], cell: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the cells from the outlets upwards, each one's next cell downstream, and its way."""
    graph = _neighbours(roughness, cell)
    cost, parent, _ = csgraph.dijkstra(
        graph,
        directed=False,
        indices=np.flatnonzero(outlets),
        min_only=True,
        return_predecessors=True,
    )
    order = np.argsort(cost, kind="stable")
    columns = roughness.shape[1]
    here = np.arange(parent.size)
    parent = np.where(parent < 0, here, parent).astype(np.intp)
    diagonal = (here // columns != parent // columns) & (here % columns != parent % columns)
    length = np.where(parent == here, 0.0, np.where(diagonal, np.sqrt(2), 1.0) * cell)
    return order, parent, length


def _neighbours(roughness: NDArray[np.float32], cell: float) -> sparse.csr_array:
    """Return the graph of the 8 neighbours; an edge costs its length times the mean roughness."""
    rows, columns = roughness.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    starts, ends, costs = [], [], []
    for down, right in _STEPS:
        here = (slice(0, rows - down), slice(max(0, -right), columns - max(0, right)))
        there = (slice(down, rows), slice(max(0, right), columns - max(0, -right)))
        starts.append(index[here].ravel())
        ends.append(index[there].ravel())
        mean = (roughness[here] + roughness[there]).ravel() / 2
        costs.append(mean * cell * np.hypot(down, right))
    pairs = (np.concatenate(starts), np.concatenate(ends))
    return sparse.csr_array((np.concatenate(costs), pairs), shape=(index.size, index.size))


def _accumulate(order: NDArray[np.intp], parent: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the number of cells that drain through each cell, itself counted."""
    area = [1.0] * order.size
    down = parent.tolist()
    for cell in reversed(order.tolist()):
        if down[cell] != cell:
            area[down[cell]] += area[cell]
    return np.array(area)


def _climb(
    order: NDArray[np.intp], parent: NDArray[np.intp], rise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sum of all rises between each cell and its outlet."""
    heights = rise.tolist()
    down = parent.tolist()
    for cell in order.tolist():
        if down[cell] != cell:
            heights[cell] += heights[down[cell]]
    return np.array(heights)


def _slide(heights: NDArray[np.float32], cell: float, passes: int = 24) -> NDArray[np.float32]:
    """Lower every cell that stands steeper than `STEEPEST` above a neighbour.

    Two catchments meet at a divide at unequal heights: without this, divides are cliffs.
    """
    for _ in range(passes):
        padded = np.pad(heights, 1, mode="edge")
        for down in (0, 1, 2):
            for right in (0, 1, 2):
                way = np.float32(STEEPEST * cell * np.hypot(down - 1, right - 1))
                view = padded[down : down + heights.shape[0], right : right + heights.shape[1]]
                heights = np.minimum(heights, view + way)
    return heights
