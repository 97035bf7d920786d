"""What the operator of a server sets holds for the OGC's services, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.render.sources import numbered
from tests.server.client import Client
from tests.server.ogc.test_wms import BASIC
from tests.server.ogc.trees import wms_refusal, wmts_refusal
from xcube_tiles.errors import StoreError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.access import ApiKey, new_key
from xcube_tiles.server.operations.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from tests.render.sources import ArraySource

PATHS = (
    "/wms?REQUEST=GetCapabilities",
    "/wmts?SERVICE=WMTS&REQUEST=GetCapabilities",
    "/wmts/1.0.0/WMTSCapabilities.xml",
    "/ogc/collections",
)
MAP = BASIC | {"WIDTH": 64, "HEIGHT": 64}


@pytest.fixture
def hidden() -> ArraySource:
    return numbered((20, 20), "EPSG:4326", left=10, top=50, cell=1)


@pytest.mark.parametrize("path", PATHS)
def test_layers_that_need_a_key_are_not_there_without_it(
    catalog: Path, hidden: ArraySource, path: str
) -> None:
    key, hashed = new_key()
    app = create_app(
        catalog,
        sources={"hidden": hidden},
        keys={"a": ApiKey(sha256=hashed, layers=("hidden",))},
        public=("scene",),
    )
    client = Client(app)
    assert "hidden" not in client.get(path).text
    joint = "&" if "?" in path else "?"
    assert "hidden" in client.get(f"{path}{joint}key={key}").text
    refused = client.get("/wms", params=MAP | {"LAYERS": "scene,hidden"})
    assert wms_refusal(refused)[1] == "LayerNotDefined"
    assert "hidden" not in refused.text.replace("no layer 'hidden'", "")
    tile = "/wmts/1.0.0/hidden/default/WebMercatorQuad/0/0/0.png"
    assert wmts_refusal(client.get(tile))[1] == "InvalidParameterValue"
    assert client.get(f"{tile}?key={key}").status_code == 200
    assert client.get("/ogc/collections/hidden").status_code == 404


def test_pixels_are_limited(catalog: Path) -> None:
    client = Client(create_app(catalog, limits=Limits(pixels=1000)))
    status, code, locator, text = wms_refusal(client.get("/wms", params=MAP))
    assert (status, code, locator) == (400, "InvalidParameterValue", "WIDTH")
    assert "at most 1000 pixels in all, got 4096" in text
    assert client.get("/wms", params=MAP | {"WIDTH": 40, "HEIGHT": 25}).status_code == 200


def test_what_fails_inside_is_told_without_secrets(
    catalog: Path, hidden: ArraySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise StoreError("the bucket says: secret-path")

    monkeypatch.setattr(hidden, "read", failing)
    client = Client(create_app(catalog, sources={"hidden": hidden}))
    box = {"CRS": "CRS:84", "BBOX": "12,40,20,48", "LAYERS": "hidden", "stretch": "0,400"}
    status, code, _, text = wms_refusal(client.get("/wms", params=MAP | box))
    assert (status, code) == (503, "NoApplicableCode")
    assert "secret" not in text
    tile = "/wmts/1.0.0/hidden/default/WebMercatorQuad/0/0/0.png?stretch=0,400"
    assert wmts_refusal(client.get(tile))[:2] == (503, "NoApplicableCode")


def test_layers_that_cannot_be_read_hide_no_others(
    catalog: Path, hidden: ArraySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object) -> None:
        raise StoreError("gone")

    client = Client(create_app(catalog, sources={"broken": hidden}))
    monkeypatch.setattr(type(hidden), "geoboxes", property(failing))
    for path in PATHS:
        answer = client.get(path)
        assert answer.status_code == 200
        assert "scene" in answer.text
        assert "broken" not in answer.text
