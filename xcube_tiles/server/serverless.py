"""The server as an AWS Lambda function: `xcube_tiles.server.serverless.handler`.

It takes its settings from variables of the environment (`XCUBE_TILES_CATALOG` ...) or from the file
that `XCUBE_TILES_CONFIG` names, and answers events of API Gateway (HTTP API and REST API), of
Application Load Balancers and of function URLs. The catalog is opened when AWS looks the handler
up: while the function starts, and not during its first request.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import MissingExtraError
from xcube_tiles.server.operations.logs import configure
from xcube_tiles.server.settings import app_from_settings, load_settings

try:
    from mangum import Mangum
except ModuleNotFoundError as error:
    raise MissingExtraError("mangum", "lambda") from error

if TYPE_CHECKING:
    from fastapi import FastAPI

BASE_PATH = "LAMBDA_BASE_PATH"
"""Variable that names what stands before our paths, such as the stage of an API Gateway."""

# Everything else travels as base64.
_TEXTS = [
    "text/",
    "application/json",
    "application/problem+json",
    "application/geo+json",
    "application/javascript",
    "application/xml",
    "application/vnd.oai.openapi",
]


def handler_of(app: FastAPI, *, base_path: str = "/") -> Any:
    """Return a function that answers an event of AWS Lambda by an application.

    Parameters
    ----------
    app
        What `create_app` has made.
    base_path
        What stands before our paths, such as the stage of an API Gateway.
    """

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        # Mangum takes the loop of this thread, and would leave one behind where there is none.
        with asyncio.Runner() as runner:
            asyncio.set_event_loop(runner.get_loop())
            try:
                return Mangum(
                    app,
                    lifespan="off",
                    api_gateway_base_path=base_path,
                    text_mime_types=_TEXTS,
                )(event, context)
            finally:
                asyncio.set_event_loop(None)

    return handle


def make_handler() -> Any:
    """Return the function that answers events as the environment says."""
    settings = load_settings()
    # One request at a time, and nobody scrapes it: counting would be in vain.
    unlike = {"metrics": False, "log": "json"}
    asked = settings.model_fields_set
    settings = settings.model_copy(
        update={name: value for name, value in unlike.items() if name not in asked}
    )
    configure(settings.log, settings.level)
    return handler_of(app_from_settings(settings), base_path=os.environ.get(BASE_PATH, "/"))


def __getattr__(name: str) -> Any:
    # Made when AWS asks for it, and not when somebody looks into this module.
    if name != "handler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()["handler"] = make_handler()
    return made
