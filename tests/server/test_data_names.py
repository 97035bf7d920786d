"""Names of layers and their addresses: what is listed can be asked for, on every route."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.render.sources import numbered
from tests.server.client import BASE, Client
from tests.server.conftest import TILE
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    import httpx

NAMES = [
    "a & b <c>", "ü", "50%", "100%25", "a?b#c", "{z}{layer}", "a+b", "n;m=1", "x@2x.png", "a:b",
    "tilejson.json", "crop.png", '"\'', "[1]",
]  # fmt: skip
GAPS = {
    "bbox": "14,50.3,14.2,50.5",
    "lon": "14.1",
    "lat": "50.4",
    "tms": "WebMercatorQuad",
    "z": "9",
    "x": "276",
    "y": "172",
    "format": "png",
}


@pytest.fixture(scope="module")
def odd() -> Client:
    """Return a client of a server whose layers have names of all kinds."""
    place = numbered((100, 100), "EPSG:4326", left=13, top=51, cell=0.02)
    return Client(create_app(sources=dict.fromkeys(NAMES, place)))


def filled(template: str) -> str:
    """Return an address without gaps (RFC 6570, levels 1 and 3 of form-style queries)."""

    def fill(gap: re.Match[str]) -> str:
        names = gap[1].removeprefix("?").split(",")
        if gap[1].startswith("?"):
            return "?" + "&".join(f"{name}={GAPS[name]}" for name in names)
        return GAPS[names[0]]

    return re.sub(r"\{([^}]+)\}", fill, template)


def check_links(client: Client, path: str) -> dict[str, httpx.Response]:
    """Return the answers to the links of a document, each of which has to be a success."""
    answers = {}
    for link in client.get(path).json()["links"]:
        address = filled(link["href"]) if link["templated"] else link["href"]
        assert "{" not in address
        answers[link["rel"]] = answer = client.get(address)
        assert answer.status_code == 200, (link, answer.text)
        if "{format}" not in link["href"]:
            expected = link["type"].partition(";")[0]
            assert answer.headers["content-type"].partition(";")[0] == expected
    return answers


def test_every_link_of_a_layer_answers(client: Client) -> None:
    answers = check_links(client, "/layers/scene")
    assert set(answers) == {
        "self", "tilejson", "preview", "legend", "zarr", "tiles", "crop", "point", "series",
        "statistics", "wms", "wmts", "ogc-api",
    }  # fmt: skip
    assert answers["series"].json()["times"][0] == "2018-05-06T00:00:00Z"
    assert set(check_links(client, "/layers/scene/tilejson.json")) == set(answers)


@pytest.mark.parametrize("name", NAMES)
def test_every_address_of_every_name(odd: Client, name: str) -> None:
    (listed,) = [one for one in odd.get("/layers").json()["layers"] if one["name"] == name]
    root = listed["links"][0]["href"]
    assert unquote(urlsplit(root).path) == f"/layers/{name}"
    answers = check_links(odd, root)
    assert "series" not in answers  # there is no time
    assert answers["self"].json()["name"] == name
    _, z, x, y = TILE.split("/")
    tile = answers["tiles"].content
    (template,) = answers["tilejson"].json()["tiles"]
    places = {"{z}": z, "{x}": x, "{y}": y, "{TileMatrix}": z, "{TileCol}": x, "{TileRow}": y}
    places |= {"{style}": "default", "{TileMatrixSet}": "WebMercatorQuad"}
    places |= {"{tileMatrix}": z, "{tileCol}": x, "{tileRow}": y}

    def at(text: str) -> bytes:
        for gap, value in places.items():
            text = text.replace(gap, value)
        return odd.get(text).content

    assert at(template) == tile
    assert at(_wmts_template(odd, name)) == tile
    tileset = odd.get(f"{answers['ogc-api'].json()['links'][1]['href']}/WebMercatorQuad")
    items = [one["href"] for one in tileset.json()["links"] if one["rel"] == "item"]
    assert at(items[0]) == tile
    about = {"REQUEST": "GetLegendGraphic", "LAYER": name, "VERSION": "1.3.0"}
    assert odd.get("/wms", params=about).headers["content-type"] == "image/png"


def _wmts_template(client: Client, name: str) -> str:
    names = {"m": "http://www.opengis.net/wmts/1.0", "o": "http://www.opengis.net/ows/1.1"}
    root = ET.fromstring(client.get("/wmts/1.0.0/WMTSCapabilities.xml").content)
    (layer,) = [
        found
        for found in root.iterfind(".//m:Layer", names)
        if found.findtext("o:Identifier", None, names) == name
    ]
    tiles = layer.iterfind("m:ResourceURL[@resourceType='tile']", names)
    return next(one.get("template", "") for one in tiles if one.get("format") == "image/png")


def test_the_page_without_a_map_escapes_names(
    odd: Client, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from xcube_tiles.server import viewer

    monkeypatch.setattr(viewer, "STATIC", tmp_path_factory.mktemp("empty"))
    found = re.findall(r'<a href="(layers/[^"]*)">', odd.get("/").text)
    assert sorted(unquote(path).removeprefix("layers/") for path in found) == sorted(NAMES)
    assert all(odd.get(f"{BASE}/{path}").status_code == 200 for path in found)


@pytest.mark.parametrize("name", ["a/b", "a\\b", "", ".", "..", ".hidden", "a,b", "a\nb"])
def test_names_that_no_address_can_have_are_refused(name: str) -> None:
    source = numbered((4, 4), "EPSG:4326", left=13, top=51, cell=0.02)
    with pytest.raises(ValueError, match="a layer's name has no"):
        create_app(sources={name: source})


@pytest.mark.parametrize(
    "path",
    [
        "/layers/a%2Fb",
        "/layers/a%2Fb/tilejson.json",
        f"/layers/a%2Fb/tiles/{TILE}.png",
        "/layers/a%2Fb/point?lon=0&lat=0",
        "/ogc/collections/a%2Fb",
    ],
)
def test_an_escaped_slash_is_no_way_out(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert json.loads(answer.content)["status"] == 404
