"""Query parameters of the OGC's services: their names know no case."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, get_args

from xcube_tiles.render.instants import TimeMatch
from xcube_tiles.server.ogc.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcube_tiles.render.instants import TimeMatch as Match

_WHOLE = re.compile(r"[+-]?\d{1,18}")


class Kvp:
    """Parameters of a request by name, in whatever case it is written.

    Parameters
    ----------
    items
        Names and values. Of a name that is given twice the last value counts.

    Examples
    --------
    >>> asked = Kvp([("Width", "256"), ("LAYERS", "a,b"), ("format", "")])
    >>> asked.whole("width", low=1, high=4096), asked.listed("layers"), asked.text("FORMAT")
    (256, ['a', 'b'], None)
    """

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._values = {name.lower(): value for name, value in items}

    def along(self, **more: str) -> Kvp:
        """Return these parameters with others, which go before those of the same name."""
        return Kvp([*self._values.items(), *more.items()])

    def has(self, name: str) -> bool:
        """Return whether a parameter is given, be it empty."""
        return name.lower() in self._values

    def text(self, name: str) -> str | None:
        """Return a parameter, None if it isn't given or empty."""
        return self._values.get(name.lower(), "").strip() or None

    def required(self, name: str) -> str:
        """Return a parameter that has to be given."""
        found = self.text(name)
        if found is None:
            raise Refusal("missing", f"the parameter {name} is missing", name)
        return found

    def listed(self, name: str) -> list[str]:
        """Return values parted by commas; empty ones stay, nothing at all is an empty list."""
        found = self.text(name)
        return [] if found is None else [part.strip() for part in found.split(",")]

    def whole(self, name: str, *, low: int, high: int) -> int:
        """Return a parameter that has to be a whole number within two others, both included."""
        text = self.required(name)
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise Refusal(
                "invalid",
                f"{name} is a whole number from {low} to {high}, got {text!r}",
                name,
            )
        return int(text)

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Return a parameter that has to be a certain number of finite numbers."""
        text = self.required(name)
        try:
            found = tuple(float(part) for part in text.split(","))
        except ValueError:
            found = ()
        if len(found) != count or not all(map(math.isfinite, found)):
            raise Refusal(
                "invalid",
                f"{name} is {count} numbers parted by commas, got {text!r}",
                name,
            )
        return found

    def flag(self, name: str) -> bool:
        """Return a parameter that is TRUE or FALSE; FALSE if it isn't given."""
        text = (self.text(name) or "FALSE").upper()
        if text not in ("TRUE", "FALSE"):
            raise Refusal("invalid", f"{name} is TRUE or FALSE, got {text!r}", name)
        return text == "TRUE"

    def match(self) -> Match:
        """Return what `time_match` says, as the native routes have it."""
        text = self.text("time_match") or "exact"
        for known in get_args(TimeMatch):
            if text == known:
                return known  # type: ignore[no-any-return]
        raise Refusal("invalid", f"time_match is 'exact' or 'nearest', got {text!r}", "time_match")
