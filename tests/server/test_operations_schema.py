"""Requests made up from our OpenAPI document: none fails inside, each answer is as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.openapi import describe_problems

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = 15
"""Made-up requests of each operation."""


def operations() -> list[tuple[str, str]]:
    """Return the method and path of each operation of the document."""
    document = create_app().openapi()
    return [(method, path) for path, entry in document["paths"].items() for method in entry]


@pytest.fixture(scope="module")
def schema(catalog: Path) -> Any:
    import schemathesis

    app = create_app(catalog, metrics=True)
    return schemathesis.openapi.from_dict(known(app.openapi())), app


def known(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a layer that is there: else all would be 404."""
    for entry in document["paths"].values():
        for operation in entry.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "layer":
                    parameter["schema"] = {"type": "string", "enum": ["scene", "nope"]}
                if parameter["name"] == "tms":
                    parameter["schema"] = {"type": "string", "enum": ["WebMercatorQuad", "nope"]}
    changed: dict[str, Any] = without_tuples(document)
    return changed


def without_tuples(schema: Any) -> Any:
    """Return a schema in which arrays have no kinds by place, which schemathesis garbles."""
    if isinstance(schema, list):
        return [without_tuples(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: without_tuples(one) for name, one in schema.items() if name != "prefixItems"}
    return kept | ({"items": {"anyOf": schema["prefixItems"]}} if "prefixItems" in schema else {})


@pytest.mark.parametrize(("method", "path"), operations())
def test_made_up_requests(schema: Any, method: str, path: str) -> None:
    import schemathesis  # noqa: TC002
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    document, app = schema
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]

    @given(case=document[path][method.upper()].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(app=app, checks=checks)

    ask()


def test_problems_stand_in_the_document() -> None:
    document = create_app().openapi()
    for entry in document["paths"].values():
        for operation in entry.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert "HTTPValidationError" not in str(document)
    assert set(document["components"]["schemas"]["Problem"]["required"]) == {
        "type", "title", "status", "detail", "code",
    }  # fmt: skip


def test_other_descriptions_stay() -> None:
    responses = {"200": {"description": "x"}, "default": {"content": {"application/xml": {}}}}
    document = describe_problems({"paths": {"/a": {"get": {"responses": responses}}}})
    assert document["paths"]["/a"]["get"]["responses"]["default"]["content"].keys() == {
        "application/xml", "application/problem+json",
    }  # fmt: skip
