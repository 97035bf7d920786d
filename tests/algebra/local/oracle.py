"""Local operations one cell at a time, in Python's numbers, which neither wrap nor round."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from tests.cube.rasters import UTM
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType

SHAPE = UTM.shape.yx

EXACT: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": lambda a, b: None if b == 0 else a // b,
    "remainder": lambda a, b: None if b == 0 else a % b,
    "minimum": min,
    "maximum": max,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
}
"""Operations of two integers that give an integer."""

TRUTHS: dict[str, Callable[..., bool]] = {
    "equal": operator.eq,
    "unequal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "xor": lambda a, b: bool(a) != bool(b),
}
"""Operations of two numbers that hold or don't."""

SINGLE: dict[str, Callable[[int], int]] = {
    "abs": abs,
    "negate": operator.neg,
    "sign": lambda a: (a > 0) - (a < 0),
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "trunc": math.trunc,
}
"""Operations of one integer."""


def cube(cells: NDArray[Any], cell_type: CellType, *lead: str) -> xr.DataArray:
    """Return cells on a small grid, named `a`."""
    array = set_cell_type(xr.DataArray(cells, dims=(*lead, "y", "x"), name="a"), cell_type)
    return assign_geobox(array, UTM)


def values_of(cells: NDArray[Any], cell_type: CellType) -> list[Any]:
    """Return the cells as Python's numbers, None where they have no value."""
    missing = cell_type.is_nodata(cells).ravel()
    return [
        None if gone else one for one, gone in zip(cells.ravel().tolist(), missing, strict=True)
    ]


def each(function: Callable[..., Any], *operands: Sequence[Any]) -> list[Any]:
    """Apply a function cell by cell; None of any operand gives None."""
    return [None if None in row else function(*row) for row in zip(*operands, strict=True)]


def constant(value: object) -> list[object]:
    """Return a number for every cell."""
    return [value] * int(np.prod(SHAPE))
