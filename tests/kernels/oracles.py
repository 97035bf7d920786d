"""Slow reductions, column by column, that kernels are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def valid_of(column: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    if column.dtype.kind == "f":
        column = column[~np.isnan(column)]
    return column if nodata is None else column[column != nodata]


def by_column(
    cells: NDArray[Any],
    axis: int,
    nodata: float | None,
    func: Callable[[NDArray[Any]], Any],
    *,
    dtype: Any,
    missing: Any,
    min_count: int = 1,
) -> NDArray[Any]:
    """Apply a function to the valid cells of each column."""
    moved = np.moveaxis(cells, axis, -1)
    result = np.empty(moved.shape[:-1], dtype)
    for at in np.ndindex(result.shape):
        valid = valid_of(moved[at], nodata)
        result[at] = func(valid) if len(valid) >= min_count else missing
    return result
