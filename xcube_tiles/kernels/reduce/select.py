"""Pixel selection: of the cells along an axis, the one whose companion is extreme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.reduce.columns import columns, over_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

Choice: TypeAlias = Literal["lowest", "highest", "average"]
"""Which companion wins: the smallest, the largest, or the one nearest to their mean."""

_CHOICES: dict[Choice, int] = {"lowest": 0, "highest": 1, "average": 2}


@njit(nogil=True, cache=True)
def _distance(guide: float, choice: int, mean: float) -> float:
    if choice == 0:
        return guide
    return -guide if choice == 1 else abs(guide - mean)


@njit(nogil=True, cache=True)
def _select(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    guides: NDArray[Any],
    no_guide: Any,
    guide_masked: bool,
    choice: int,
    min_count: int,
    missing: Any,
    out: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    depth = cells.shape[0]
    for p in range(start, stop):
        count, total = 0, 0.0
        for t in range(depth):
            value, guide = cells[t, p], guides[t, p]
            if is_missing(value, nodata, masked):
                continue
            if is_missing(guide, no_guide, guide_masked):
                continue
            count += 1
            total += np.float64(guide)
        out[p] = missing
        if count < max(min_count, 1):
            continue
        mean, nearest = total / count, np.inf
        found = False
        for t in range(depth):
            value, guide = cells[t, p], guides[t, p]
            if is_missing(value, nodata, masked):
                continue
            if is_missing(guide, no_guide, guide_masked):
                continue
            away = _distance(np.float64(guide), choice, mean)
            if away < nearest or not found:  # strict: of equal companions the earliest stays
                out[p], nearest, found = value, away, True


def select_by(
    cells: NDArray[Any],
    guides: NDArray[Any],
    axis: int = 0,
    *,
    choice: Choice,
    nodata: float | None = None,
    guide_nodata: float | None = None,
    min_count: int = 1,
    missing: float = 0,
    threads: int = 1,
) -> NDArray[Any]:
    """Return the cell along an axis whose companion is the lowest, highest or most average.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    guides
        The companion of each cell, such as a cloud probability; same shape.
    axis
        Axis to reduce; it has at least one cell.
    choice
        Which companion wins; of equal ones the earliest.
    nodata, guide_nodata
        The numbers that mean NoData in `cells` and `guides`; None: none does. NaN always does.
    min_count
        Least number of pairs of which both are valid.
    missing
        What stands where there are too few.
    threads
        Most threads to use.

    Returns
    -------
    ndarray
        `cells` without the axis, in its dtype.

    Examples
    --------
    >>> select_by(np.array([7, 8, 9]), np.array([0.5, 0.1, np.nan]), choice="lowest")
    array(8)
    """
    given, guide = columns(cells, axis, nodata), columns(guides, axis, guide_nodata)
    dtype = given.cells.dtype
    out = given.empty(dtype)
    over_columns(
        _select,
        [given, guide],
        _CHOICES[choice],
        min_count,
        dtype.type(missing),
        outs=[out],
        threads=threads,
    )
    return given.restore(out).view(cells.dtype if cells.dtype.kind == "b" else dtype)
