"""Terracotta's expressions, written anew in the language of our band mathematics."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.algebra.expression_syntax import MAX_LENGTH
from xcube_tiles.algebra.expression_values import ARGUMENTS
from xcube_tiles.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Collection

_NODATA = "(0/0)"
_BITS = 32
"""Bits of a whole number that `&` and `|` know."""

CONSTANTS = {"pi": "3.141592653589793", "nan": _NODATA, "inf": "(1e308*10)", "nomask": "(0>1)"}
"""Names that are numbers, unless an operand has that name."""


class _Meaning(NamedTuple):
    arguments: int
    text: str
    truth: bool = False


_LOW, _HIGH = "min({1},{2})", "max({1},{2})"

FUNCTIONS = {
    "getmask": _Meaning(1, "isnodata({0})", truth=True),
    "setmask": _Meaning(2, f"where({{1}},{_NODATA},{{0}})"),
    "masked_where": _Meaning(2, f"where({{0}},{_NODATA},{{1}})"),
    "masked_invalid": _Meaning(1, "{0}"),
    "masked_equal": _Meaning(2, f"where({{0}}=={{1}},{_NODATA},{{0}})"),
    "masked_not_equal": _Meaning(2, f"where({{0}}!={{1}},{_NODATA},{{0}})"),
    "masked_greater": _Meaning(2, f"where({{0}}>{{1}},{_NODATA},{{0}})"),
    "masked_greater_equal": _Meaning(2, f"where({{0}}>={{1}},{_NODATA},{{0}})"),
    "masked_less": _Meaning(2, f"where({{0}}<{{1}},{_NODATA},{{0}})"),
    "masked_less_equal": _Meaning(2, f"where({{0}}<={{1}},{_NODATA},{{0}})"),
    "masked_inside": _Meaning(3, f"where(({{0}}>={_LOW})&({{0}}<={_HIGH}),{_NODATA},{{0}})"),
    "masked_outside": _Meaning(3, f"where(({{0}}<{_LOW})|({{0}}>{_HIGH}),{_NODATA},{{0}})"),
    "minimum": _Meaning(2, "min({0},{1})"),
    "maximum": _Meaning(2, "max({0},{1})"),
    "mod": _Meaning(2, "({0}%{1})"),
    "arcsinh": _Meaning(1, "(sign({0})*log(abs({0})+sqrt({0}**2+1)))"),
    "arccosh": _Meaning(1, "log({0}+sqrt({0}-1)*sqrt({0}+1))"),
    "arctanh": _Meaning(1, "(0.5*log((1+{0})/(1-{0})))"),
}
"""Functions that our language lacks, in its words; all others of Terracotta's it has."""

_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


class _Part(NamedTuple):
    """A part of an expression in our language."""

    text: str
    truth: bool = False
    """Whether it is true or false rather than a number."""


