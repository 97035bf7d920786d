"""The page at /docs, which has to work where no other host can be reached."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from xcube_tiles.server.reference import reference_page

if TYPE_CHECKING:
    from tests.server.client import Client

VOID = {"meta", "td", "tr", "th"}  # HTML lets their ends be left out


class Page(HTMLParser):
    """What a page refers to, and what its codes are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.codes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "code":
            self.codes.append(data)


def test_it_asks_no_other_host(client: Client) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    page = Page(answer.text)
    assert page.references == ["openapi.json"]
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert not re.search(r"url\(|@import", answer.text)
    assert page.open == []


def test_it_shows_every_operation_and_parameter(client: Client) -> None:
    text = client.get("/docs").text
    page = Page(text)
    document = client.get("/openapi.json").json()
    shown = " ".join(page.codes)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"{method.upper()} {path}" in page.codes
            for one in operation.get("parameters", []):
                assert f"<td>{one['name']}<td>{one['in']}" in text
    assert set(document["components"]["schemas"]) <= set(page.codes)
    assert "ndvi@2024-06" in shown  # of the description of `bands`


def test_texts_are_escaped() -> None:
    operation = {
        "description": "Return `<b>`.\n\nMore & more.",
        "parameters": [
            {
                "name": "<i>",
                "in": "query",
                "schema": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
            }
        ],
    }
    document = {"info": {"title": "<a>", "version": "1"}, "paths": {"/<p>": {"get": operation}}}
    text = reference_page(document, href='a"b')
    page = Page(text)
    assert page.references == ['a"b']
    assert page.codes == ["GET /<p>", "<b>"]
    assert not {"b", "i"} & set(page.tags)
    assert "<td>&lt;i&gt;<td>query<td><td>integer, at least 1 or null" in text
    assert "More &amp; more." in text
