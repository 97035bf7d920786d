"""The local operations, as a table: how each is computed, and which cells it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.expression_values import FUNCTIONS
from xcube_tiles.algebra.local import numbers
from xcube_tiles.kernels.local.exact import compare

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    Function: TypeAlias = Callable[..., NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table."""

    name: str
    """Its name in `local`."""

    function: Function
    """Elementwise, of one or two arrays: integers of one dtype, or floats of one dtype."""

    operands: Literal[0, 1] = 0
    """Operands besides the cube."""

    folds: bool = False
    """Whether it takes several operands, one after the other."""

    numbers: Callable[..., numbers.Numbers] | None = None
    """Which integers it makes of which; None: it makes no integers."""

    wraps: bool = False
    """Whether it is right modulo 2**64 whatever the signs."""

    divides: bool = False
    """Whether a second operand of 0 gives no value."""

    native: bool = False
    """Whether it is computed in the cells' own dtype, before that is widened."""

    result: Literal["numbers", "float", "bits", "truth", "known"] = "numbers"
    """Integers of integers, else floats; always floats; integers only; 1 and 0; bool."""

    units: bool = False
    """Whether the result has the units of the cube."""


def _and(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.logical_and(a != 0, b != 0))


def _or(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.logical_or(a != 0, b != 0))


def _xor(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.logical_xor(a != 0, b != 0))


def _not(a: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.equal(a, 0))


def _same(a: NDArray[Any]) -> NDArray[Any]:
    return a


def _comparison(name: str, ufunc: np.ufunc) -> Operation:
    def function(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        return compare(ufunc, a, b)

    return Operation(name=name, function=function, operands=1, result="truth")


def _rounding(name: str, ufunc: np.ufunc) -> Operation:
    def function(a: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(ufunc(a)) if a.dtype.kind == "f" else a  # numpy makes floats of integers

    return Operation(name=name, function=function, numbers=numbers.same, units=True)


_ARITHMETIC = (
    Operation(
        name="add", function=np.add, operands=1, folds=True, numbers=numbers.added, wraps=True,
        units=True,
    ),
    Operation(
        name="subtract", function=np.subtract, operands=1, numbers=numbers.subtracted, wraps=True,
        units=True,
    ),
    Operation(
        name="multiply", function=np.multiply, operands=1, folds=True, numbers=numbers.multiplied,
        wraps=True,
    ),
    Operation(name="divide", function=np.divide, operands=1, result="float"),
    Operation(
        name="floor_divide", function=np.floor_divide, operands=1, numbers=numbers.floor_divided,
        divides=True,
    ),
    Operation(
        name="remainder", function=np.remainder, operands=1, numbers=numbers.remainders,
        divides=True, units=True,
    ),
    Operation(name="power", function=np.power, operands=1, numbers=numbers.raised),
    Operation(
        name="minimum", function=np.minimum, operands=1, folds=True, numbers=numbers.smaller,
        units=True,
    ),
    Operation(
        name="maximum", function=np.maximum, operands=1, folds=True, numbers=numbers.larger,
        units=True,
    ),
    Operation(name="abs", function=np.abs, numbers=numbers.magnitudes, units=True),
    Operation(
        name="negate", function=np.negative, numbers=numbers.negated, wraps=True, units=True
    ),
    Operation(name="sign", function=np.sign, numbers=numbers.signs),
)  # fmt: skip

_ROUNDING = (
    _rounding("floor", np.floor),
    _rounding("ceil", np.ceil),
    _rounding("round", np.rint),
    _rounding("trunc", np.trunc),
)

_COMPARISONS = (
    _comparison("equal", np.equal),
    _comparison("unequal", np.not_equal),
    _comparison("less", np.less),
    _comparison("less_equal", np.less_equal),
    _comparison("greater", np.greater),
    _comparison("greater_equal", np.greater_equal),
)

_LOGIC = (
    Operation(name="and", function=_and, operands=1, folds=True, result="truth"),
    Operation(name="or", function=_or, operands=1, folds=True, result="truth"),
    Operation(name="xor", function=_xor, operands=1, folds=True, result="truth"),
    Operation(name="not", function=_not, result="truth"),
    Operation(name="defined", function=_same, result="known"),
    Operation(name="undefined", function=_same, result="known"),
)

_BITS = (
    Operation(
        name="bitwise_and", function=np.bitwise_and, operands=1, folds=True, result="bits",
        numbers=numbers.bits_of_both,
    ),
    Operation(
        name="bitwise_or", function=np.bitwise_or, operands=1, folds=True, result="bits",
        numbers=numbers.bits_of_either,
    ),
    Operation(
        name="bitwise_xor", function=np.bitwise_xor, operands=1, folds=True, result="bits",
        numbers=numbers.bits_of_either,
    ),
    Operation(
        name="bitwise_not", function=np.invert, result="bits", numbers=numbers.complements,
        native=True,
    ),
    Operation(
        name="left_shift", function=np.multiply, operands=1, result="bits",
        numbers=numbers.multiplied, wraps=True,
    ),
    Operation(
        name="right_shift", function=np.right_shift, operands=1, result="bits",
        numbers=numbers.shifted,
    ),
)  # fmt: skip

_FLOATS = (
    "sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "tanh", "radians", "degrees",
)  # fmt: skip

OPERATIONS: tuple[Operation, ...] = (
    *_ARITHMETIC,
    *_ROUNDING,
    *_COMPARISONS,
    *_LOGIC,
    *_BITS,
    *(Operation(name=name, function=FUNCTIONS[name], result="float") for name in _FLOATS),
    Operation(name="arctan2", function=np.arctan2, operands=1, result="float"),
)
"""All local operations."""

_BY_NAME = {row.name: row for row in OPERATIONS}


def operation_names() -> tuple[str, ...]:
    """Return the names of all local operations.

    Examples
    --------
    >>> "add" in operation_names()
    True
    """
    return tuple(_BY_NAME)


def operation_named(name: str) -> Operation:
    """Return the operation of a name.

    Raises
    ------
    AlgebraError
        There is none; the text lists those that there are.

    Examples
    --------
    >>> operation_named("arctan2").operands
    1
    """
    return chosen("local operation", name, _BY_NAME)