@lru_cache(maxsize=256)
def translated(text: str, operands: tuple[str, ...]) -> Expression:
    """Return an expression of Terracotta's language in ours.

    Parameters
    ----------
    text
        Names of operands, numbers, ``+ - * / % **``, ``& | ~``, comparisons, and the functions of
        Terracotta; also those of `algebra.expression`, where their names differ.
    operands
        Names that there are.

    Raises
    ------
    ExpressionError
        Text that can't be read, isn't allowed, or has no operand.

    Notes
    -----
    ``&`` and ``|`` are logical between comparisons and masks. Between a number and a whole number
    that is written out they work on its bits, by arithmetic, as flags of quality bands need it; all
    else is refused rather than given another meaning. Operands are floats: nothing wraps.

    Examples
    --------
    >>> translated("masked_less((v1 - v2) / (v1 + v2), 0.2)", ("v1", "v2")).names
    ('v1', 'v2')
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression may have {MAX_LENGTH} characters, got {len(text)}: {text[:40]!r}..."
        )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        part = _part(tree, operands)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, ExpressionError):
            raise
        reason = error.msg if isinstance(error, SyntaxError) else "it is too deep"
        raise ExpressionError(f"can't read the expression {text!r:.80}: {reason}") from error
    return Expression.parse(part.text)


def reads_bits(text: str) -> bool:
    """Return whether an expression that was translated looks at the bits of numbers.

    Such numbers are flags: what lies between two of them means nothing.

    Examples
    --------
    >>> reads_bits("where(v1 & 4, v2, v3)"), reads_bits("(v1 > 2) & (v2 > 3)")
    (True, False)
    """
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.BitAnd | ast.BitOr)
        and (_whole(node.left) is not None or _whole(node.right) is not None)
        for node in ast.walk(ast.parse(text.strip(), mode="eval"))
    )


def _part(node: ast.expr, operands: Collection[str]) -> _Part:
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise ExpressionError(f"{node.value!r:.40} is no number")
        case ast.Constant():
            return _Part(repr(node.value))
        case ast.Name(id=name):
            return _named(name, operands)
        case ast.UnaryOp():
            return _signed(node, _part(node.operand, operands))
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            return _bits(node, _part(node.left, operands), _part(node.right, operands))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            # The exponent stays a number that is written out: our language bounds it.
            return _short(f"({_part(left, operands).text}**{_exponent(right)})")
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            first, second = _part(left, operands), _part(right, operands)
            return _short(f"({first.text}{_SIGNS[type(sign)]}{second.text})")
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _SIGNS:
            first, second = _part(left, operands), _part(right, operands)
            return _short(f"({first.text}{_SIGNS[type(sign)]}{second.text})", truth=True)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_part(argument, operands) for argument in arguments])
    what = type(getattr(node, "op", node)).__name__
    raise ExpressionError(f"{what} is not allowed in expressions, got {ast.unparse(node)!r:.80}")


def _named(name: str, operands: Collection[str]) -> _Part:
    if name in operands:
        return _Part(name)
    if name in CONSTANTS:
        return _Part(CONSTANTS[name], truth=name == "nomask")
    known = ", ".join([*operands, *CONSTANTS])
    raise ExpressionError(f"unrecognized name {name!r:.40} in expression; the names are {known}")


def _signed(node: ast.UnaryOp, inner: _Part) -> _Part:
    if isinstance(node.op, ast.Invert):
        if not inner.truth:
            raise ExpressionError("~ negates comparisons and masks, not numbers; use -v1 - 1")
        return _Part(f"(~{inner.text})", truth=True)
    if isinstance(node.op, ast.USub | ast.UAdd):
        sign = "-" if isinstance(node.op, ast.USub) else "+"
        return _Part(f"({sign}{inner.text})")
    raise ExpressionError("'not' is not allowed in expressions; write ~(v1 > 2)")


def _bits(node: ast.BinOp, first: _Part, second: _Part) -> _Part:
    if first.truth and second.truth:
        return _short(f"({first.text}{_SIGNS[type(node.op)]}{second.text})", truth=True)
    number, other = _whole(node.right), first
    if number is None:
        number, other = _whole(node.left), second
    if number is None or other.truth:
        raise ExpressionError(
            "& and | stand between two comparisons, as in (v1 > 2) & (v2 < 3), or between an "
            f"operand and a whole number from 0 to {2**_BITS - 1}, as in v1 & 4"
        )
    bits = [2**place for place in range(_BITS) if number >> place & 1]
    shared = "+".join(f"{bit}*(({other.text}//{bit})%2)" for bit in bits) or f"0*{other.text}"
    if isinstance(node.op, ast.BitAnd):
        return _short(f"({shared})")
    return _short(f"({other.text}+{number}-({shared}))")


def _whole(node: ast.expr) -> int | None:
    value = node.value if isinstance(node, ast.Constant) else None
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**_BITS
    return value if whole else None  # type: ignore[return-value]


def _call(name: str, arguments: list[_Part]) -> _Part:
    meaning = FUNCTIONS.get(name)
    least, most = (meaning.arguments,) * 2 if meaning else ARGUMENTS.get(name, (0, -1))
    if most < 0:
        known = ", ".join(sorted({*FUNCTIONS, *ARGUMENTS}))
        raise ExpressionError(f"unrecognized name {name!r:.40}; the functions are {known}")
    if not least <= len(arguments) <= most:
        raise ExpressionError(
            f"wrong number of arguments for function {name} (got {len(arguments)}, expected {most})"
        )
    texts = [argument.text for argument in arguments]
    if meaning is None:
        return _short(f"{name}({','.join(texts)})", truth=name == "isnodata")
    return _short(meaning.text.format(*texts), truth=meaning.truth)


def _exponent(node: ast.expr) -> str:
    match node:
        case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return ast.unparse(node)
    raise ExpressionError(f"an exponent is a number, as in v1**2, got {ast.unparse(node)!r:.80}")


def _short(text: str, *, truth: bool = False) -> _Part:
    if len(text) > MAX_LENGTH:
        raise ExpressionError("the expression is too long once its functions are written out")
    return _Part(text, truth)
