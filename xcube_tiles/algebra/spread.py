"""Ranges that contrast spreads cells over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xcube_tiles.algebra.summary import extremes
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.grid.dtypes import limits

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

Spread: TypeAlias = Literal["cells", "type"] | tuple[float, float]
"""Range that results fill: that of the cells, of their type, or two numbers."""

_EXACT = 2**53
"""Largest number up to which float64 has all integers."""


def check_spread(range: Spread) -> None:
    """Refuse what is no range.

    Raises
    ------
    AlgebraError
        An unknown name, or two numbers that aren't ascending.
    """
    if isinstance(range, str):
        if range not in ("cells", "type"):
            raise AlgebraError(
                f"range must be 'cells', 'type' or two ascending numbers, got {range!r}"
            )
        return
    ends = np.asarray(range, np.float64)
    if ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise AlgebraError(f"range must be 'cells', 'type' or two ascending numbers, got {range!r}")


def ends_of(array: xr.DataArray, range: Spread) -> Any:
    """Return both ends of a range, lazy where they are those of lazy cells.

    Raises
    ------
    AlgebraError
        The range of the type of floats.
    """
    if range == "cells":
        return extremes(array)
    if range != "type":
        return np.array(range, np.float64)
    if array.dtype.kind == "f":
        raise AlgebraError(
            f"the range of {array.dtype} has no use; expected 'cells' or two numbers"
        )
    return np.array(limits(array.dtype), np.float64)


def refuse_rounded(ends: NDArray[np.float64], *, whole: bool) -> None:
    """Refuse integers that float64 rounds.

    Raises
    ------
    CellTypeError
        An end is beyond 2**53.
    """
    if whole and max(-ends[0], ends[1]) > _EXACT:
        raise CellTypeError(
            f"integers from {ends[0]:.17g} to {ends[1]:.17g} can't be told apart in float64, which "
            "contrast is computed in; convert the cells first: cube.tiles.convert('float64')"
        )


def between_ends(ends: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the numbers at shares of the way from one end to the other; exact at both."""
    placed: NDArray[np.float64] = ends[0] * (1 - shares) + ends[1] * shares
    return placed


def as_cells(
    block: NDArray[Any], valid: NDArray[np.bool_], values: NDArray[np.float64], target: CellType
) -> NDArray[Any]:
    """Return numbers in the shape of a block as cells, NoData where the block has it."""
    missing = 0 if target.nodata is None else target.nodata
    result = np.full(block.shape, missing, target.dtype)
    floats = CellType.default(np.float64)
    result[valid] = convert(values[valid], floats, target, overflow="saturate")
    return result
