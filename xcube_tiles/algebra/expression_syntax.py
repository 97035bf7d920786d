"""The language of band mathematics: what may be written, checked before anything is computed."""

from __future__ import annotations

import ast
import math
from functools import lru_cache
from typing import TYPE_CHECKING

from xcube_tiles.algebra.expression_values import ARGUMENTS, BINARY, COMPARISONS, UNARY
from xcube_tiles.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH = 2000
"""Most characters of an expression: far above what indices need."""

MAX_DEPTH = 100
"""Most operations inside each other; a sum of n terms is n deep. Bounds the recursion."""

MAX_EXPONENT = 64
"""Largest absolute exponent."""

BAND = "band"
"""Function that names a band whose name is no identifier: ``band("B-04")``."""


@lru_cache(maxsize=256)
def parse(text: str) -> ast.expr:
    """Return the checked tree of an expression.

    Raises
    ------
    ExpressionError
        Text that is too long or too deep, no expression, or uses what isn't allowed.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression may have {MAX_LENGTH} characters, got {len(text)}: {text[:40]!r}..."
        )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise ExpressionError(f"can't read the expression {_short(text)}: {reason}") from error
    _check_depth(tree, text)
    _check(tree, text)
    return tree


def band_names(tree: ast.expr) -> tuple[str, ...]:
    """Return the names of the bands that a checked tree uses, in order of appearance."""
    return tuple(dict.fromkeys(_bands(tree)))


def _bands(node: ast.AST) -> Iterator[str]:
    named = band_of(node)
    if named is not None:
        yield named
        return
    called = node.func if isinstance(node, ast.Call) else None
    for child in ast.iter_child_nodes(node):
        if child is not called:
            yield from _bands(child)


def band_of(node: ast.AST) -> str | None:
    """Return the band that a node names, or None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == BAND:
        (argument,) = node.args
        return str(argument.value) if isinstance(argument, ast.Constant) else None
    return None


def _check_depth(tree: ast.expr, text: str) -> None:
    # By levels, not by recursion: it is the recursion below that must stay bounded.
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise ExpressionError(
        f"an expression may be {MAX_DEPTH} operations deep; {_short(text)} is deeper"
    )


def _check(node: ast.expr, text: str) -> None:
    """Raise an error unless a node and all below it are in the allow-list."""
    match node:
        case ast.Constant():
            _check_number(node, text)
            return
        case ast.Name():
            return
        case ast.Call():
            _check_call(node, text)
            return
        case ast.BinOp(op=ast.Pow()):
            _check_exponent(node.right, text)
            allowed = True
        case ast.BinOp():
            allowed = type(node.op) in BINARY
        case ast.UnaryOp():
            allowed = type(node.op) in UNARY
        case ast.Compare():
            allowed = all(type(op) in COMPARISONS for op in node.ops)
        case ast.BoolOp() | ast.IfExp():
            allowed = True
        case _:
            allowed = False
    if not allowed:
        raise ExpressionError(f"{_what(node)} is not allowed in {_short(text)}; {_ALLOWED}")
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, text)


_ALLOWED = (
    "expected names of bands, numbers, + - * / // % **, < <= > >= == !=, & | ~ and or not, "
    f"'a if c else b', and the functions {BAND}, {', '.join(ARGUMENTS)}"
)


def _what(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        return "'^' (the power is '**')"
    part = node.op if isinstance(node, ast.BinOp | ast.UnaryOp) else node
    return type(part).__name__


def _check_number(node: ast.Constant, text: str) -> None:
    value = node.value
    if not isinstance(value, bool | int | float):
        raise ExpressionError(
            f"{value!r:.60} is not a number in {_short(text)}; a band whose name is no identifier "
            f'is written {BAND}("name")'
        )
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise ExpressionError(f"a number in {_short(text)} is beyond the range of float64")


def _check_exponent(node: ast.expr, text: str) -> None:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    value = inner.value if isinstance(inner, ast.Constant) else None
    if not isinstance(value, int | float) or not abs(value) <= MAX_EXPONENT:
        raise ExpressionError(
            f"an exponent must be a number from -{MAX_EXPONENT} to {MAX_EXPONENT}, got "
            f"{_short(ast.unparse(node))} in {_short(text)}"
        )


def _check_call(node: ast.Call, text: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ExpressionError(f"arguments in {_short(text)} must be plain: no names, no '*'")
    if name == BAND:
        argument = node.args[0] if len(node.args) == 1 else None
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            raise ExpressionError(f'expected {BAND}("name") in {_short(text)}')
        return
    if name is None or name not in ARGUMENTS:
        raise ExpressionError(
            f"unknown function {_short(ast.unparse(node.func))} in {_short(text)}; the functions "
            f"are {BAND}, {', '.join(ARGUMENTS)}"
        )
    least, most = ARGUMENTS[name]
    if not least <= len(node.args) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise ExpressionError(
            f"{name} takes {wanted} arguments, got {len(node.args)} in {_short(text)}"
        )
    for argument in node.args:
        _check(argument, text)


def _short(text: str) -> str:
    return repr(text) if len(text) <= 80 else repr(text[:77] + "...")
