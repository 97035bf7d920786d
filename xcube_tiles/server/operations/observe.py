"""The outermost layer: ids of requests, HEAD, metrics, the log."""

from __future__ import annotations

import logging
import re
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING, Any

from xcube_tiles.server.operations.logs import REQUEST_ID, redacted, shortened

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from xcube_tiles.server.operations.metrics import Metrics

LOG = logging.getLogger("xcube_tiles.server.access")
"""Gets a record for each request."""

OTHER = "other"
"""Route of requests that none of ours took: their paths are anything, and must not be counted by
name."""

HEAD = "xcube_tiles.head"
"""Under this name, the scope of a request for headers alone has True."""

_VALID_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")
_KEPT_HEADERS = (b"content-type", b"x-cache")


class Observer:
    """ASGI middleware that watches requests and answers HEAD like GET.

    Parameters
    ----------
    app
        What answers.
    metrics
        Where requests are counted; None: nowhere.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics | None) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, send)
        token = REQUEST_ID.set(seen.id.decode())
        if self._metrics is not None:
            self._metrics.in_flight.inc()
        try:
            await self._app(seen.scope, receive, seen.send)
        finally:
            self._done(seen)
            REQUEST_ID.reset(token)

    def _done(self, seen: _Seen) -> None:
        seconds = perf_counter() - seen.started
        route = getattr(seen.scope.get("route"), "path", OTHER)
        if self._metrics is not None:
            self._metrics.in_flight.dec()
            self._metrics.answered(route, seen.status, seconds, seen.size)
            media_type, cache = (seen.headers.get(name, "") for name in _KEPT_HEADERS)
            self._metrics.picture(route, seen.status, media_type, cache)
        if LOG.isEnabledFor(logging.INFO):
            _log(seen, route, seconds)


class _Seen:
    """A request and what is known of its answer so far."""

    __slots__ = ("_head", "_send", "headers", "id", "scope", "size", "started", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.started = perf_counter()
        self._head = scope["method"] == "HEAD"
        # Routes know GET; that nothing but the headers is wanted is seen to here.
        self.scope = {**scope, "method": "GET", HEAD: True} if self._head else scope
        self._send = send
        self.id = _id_of(scope)
        self.status = 0  # nothing was answered
        self.size = 0
        self.headers: dict[bytes, str] = {}

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self._start(message)
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            if self._head:
                message = {**message, "body": b""}
            else:
                self.size += len(body)
        await self._send(message)

    def _start(self, message: Message) -> None:
        self.status = message["status"]
        headers: Any = message.setdefault("headers", [])
        self.headers = {name: value.decode() for name, value in headers if name in _KEPT_HEADERS}
        message["headers"] = [
            *headers,
            (b"x-request-id", self.id),
            (b"x-content-type-options", b"nosniff"),
        ]


def _id_of(scope: Scope) -> bytes:
    """Return the id that a request brings, if it is a harmless one; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _VALID_ID.fullmatch(value):
            return bytes(value)
    return token_hex(8).encode()


def _log(seen: _Seen, route: str, seconds: float) -> None:
    method = "HEAD" if seen._head else seen.scope["method"]
    query = seen.scope["query_string"].decode("latin-1")
    target = redacted(seen.scope["path"] + (f"?{query}" if query else ""))
    fields = {
        "method": method,
        "path": shortened(target, quoted=False),
        "route": route,
        "status": seen.status,
        "ms": round(1000 * seconds, 2),
        "bytes": seen.size,
    }
    level = logging.ERROR if seen.status in (0, 500) else logging.INFO
    LOG.log(level, "request", extra={"fields": fields})
