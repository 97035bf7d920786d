"""Regions that cross the borders of blocks: numbers that hold for the whole raster."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from xcube_tiles.kernels.regions.labels import root_of, unite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray


class Outline(NamedTuple):
    """What the blocks around one, and the numbering of all, need of its regions."""

    numbers: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
    """Numbers of the regions along the top row, bottom row, left and right column; 0 for NoData."""

    values: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
    """Values of the same cells."""

    firsts: NDArray[np.int64]
    """Position of each region's first cell in the whole raster, counted in row-major order."""


def outline(
    cells: NDArray[Any],
    numbers: NDArray[Any],
    firsts: NDArray[np.int64],
    *,
    origin: tuple[int, int],
    width: int,
) -> Outline:
    """Return the outline of a labelled block.

    Parameters
    ----------
    cells, numbers, firsts
        The block (y, x) and what `kernels.regions.labels.label` gave for it.
    origin
        Row and column of the block's first cell in the raster.
    width
        Columns of the raster.
    """
    rows, cols = np.divmod(firsts, cells.shape[1])
    return Outline(_edges(numbers), _edges(cells), (rows + origin[0]) * width + cols + origin[1])


def _edges(block: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    # Copies: a view would keep the block itself in memory.
    return block[0].copy(), block[-1].copy(), block[:, 0].copy(), block[:, -1].copy()


def renumber(
    outlines: Sequence[tuple[tuple[int, int], Outline]], *, diagonal: bool, dtype: DTypeLike
) -> dict[tuple[int, int], NDArray[Any] | None]:
    """Unite regions across the borders of blocks and number them in row-major order.

    Parameters
    ----------
    outlines
        Origin and outline of every block, in row-major order; the blocks tile the raster.
    diagonal
        Whether cells that touch at a corner only are connected.
    dtype
        Data type of the numbers.

    Returns
    -------
    By origin: the final number of each of the block's own numbers, from 0 on; None where they are
    final already.
    """
    counts = [len(block.firsts) for _, block in outlines]
    offsets = np.cumsum([0, *counts])
    parents = np.arange(offsets[-1])
    grid = {origin: (block, offsets[at]) for at, (origin, block) in enumerate(outlines)}
    for (one, one_values), (two, two_values) in _seams(grid):
        _unite_seam(parents, one, one_values, two, two_values, 1 if diagonal else 0)
    firsts = [block.firsts for _, block in outlines]
    numbers = _final_numbers(parents, np.concatenate(firsts) if firsts else np.empty(0, np.int64))
    tables = np.split(numbers.astype(dtype), offsets[1:-1])
    return {origin: _table(table) for (origin, _), table in zip(outlines, tables, strict=True)}


def _seams(grid: dict[tuple[int, int], tuple[Outline, Any]]) -> Any:
    """Yield both sides of each border across the raster: members of `parents`, and values."""
    rows, cols = (sorted({origin[axis] for origin in grid}) for axis in (0, 1))
    for above, below in pairwise(rows):
        yield (
            _side([grid[above, col] for col in cols], 1),
            _side([grid[below, col] for col in cols], 0),
        )
    for left, right in pairwise(cols):
        yield (
            _side([grid[row, left] for row in rows], 3),
            _side([grid[row, right] for row in rows], 2),
        )


def _side(
    blocks: Sequence[tuple[Outline, Any]], edge: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    members = [
        np.where(block.numbers[edge] > 0, block.numbers[edge] + (offset - 1), -1)
        for block, offset in blocks
    ]
    values = np.concatenate([block.values[edge] for block, _ in blocks])
    return np.concatenate(members).astype(np.int64), values


def look_up(numbers: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return the entries of a table that the numbers of a block (y, x) point to."""
    final = np.empty(numbers.shape, table.dtype)
    _look_up(numbers.ravel(), table, final.ravel())
    return final


@njit(nogil=True, cache=True)
def _look_up(numbers: NDArray[Any], table: NDArray[Any], final: NDArray[Any]) -> None:
    # numpy would make 64-bit indices of the numbers first
    for at in range(numbers.size):
        final[at] = table[numbers[at]]


def _table(numbers: NDArray[Any]) -> NDArray[Any] | None:
    if np.array_equal(numbers, np.arange(1, len(numbers) + 1)):
        return None
    return np.concatenate([np.zeros(1, numbers.dtype), numbers])


def _final_numbers(parents: NDArray[np.int64], firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    firsts = firsts.copy()
    _flatten(parents, firsts)
    roots = np.flatnonzero(parents == np.arange(len(parents)))
    numbers = np.empty(len(parents), np.int64)
    numbers[roots[np.argsort(firsts[roots])]] = np.arange(1, len(roots) + 1)
    return numbers[parents]


@njit(nogil=True, cache=True)
def _flatten(parents: NDArray[np.int64], firsts: NDArray[np.int64]) -> None:
    """Make every member a child of its root, which takes the first cell of all of them."""
    for at in range(parents.size):
        root = root_of(parents, at)
        parents[at] = root
        firsts[root] = min(firsts[root], firsts[at])


@njit(nogil=True, cache=True)
def _unite_seam(
    parents: NDArray[np.int64],
    one: NDArray[np.int64], one_values: NDArray[Any],
    two: NDArray[np.int64], two_values: NDArray[Any],
    reach: int,
) -> None:  # fmt: skip
    """Unite the regions of two lines of cells that lie side by side."""
    for at in range(one.size):
        if one[at] < 0:
            continue
        for beside in range(max(at - reach, 0), min(at + reach + 1, two.size)):
            if two[beside] >= 0 and one_values[at] == two_values[beside]:
                unite(parents, one[at], two[beside])
