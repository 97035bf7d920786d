"""The Zarr store of a layer, as it lies: browsers, GDAL and xarray read cells without any tile."""

import re
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

from xcube_tiles.catalog.reading.stored import PIECE, ROOT, find_object, is_stored, was_replaced
from xcube_tiles.errors import LayerNotFoundError
from xcube_tiles.server.caching import has_tag
from xcube_tiles.server.describe import ZARR
from xcube_tiles.server.errors import problem
from xcube_tiles.server.library import layer_of
from xcube_tiles.server.operations.observe import HEAD
from xcube_tiles.server.served import ServedLayer

router = APIRouter(tags=["layers"])

_ROUTE = re.compile(r"/layers/[^/]+/zarr(?:/|$)")
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")
_BYTES: dict[str, dict[str, object]] = {"application/json": {}, "application/octet-stream": {}}


class Span(NamedTuple):
    """Part of an object."""

    start: int
    """First byte."""

    stop: int
    """Behind the last byte."""


class Compression(GZipMiddleware):
    """ASGI middleware that compresses answers, but no objects of a store.

    Those are compressed already, and parts of them are counted in the bytes that are stored.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        stored = scope["type"] == "http" and _ROUTE.search(scope["path"])
        await (self.app if stored else super().__call__)(scope, receive, send)


@router.get(
    "/layers/{layer}/zarr",
    response_class=Response,
    responses={200: {"content": {ZARR: {}}}, 304: {"description": "Not modified"}},
)
def store(request: Request, layer: Annotated[ServedLayer, Depends(layer_of)]) -> Response:
    """Return the root document of the layer's Zarr store, whose address this is."""
    answer = stored_object(request, layer, ROOT)
    if "content-type" in answer.headers and answer.status_code < 300:
        answer.headers["content-type"] = ZARR
    return answer


@router.get(
    "/layers/{layer}/zarr/{key:path}",
    response_class=Response,
    responses={
        200: {"content": _BYTES},
        206: {"description": "The part that the header `Range` asks for", "content": _BYTES},
        304: {"description": "Not modified"},
    },
)
def stored_object(
    request: Request,
    layer: Annotated[ServedLayer, Depends(layer_of)],
    key: Annotated[str, Path(description="Key of the store, such as `0/ndvi/c/0/0/0`")],
) -> Response:
    """Return an object of the layer's Zarr store, or a part of it.

    Programs that read Zarr take the address `/layers/{layer}/zarr` for a store.
    """
    source = layer.source
    if not is_stored(source):
        raise LayerNotFoundError(
            f"layer {layer.name!r} has no Zarr store: its cells are read from files as they are. "
            f"Layers of a catalog have one; of this one there are tiles and values"
        )
    found = find_object(source, key, version=layer.version)  # type: ignore[arg-type]
    if found is None:
        return _absent(layer, key)
    tag = layer.etag("zarr", key, found.version)
    json = key.rpartition("/")[2] == ROOT
    # What a client has opened by a document must not be read by another one later.
    kept = "no-cache" if json else request.app.state.cache_control
    headers = {"ETag": tag, "Cache-Control": kept, "Accept-Ranges": "bytes"}
    if has_tag(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    head = request.scope.get(HEAD, False)
    asked = None if head else request.headers.get("range")
    if request.headers.get("if-range", tag) != tag:
        asked = None  # of another version; it wants all of this one
    span = parse_range(asked, found.size)
    if span is not None and span.start >= span.stop:
        text = f"this object has {found.size} bytes, got Range: {asked}"
        lacking = {"Content-Range": f"bytes */{found.size}", "Accept-Ranges": "bytes"}
        return problem(416, text, code="bad-range", headers=lacking)
    start, stop = span or (0, found.size)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
    headers["Content-Length"] = str(stop - start)
    status, media_type = (206 if span else 200), _media_type(json)
    if head:
        return Response(headers=headers, media_type=media_type)
    pieces = found.pieces(start, stop)
    if stop - start <= PIECE:
        return Response(b"".join(pieces), status, headers=headers, media_type=media_type)
    return StreamingResponse(pieces, status, headers=headers, media_type=media_type)


def parse_range(text: str | None, size: int) -> Span | None:
    """Return the part of an object that a header `Range` asks for (RFC 9110, 14.1.2).

    None stands for the whole: no header, several parts, or what isn't understood. A part that
    isn't there is empty.

    Examples
    --------
    >>> parse_range("bytes=2-5", 10), parse_range("bytes=7-", 10), parse_range("bytes=-4", 10)
    (Span(start=2, stop=6), Span(start=7, stop=10), Span(start=6, stop=10))
    >>> parse_range("bytes=12-", 10), parse_range("bytes=0-1,4-5", 10)
    (Span(start=10, stop=10), None)
    """
    found = None if text is None else _RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return Span(max(0, size - int(found[2])), size)
    start, stop = int(found[1]), int(found[2]) + 1 if found[2] else size
    if stop <= start and found[2]:
        return None  # no range at all: to be ignored
    return Span(min(start, size), min(stop, size))


def _media_type(json: bool) -> str:
    return "application/json" if json else "application/octet-stream"


def _absent(layer: ServedLayer, key: str) -> Response:
    """Answer that there is no such object: NoData, to programs that read Zarr."""
    if was_replaced(layer.source, key):  # type: ignore[arg-type]
        text = f"layer {layer.name!r} was replaced since it was opened: open it again"
        return problem(410, text, code="layer-replaced")
    if not key:
        raise HTTPException(404, "open this address by a program that reads Zarr, or see zarr.json")
    raise HTTPException(404, f"layer {layer.name!r} has no object of this key in its store")
