"""WMTS: tiles by query and by path, what capabilities tell, and what is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import morecantile
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.render.sources import rgba
from tests.server.conftest import TILE
from tests.server.ogc.test_wms import NASTY
from tests.server.ogc.trees import (
    HREF,
    WMTS,
    WMTS_ORDER,
    check_order,
    texts,
    tree,
    wmts_refusal,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import httpx

    from tests.server.client import Client

Z, X, Y = TILE.split("/")[1:]

BASIC: dict[str, Any] = {
    "SERVICE": "WMTS",
    "VERSION": "1.0.0",
    "REQUEST": "GetTile",
    "Layer": "scene",
    "Style": "default",
    "Format": "image/png",
    "TileMatrixSet": "WebMercatorQuad",
    "TileMatrix": Z,
    "TileRow": Y,
    "TileCol": X,
}
INFO = BASIC | {"REQUEST": "GetFeatureInfo", "InfoFormat": "application/json", "I": 30, "J": 200}
REST = f"/wmts/1.0.0/scene/default/WebMercatorQuad/{Z}/{Y}/{X}"


def ask(client: Client, basic: dict[str, Any] = BASIC, **changed: Any) -> httpx.Response:
    """Return the answer to a request with some parameters changed; None: left out."""
    given = basic | changed
    return client.get("/wmts", params={k: v for k, v in given.items() if v is not None})


def capabilities(client: Client, query: str = "") -> Element:
    return tree(client.get(f"/wmts?SERVICE=WMTS&REQUEST=GetCapabilities{query}"))


def layer_of(root: Element, name: str) -> Element:
    for layer in root.findall("m:Contents/m:Layer", WMTS):
        if texts(layer, "o:Identifier", WMTS) == [name]:
            return layer
    raise AssertionError(name)


class TestTile:
    @pytest.mark.parametrize("format", ["png", "jpg", "webp"])
    def test_is_the_native_tile(self, ogc: Client, format: str) -> None:
        native = ogc.get(f"/layers/scene/tiles/{TILE}.{format}")
        media_type = native.headers["content-type"]
        answer = ask(ogc, Format=media_type)
        assert (answer.content, answer.headers["content-type"]) == (native.content, media_type)
        assert ogc.get(f"{REST}.{format}").content == native.content

    @pytest.mark.parametrize(
        "tms", [name for name in morecantile.tms.list() if name != "CDB1GlobalGrid"]
    )
    def test_of_every_regular_set(self, ogc: Client, tms: str) -> None:
        root = capabilities(ogc)
        listed = texts(root, "m:Contents/m:TileMatrixSet/o:Identifier", WMTS)
        if tms == "GNOSISGlobalGrid":  # its tiles have several widths, which WMTS can't say
            assert tms not in listed
            return
        assert tms in listed
        z = morecantile.tms.get(tms).minzoom + 1
        answer = ask(ogc, TileMatrixSet=tms, TileMatrix=z, TileRow=1, TileCol=0)
        native = ogc.get(f"/layers/scene/tiles/{tms}/{z}/0/1.png")
        assert native.status_code == (404 if _outside(tms, z) else 200)
        if native.status_code == 200:
            assert answer.content == native.content

    def test_styles_times_and_native_parameters(self, ogc: Client) -> None:
        native = f"/layers/scene/tiles/{TILE}.png"
        assert ask(ogc, Style="landcover").content == ogc.get(f"{native}?bands=landcover").content
        expected = ogc.get(f"{native}?time=2018-05-24&colormap=magma&stretch=0,1").content
        asked: dict[str, Any] = {
            "Time": "2018-05-24T00:00:00Z",
            "colormap": "magma",
            "stretch": "0,1",
        }
        assert ask(ogc, **asked).content == expected
        assert ogc.get(f"{REST}.png", params=asked).content == expected
        styled = REST.replace("default", "ndvi:magma")
        assert ogc.get(f"{styled}.png?stretch=0,1&time=2018-05-24").content == expected

    def test_names_of_parameters_know_no_case(self, ogc: Client) -> None:
        lower = ogc.get("/wmts", params={name.lower(): value for name, value in BASIC.items()})
        assert lower.content == ask(ogc).content

    def test_matrices_may_be_named_with_their_set(self, ogc: Client) -> None:
        assert ask(ogc, TileMatrix=f"WebMercatorQuad:{Z}").content == ask(ogc).content

    def test_is_not_drawn_again(self, ogc: Client) -> None:
        tag = ogc.get(f"{REST}.png").headers["etag"]
        again = ogc.get(f"{REST}.png", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def _outside(tms: str, z: int) -> bool:
    matrix = morecantile.tms.get(tms).matrix(z)
    return bool(matrix.matrixHeight < 2)


class TestInfo:
    def test_is_the_value_of_the_cell_drawn(self, ogc: Client) -> None:
        (feature,) = ask(ogc, INFO, Layer="degrees").json()["features"]
        lon, lat = feature["geometry"]["coordinates"]
        tile = morecantile.tms.get("WebMercatorQuad").bounds(
            morecantile.Tile(int(X), int(Y), int(Z))
        )
        assert lon == pytest.approx(tile.left + (tile.right - tile.left) * 30.5 / 256)
        assert tile.bottom < lat < tile.top
        cell = int((56 - lat) / 0.02) * 400 + int((lon - 10) / 0.02)
        assert feature["properties"] == {"layer": "degrees", "index": cell}

    def test_by_path_is_the_same(self, ogc: Client) -> None:
        assert ogc.get(f"{REST}/200/30.json").json() == ask(ogc, INFO).json()
        text = ask(ogc, INFO, InfoFormat="text/plain").text
        assert ogc.get(f"{REST}/200/30.txt").text == text
        assert "ndvi = " in text


class TestCapabilities:
    def test_order_of_elements(self, ogc: Client) -> None:
        root = capabilities(ogc)
        assert root.tag == f"{{{WMTS['m']}}}Capabilities"
        assert check_order(root, WMTS_ORDER) > 300

    def test_by_path_are_the_same(self, ogc: Client) -> None:
        by_path = ogc.get("/wmts/1.0.0/WMTSCapabilities.xml").content
        assert by_path == ogc.get("/wmts?SERVICE=WMTS&REQUEST=GetCapabilities").content

    def test_a_layer(self, ogc: Client) -> None:
        layer = layer_of(capabilities(ogc), "scene")
        assert texts(layer, "o:Title", WMTS) == ["A scene"]
        assert texts(layer, "m:Style/o:Identifier", WMTS) == ["default", "ndvi", "landcover"]
        assert texts(layer, "m:Format", WMTS) == ["image/png", "image/jpeg", "image/webp"]
        (time,) = layer.findall("m:Dimension", WMTS)
        assert texts(time, "m:Default", WMTS) == ["2018-06-15T00:00:00Z"]
        assert texts(time, "m:Value", WMTS) == [
            "2018-05-06T00:00:00Z", "2018-05-24T00:00:00Z", "2018-06-15T00:00:00Z",
        ]  # fmt: skip
        assert layer_of(capabilities(ogc), "degrees").find("m:Dimension", WMTS) is None

    def test_limits(self, ogc: Client) -> None:
        layer = layer_of(capabilities(ogc), "scene")
        links = {
            texts(link, "m:TileMatrixSet", WMTS)[0]: link
            for link in layer.findall("m:TileMatrixSetLink", WMTS)
        }
        assert next(iter(links)) == "WebMercatorQuad"
        assert "NZTM2000Quad" not in links  # it ends south of the scene
        limits = links["WebMercatorQuad"].findall(".//m:TileMatrixLimits", WMTS)
        names = ("TileMatrix", "MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol")
        last = [texts(limits[-1], f"m:{name}", WMTS)[0] for name in names]
        assert last == ["9", "171", "173", "275", "277"]

    def test_matrices_are_those_of_morecantile(self, ogc: Client) -> None:
        root = capabilities(ogc)
        sets = {
            texts(found, "o:Identifier", WMTS)[0]: found
            for found in root.findall("m:Contents/m:TileMatrixSet", WMTS)
        }
        assert texts(sets["WGS1984Quad"], "o:SupportedCRS", WMTS) == ["urn:ogc:def:crs:EPSG::4326"]
        assert texts(sets["WorldCRS84Quad"], "o:SupportedCRS", WMTS) == [
            "urn:ogc:def:crs:OGC:1.3:CRS84"
        ]
        # Corners in the order of the CRS's own axes.
        corner = "m:TileMatrix/m:TopLeftCorner"
        assert texts(sets["WGS1984Quad"], corner, WMTS)[0] == "90.0 -180.0"
        assert texts(sets["WorldCRS84Quad"], corner, WMTS)[0] == "-180.0 90.0"
        for name, found in sets.items():
            matrices = morecantile.tms.get(name).tileMatrices
            scales = texts(found, "m:TileMatrix/m:ScaleDenominator", WMTS)
            # Of pixels of 0.28 mm, which those of CanadianNAD83_LCC aren't: there the cells count.
            if name == "CanadianNAD83_LCC":
                cells = [float(scale) * 0.00028 for scale in scales]
                assert cells == pytest.approx([m.cellSize for m in matrices])
            else:
                assert [float(scale) for scale in scales] == [m.scaleDenominator for m in matrices]
            widths = texts(found, "m:TileMatrix/m:MatrixWidth", WMTS)
            assert [int(width) for width in widths] == [m.matrixWidth for m in matrices]

    @pytest.mark.parametrize("name", ["scene", "a & b <c>"])
    def test_every_template_works(self, ogc: Client, name: str) -> None:
        layer = layer_of(capabilities(ogc), name)
        style = texts(layer, "m:Style/o:Identifier", WMTS)[-1]
        values = {
            "style": style, "TileMatrixSet": "WebMercatorQuad", "TileMatrix": Z, "TileRow": Y,
            "TileCol": X, "I": "3", "J": "4", "Time": "2018-05-24T00:00:00Z",
        }  # fmt: skip
        templates = layer.findall("m:ResourceURL", WMTS)
        assert len(templates) == 6
        for found in templates:
            template = found.get("template", "")
            answer = ogc.get(re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template))
            assert answer.status_code == 200, template
            assert answer.headers["content-type"].startswith(found.get("format", "-"))

    def test_legends_work(self, ogc: Client) -> None:
        layer = layer_of(capabilities(ogc), "scene")
        for legend in layer.findall("m:Style/m:LegendURL", WMTS):
            assert ogc.get(legend.get(HREF, "")).headers["content-type"] == "image/png"

    def test_styles_are_put_through(self, ogc: Client) -> None:
        root = capabilities(ogc, '&colormap={"1":"red"}&key=s3')
        template = layer_of(root, "scene").findall("m:ResourceURL", WMTS)[0].get("template", "")
        assert template == (
            "http://test/wmts/1.0.0/scene/{style}/{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}"
            ".png?colormap=%7B%221%22%3A%22red%22%7D&key=s3&time={Time}"
        )

    def test_only_version_1_0_0(self, ogc: Client) -> None:
        assert capabilities(ogc, "&AcceptVersions=2.0.0,1.0.0").get("version") == "1.0.0"
        answer = ogc.get("/wmts?SERVICE=WMTS&REQUEST=GetCapabilities&AcceptVersions=2.0.0")
        assert wmts_refusal(answer)[:3] == (400, "VersionNegotiationFailed", "AcceptVersions")


BAD = [
    ({"SERVICE": None}, 400, "MissingParameterValue", "SERVICE"),
    ({"SERVICE": "WMS"}, 400, "InvalidParameterValue", "SERVICE"),
    ({"REQUEST": None}, 400, "MissingParameterValue", "REQUEST"),
    ({"REQUEST": "GetMap"}, 501, "OperationNotSupported", "REQUEST"),
    ({"VERSION": None}, 400, "MissingParameterValue", "VERSION"),
    ({"VERSION": "1.1.0"}, 400, "InvalidParameterValue", "VERSION"),
    ({"Layer": None}, 400, "MissingParameterValue", "Layer"),
    ({"Layer": "none"}, 400, "InvalidParameterValue", "Layer"),
    ({"Style": "none"}, 400, "InvalidParameterValue", "Style"),
    ({"Format": None}, 400, "MissingParameterValue", "Format"),
    ({"Format": "image/gif"}, 400, "InvalidParameterValue", "FORMAT"),
    ({"Format": "image/tiff"}, 400, "InvalidParameterValue", "FORMAT"),
    ({"TileMatrixSet": None}, 400, "MissingParameterValue", "TileMatrixSet"),
    ({"TileMatrixSet": "Flat"}, 400, "InvalidParameterValue", "TileMatrixSet"),
    ({"TileMatrixSet": "GNOSISGlobalGrid"}, 400, "InvalidParameterValue", "TileMatrixSet"),
    ({"TileMatrix": None}, 400, "MissingParameterValue", "TileMatrix"),
    ({"TileMatrix": "25"}, 400, "InvalidParameterValue", "TileMatrix"),
    ({"TileMatrix": "x"}, 400, "InvalidParameterValue", "TileMatrix"),
    ({"TileRow": None}, 400, "MissingParameterValue", "TileRow"),
    ({"TileRow": "x"}, 400, "InvalidParameterValue", "TileRow"),
    ({"TileRow": "512"}, 400, "TileOutOfRange", "TileRow"),
    ({"TileCol": "-1"}, 400, "TileOutOfRange", "TileCol"),
    ({"TileCol": "1.5"}, 400, "InvalidParameterValue", "TileCol"),
    ({"Time": "1999"}, 400, "InvalidParameterValue", "Time"),
    ({"bands": "none"}, 400, "InvalidParameterValue", None),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "status", "code", "locator"), BAD)
def test_what_is_refused(
    ogc: Client, changed: dict[str, Any], status: int, code: str, locator: str | None
) -> None:
    answer = ask(ogc, BASIC, **changed)
    assert wmts_refusal(answer)[:3] == (status, code, locator)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("changed", "code", "locator"),
    [
        ({"InfoFormat": None}, "MissingParameterValue", "InfoFormat"),
        ({"InfoFormat": "text/sgml"}, "InvalidParameterValue", "InfoFormat"),
        ({"I": None}, "MissingParameterValue", "I"),
        ({"I": 256}, "PointIJOutOfRange", "I"),
        ({"J": -1}, "PointIJOutOfRange", "J"),
        ({"J": "x"}, "InvalidParameterValue", "J"),
    ],
)
def test_questions_that_are_refused(
    ogc: Client, changed: dict[str, Any], code: str, locator: str
) -> None:
    assert wmts_refusal(ask(ogc, INFO, **changed))[:3] == (400, code, locator)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("none/default/WebMercatorQuad/9/172/276.png", "InvalidParameterValue"),
        ("scene/default/WebMercatorQuad/9/172/x.png", "InvalidParameterValue"),
        ("scene/default/WebMercatorQuad/9/172/512.png", "TileOutOfRange"),
        ("scene/default/WebMercatorQuad/9/172/276.gif", "InvalidParameterValue"),
        ("scene/default/WebMercatorQuad/9/172/276/0/256.json", "PointIJOutOfRange"),
        ("scene/default/WebMercatorQuad/9/172/276/0/0.pdf", "InvalidParameterValue"),
    ],
)
def test_paths_that_are_refused(ogc: Client, path: str, code: str) -> None:
    assert wmts_refusal(ogc.get(f"/wmts/1.0.0/{path}"))[:2] == (400, code)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    basic=st.sampled_from([BASIC, INFO]),
    changed=st.dictionaries(
        st.sampled_from([*INFO, "Time", "bands", "stretch"]), NASTY, min_size=1, max_size=3
    ),
)
def test_nothing_makes_the_server_fail(
    ogc: Client, basic: dict[str, Any], changed: dict[str, str]
) -> None:
    answer = ask(ogc, basic, **changed)
    assert answer.status_code in (200, 400, 501)
    if answer.status_code != 200:
        assert wmts_refusal(answer)[1]


def test_empty_tiles_are_transparent(ogc: Client) -> None:
    assert (rgba(ask(ogc, TileRow=0, TileCol=0).content)[..., 3] == 0).all()
