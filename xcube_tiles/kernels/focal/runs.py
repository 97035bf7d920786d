"""Neighbourhoods as runs of cells in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Runs(NamedTuple):
    """The cells of a mask, as runs; kernels sum (or compare) a run's cells once per length."""

    lengths: NDArray[np.int64]
    """Lengths of runs that occur, ascending, shape (k,)."""

    starts: NDArray[np.int64]
    """Index of the first run of each length, and the number of runs: shape (k + 1,)."""

    rows: NDArray[np.int64]
    """Row of each run in the mask, shape (n,); runs are in the order of length, row and column."""

    columns: NDArray[np.int64]
    """First column of each run in the mask, shape (n,)."""


def runs_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the runs of True cells in the rows of a mask.

    Parameters
    ----------
    mask
        Bool of shape (h, w).

    Returns
    -------
    int64 of shape (n, 3): row, first column and length of each run, in row-major order.

    Examples
    --------
    >>> runs_of(np.array([[True, True, False, True], [False, True, True, True]])).tolist()
    [[0, 0, 2], [0, 3, 1], [1, 1, 3]]
    """
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1]
    return np.stack([rows, first, last - first], axis=1).astype(np.int64)


def by_length(mask: NDArray[np.bool_]) -> Runs:
    """Return the runs of a mask, those of equal length together.

    Examples
    --------
    >>> runs = by_length(np.array([[False, True, False], [True, True, True], [False, True, False]]))
    >>> runs.lengths.tolist(), runs.starts.tolist(), runs.rows.tolist(), runs.columns.tolist()
    ([1, 3], [0, 2, 3], [0, 2, 1], [1, 1, 0])
    """
    rows, columns, sizes = runs_of(mask).T
    order = np.argsort(sizes, kind="stable")
    lengths, starts = np.unique(sizes[order], return_index=True)
    ends = np.append(starts, len(order)).astype(np.int64)
    return Runs(
        lengths, ends, np.ascontiguousarray(rows[order]), np.ascontiguousarray(columns[order])
    )
