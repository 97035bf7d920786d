"""Promotion: the cell type that holds what either of two holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xcube_tiles.errors import CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.dtypes import limits


def union(first: CellType, second: CellType) -> CellType:
    """Return the smallest cell type that both can be converted to without loss.

    Parameters
    ----------
    first, second
        Two cell types; their order doesn't matter.

    Returns
    -------
    CellType
        Its dtype is numpy's promotion of both. Raw if both are. Its NoData is a number that is
        valid in neither: the one that both have, that of the type with the wider dtype, or the
        constant of the dtype; NaN for floats. Where every number is valid in one of them, the
        dtype is widened.

    Raises
    ------
    CellTypeError
        64-bit integers that no integer type holds together.

    Notes
    -----
    Integers joined with floats become floats, as numpy has it: int32 and float32 give float64,
    int64 and any float give float64, which holds integers up to 2**53 exactly.

    Examples
    --------
    >>> names = [("uint8ud255", "int16"), ("uint8ud255", "uint8raw"), ("int16", "float32")]
    >>> [union(*map(CellType.parse, pair)).name for pair in names]
    ['int16', 'int16', 'float32']
    """
    if first == second:
        return first
    dtype = np.promote_types(first.dtype, second.dtype)
    if dtype.kind == "f" and first.dtype.kind != "f" and second.dtype.kind != "f":
        raise _no_type(first, second)
    if first.nodata is None and second.nodata is None:
        return CellType(dtype=dtype, nodata=None)
    if dtype.kind == "f":
        return CellType(dtype=dtype, nodata=_shared(first, second, math.nan))
    for candidate in _candidates(first, second, dtype):
        if not (_is_valid(candidate, first) or _is_valid(candidate, second)):
            return CellType(dtype=dtype, nodata=candidate)
    return CellType.constant(_wider(dtype, first, second))


def _shared(first: CellType, second: CellType, otherwise: float) -> int | float | None:
    return first.nodata if first.nodata == second.nodata else otherwise


def _candidates(first: CellType, second: CellType, dtype: np.dtype[Any]) -> list[int]:
    """NoData values to try, best first, whatever the order of the types."""
    own = {t.nodata for t in (first, second) if t.dtype == dtype and t.nodata is not None}
    constant = CellType.constant(dtype).nodata
    others = {t.nodata for t in (first, second) if t.nodata is not None}
    ordered = [*sorted(own), constant, *sorted(others)]
    return [int(number) for number in ordered if number is not None]


def _is_valid(number: int, celltype: CellType) -> bool:
    lowest, highest = limits(celltype.dtype)
    return lowest <= number <= highest and number != celltype.nodata


def _wider(dtype: np.dtype[Any], first: CellType, second: CellType) -> np.dtype[Any]:
    if dtype.itemsize == 8:
        raise _no_type(first, second)
    # the next signed integers hold all numbers of both, with some left over below
    return np.dtype(f"int{16 * dtype.itemsize}")


def _no_type(first: CellType, second: CellType) -> CellTypeError:
    return CellTypeError(
        f"no integer type holds both {first} and {second}; convert one of them first, "
        "or both to float64"
    )
