"""How many cells of each class every zone has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.kernels.zonal.places import Places


class Table(NamedTuple):
    """Counts of classes of the zones that a block has."""

    rows: NDArray[np.int64]
    """Zones, as indices into the labels."""

    columns: NDArray[np.int64]
    """Classes, as indices into the classes."""

    counts: NDArray[np.int64]
    """Number of cells, of shape (layers, rows, columns)."""


@njit(nogil=True, cache=True)
def _count(
    rows: NDArray[np.int32], columns: NDArray[np.int32], width: int, counts: NDArray[np.int64]
) -> None:
    for i in range(rows.size):
        r, c = rows[i], columns[i]
        if (r >= 0) & (c >= 0):
            counts[np.uint64(r * np.int64(width) + c)] += 1


def table(zones: Places, classes: Places) -> Table:
    """Count the cells of each class in each zone.

    Parameters
    ----------
    zones, classes
        Places of shape (layers, cells); one layer counts for all of the other.

    Examples
    --------
    >>> from xcube_tiles.kernels.zonal.places import locate
    >>> zones = locate(np.array([[1, 1, 1, 2]]), np.array([1, 2]))
    >>> table(zones, locate(np.array([[5, 6, 5, 7]]), np.array([5, 6]))).counts
    array([[[2, 1],
            [0, 0]]])
    """
    layers = len(zones.where) if len(classes.where) == 1 else len(classes.where)
    shape = (layers, len(zones.ids), len(classes.ids))
    counts = np.zeros(shape, np.int64)
    for at in range(layers):
        rows, columns = (part.where[at % len(part.where)] for part in (zones, classes))
        _count(rows, columns, shape[2], counts[at].reshape(-1))
    return Table(zones.ids, classes.ids, counts)


def merge_tables(states: Sequence[Table]) -> Table:
    """Join the counts of blocks."""
    if len(states) == 1:
        return states[0]
    rows = np.unique(np.concatenate([state.rows for state in states]))
    columns = np.unique(np.concatenate([state.columns for state in states]))
    counts = np.zeros((states[0].counts.shape[0], len(rows), len(columns)), np.int64)
    for state in states:
        row, column = np.searchsorted(rows, state.rows), np.searchsorted(columns, state.columns)
        counts[:, row[:, None], column[None, :]] += state.counts
    return Table(rows, columns, counts)


def whole_table(state: Table, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the counts of all zones and classes, 0 for those that no block has."""
    counts = np.zeros((state.counts.shape[0], *shape), np.int64)
    counts[:, state.rows[:, None], state.columns[None, :]] = state.counts
    return counts
