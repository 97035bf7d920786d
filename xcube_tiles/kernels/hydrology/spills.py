"""Depressions over the borders of blocks: to which level water rises before it runs over.

Each block is flooded from its border: every cell learns how high water must stand for it to reach
the border, and where. What lies around one cell of the border is a *basin*; where basins touch,
water runs over at a known level. The network of all basins tells how high it stands in each, and a
cell has the higher of the two levels.

R. Barnes (2016), *Parallel priority-flood depression filling for trillion cell digital elevation
models on desktops or clusters*, Computers & Geosciences 96.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.hydrology.depressions import flood, pop, push, seeds, steps
from xcube_tiles.kernels.hydrology.directions import DOWN, RIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shore:
    """What other blocks need to know of a flooded block; cells are indices in the raster, by rows.

    Basin 0 is the outside: the raster's edge and NoData.
    """

    border: NDArray[np.int64]
    """Valid cells of the block's border, ascending."""

    basins: NDArray[np.int32]
    """Basin of each of them."""

    levels: NDArray[Any]
    """Elevation of each of them."""

    pairs: NDArray[np.int32]
    """Basins that touch, shape (n, 2)."""

    spills: NDArray[Any]
    """Level at which water runs from one to the other."""

    count: int
    """Number of basins, the outside included."""

    shape: tuple[int, int]
    """Rows and columns of the block."""

    origin: tuple[int, int]
    """Row and column of the block's first cell in the raster."""

    raster: tuple[int, int]
    """Rows and columns of the raster."""


def flooded(
    cells: NDArray[Any],
    valid: NDArray[np.bool_],
    *,
    origin: tuple[int, int],
    shape: tuple[int, int],
) -> tuple[NDArray[Any], NDArray[np.int32], Shore]:
    """Return the levels and basins of a block, and what other blocks need to know.

    Parameters
    ----------
    cells
        Elevations (rows, cols).
    valid
        Where they have a value.
    origin
        Row and column of the first cell in the raster.
    shape
        Shape of the raster.
    """
    height, width = cells.shape
    edges = (
        origin[0] == 0,
        origin[0] + height == shape[0],
        origin[1] == 0,
        origin[1] + width == shape[1],
    )
    levels = np.ascontiguousarray(cells).copy()
    basins, count = seeds(np.ascontiguousarray(valid), edges)
    flood(levels, basins, False, steps(cells.dtype))
    rim = np.ones(cells.shape, np.bool_)
    rim[1:-1, 1:-1] = False
    rows, cols = np.nonzero(rim & (basins >= 0))
    pairs, spills = _spills(levels, basins, count)
    shore = Shore(
        border=(rows + origin[0]) * shape[1] + cols + origin[1],
        basins=basins[rows, cols],
        levels=levels[rows, cols],
        pairs=pairs,
        spills=spills,
        count=count,
        shape=(height, width),
        origin=origin,
        raster=shape,
    )
    return levels, basins, shore


