"""Answers with what is made of a layer: entity tags, 304, and what the caches have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastapi import Request

    from xcube_tiles.server.caching.tiers import TileCaches
    from xcube_tiles.server.served import ServedLayer


def respond(
    request: Request, layer: ServedLayer, make: Callable[[], bytes], *, media_type: str
) -> Response:
    """Answer with what `make` returns or a cache has, or with 304 if the client has it.

    It may wait for Redis, and is for routes that run in a thread.

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
    caches: TileCaches = state.tile_caches
    body = caches.in_memory(tag)
    hit = "" if body is None else "hit"
    if body is None:
        body, hit = caches.found_or_made(tag, make)
    return answer(state, tag, body, media_type=media_type, hit=hit)


def parameters(request: Request) -> list[tuple[str, str]]:
    """Return the query's parameters, sorted: their order has no meaning."""
    return sorted(request.query_params.multi_items())


def answer(
    state: Any, tag: str, body: bytes | None, *, media_type: str | None = None, hit: str = ""
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
        Header `X-Cache`, which tells where the picture was kept; empty: nowhere.
    """
    headers = {"ETag": tag, "Cache-Control": state.cache_control}
    if hit:
        headers["X-Cache"] = hit
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def has_tag(known: str | None, tag: str) -> bool:
    """Return whether a header `If-None-Match` names a tag; compared weakly (RFC 9110, 13.1.2)."""
    if known is None:
        return False
    tags = {part.strip().removeprefix("W/") for part in known.split(",")}
    return tag in tags or "*" in tags
