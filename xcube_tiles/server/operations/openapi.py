"""The document of the interface: every operation may answer with a problem document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from xcube_tiles.server.errors import PROBLEM

if TYPE_CHECKING:
    from fastapi import FastAPI


class Problem(BaseModel):
    """What was wrong (RFC 9457)."""

    type: str = Field(description="about:blank: the title says what the status means")
    title: str = Field(description="The status in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What is wrong and what to do")
    code: str = Field(description="What is wrong, for programs; it doesn't change")


_REFERENCE = {"schema": {"$ref": "#/components/schemas/Problem"}}
_FAILED = {"description": "A problem document says why", "content": {PROBLEM: _REFERENCE}}

# Services whose standards want errors as XML; what never reaches them is told as elsewhere.
_REPORTING = ("/wms", "/wmts")


def install_openapi(app: FastAPI) -> None:
    """Let an application's document say how it answers what fails."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe_problems(plain())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def describe_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document in which every operation may answer with a problem.

    Parameters
    ----------
    document
        What FastAPI makes: it takes errors of parameters for something else than ours are.
    """
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(own, None)
    schemas["Problem"] = Problem.model_json_schema()
    for path, operations in document.get("paths", {}).items():
        for operation in operations.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422", "")):
                del responses["422"]
            failed = responses.setdefault("default", {"description": _FAILED["description"]})
            content = failed.setdefault("content", {})
            content.setdefault(PROBLEM, _REFERENCE)
            if path.startswith(_REPORTING):
                content.setdefault("text/xml", {})
    return document
