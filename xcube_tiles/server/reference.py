"""The reference of the interface as a page made of its OpenAPI document.

It has no scripts and asks no other host for anything, so that it can be read in closed networks.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Document = dict[str, Any]

router = APIRouter(include_in_schema=False)

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em;border-radius:.2em;overflow-wrap:anywhere}"
    "details{border:1px solid #8884;border-radius:.5rem;margin:.5rem 0;padding:.5rem .75rem}"
    "summary{cursor:pointer}table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem 1rem .25rem 0;"
    "border-bottom:1px solid #8883}"
)
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Return the reference of all routes."""
    return HTMLResponse(reference_page(request.app.openapi(), href="openapi.json"))


def reference_page(document: Document, *, href: str) -> str:
    """Return a page that tells all that an OpenAPI document does.

    Parameters
    ----------
    document
        OpenAPI 3; operations are shown under their first tag.
    href
        Address of the document, seen from that of the page.

    Examples
    --------
    >>> document = {"info": {"title": "A & B", "version": "1"}, "paths": {"/a": {"get": {}}}}
    >>> page = reference_page(document, href="a.json")
    >>> "A &amp; B" in page, "<code>GET /a</code>" in page
    (True, True)
    """
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    schemas = document.get("components", {}).get("schemas", {})
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(path, method, operation))
    parts = [f"<h2>{escape(tag)}</h2>{''.join(shown)}" for tag, shown in groups.items()]
    models = [_model(name, schema) for name, schema in schemas.items()]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<p>{_text(info.get('description', ''))} "
        f'<a href="{escape(href)}">OpenAPI document</a></p>'
        f"{''.join(parts)}{'<h2>Answers</h2>' if models else ''}{''.join(models)}</html>"
    )


def _operation(path: str, method: str, operation: Document) -> str:
    text = operation.get("description") or operation.get("summary") or ""
    first, _, rest = text.partition("\n")
    heading = f"<code>{method.upper()} {escape(path)}</code> {_text(first)}"
    rows = [
        (one["name"], one["in"], _required(one), _with_default(one), one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    parts = [f"<p>{_text(part)}</p>" for part in re.split(r"\n\s*\n", rest.strip()) if part.strip()]
    parts += [_table(("name", "in", "", "type", ""), rows)] if rows else []
    parts += _bodies("Body", [("", operation["requestBody"])] if "requestBody" in operation else [])
    parts += _bodies("Answers", operation.get("responses", {}).items())
    return f"<details><summary>{heading}</summary>{''.join(parts)}</details>"


def _bodies(title: str, bodies: Iterable[tuple[str, Document]]) -> Iterator[str]:
    """Yield a table of what is sent, for each status and media type."""
    rows = [
        (status, media_type, _type(content.get("schema", {})), body.get("description", ""))
        for status, body in bodies
        for media_type, content in (body.get("content") or {"": {}}).items()
    ]
    if rows:
        yield _table((title, "media type", "type", ""), rows)


def _model(name: str, schema: Document) -> str:
    needed = schema.get("required", [])
    rows = [
        (field, "required" if field in needed else "", _type(about), about.get("description", ""))
        for field, about in schema.get("properties", {}).items()
    ]
    inside = _table(("name", "", "type", ""), rows) if rows else _text(_type(schema))
    summary = f"<code>{escape(name)}</code> {_text(schema.get('description', ''))}"
    return f"<details><summary>{summary}</summary>{inside}</details>"


def _table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(name)}" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}' for cell in row)}" for row in rows)
    return f"<table><tr>{head}{body}</table>"


def _required(parameter: Document) -> str:
    return "required" if parameter.get("required") else ""


def _with_default(parameter: Document) -> str:
    schema = parameter.get("schema", {})
    default = schema.get("default")
    return _type(schema) + ("" if default is None else f", default `{default}`")


def _type(schema: Document) -> str:
    """Return a schema as few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[key]))
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_type(schema.get('items', {})) or 'any'}"
    limits = [
        f"{words} {schema[key]:g}"
        for key, words in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("exclusiveMinimum", "more than"),
            ("exclusiveMaximum", "less than"),
        )
        if key in schema
    ]
    return ", ".join([str(kind), *limits])


def _text(text: object) -> str:
    """Return a text as HTML; what stands between backticks as code."""
    return _CODE.sub(lambda found: f"<code>{found[2]}</code>", escape(str(text), quote=False))
