"""A layer as it is served: its source, its version, and what was found out about it once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from xcube_tiles.render.references import referenced
from xcube_tiles.render.source import attributes_of
from xcube_tiles.render.statistics import range_of
from xcube_tiles.render.style import Style, complete_style

if TYPE_CHECKING:
    from xcube_tiles.render.source import TileSource

MOST_STYLES = 128
"""Styles of one layer whose missing parts are remembered."""


class ServedLayer:
    """A layer as it is served.

    Parameters
    ----------
    name
        Name in addresses.
    source
        What is drawn.
    version
        Text that changes whenever the layer's data do: tiles are cached under it.
    title
        Name for people; None: there is none.
    """

    __slots__ = ("_lock", "_ranges", "_styles", "name", "source", "title", "version")

    def __init__(
        self, name: str, source: TileSource, *, version: str, title: str | None = None
    ) -> None:
        self.name = name
        self.source = source
        self.version = version
        self.title = title
        self._styles: OrderedDict[Style, Style] = OrderedDict()
        self._ranges: dict[str, tuple[float, float] | None] = {}
        self._lock = Lock()

    def complete(self, style: Style) -> Style:
        """Return a style in which nothing is left to find; what was found is remembered.

        Raises
        ------
        StyleError
            A variable that the layer doesn't have.
        """
        with self._lock:
            known = self._styles.get(style)
        if known is not None:
            return known
        # Outside the lock: two requests may find the same at once, which does no harm.
        found = complete_style(self.source, style)
        with self._lock:
            self._styles[style] = found
            while len(self._styles) > MOST_STYLES:
                self._styles.popitem(last=False)
        return found

    def range_of(self, variable: str) -> tuple[float, float] | None:
        """Return the lowest and the highest value of a variable; None if it has none."""
        if variable not in self._ranges:
            self._ranges[variable] = range_of(self.source, variable)
        return self._ranges[variable]

    def units_of(self, style: Style) -> str | None:
        """Return the unit of the values that a style shows, where it is known."""
        if style.expression is not None or len(style.bands) != 1:
            return None
        source = referenced(self.source, style.bands)
        units = attributes_of(source, style.bands[0]).get("units")
        return str(units) if units not in (None, "") else None

    def etag(self, *parts: object) -> str:
        """Return the entity tag of something made of this version of the layer."""
        text = "\n".join([self.name, self.version, *map(str, parts)])
        return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