def _spills(
    levels: NDArray[Any], basins: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return the pairs of basins that touch, and the lowest level where each pair does."""
    height, width = basins.shape
    keys, heights = [], []
    for down, right in ((0, 1), (1, 1), (1, 0), (1, -1)):
        here = (slice(0, height - down), slice(max(-right, 0), width - max(right, 0)))
        there = (slice(down, height), slice(max(right, 0), width + min(right, 0)))
        one, two = basins[here], basins[there]
        touch = (one != two) & (one >= 0) & (two >= 0)
        low, high = np.minimum(one[touch], two[touch]), np.maximum(one[touch], two[touch])
        keys.append(low.astype(np.int64) * count + high)
        heights.append(np.maximum(levels[here][touch], levels[there][touch]))
    return _lowest(np.concatenate(keys), np.concatenate(heights), count)


def _lowest(
    keys: NDArray[np.int64], heights: NDArray[Any], count: int
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    order = np.lexsort((heights, keys))
    keys, heights = keys[order], heights[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    pairs = np.stack([keys[first] // count, keys[first] % count], axis=1)
    return pairs.astype(np.int32), heights[first]


def levels_of_basins(shores: Sequence[Shore]) -> list[NDArray[Any]]:
    """Return how high water stands in each basin of each block; outside the lowest number."""
    starts = np.concatenate([[0], np.cumsum([shore.count - 1 for shore in shores])])
    inner, inner_spills = [], []
    for shore, start in zip(shores, starts, strict=False):
        # Basin 0 is one for all blocks.
        inner.append(np.where(shore.pairs > 0, shore.pairs + start, 0))
        inner_spills.append(shore.spills)
    outer, outer_spills = _between(shores, starts)
    pairs = np.concatenate([*inner, outer]).astype(np.int64)
    spills = np.concatenate([*inner_spills, outer_spills])
    levels = _rise(pairs, spills, int(starts[-1]) + 1)
    return [
        np.concatenate([levels[:1], levels[start + 1 : stop + 1]])
        for start, stop in pairwise(starts.tolist())
    ]


def _between(
    shores: Sequence[Shore], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the pairs of basins of different blocks that touch, and the levels there."""
    shape = shores[0].raster
    border = np.concatenate([shore.border for shore in shores])
    levels = np.concatenate([shore.levels for shore in shores])
    basins = np.concatenate(
        [
            np.where(shore.basins > 0, shore.basins + start, 0)
            for shore, start in zip(shores, starts, strict=False)
        ]
    )
    owner = np.repeat(np.arange(len(shores)), [len(shore.border) for shore in shores])
    boxes = np.array([(*shore.origin, *shore.shape) for shore in shores], np.int64)[owner]
    order = np.argsort(border)
    pairs, spills = [], []
    for down, right in zip(DOWN, RIGHT, strict=True):
        y, x = border // shape[1] + down, border % shape[1] + right
        away = (y < boxes[:, 0]) | (y >= boxes[:, 0] + boxes[:, 2])
        away |= (x < boxes[:, 1]) | (x >= boxes[:, 1] + boxes[:, 3])
        away &= (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
        own = np.flatnonzero(away)
        target = y[own] * shape[1] + x[own]
        at = order[np.minimum(np.searchsorted(border, target, sorter=order), len(border) - 1)]
        valid = border[at] == target  # what isn't found is NoData: water leaves there
        pairs.append(np.stack([basins[own], np.where(valid, basins[at], 0)], axis=1))
        other = np.where(valid, levels[at], levels[own])
        spills.append(np.maximum(levels[own], other))
    return np.concatenate(pairs), np.concatenate(spills)


def _rise(pairs: NDArray[np.int64], spills: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the lowest level from which water of each basin finds its way to basin 0."""
    dtype = spills.dtype
    lowest = dtype.type(-np.inf if dtype.kind == "f" else np.iinfo(dtype).min)
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    order = np.argsort(ends[:, 0], kind="stable")
    starts = np.searchsorted(ends[order, 0], np.arange(count + 1))
    levels = np.full(count, lowest)
    _spread(starts, ends[order, 1], np.concatenate([spills, spills])[order], levels)
    return levels


@njit(nogil=True, cache=True)
def _spread(
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int64],
    spills: NDArray[Any],
    levels: NDArray[Any],
) -> None:
    """Visit basins from basin 0 on, the lowest first (Dijkstra, the highest step as distance)."""
    keys, items = np.empty(spills.size + 1, spills.dtype), np.empty(spills.size + 1, np.int64)
    done = np.zeros(levels.size, np.bool_)
    push(keys, items, 0, levels[0], 0)
    size = 1
    while size > 0:
        key = keys[0]
        at = pop(keys, items, size)
        size -= 1
        if done[at]:
            continue
        done[at], levels[at] = True, key
        for k in range(starts[at], starts[at + 1]):
            other = neighbours[k]
            if not done[other]:
                push(keys, items, size, max(key, spills[k]), other)
                size += 1
