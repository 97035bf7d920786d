"""Addresses that capabilities give to clients, which will ask at them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from xcube_tiles.server.ogc.styles import PARAMETERS

if TYPE_CHECKING:
    from fastapi import Request

PASSED = frozenset({*PARAMETERS, "time_match", "key"})
"""Parameters that no standard knows: a client that asks for the capabilities with them gets
addresses that have them, and so draws what they say without knowing of them."""


class Address(NamedTuple):
    """Where the services of a server are."""

    base: str
    """Address of the server, with a slash at its end."""

    passed: tuple[tuple[str, str], ...] = ()
    """Parameters that go into each address."""

    def by_query(self, path: str, **more: str) -> str:
        """Return an address to which a client adds parameters.

        Examples
        --------
        >>> Address("http://host/", (("colormap", "magma"),)).by_query("wms", LAYER="a b")
        'http://host/wms?colormap=magma&LAYER=a%20b&'
        """
        query = urlencode([*self.passed, *more.items()], quote_via=quote)
        return f"{self.base}{path}?{query}{'&' if query else ''}"

    def by_path(self, path: str, *, time: bool = False) -> str:
        """Return an address to which a client adds nothing; with `time` a place to put one in.

        Examples
        --------
        >>> Address("http://host/").by_path("wmts/{TileRow}.png", time=True)
        'http://host/wmts/{TileRow}.png?time={Time}'
        """
        query = urlencode(self.passed, quote_via=quote)
        parts = [part for part in (query, "time={Time}" if time else "") if part]
        return f"{self.base}{path}{'?' if parts else ''}{'&'.join(parts)}"


def address_of(request: Request) -> Address:
    """Return where the services are for the client that asks."""
    given = [
        (name.lower(), value)
        for name, value in request.query_params.multi_items()
        if name.lower() in PASSED and value
    ]
    return Address(str(request.base_url), tuple(given))


def quoted(text: str) -> str:
    """Return a text as part of a path."""
    return quote(text, safe="")
