"""All levels of one block in one pass, and the state that levels beyond the block are made of.

What a state is depends on the method: sums and counts; extremes and counts; the values of a window
with the count of each; the cells at a window's corners. Each says all that a coarser level needs to
know of the base, so that levels beyond a block are as exact as those within.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xcube_tiles.kernels.pyramid.coarsen import coarsen
from xcube_tiles.kernels.pyramid.planes import least_count
from xcube_tiles.kernels.pyramid.tables import merged_tables, table_cells, value_tables
from xcube_tiles.kernels.pyramid.totals import Totals, doubled, settled, totals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling

State: TypeAlias = "tuple[NDArray[Any], ...]"
"""Arrays of equal shape (..., y, x), one element for each window."""


def block_levels(
    cells: NDArray[Any],
    *,
    exponents: Sequence[int],
    carried: int | None,
    method: PyramidResampling,
    nodata: float | None,
    min_valid: float,
) -> tuple[NDArray[Any], ...]:
    """Return the coarser cells of a block at several levels, and the state to go on from.

    Parameters
    ----------
    cells
        Shape (..., y, x); it begins at a multiple of the largest window.
    exponents
        Which levels, ascending: the windows have ``2**exponent`` cells along each edge.
    carried
        Exponent of the windows that a state is returned for, at least 1 and at least the last of
        the exponents; None: no state.
    method, nodata, min_valid
        As in `kernels.pyramid.coarsen.coarsen`.

    Returns
    -------
    tuple of ndarray
        The levels, each as `coarsen` gives it, followed by the arrays of the state.

    Examples
    --------
    >>> cells = np.arange(16, dtype=np.uint8).reshape(4, 4)
    >>> how = {"method": "mean", "nodata": 0, "min_valid": 0}
    >>> level, sums, counts = block_levels(cells, exponents=[1], carried=2, **how)
    >>> level
    array([[ 3,  4],
           [10, 12]], dtype=uint8)
    >>> (sums.item(), counts.item())
    (120, 15)
    """
    if cells.size and method in ("mean", "sum"):
        return _by_totals(cells, exponents, carried, method, nodata, min_valid)
    if cells.size and method in ("min", "max"):
        return _by_extremes(cells, exponents, carried, method, nodata, min_valid)
    levels = tuple(
        coarsen(cells, factor=2**exponent, method=method, nodata=nodata, min_valid=min_valid)
        for exponent in exponents
    )
    return levels if carried is None else (*levels, *_state(cells, 2**carried, method, nodata))


def state_dtypes(method: PyramidResampling, dtype: np.dtype[Any]) -> tuple[np.dtype[Any], ...]:
    """Return the dtypes of the arrays of a state."""
    if method in ("mean", "sum"):
        float_, wide = dtype.kind == "f", dtype.kind != "f" and dtype.itemsize == 8
        sums = ("f8",) if float_ else ("i8", "u8") if wide else ("i8",)
        return tuple(np.dtype(name) for name in (*sums, "i8"))
    if method in ("min", "max"):
        return dtype, np.dtype("i8")
    return (np.dtype(object),) if method in ("mode", "median") else (dtype,) * 4


def far_level(
    *state: NDArray[Any],
    exponent: int,
    edge: int,
    method: PyramidResampling,
    dtype: np.dtype[Any],
    nodata: float | None,
    min_valid: float,
) -> NDArray[Any]:
    """Return a level from a state of finer windows.

    Parameters
    ----------
    *state
        As `block_levels` returns it, of several blocks joined.
    exponent
        How many times the state's windows are doubled.
    edge
        Edge of the level's windows in cells of the base.
    method, nodata, min_valid
        As in `block_levels`.
    dtype
        Of the base and the result.
    """
    if method in ("mean", "sum"):
        totals = _planar(state)
        for _ in range(exponent):
            totals = doubled(totals)
        out = settled(
            totals, edge=edge, method=method, dtype=dtype, nodata=nodata, min_valid=min_valid
        )
        return out.reshape(*state[0].shape[:-2], *out.shape[1:])
    if method in ("min", "max"):
        extremes = state
        for _ in range(exponent):
            extremes = _doubled_extremes(extremes, method, nodata)
        return _enough(extremes, edge, nodata, min_valid)
    if method == "nearest":
        return _nearest(state, 2**exponent)
    tables = merged_tables(state[0], 2**exponent)
    needed = 1 if nodata is None else least_count(min_valid, edge)
    return table_cells(tables, method=method, dtype=dtype, nodata=nodata, needed=needed)


def _by_totals(
    cells: NDArray[Any],
    exponents: Sequence[int],
    carried: int | None,
    method: PyramidResampling,
    nodata: float | None,
    min_valid: float,
) -> tuple[NDArray[Any], ...]:
    found, totals, lead = [], totals_of(cells, nodata), cells.shape[:-2]
    for exponent in range(1, max((*exponents, carried or 0)) + 1):
        totals = doubled(totals) if exponent > 1 else totals
        if exponent in exponents:
            level = settled(
                totals, edge=2**exponent, method=method, dtype=cells.dtype, nodata=nodata,
                min_valid=min_valid,
            )  # fmt: skip
            found.append(level.reshape(*lead, *level.shape[1:]))
    if carried is None:
        return tuple(found)
    *sums, counts = (part.reshape(*lead, *part.shape[1:]) for part in totals)
    return (*found, *sums, counts.astype(np.int64))


def _by_extremes(
    cells: NDArray[Any],
    exponents: Sequence[int],
    carried: int | None,
    method: PyramidResampling,
    nodata: float | None,
    min_valid: float,
) -> tuple[NDArray[Any], ...]:
    found: list[NDArray[Any]] = []
    extremes: State = (cells, _validity(cells, nodata))
    for exponent in range(1, max((*exponents, carried or 0)) + 1):
        extremes = _doubled_extremes(extremes, method, nodata)
        if exponent in exponents:
            found.append(_enough(extremes, 2**exponent, nodata, min_valid))
    return tuple(found) if carried is None else (*found, *extremes)


def _validity(cells: NDArray[Any], nodata: float | None) -> NDArray[np.int64]:
    """Return 1 for valid cells."""
    if nodata is None:
        return np.ones(cells.shape, np.int64)
    valid: NDArray[np.bool_] = (cells != cells.dtype.type(nodata)) & (cells == cells)
    return valid.astype(np.int64)


def _doubled_extremes(
    extremes: State, method: PyramidResampling, nodata: float | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    cells, counts = extremes
    coarse = coarsen(cells, factor=2, method=method, nodata=nodata)
    return coarse, doubled(_planar((counts,)))[0].reshape(coarse.shape)


def _enough(extremes: State, edge: int, nodata: float | None, min_valid: float) -> NDArray[Any]:
    """Return the extremes of windows with enough valid cells."""
    cells, counts = extremes
    if nodata is None:
        return cells
    return np.where(counts >= least_count(min_valid, edge), cells, cells.dtype.type(nodata))


def _planar(arrays: Sequence[NDArray[Any]]) -> Totals:
    return tuple(np.ascontiguousarray(array).reshape(-1, *array.shape[-2:]) for array in arrays)


def _state(
    cells: NDArray[Any], edge: int, method: PyramidResampling, nodata: float | None
) -> State:
    if method == "nearest":
        return _corners(cells, edge)
    return (value_tables(cells, edge, nodata),)


def _corners(cells: NDArray[Any], edge: int) -> State:
    """Return the cells at the corners of each window, as far as it lies in the raster.

    The centre of a larger window is the first cell of one of these, or, where it lies beyond the
    raster's edge, the last one before.
    """
    ends = [
        (np.arange(0, size, edge), np.minimum(np.arange(edge, size + edge, edge), size) - 1)
        for size in cells.shape[-2:]
    ]
    return tuple(cells[..., rows[:, None], cols] for rows in ends[0] for cols in ends[1])


def _nearest(state: State, factor: int) -> NDArray[Any]:
    """Take the cell at the centre of windows of `factor` times `factor` states."""
    along = []
    for size in state[0].shape[-2:]:
        centre = np.arange(0, size, factor) + factor // 2
        along.append((np.minimum(centre, size - 1), centre >= size))
    (rows, last_row), (cols, last_col) = along
    which = 2 * last_row[:, None].astype(int) + last_col.astype(int)
    picked: NDArray[Any] = np.choose(which, [part[..., rows[:, None], cols] for part in state])
    return picked
