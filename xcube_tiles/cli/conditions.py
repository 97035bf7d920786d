"""Arguments of the form NAME=VALUE, and conditions on keys."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xcube_tiles.sources.keys import KeyLike
    from xcube_tiles.sources.select import Condition

Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Take only rasters with this value of a key; several as A,B, a range as A..B, "
        "open as A.. or ..B. Can be repeated.",
    ),
]


def pairs(texts: list[str] | None, *, option: str) -> dict[str, str]:
    """Return the names and values of an option that can be repeated.

    Raises
    ------
    typer.BadParameter
        A text without `=`, or a name that comes twice.
    """
    found: dict[str, str] = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}", param_hint=option)
        if name in found:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
        found[name] = value
    return found


def conditions(texts: list[str] | None) -> "dict[str, Condition]":
    """Return what `Collection.where` takes.

    Examples
    --------
    >>> conditions(["type=indices", "band=B03,B04", "date=2018-05.."])
    {'type': 'indices', 'band': ['B03', 'B04'], 'date': ('2018-05', None)}
    """
    return {name: _condition(value) for name, value in pairs(texts, option="--where").items()}


def _condition(value: str) -> "Condition":
    first, dots, last = value.partition("..")
    if dots:
        return first or None, last or None
    if "," in value:
        several: list[KeyLike] = [*value.split(",")]
        return several
    return value
