"""What a caller chose by name, from those that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from xcube_tiles.errors import AlgebraError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_Row = TypeVar("_Row")


def chosen(
    what: str, name: str, table: Mapping[str, _Row], listed: Iterable[str] | None = None
) -> _Row:
    """Return the row of a table that a caller named.

    Parameters
    ----------
    what
        What the name is one of, for the error.
    name
        What the caller gave.
    table
        Rows by their names.
    listed
        Names that the error lists; by default all of the table. Without aliases, say.

    Raises
    ------
    AlgebraError
        There is no such row; the text lists those that there are.

    Examples
    --------
    >>> chosen("side", "l", {"left": -1, "right": 1, "l": -1}, ("left", "right"))
    -1
    """
    check_choice(what, name, table, listed)
    return table[name]


def check_choice(
    what: str, name: object, names: Collection[str], listed: Iterable[str] | None = None
) -> None:
    """Refuse a name that isn't one of those that there are.

    Parameters
    ----------
    what, name, listed
        As for `chosen`.
    names
        All names that are right.

    Raises
    ------
    AlgebraError
        Another name, or something else than a name; the text lists those that there are.

    Examples
    --------
    >>> check_choice("side", "top", ("left", "right"))
    Traceback (most recent call last):
        ...
    xcube_tiles.errors.AlgebraError: unknown side 'top'; expected one of left, right
    """
    if not isinstance(name, str) or name not in names:
        known = ", ".join(names if listed is None else listed)
        raise AlgebraError(f"unknown {what} {name!r}; expected one of {known}")
