"""One table from errors to HTTP statuses and codes, and the JSON that tells what was wrong.

Every answer that isn't a success is a problem document (RFC 9457)::

    {"type": "about:blank", "title": "Not Found", "status": 404,
     "detail": "no layer 'nope'; the layers are: scene", "code": "layer-not-found"}

`detail` is for people and may change; `code` is for programs and doesn't.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from xcube_tiles import errors
from xcube_tiles.server.operations.logs import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

PROBLEM = "application/problem+json"
"""Media type of an error (RFC 9457)."""

# The first class that fits counts. What stands in a path and isn't there is 404; what stands in a
# query and can't be used is 400; what isn't even of the right type is 422 (FastAPI's own check).
STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.LayerNotFoundError, 404, "layer-not-found"),
    (errors.RegionError, 400, "bad-region"),
    (errors.GridError, 404, "outside-the-grid"),
    (errors.SizeLimitError, 413, "too-large"),
    (errors.MissingExtraError, 501, "not-installed"),
    (errors.StyleError, 400, "bad-style"),
    (errors.ExpressionError, 400, "bad-expression"),
    (errors.DimensionError, 400, "bad-dimension"),
    # A disk, bucket or database that doesn't answer may do so in a moment.
    (errors.StoreError, 503, "storage-unavailable"),
    (errors.DatabaseError, 503, "storage-unavailable"),
    # The next request opens what is there now.
    (errors.LayerChangedError, 503, "layer-changed"),
    # Once the file is mended, the next request is answered.
    (errors.RasterReadError, 503, "unreadable-data"),
    (errors.DamagedLayerError, 503, "unreadable-data"),
    # A catalog or a file that can't be read is no fault of the client.
    (errors.XcubeTilesError, 500, "unreadable-data"),
)
HTTP_CODES = {
    400: "bad-request",
    401: "unknown-key",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    422: "bad-parameter",
    429: "too-many-requests",
    503: "overloaded",
    504: "timeout",
}
"""Codes of errors that are raised as a mere status."""

RETRY_SECONDS = 2
"""What `Retry-After` says when the server can't answer for a moment."""

_LOG = logging.getLogger("xcube_tiles.server.errors")
# The text of such an error may hold paths or secrets: it goes to the log alone.
_INSIDE = {
    (500, "unreadable-data"): "the server failed; its log says why",
    (500, "server-error"): "the server failed; its log says why",
    (503, "storage-unavailable"): (
        "the place where the data lie doesn't answer; try again in a moment"
    ),
    (503, "unreadable-data"): (
        "a file of these data is gone, cut short or damaged; the server's log says which, and once "
        "it is mended they are served again"
    ),
}


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error; 500 for one that isn't ours.

    Examples
    --------
    >>> status_of(errors.LayerNotFoundError("no layer")), status_of(ZeroDivisionError())
    (404, 500)
    """
    return _row(error)[0]


def code_of(error: Exception) -> str:
    """Return the stable code of an error.

    Examples
    --------
    >>> code_of(errors.LayerNotFoundError("no layer")), code_of(ZeroDivisionError())
    ('layer-not-found', 'server-error')
    """
    return _row(error)[1]


def problem(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> JSONResponse:
    """Return an error as a problem document.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What is wrong and what to do, for people.
    code
        What is wrong, for programs; None: the one of the status.
    headers
        Further headers.
    more
        Further members of the document.
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or HTTP_CODES.get(status, f"http-{status}"),
        **(more or {}),
    }
    # An error must not outlive its cause in a cache.
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return JSONResponse(body, status_code=status, headers=kept, media_type=PROBLEM)


def problem_of(error: Exception) -> JSONResponse:
    """Return any error as a problem document; the log gets what the client must not see."""
    status, code = _row(error)
    if (status, code) not in _INSIDE:
        return problem(status, str(error), code=code)
    _LOG.error("%s: %s", code, error, exc_info=error)
    return problem(status, _INSIDE[status, code], code=code, headers=retry_headers(status))


def retry_headers(status: int) -> dict[str, str] | None:
    """Return what tells a client to try again, for a status that says so."""
    return {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document."""
    app.add_exception_handler(errors.XcubeTilesError, _known)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _known)


def _row(error: Exception) -> tuple[int, str]:
    rows = ((status, code) for kind, status, code in STATUS if isinstance(error, kind))
    return next(rows, (500, "server-error"))


async def _known(request: Request, error: Exception) -> JSONResponse:
    return problem_of(error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    parts = [
        {
            "in": str(part["loc"][0]),
            "name": ".".join(map(str, part["loc"][1:])),
            "message": f"{part['msg']}, got {shortened(part.get('input'))}",
        }
        for part in error.errors()
    ]
    detail = "; ".join(f"{part['name']}: {part['message']}" for part in parts)
    return problem(422, detail, more={"errors": parts})


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status, detail, headers = error.status_code, str(error.detail), error.headers
    # The page's files are looked for under whatever no other route takes, but only by GET.
    nothing = getattr(request.scope.get("route"), "path", None) == "/{path:path}"
    if nothing and status == 405:
        status, headers = 404, None
    if status == 404 and (nothing or detail == "Not Found"):
        path = shortened(request.url.path, quoted=False)
        detail = f"there is nothing at {path}; /openapi.json lists what there is"
    return problem(status, detail, headers=headers)
