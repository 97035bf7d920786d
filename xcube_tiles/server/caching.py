"""Entity tags, and tiles kept in memory: what is known needn't be drawn."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from fastapi import Request, Response

from xcube_tiles.server.served import ServedLayer


class TileCache:
    """Pictures by their entity tags, the last used; none outlives the version it was made of.

    Parameters
    ----------
    most
        Bytes that they may have together.

    Raises
    ------
    ValueError
        Less than nothing.

    Examples
    --------
    >>> cache = TileCache(10)
    >>> for tag in "abc":
    ...     cache.put(tag, b"1234")
    >>> cache.get("a"), cache.get("c"), cache.bytes
    (None, b'1234', 8)
    """

    __slots__ = ("_kept", "_lock", "bytes", "most")

    def __init__(self, most: int) -> None:
        if most < 0:
            raise ValueError(f"a cache of tiles has 0 bytes or more, got tile_cache={most!r}")
        self.most = most
        self.bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, tag: str) -> bytes | None:
        """Return a picture, None if it isn't kept."""
        with self._lock:
            body = self._kept.get(tag)
            if body is not None:
                self._kept.move_to_end(tag)
            return body

    def put(self, tag: str, body: bytes) -> None:
        """Keep a picture; those not used for longest make room. One larger than all isn't kept."""
        if len(body) > self.most:
            return
        with self._lock:
            self.bytes += len(body) - len(self._kept.pop(tag, b""))
            self._kept[tag] = body
            while self.bytes > self.most:
                self.bytes -= len(self._kept.popitem(last=False)[1])


def respond(
    request: Request, layer: ServedLayer, make: Callable[[], bytes], *, media_type: str
) -> Response:
    """Answer with what `make` returns or a cache has, or with 304 if the client has it.

    Parameters
    ----------
    request
        Its path and query say what is asked for; `If-None-Match` what the client has.
    layer
        Its version is part of the entity tag.
    make
        Makes the body.
    media_type
        Media type of the body.
    """
    tag = layer.etag(request.url.path, parameters(request))
    state = request.app.state
    if has_tag(request.headers.get("if-none-match"), tag):
        return answer(state, tag, None)
    cache = getattr(state, "tile_cache", None)
    body = None if cache is None else cache.get(tag)
    if body is not None:
        return answer(state, tag, body, media_type=media_type, hit=True)
    body = make()
    if cache is not None:
        cache.put(tag, body)
    return answer(state, tag, body, media_type=media_type)


def parameters(request: Request) -> list[tuple[str, str]]:
    """Return the query's parameters, sorted: their order has no meaning."""
    return sorted(request.query_params.multi_items())


def answer(
    state: Any, tag: str, body: bytes | None, *, media_type: str | None = None, hit: bool = False
) -> Response:
    """Return the response with a picture, or 304 without one.

    Parameters
    ----------
    state
        Of the application: its `cache_control` is sent.
    tag
        Entity tag.
    body, media_type
        The picture; None: the client has it.
    hit
        Whether it was kept.
    """
    headers = {"ETag": tag, "Cache-Control": state.cache_control}
    if hit:
        headers["X-Cache"] = "hit"
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def has_tag(known: str | None, tag: str) -> bool:
    """Return whether a header `If-None-Match` names a tag; compared weakly (RFC 9110, 13.1.2)."""
    if known is None:
        return False
    tags = {part.strip().removeprefix("W/") for part in known.split(",")}
    return tag in tags or "*" in tags
