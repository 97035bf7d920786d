"""Wrong calls of the public functions, one module a room: `CALLS: list[WrongCall]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class WrongCall(NamedTuple):
    """A call that must be refused, and how."""

    function: str
    """Name as a user writes it: "xt.scan", "xt.Collection.where", "ds.tiles.reduce"."""

    call: Callable[[], object]
    """The call itself; input is made inside it, not when the module is imported."""

    error: type[Exception]
    """Class of the error."""

    text: str
    """Regular expression found in the text of the error."""
