"""OGC API - Tiles: documents that lead to each other, and tiles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import morecantile
import pytest

from tests.server.conftest import TILE

if TYPE_CHECKING:
    from tests.server.client import Client

Z, X, Y = TILE.split("/")[1:]
TILES = "/ogc/collections/scene/map/tiles"
TILE_PATH = f"{TILES}/WebMercatorQuad/{Z}/{Y}/{X}"
REL = "http://www.opengis.net/def/rel/ogc/1.0"


def get(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def href(document: dict[str, Any], rel: str, media_type: str | None = None) -> str:
    """Return the address of the link of a relation."""
    return next(
        str(link["href"])
        for link in document["links"]
        if link["rel"] == rel and media_type in (None, link["type"])
    )


def test_from_the_landing_page_to_a_tile(ogc: Client) -> None:
    landing = get(ogc, "/ogc")
    assert landing == get(ogc, "/ogc/")
    collections = get(ogc, href(landing, "data"))["collections"]
    (collection,) = (found for found in collections if found["id"] == "scene")
    assert get(ogc, href(collection, "self")) == collection
    tilesets = get(ogc, href(collection, f"{REL}/tilesets-map"))["tilesets"]
    (web,) = (found for found in tilesets if found["title"].endswith("(WebMercatorQuad)"))
    tileset = get(ogc, href(web, "self"))
    tms = get(ogc, href(tileset, f"{REL}/tiling-scheme"))
    assert tms["id"] == "WebMercatorQuad"
    last = tileset["tileMatrixSetLimits"][-1]
    values = {
        "tileMatrix": last["tileMatrix"], "tileRow": last["minTileRow"] + 1,
        "tileCol": last["minTileCol"] + 1,
    }  # fmt: skip
    template = href(tileset, "item", "image/png")
    tile = ogc.get(re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), template))
    assert tile.content == ogc.get(f"/layers/scene/tiles/{TILE}.png").content


def test_every_other_link_leads_somewhere(ogc: Client) -> None:
    seen: set[str] = set()
    waiting = ["http://test/ogc"]
    while waiting:
        address = waiting.pop()
        if address in seen or "{" in address:
            continue
        seen.add(address)
        answer = ogc.get(address)
        assert answer.status_code == 200, address
        if not address.startswith("http://test/ogc"):
            continue
        waiting += re.findall(r'"href":"([^"]+)"', answer.text)
    assert len(seen) > 60


def test_conformance(ogc: Client) -> None:
    found = get(ogc, "/ogc/conformance")["conformsTo"]
    assert {
        "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
        "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
        "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
        "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    } <= set(found)


def test_a_collection(ogc: Client) -> None:
    found = get(ogc, "/ogc/collections/scene")
    assert found["title"] == "A scene"
    assert found["extent"]["temporal"]["interval"] == [
        ["2018-05-06T00:00:00Z", "2018-06-15T00:00:00Z"]
    ]
    assert found["extent"]["spatial"]["bbox"][0] == get(ogc, "/layers/scene")["bounds_wgs84"]
    assert "temporal" not in get(ogc, "/ogc/collections/degrees")["extent"]


def test_a_tile_set(ogc: Client) -> None:
    found = get(ogc, f"{TILES}/WebMercatorQuad")
    assert found["dataType"] == "map"
    assert found["crs"] == "http://www.opengis.net/def/crs/EPSG/0/3857"
    assert found["tileMatrixSetURI"].endswith("/WebMercatorQuad")
    assert found["tileMatrixSetLimits"][-1] == {
        "tileMatrix": "9", "minTileRow": 171, "maxTileRow": 173, "minTileCol": 275,
        "maxTileCol": 277,
    }  # fmt: skip


def test_all_sets_are_defined(ogc: Client) -> None:
    listed = get(ogc, "/ogc/tileMatrixSets")["tileMatrixSets"]
    assert {found["id"] for found in listed} == set(morecantile.tms.list())
    for found in listed:
        defined = get(ogc, href(found, "self"))
        assert morecantile.TileMatrixSet.model_validate(defined) == morecantile.tms.get(found["id"])


@pytest.mark.parametrize("tms", ["GNOSISGlobalGrid", "WGS1984Quad", "EuropeanETRS89_LAEAQuad"])
def test_tiles_of_other_sets(ogc: Client, tms: str) -> None:
    last = get(ogc, f"{TILES}/{tms}")["tileMatrixSetLimits"][-1]
    z, row, col = last["tileMatrix"], last["minTileRow"], last["minTileCol"]
    tile = ogc.get(f"{TILES}/{tms}/{z}/{row}/{col}")
    assert tile.content == ogc.get(f"/layers/scene/tiles/{tms}/{z}/{col}/{row}.png").content


@pytest.mark.parametrize(
    ("query", "accept", "format"),
    [
        ("", "*/*", "png"),
        ("", "image/avif,image/webp,image/png,*/*", "webp"),
        ("", "text/html, image/jpeg;q=0.9", "jpg"),
        ("?f=png", "image/webp", "png"),
        ("?f=jpeg", "*/*", "jpg"),
        ("?f=image/webp", "*/*", "webp"),
    ],
)
def test_formats(ogc: Client, query: str, accept: str, format: str) -> None:
    answer = ogc.get(f"{TILE_PATH}{query}", headers={"Accept": accept})
    assert answer.content == ogc.get(f"/layers/scene/tiles/{TILE}.{format}").content
    assert ("Accept" in re.split(", *", answer.headers.get("vary", ""))) == (not query)


def test_formats_of_one_address_have_tags_of_their_own(ogc: Client) -> None:
    tags = {
        ogc.get(TILE_PATH, headers={"Accept": f"image/{name}"}).headers["etag"]
        for name in ("png", "webp", "jpeg")
    }
    assert len(tags) == 3


def test_times_and_styles(ogc: Client) -> None:
    native = f"/layers/scene/tiles/{TILE}.png"
    for query, expected in (
        ("datetime=2018-05-24T00:00:00Z", "time=2018-05-24"),
        ("datetime=2018-05-01/2018-05-31", "time=2018-05-24"),
        ("datetime=../2018-05-20", "time=2018-05-06"),
        ("time=2018-05-06&bands=landcover", "time=2018-05-06&bands=landcover"),
    ):
        found = ogc.get(f"{TILE_PATH}?f=png&{query}")
        assert found.content == ogc.get(f"{native}?{expected}").content


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/ogc/collections/none", 404, "no layer 'none'"),
        ("/ogc/collections/none/map/tiles", 404, "no layer 'none'"),
        (f"{TILES}/Flat", 404, "unknown tile matrix set 'Flat'"),
        (f"{TILES}/NZTM2000Quad", 404, "lies outside of NZTM2000Quad"),
        ("/ogc/tileMatrixSets/Flat", 404, "unknown tile matrix set 'Flat'"),
        (f"{TILES}/WebMercatorQuad/25/0/0", 404, "zoom levels 0 to 24, got 25"),
        (f"{TILES}/WebMercatorQuad/-1/0/0", 404, "zoom levels 0 to 24, got -1"),
        (f"{TILES}/WebMercatorQuad/9/512/0", 404, "y from 0 to 511"),
        (f"{TILES}/WebMercatorQuad/x/0/0", 404, "tileMatrix is a whole number"),
        (f"{TILES}/WebMercatorQuad/9/0/1.5", 404, "tileCol is a whole number"),
        (f"{TILES}/WebMercatorQuad/9/0/{'9' * 30}", 404, "tileCol is a whole number"),
        (f"{TILE_PATH}?f=gif", 400, "no format 'gif'"),
        (f"{TILE_PATH}?datetime=soon", 400, "expected an ISO 8601 time"),
        (f"{TILE_PATH}?datetime=1999/2000", 400, "no time lies in 1999/2000"),
        (f"{TILE_PATH}?time_match=close", 400, "time_match is"),
        (f"{TILE_PATH}?bands=none", 400, "unknown variable 'none'"),
    ],
)
def test_what_is_refused(ogc: Client, path: str, status: int, words: str) -> None:
    answer = ogc.get(path)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
