"""Sums over a raster that its mean, its variance and Moran's I are made of, without rounding.

A state is an array (..., 8) of Python integers: for each raster numbers of cells, and sums in units
of `kernels.exact`. States are merged by adding them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.exact import UNIT_BITS, count, multiply, new_counters, total_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONE = 1 << UNIT_BITS

_AT_ONCE = 1024
"""Cells added up at a time: their products stay in the nearest cache."""


def cell_sums(cells: NDArray[np.float64], lags: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Return the state of rasters.

    Parameters
    ----------
    cells
        Rasters (..., y, x); NaN is NoData.
    lags
        For each cell the mean of its neighbours, NaN where it has none; by default nowhere.

    Returns
    -------
    For each raster: the number of its cells, and of those that are infinite or too large to be
    squared; the sum of cells, and of their squares; the number of pairs of cells and means, the sum
    of their cells, of their means, and of their products.

    Examples
    --------
    >>> state = cell_sums(np.array([[1.0, 3.0, np.nan]]))
    >>> state[0], state[2] / 2**1075, state[3] / 2**1075
    (2, 4.0, 10.0)
    """
    lead = cells.shape[:-2]
    state = np.empty((int(np.prod(lead)), 8), object)
    planes = cells.reshape(len(state), cells.shape[-2] * cells.shape[-1])
    others = planes if lags is None else lags.reshape(planes.shape)
    for at, (plane, other) in enumerate(zip(planes, others, strict=True)):
        sums = np.stack([new_counters() for _ in range(5)])
        known, infinite, pairs = _add_up(
            np.ascontiguousarray(plane), np.ascontiguousarray(other), lags is not None, sums
        )
        wrong = infinite + int(sums[:, :, -1].any())
        x, ours, theirs, squares, products = (total_of(counters) for counters in sums)
        state[at] = (known, wrong, x, squares, pairs, ours, theirs, products)
    return state.reshape(*lead, 8)


@njit(nogil=True, cache=True)
def _add_up(
    cells: NDArray[np.float64], lags: NDArray[np.float64], paired: bool, sums: NDArray[np.int64]
) -> tuple[int, int, int]:
    # Rows: cells, those with neighbours, means of these, two products, and their errors.
    rows = np.zeros((7, _AT_ONCE))
    known, infinite, pairs = 0, 0, 0
    for start in range(0, len(cells), _AT_ONCE):
        size = min(_AT_ONCE, len(cells) - start)
        for j in range(size):
            cell, lag = cells[start + j], lags[start + j]
            # What has no value is counted as 0, which adds nothing.
            good = np.isfinite(cell)
            known += not np.isnan(cell)
            infinite += np.isinf(cell)
            both = good and paired and np.isfinite(lag)
            rows[0, j] = cell if good else 0.0
            rows[1, j] = cell if both else 0.0
            rows[2, j] = lag if both else 0.0
            pairs += both
        for at in range(2):
            multiply(rows[at, :size], rows[2 * at, :size], rows[3 + at], rows[5 + at])
        for at in range(7):
            if paired or at in (0, 3, 5):
                count(rows[at, :size].view(np.int64), sums[at if at < 5 else at - 2])
    return known, infinite, pairs


def merge_sums(states: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the state of all cells of several states."""
    return np.asarray(sum(states[1:], states[0]), object)


def moments(state: NDArray[Any], **params: object) -> NDArray[np.float64]:
    """Return count, mean and population variance of each raster, as three planes of one cell.

    Mean and variance are rounded once. They are NaN of nothing, and if a cell is infinite.

    Examples
    --------
    >>> moments(cell_sums(np.array([[1e9, 1e9 + 1, np.nan]])))[:, 0, 0].tolist()
    [2.0, 1000000000.5, 0.25]
    """
    rows = [_moments(*row) for row in state.reshape(-1, state.shape[-1])]
    return np.array(rows, np.float64).reshape(*state.shape[:-1], 3, 1, 1)


def moran(state: NDArray[Any], **params: object) -> NDArray[np.float64]:
    """Return Moran's I of each raster from the state of cells and lags; rounded once."""
    rows = [_moran(*row) for row in state.reshape(-1, state.shape[-1])]
    return np.array(rows, np.float64).reshape(state.shape[:-1])


def _moments(
    known: int, infinite: int, total: int, squares: int, *_: int
) -> tuple[float, float, float]:
    if not known or infinite:
        return known, np.nan, np.nan
    spread = known * squares * _ONE - total**2
    return known, total / (known * _ONE), spread / (known * _ONE) ** 2


def _moran(
    known: int,
    infinite: int,
    total: int,
    squares: int,
    pairs: int,
    ours: int,
    theirs: int,
    products: int,
) -> float:
    spread = known * squares * _ONE - total**2
    if not pairs or infinite or not spread:
        return np.nan
    # sum((x - mean) * (lag - mean)) with mean = total / known, times known**2.
    shared = products * _ONE * known**2 - known * total * (ours + theirs) + pairs * total**2
    return shared / (pairs * spread)
