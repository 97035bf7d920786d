"""One table from errors to HTTP statuses, and the JSON that tells what was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from xcube_tiles import errors

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

# The first class that fits counts. What stands in a path and isn't there is 404; what stands in a
# query and can't be used is 400; what isn't even of the right type is 422 (FastAPI's own check).
STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.LayerNotFoundError, 404),
    (errors.GridError, 404),
    (errors.SizeLimitError, 413),
    (errors.MissingExtraError, 501),
    (errors.StyleError, 400),
    (errors.ExpressionError, 400),
    (errors.DimensionError, 400),
    # A catalog or a file that can't be read is no fault of the client.
    (errors.XcubeTilesError, 500),
)


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error; 500 for one that isn't ours.

    Examples
    --------
    >>> status_of(errors.LayerNotFoundError("no layer")), status_of(ZeroDivisionError())
    (404, 500)
    """
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error with JSON: `detail` (a text) and `error` (the name of its class)."""
    app.add_exception_handler(errors.XcubeTilesError, _known)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def _answer(status: int, detail: str, error: Exception) -> JSONResponse:
    body = {"detail": detail, "error": type(error).__name__}
    # An error must not outlive its cause in a cache.
    return JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store"})


async def _known(request: Request, error: Exception) -> JSONResponse:
    return _answer(status_of(error), str(error), error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    parts = [
        f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}, got {part.get('input')!r}"
        for part in error.errors()
    ]
    return _answer(422, "; ".join(parts), error)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == 404 and detail == "Not Found":
        detail = f"there is nothing at {request.url.path}; /openapi.json lists what there is"
    answer = _answer(error.status_code, detail, error)
    answer.headers.update(error.headers or {})
    return answer


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    # The text of an unforeseen error may hold paths or secrets: it goes to the log alone.
    return _answer(500, "the server failed; its log says why", error)
