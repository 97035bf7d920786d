"""Answers in Terracotta's shape: pictures with tags, JSON, errors with a `message`."""

from __future__ import annotations

import logging
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi.responses import JSONResponse
from starlette.responses import Response

from xcube_tiles.errors import UnknownKeyError, XcubeTilesError
from xcube_tiles.server.errors import code_of, problem, retry_headers, status_of
from xcube_tiles.server.operations.access import VISITOR
from xcube_tiles.server.terracotta.opened import version_of
from xcube_tiles.server.terracotta.params import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from xcube_tiles.server.terracotta.shelf import Shelf
    from xcube_tiles.sources.terracotta import Texts
    from xcube_tiles.sources.terracotta_table import KeyedRasters


_LOG = logging.getLogger("xcube_tiles.server.terracotta")


class NotThereError(LookupError):
    """What a path names isn't there; the text says what."""


def failure(error: Exception) -> JSONResponse:
    """Return an error as a problem document that has Terracotta's `message`, too."""
    if isinstance(error, BadRequestError | UnknownKeyError):
        status, code = 400, "bad-parameter"
    elif isinstance(error, NotThereError):
        status, code = 404, "raster-not-found"
    else:
        status, code = status_of(error), code_of(error)
    # A KeyError shows its text in quotes.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if status >= 500:
        _LOG.error("%s: %s", code, error)
    return problem(status, text, code=code, headers=retry_headers(status), more={"message": text})


KNOWN_ERRORS = (BadRequestError, NotThereError, XcubeTilesError, FileNotFoundError)
"""Errors whose text is for the client; a file that isn't there is named."""


def json_answer(content: object) -> JSONResponse:
    """Return JSON that is asked for anew each time: rasters come and go."""
    return JSONResponse(content, headers={"Cache-Control": "no-cache"})


def picture_answer(
    request: Request,
    shelf: Shelf,
    rasters: KeyedRasters,
    shown: Sequence[Texts],
    make: Callable[[], bytes],
) -> Response:
    """Answer with a PNG, or with 304 if the client has it.

    Parameters
    ----------
    request
        Its path and query say what is asked for; `If-None-Match` what the client has.
    shelf
        Where drawn pictures are kept.
    rasters, shown
        What the picture shows: it is another when their files are.
    make
        Draws it.
    """
    parts = [request.url.path, *map(str, sorted(request.query_params.multi_items()))]
    versions = [version_of(rasters[texts]) for texts in shown]
    digest = blake2b("\n".join([*parts, *versions]).encode(), digest_size=12).hexdigest()
    tag = f'"{digest}"'
    headers = {"ETag": tag, "Cache-Control": request.app.state.cache_control}
    if _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    picture = shelf.pictures.get(digest, make)
    return Response(picture, media_type="image/png", headers=headers)


def _has(known: str | None, tag: str) -> bool:
    """Return whether a header `If-None-Match` names a tag; compared weakly (RFC 9110, 13.1.2)."""
    tags = {part.strip().removeprefix("W/") for part in (known or "").split(",")}
    return tag in tags or "*" in tags


def sees(request: Request, name: str) -> bool:
    """Return whether who asks may see the rasters of a name."""
    visitor = request.scope.get(VISITOR)
    return visitor is None or bool(visitor.sees(name))


def values_in(request: Request, prefix: str, *, after: int) -> list[str]:
    """Return the values of keys in a request's path.

    Parameters
    ----------
    request
        Its path as it came: a value may hold `/` as `%2F`.
    prefix
        What stands before the values, without the server's own root.
    after
        Parts of the path that stand after the values.
    """
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    parts = raw.decode("latin-1").partition("?")[0].split("/")
    before = _parts(request.scope.get("root_path", "")) + _parts(prefix)
    values = [unquote(part) for part in parts if part][before:]
    return values[: len(values) - after]


def _parts(path: str) -> int:
    return len([part for part in path.split("/") if part])
