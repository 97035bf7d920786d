"""Keys, and which layers each of them shows."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers, MutableHeaders

from xcube_tiles.server.errors import problem
from xcube_tiles.server.operations.gate import OPEN
from xcube_tiles.server.operations.rates import CALLER, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-API-Key"
PARAMETER = "key"
VISITOR = "xcube_tiles.visitor"
"""Under this name, the scope of a request holds the visitor; it lacks where there are no keys."""


class ApiKey(BaseModel):
    """What the settings say of a key; the key itself is nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the key, in hexadecimal digits."""

    layers: tuple[str, ...] = ("*",)
    """Names of the layers that it shows; `*` and `?` stand for any characters, for any one."""

    rate: Rate | None = None
    """How often it may be used, if that isn't what holds for all."""


def new_key() -> tuple[str, str]:
    """Return a new key and the hash of it that belongs into the settings.

    Examples
    --------
    >>> key, hashed = new_key()
    >>> hashed == hash_of(key)
    True
    """
    key = token_urlsafe(32)
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """Return the hash of a key; a key is long and random, so that a fast hash is enough."""
    return sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, and what may be seen by whoever that is."""

    name: str | None
    """Name of the key; None: there is none."""

    layers: tuple[str, ...]
    """Names of layers, with `*` and `?`."""

    def sees(self, layer: str) -> bool:
        """Return whether a layer may be seen.

        Examples
        --------
        >>> Visitor(name="a", layers=("ndvi*",)).sees("ndvi-2024")
        True
        """
        return any(fnmatchcase(layer, pattern) for pattern in self.layers)


class Keys:
    """ASGI middleware that finds out who asks.

    A key that isn't known is refused (401). No key at all is a visitor who sees what is public.

    Parameters
    ----------
    app
        What answers.
    keys
        The keys by their names.
    public
        Names of the layers that need no key, with `*` and `?`.
    """

    def __init__(self, app: ASGIApp, *, keys: Mapping[str, ApiKey], public: Sequence[str]) -> None:
        self._app = app
        self._keys = {
            Visitor(name=name, layers=(*key.layers, *public)): key.sha256
            for name, key in keys.items()
        }
        self._rates = {name: key.rate for name, key in keys.items()}
        self._anybody = Visitor(name=None, layers=tuple(public))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as who asks may be answered."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        given = _given(scope)
        visitor = self._anybody if given is None else self._known(given)
        if visitor is None:
            detail = f"this key is not known; it comes as {HEADER} or as ?{PARAMETER}="
            refusal = problem(401, detail, headers={"WWW-Authenticate": "ApiKey"})
            await refusal(scope, receive, send)
            return
        scope[VISITOR] = visitor
        if visitor.name is not None:
            scope[CALLER] = visitor.name, self._rates[visitor.name]
        await self._app(scope, receive, _private(send, by_key=given is not None))

    def _known(self, key: str) -> Visitor | None:
        # All are compared, each in the same time, so that the time taken tells nothing.
        hashed = hash_of(key)
        found = None
        for visitor, known in self._keys.items():
            if hmac.compare_digest(hashed, known):
                found = visitor
        return found


def _given(scope: Scope) -> str | None:
    header = Headers(scope=scope).get(HEADER)
    if header is not None:
        return header
    if b"key=" not in scope["query_string"]:
        return None
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return next((value for name, value in query if name == PARAMETER), None)


def _private(send: Send, *, by_key: bool) -> Send:
    """Return a `send` that keeps what a key has shown out of caches that many use."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header(HEADER)
            if by_key and "public" in headers.get("cache-control", ""):
                headers["Cache-Control"] = headers["cache-control"].replace("public", "private")
        await send(message)

    return marked
