"""Tiles without the price of a framework.

FastAPI checks a request anew each time, and calls what a route depends on in threads: for a tile of
a millisecond that is most of the time. Maps ask for many tiles with one query. Once the route has
accepted a query, tiles with that same text are answered here, from what it meant; everything else,
and everything that fails, is left to the route, so that answers and errors are its own.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from anyio import to_thread

from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.render.encode import MEDIA_TYPES
from xcube_tiles.render.tile import render_tile
from xcube_tiles.server.caching import answer, has_tag, parameters
from xcube_tiles.server.operations.access import VISITOR
from xcube_tiles.server.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastapi import FastAPI, Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from xcube_tiles.render.instants import TimeMatch
    from xcube_tiles.render.style import Style
    from xcube_tiles.server.library import Library
    from xcube_tiles.server.served import ServedLayer
    from xcube_tiles.typing import ImageFormat

ACCEPTED = "xcube_tiles.accepted"
"""Entry of a scope: where the route notes what a query means."""

MOST_QUERIES = 1024
"""Queries whose meaning is kept."""

# Values, as npy and tif, are worth compressing on the way, which is done around the routes.
_TILE = re.compile(
    r"/layers/([^/?#]+)/tiles/([A-Za-z0-9_]+)/([0-9]{1,2})/([0-9]{1,9})/([0-9]{1,9})"
    r"(@2x)?\.(png|webp|jpg)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a query of the tile route means."""

    style: Style
    """How values become colours."""

    time: str | None
    """Which instant is drawn."""

    time_match: TimeMatch
    """Whether it must be there."""

    size: int
    """Edge of the tile, in pixels."""


class Accepted:
    """Meanings of queries by their texts; those not used for longest are forgotten."""

    __slots__ = ("_known", "_lock")

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, bool], tuple[Asked, Any, Any]] = OrderedDict()
        self._lock = Lock()

    def note(self, query: bytes, *, double: bool, asked: Asked, pairs: Any, route: Any) -> None:
        """Keep what a query means, with its sorted parameters and the route that took it."""
        with self._lock:
            self._known[query, double] = asked, pairs, route
            while len(self._known) > MOST_QUERIES:
                self._known.popitem(last=False)

    def get(self, query: bytes, *, double: bool) -> tuple[Asked, Any, Any] | None:
        """Return what was noted of a query."""
        with self._lock:
            found = self._known.get((query, double))
            if found is not None:
                self._known.move_to_end((query, double))
            return found


def note(request: Request, asked: Asked) -> None:
    """Keep what the query of a tile means, for the tiles after it."""
    accepted = request.scope.get(ACCEPTED)
    if isinstance(accepted, Accepted):
        accepted.note(
            request.scope["query_string"],
            double=request.scope["path"].rpartition(".")[0].endswith("@2x"),
            asked=asked,
            pairs=parameters(request),
            route=request.scope.get("route"),
        )


class FastTiles:
    """ASGI middleware that answers what the tile route would, where that is known to be well.

    Parameters
    ----------
    app
        What answers the rest.
    owner
        The application, whose state has the library.
    """

    def __init__(self, app: ASGIApp, *, owner: FastAPI) -> None:
        self._app = app
        self._state = owner.state
        self._accepted = Accepted()
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = None
        if scope["type"] == "http" and scope["method"] == "GET" and not scope.get("root_path"):
            found = _TILE.fullmatch(scope["path"])
            if found is not None:
                scope[ACCEPTED] = self._accepted
                response = await self._tile(scope, found)
        await (response or self._app)(scope, receive, send)

    async def _tile(self, scope: Scope, found: re.Match[str]) -> Response | None:
        name, tms, z, x, y, double, ending = found.groups()
        accepted = self._accepted.get(scope["query_string"], double=bool(double))
        layer = None if accepted is None else await self._layer(scope, name)
        if accepted is None or layer is None:
            return None
        asked, pairs, route = accepted
        scope["route"] = route
        tag = layer.etag(scope["path"], pairs)
        known = [value for key, value in scope["headers"] if key == b"if-none-match"]
        if known and has_tag(known[0].decode("latin-1"), tag):
            return answer(self._state, tag, None)
        format: ImageFormat = ending  # type: ignore[assignment]
        caches = self._state.tile_caches
        body, hit = caches.in_memory(tag), "hit"
        if body is None:
            make = partial(draw_tile, layer, (tms, int(z), int(x), int(y)), asked, format)
            try:
                body, hit = await self._run(name, partial(caches.found_or_made, tag, make))
            except XcubeTilesError:
                return None  # the route tells it in its own way
        return answer(self._state, tag, body, media_type=MEDIA_TYPES[format], hit=hit)

    async def _layer(self, scope: Scope, name: str) -> ServedLayer | None:
        visitor = scope.get(VISITOR)
        if visitor is not None and not visitor.sees(name):
            return None
        library: Library = self._state.library
        layer = library.current(name)
        if layer is None and library.knows(name):
            # It is time to look whether it has changed: no reason to take the long way.
            try:
                layer = await to_thread.run_sync(library.__getitem__, name)
            except XcubeTilesError:
                return None  # the route tells it in its own way
        return layer

    async def _run(self, name: str, make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        """Return a tile and how it came; those that wait for a server need no turn."""
        if self._state.tile_caches.is_shared or self._state.library.is_remote(name):
            return await to_thread.run_sync(make)
        return await self._turns.run(make)


def draw_tile(
    layer: ServedLayer, address: tuple[str, int, int, int], asked: Asked, format: ImageFormat
) -> bytes:
    """Return a tile; values themselves need none of what completes a style."""
    style = asked.style if format in ("npy", "tif") else layer.complete(asked.style)
    return render_tile(
        layer.source,
        address,
        style,
        time=asked.time,
        time_match=asked.time_match,
        format=format,
        tile_size=asked.size,
    )
