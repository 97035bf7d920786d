"""Sums over a raster that its mean, its variance and Moran's I are made of, without rounding.

A state is an array (..., k) of Python integers, in units of `kernels.exact`: for each raster the
numbers and sums that `cell_sums` or `pair_sums` names. States are merged by adding them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.kernels.exact import UNIT_BITS, exact_dot, exact_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONE = 1 << UNIT_BITS


def cell_sums(cells: NDArray[np.float64]) -> NDArray[Any]:
    """Return count of cells, count of infinite ones, sum, and sum of squares, of each raster.

    Parameters
    ----------
    cells
        Rasters (..., y, x); NaN is NoData.

    Examples
    --------
    >>> state = cell_sums(np.array([[1.0, 3.0, np.nan]]))
    >>> state[0], state[2] / 2**1075, state[3] / 2**1075
    (2, 4.0, 10.0)
    """
    return _of_each(cells.shape[:-2], [_cell_state(plane) for plane in _planes(cells)])


def pair_sums(cells: NDArray[np.float64], lags: NDArray[np.float64]) -> NDArray[Any]:
    """Return the sums of cells, and four of the pairs of cells and means of their neighbours.

    Parameters
    ----------
    cells
        Rasters (..., y, x); NaN is NoData.
    lags
        For each cell the mean of its neighbours; NaN where it has none.
    """
    pairs = zip(_planes(cells), _planes(lags), strict=True)
    states = [_cell_state(one) + _pair_state(one, two) for one, two in pairs]
    return _of_each(cells.shape[:-2], states)


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
    """Return Moran's I of each raster from the state of `pair_sums`; rounded once."""
    rows = [_moran(*row) for row in state.reshape(-1, state.shape[-1])]
    return np.array(rows, np.float64).reshape(state.shape[:-1])


def _planes(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    return cells.reshape(-1, cells.shape[-2] * cells.shape[-1])


def _of_each(shape: tuple[int, ...], states: list[tuple[int, ...]]) -> NDArray[Any]:
    # Filled by hand: numpy would make int64 of small integers, and nothing of no rasters.
    result = np.empty((len(states), len(states[0]) if states else 8), object)
    for at, state in enumerate(states):
        result[at, :] = state
    return result.reshape(*shape, result.shape[-1])


def _cell_state(cells: NDArray[np.float64]) -> tuple[int, ...]:
    known = cells[~np.isnan(cells)]
    finite = known[np.isfinite(known)]
    return (len(known), len(known) - len(finite), exact_sum(finite), exact_dot(finite, finite))


def _pair_state(cells: NDArray[np.float64], lags: NDArray[np.float64]) -> tuple[int, ...]:
    both = np.isfinite(cells) & np.isfinite(lags)
    ours, theirs = cells[both], lags[both]
    return (int(both.sum()), exact_sum(ours), exact_sum(theirs), exact_dot(ours, theirs))


def _moments(count: int, infinite: int, total: int, squares: int) -> tuple[float, float, float]:
    if not count or infinite:
        return count, np.nan, np.nan
    spread = count * squares * _ONE - total**2
    return count, total / (count * _ONE), spread / (count * _ONE) ** 2


def _moran(
    count: int,
    infinite: int,
    total: int,
    squares: int,
    pairs: int,
    ours: int,
    theirs: int,
    products: int,
) -> float:
    spread = count * squares * _ONE - total**2
    if not pairs or infinite or not spread:
        return np.nan
    # sum((x - mean) * (lag - mean)) with mean = total / count, times count**2.
    shared = products * _ONE * count**2 - count * total * (ours + theirs) + pairs * total**2
    return shared / (pairs * spread)
