"""The operations of band mathematics on floats whose NaN means NoData."""

from __future__ import annotations

import ast
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]
    Operation = Callable[..., Values]


def _truth(condition: Any, *operands: Values) -> Values:
    """Return 1 and 0 in the operands' dtype, NaN where one of them is NaN."""
    missing = reduce(np.logical_or, [np.isnan(operand) for operand in operands])
    dtype = np.result_type(*operands)
    result: Values = np.where(missing, dtype.type(np.nan), condition.astype(dtype))
    return result


def _divide(a: Values, b: Values) -> Values:
    return np.where(b == 0, b.dtype.type(np.nan), np.divide(a, b))


def _floor_divide(a: Values, b: Values) -> Values:
    return np.where(b == 0, b.dtype.type(np.nan), np.floor_divide(a, b))


def _remainder(a: Values, b: Values) -> Values:
    return np.where(b == 0, b.dtype.type(np.nan), np.remainder(a, b))


def _power(a: Values, b: Values) -> Values:
    return np.where(np.isnan(a), a, np.power(a, b))  # numpy: NaN ** 0 is 1


def _and(a: Values, b: Values) -> Values:
    return _truth(np.logical_and(a, b), a, b)


def _or(a: Values, b: Values) -> Values:
    return _truth(np.logical_or(a, b), a, b)


def _not(a: Values) -> Values:
    return _truth(np.equal(a, 0), a)


def _compared(ufunc: np.ufunc) -> Operation:
    def compare(a: Values, b: Values) -> Values:
        return _truth(ufunc(a, b), a, b)

    return compare


def choose(condition: Values, a: Values, b: Values) -> Values:
    """Return `a` where a condition is not zero, `b` where it is, NaN where it has no value."""
    chosen = np.where(condition != 0, a, b)
    return np.where(np.isnan(condition), condition.dtype.type(np.nan), chosen)


def _isnodata(a: Values) -> Values:
    return np.isnan(a).astype(a.dtype)


def _smallest(*values: Values) -> Values:
    return reduce(np.minimum, values)


def _largest(*values: Values) -> Values:
    return reduce(np.maximum, values)


def _clip(a: Values, low: Values, high: Values) -> Values:
    return np.minimum(np.maximum(a, low), high)


BINARY: dict[type[ast.operator], Operation] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: _divide,
    ast.FloorDiv: _floor_divide,
    ast.Mod: _remainder,
    ast.Pow: _power,
    ast.BitAnd: _and,
    ast.BitOr: _or,
}
"""Operators between two values."""

UNARY: dict[type[ast.unaryop], Operation] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Invert: _not,
    ast.Not: _not,
}
"""Operators before a value."""

COMPARISONS: dict[type[ast.cmpop], Operation] = {
    ast.Lt: _compared(np.less),
    ast.LtE: _compared(np.less_equal),
    ast.Gt: _compared(np.greater),
    ast.GtE: _compared(np.greater_equal),
    ast.Eq: _compared(np.equal),
    ast.NotEq: _compared(np.not_equal),
}
"""Comparisons; 1 where they hold, 0 where not."""

LOGIC: dict[type[ast.boolop], Operation] = {ast.And: _and, ast.Or: _or}
"""`and`, `or`."""

FUNCTIONS: dict[str, Operation] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "arctan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "radians": np.radians,
    "degrees": np.degrees,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "sign": np.sign,
    "min": _smallest,
    "max": _largest,
    "clip": _clip,
    "where": choose,
    "isnodata": _isnodata,
}
"""Functions by the name they are called by."""

_SEVERAL = {"min": (1, 16), "max": (1, 16), "clip": (3, 3), "where": (3, 3), "arctan2": (2, 2)}

ARGUMENTS: dict[str, tuple[int, int]] = {name: _SEVERAL.get(name, (1, 1)) for name in FUNCTIONS}
"""Least and most arguments of each function."""
