"""The interface as an OpenAPI document, and as a page for people."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from xcube_tiles._version import __version__
from xcube_tiles.render.terracotta.colours import colour_names
from xcube_tiles.server.terracotta.options import VERSION
from xcube_tiles.server.terracotta.params import EXPLICIT, LARGEST_EDGE, LARGEST_PAGE, MOST_VALUES
from xcube_tiles.sources.terracotta_record import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    Document = dict[str, Any]

_NUMBER: Document = {"type": "number"}
_TEXT: Document = {"type": "string"}
_STRETCH = (
    "JSON list [min, max]; each a number, null for that of the raster, or a percentile p0 to p100"
)
_TRANSFORM = "Steps such as 'gamma rgb 1.5, sigmoidal rgb 6 0.5, saturation 1.2'"
_ERROR: Document = {
    "type": "object",
    "properties": {"message": _TEXT, "status": {"type": "integer"}, "code": _TEXT},
    "required": ["message"],
}
_RECORD: Document = {
    "type": "object",
    "properties": {
        "keys": {"type": "object", "additionalProperties": _TEXT},
        "bounds": {"type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4},
        "convex_hull": {"type": "object", "nullable": True},
        "valid_percentage": _NUMBER,
        "range": {"type": "array", "items": {"type": "number", "nullable": True}},
        "mean": {"type": "number", "nullable": True},
        "stdev": {"type": "number", "nullable": True},
        "percentiles": {"type": "array", "items": _NUMBER, "nullable": True},
        "metadata": {},
    },
    "required": ["keys"],
}


def specification(keys: Sequence[str], *, root: str = "", folder: str | None = None) -> Document:
    """Return the interface as an OpenAPI 3.0 document.

    Parameters
    ----------
    keys
        Names of the keys, in order.
    root
        Where the routes lie.
    folder
        Folder of further colour maps.
    """
    names = list(colour_names(folder))
    paths = {
        "/keys": _get("List the names of the keys, in order", [], _keys_schema()),
        "/datasets": _get("List the rasters that meet conditions", _conditions(keys), _datasets()),
        f"/metadata/{_path(keys)}": _get(
            "Describe a raster", [*_in_path(keys), _columns()], _reference("Record")
        ),
        "/metadata": {"post": _post()},
        "/colormap": _get("Show the colours of values", _legend(names), _colours()),
        **_pictures("singleband", keys, _singleband(names)),
        **_pictures("rgb", keys[:-1], _rgb()),
        **_pictures("compute", keys[:-1], _compute(names)),
    }
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Terracotta",
            "description": f"Terracotta's interface, served by xcube_tiles {__version__}",
            "version": VERSION,
        },
        "servers": [{"url": root}],
        "paths": paths,
        "components": {"schemas": {"Record": _RECORD, "Error": _ERROR}},
    }


def page(document: Document) -> str:
    """Return a page that shows a document; it needs nothing from elsewhere."""
    parts = [_shown(path, operations) for path, operations in document["paths"].items()]
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f'<p>{escape(info["description"])}; <a href="swagger.json">OpenAPI document</a></p>'
        f"{''.join(parts)}</html>"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em}td{padding:.2rem 1rem .2rem 0;vertical-align:top}"
    ":root{color-scheme:light dark}"
)


def _shown(path: str, operations: Document) -> str:
    texts = []
    for method, operation in operations.items():
        rows = "".join(
            f"<tr><td><code>{escape(one['name'])}</code>{' *' if one['required'] else ''}"
            f"<td>{escape(one['description'])}"
            for one in operation["parameters"]
        )
        heading = f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        texts.append(f"{heading}<p>{escape(operation['summary'])}</p><table>{rows}</table>")
    return "".join(texts)


def _reference(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(
    name: str,
    description: str,
    schema: Document | None = None,
    *,
    where: str = "query",
    required: bool = False,
) -> Document:
    return {
        "name": name,
        "in": where,
        "required": required or where == "path",
        "description": description,
        "schema": schema or _TEXT,
    }


def _answers(content: Document) -> Document:
    failed = {"application/problem+json": {"schema": _reference("Error")}}
    return {
        "200": {"description": "What was asked for", "content": content},
        "default": {"description": "What was wrong", "content": failed},
    }


def _get(summary: str, parameters: Sequence[Document], schema: Document) -> Document:
    answers = _answers({"application/json": {"schema": schema}})
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": answers}}


def _post() -> Document:
    keys = {"type": "array", "items": {"type": "array", "items": _TEXT}}
    body = {"type": "object", "properties": {"keys": keys}, "required": ["keys"]}
    records = {"type": "array", "items": _reference("Record")}
    return {
        "summary": "Describe several rasters",
        "parameters": [_columns()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _answers({"application/json": {"schema": records}}),
    }


def _path(keys: Sequence[str]) -> str:
    return "/".join(f"{{{key}}}" for key in keys)


def _in_path(keys: Sequence[str]) -> list[Document]:
    return [_parameter(key, f"Value of the key {key}", where="path") for key in keys]


def _pictures(kind: str, keys: Sequence[str], parameters: Sequence[Document]) -> Document:
    start = "/".join(part for part in (f"/{kind}", _path(keys)) if part)
    place = [
        _parameter(name, text, {"type": "integer", "minimum": 0}, where="path")
        for name, text in (("z", "Zoom"), ("x", "Column"), ("y", "Row"))
    ]
    size = _parameter(
        "tile_size", f"JSON list [rows, columns] of whole numbers from 1 to {LARGEST_EDGE}"
    )
    answers = _answers({"image/png": {"schema": {"type": "string", "format": "binary"}}})
    found = {}
    for end, where, what in (
        ("{z}/{x}/{y}.png", place, "a map tile"),
        ("preview.png", [], "all of it"),
    ):
        given = [*_in_path(keys), *where, *parameters, size]
        operation = {"summary": f"Draw {what}", "parameters": given, "responses": answers}
        found[f"{start}/{end}"] = {"get": operation}
    return found


def _conditions(keys: Sequence[str]) -> list[Document]:
    return [
        *(_parameter(key, f"Value of {key}, or several as [a,b]") for key in keys),
        _parameter("limit", f"Rasters of a page, at most {LARGEST_PAGE}", {"type": "integer"}),
        _parameter("page", "Number of the page, from 0", {"type": "integer"}),
        _parameter("order_by", "Keys to sort by, as [a,b]"),
        _parameter("ascending", "Whether the first is the lowest", {"type": "boolean"}),
    ]


def _columns() -> Document:
    return _parameter("columns", f"JSON list of some of {', '.join(COLUMNS)}")


def _named(names: list[str], *more: str) -> Document:
    return _parameter(
        "colormap", "Colour map; none: greys", {"type": "string", "enum": [*more, *names]}
    )


def _legend(names: list[str]) -> list[Document]:
    return [
        _parameter("stretch_range", "JSON list [min, max] of two numbers", required=True),
        _named(names),
        _parameter("num_values", f"Number of values, at most {MOST_VALUES}", {"type": "integer"}),
    ]


def _singleband(names: list[str]) -> list[Document]:
    return [
        _parameter("stretch_range", _STRETCH),
        _named(names, EXPLICIT),
        _parameter(
            "explicit_color_map",
            "JSON object from value to [r,g,b], [r,g,b,a] or '#rrggbb'; with colormap=explicit",
        ),
        _parameter("color_transform", _TRANSFORM),
    ]


def _rgb() -> list[Document]:
    return [
        *(_parameter(name, "Value of the last key", required=True) for name in "rgb"),
        *(_parameter(f"{name}_range", _STRETCH) for name in "rgb"),
        _parameter("color_transform", _TRANSFORM),
    ]


def _compute(names: list[str]) -> list[Document]:
    return [
        _parameter("expression", "Formula such as (v1 - v2) / (v1 + v2)", required=True),
        *(_parameter(f"v{n}", "Value of the last key") for n in range(1, 6)),
        _parameter("stretch_range", "JSON list [min, max] of two numbers", required=True),
        _named(names),
    ]


def _keys_schema() -> Document:
    item = {"type": "object", "properties": {"key": _TEXT, "description": _TEXT}}
    return {"type": "object", "properties": {"keys": {"type": "array", "items": item}}}


def _datasets() -> Document:
    row = {"type": "object", "additionalProperties": _TEXT}
    whole = {"type": "integer"}
    properties = {"page": whole, "limit": whole, "total": whole}
    return {
        "type": "object",
        "properties": {**properties, "datasets": {"type": "array", "items": row}},
    }


def _colours() -> Document:
    rgba = {"type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4}
    item = {"type": "object", "properties": {"value": _NUMBER, "rgba": rgba}}
    return {"type": "object", "properties": {"colormap": {"type": "array", "items": item}}}
