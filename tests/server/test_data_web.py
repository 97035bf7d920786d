"""A catalog on a plain web server: nothing there can be listed, and layers have to be named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalog.interop.serving import served
from tests.server.client import Client
from tests.server.conftest import TILE
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def web(catalog: Path) -> Iterator[Client]:
    """Return a client of a server whose catalog is read over HTTP."""
    with served(catalog.parent) as url:
        yield Client(create_app(f"{url}/{catalog.name}"))


def test_layers_are_found_by_their_names(web: Client, client: Client) -> None:
    assert web.get("/layers").json() == {"layers": [], "unreadable": []}
    assert web.get(f"/layers/scene/tiles/{TILE}.png").content == (
        client.get(f"/layers/scene/tiles/{TILE}.png").content
    )
    # One that was asked for is listed from then on.
    assert [layer["name"] for layer in web.get("/layers").json()["layers"]] == ["scene"]
    assert "<Name>scene</Name>" in web.get("/wms?SERVICE=WMS&REQUEST=GetCapabilities").text
    assert web.get("/health").json()["layers"] == 1


def test_absent_layers_are_told_of(web: Client) -> None:
    answer = web.get("/layers/nothing")
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "no layer 'nothing'; the layers that were found by their names are: none"
    )


def test_it_is_ready_while_the_catalog_is_there(catalog: Path) -> None:
    with served(catalog.parent) as url:
        client = Client(create_app(f"{url}/{catalog.name}"))
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    gone = client.get("/readyz")
    assert gone.status_code == 503
    assert gone.json()["code"] == "not-ready"
