"""In which dtype an operation is computed, and the cell type of its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.local.numbers import Numbers, join, numbers_of, result_type, work_dtype
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import average_dtype

if TYPE_CHECKING:
    from xcube_tiles.algebra.local.operands import Number
    from xcube_tiles.algebra.local.table import Operation

TRUTH = CellType(dtype=np.dtype(np.uint8), nodata=255)
"""Cell type of comparisons and logic: 1, 0, and 255 where it isn't known."""

_MOST_SHIFT = 63
_MOST_EXPONENT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An operation on operands whose cell types are known."""

    name: str
    """Name of the operation."""

    operands: tuple[CellType | Number, ...]
    """Cell types of rasters, and numbers, in their order."""

    work: np.dtype[Any]
    """Dtype to compute in; comparisons take the operands as they are."""

    target: CellType
    """Cell type of the result."""

    checked: bool = False
    """Whether results can leave the 64 bits that they have."""

    collides: bool = False
    """Whether a result can be the number that is NoData."""


def plan_operation(row: Operation, operands: list[CellType | Number]) -> Plan:
    """Choose in which dtype an operation is computed, and the cell type of its result.

    Raises
    ------
    AlgebraError
        Operands that don't fit the operation.
    CellTypeError
        uint64 with negative integers.
    """
    if row.result == "known":
        return _plan(row, operands, np.dtype(bool), CellType.default(bool))
    if row.result == "truth":
        return _plan(row, operands, TRUTH.dtype, TRUTH)
    whole = all(
        operand.dtype.kind != "f" if isinstance(operand, CellType) else isinstance(operand, int)
        for operand in operands
    )
    if row.result == "bits":
        if not whole:
            raise AlgebraError(
                f"{row.name!r} needs integers, got {', '.join(map(str, operands))}; convert the "
                "cells first: cube.tiles.convert('int32')"
            )
        operands = _shifts(row, operands)
    exponent = operands[1] if row.name == "power" else 0
    small = not isinstance(exponent, CellType) and 0 <= exponent <= _MOST_EXPONENT
    if not whole or row.numbers is None or not small:
        dtype = _float_dtype(operands)
        return _plan(row, operands, dtype, CellType.default(dtype))
    return _plan_integers(row, operands)


def _plan(
    row: Operation, operands: list[CellType | Number], work: np.dtype[Any], target: CellType
) -> Plan:
    return Plan(name=row.name, operands=tuple(operands), work=work, target=target)


def _shifts(row: Operation, operands: list[CellType | Number]) -> list[CellType | Number]:
    """Check the bits of a shift; one to the left multiplies by a power of two."""
    if not row.name.endswith("_shift"):
        return operands
    bits = operands[1]
    if isinstance(bits, CellType) or not 0 <= bits <= _MOST_SHIFT:
        raise AlgebraError(
            f"{row.name!r} takes a whole number of bits from 0 to {_MOST_SHIFT}, got {bits}"
        )
    return [operands[0], 2 ** int(bits) if row.name == "left_shift" else bits]


def _float_dtype(operands: list[CellType | Number]) -> np.dtype[Any]:
    types = [operand.dtype for operand in operands if isinstance(operand, CellType)]
    dtype = np.result_type(*map(average_dtype, types))
    most = float(np.finfo(dtype).max)
    numbers = [operand for operand in operands if not isinstance(operand, CellType)]
    finite = [float(value) for value in numbers if np.isfinite(value)]
    return dtype if all(abs(value) <= most for value in finite) else np.dtype(np.float64)


def _plan_integers(row: Operation, operands: list[CellType | Number]) -> Plan:
    assert row.numbers is not None
    given = [numbers_of(o) if isinstance(o, CellType) else numbers_of(int(o)) for o in operands]
    types = [operand for operand in operands if isinstance(operand, CellType)]
    steps = [row.numbers(given[0]) if row.operands == 0 else given[0]]
    for each in given[1:]:
        steps.append(row.numbers(steps[-1], each))
    zero = row.divides and given[1].holds(0)
    lacks = zero or any(one.nodata is not None for one in types)
    target, leaves = result_type(steps[-1], types, lacks=lacks)
    work = work_dtype(join(*given, *steps))
    return Plan(
        name=row.name,
        operands=tuple(operands),
        work=work or _widest(row, given, types),
        target=target,
        checked=leaves or work is None,
        collides=target.nodata is not None and (leaves or steps[-1].holds(int(target.nodata))),
    )


def _widest(row: Operation, given: list[Numbers], types: list[CellType]) -> np.dtype[Any]:
    """Return 64 bits to compute in although not every result fits."""
    work = work_dtype(join(*given))
    if work is None and (not row.wraps or any(work_dtype(one) is None for one in given)):
        raise CellTypeError(
            f"no integer dtype holds the operands of {row.name!r} together "
            f"({', '.join(str(one) for one in types)}); convert them first, to int64 or float64"
        )
    return np.dtype(f"{work.kind}8") if work is not None else np.dtype(np.uint64)
