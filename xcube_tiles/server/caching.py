"""Entity tags: a browser that has a picture already is told so, before anything is drawn."""

from collections.abc import Callable

from fastapi import Request, Response

from xcube_tiles.server.served import ServedLayer


def respond(
    request: Request, layer: ServedLayer, make: Callable[[], bytes], *, media_type: str
) -> Response:
    """Answer with what `make` returns, or with 304 if the client has it.

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
    query = sorted(request.query_params.multi_items())
    tag = layer.etag(request.url.path, query)
    headers = {"ETag": tag, "Cache-Control": request.app.state.cache_control}
    if _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=media_type, headers=headers)


def _has(known: str | None, tag: str) -> bool:
    """Return whether a header `If-None-Match` names a tag; compared weakly (RFC 9110, 13.1.2)."""
    if known is None:
        return False
    tags = {part.strip().removeprefix("W/") for part in known.split(",")}
    return tag in tags or "*" in tags
