"""WMS: pictures in any CRS and order of axes, values, legends, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.io import MemoryFile

from tests.render.sources import rgba
from tests.server.conftest import TILE
from tests.server.ogc.trees import (
    HREF,
    WMS,
    WMS_OLD_ORDER,
    WMS_ORDER,
    check_order,
    texts,
    tree,
    wms_refusal,
)
from xcube_tiles.render.tms import tile_geobox

if TYPE_CHECKING:
    import httpx
    from numpy.typing import NDArray

    from tests.server.client import Client

Z, X, Y = (int(part) for part in TILE.split("/")[1:])
TILE_BOX = tile_geobox(("WebMercatorQuad", Z, X, Y)).boundingbox.bbox

BASIC: dict[str, Any] = {
    "SERVICE": "WMS",
    "VERSION": "1.3.0",
    "REQUEST": "GetMap",
    "LAYERS": "scene",
    "STYLES": "",
    "CRS": "EPSG:3857",
    "BBOX": ",".join(map(repr, TILE_BOX)),
    "WIDTH": 256,
    "HEIGHT": 256,
    "FORMAT": "image/png",
    "TRANSPARENT": "TRUE",
}
INFO = BASIC | {"REQUEST": "GetFeatureInfo", "QUERY_LAYERS": "scene", "I": 100, "J": 60}


def ask(client: Client, basic: dict[str, Any] = BASIC, **changed: Any) -> httpx.Response:
    """Return the answer to a request with some parameters changed; None: left out."""
    given = basic | changed
    return client.get("/wms", params={k: v for k, v in given.items() if v is not None})


def picture(client: Client, **changed: Any) -> bytes:
    answer = ask(client, **changed)
    assert answer.status_code == 200, answer.text
    return answer.content


def values(client: Client, **changed: Any) -> NDArray[Any]:
    """Return the values that a map shows: the numbers of cells."""
    given = {"FORMAT": "image/tiff; application=geotiff", **changed}
    with MemoryFile(picture(client, **given)) as file, file.open() as opened:
        return np.asarray(opened.read(1))


class TestMap:
    def test_is_the_native_tile(self, ogc: Client) -> None:
        assert picture(ogc) == ogc.get(f"/layers/scene/tiles/{TILE}.png").content

    @pytest.mark.parametrize(
        "style",
        [
            {"bands": "landcover"},
            {"expression": "ndvi * 2", "stretch": "0,1", "colormap": "magma"},
            {"time": "2018-05-06", "colormap": "magma_r", "resampling": "bilinear"},
            {"time": "2018-07-01", "time_match": "nearest"},
        ],
    )
    def test_takes_the_parameters_of_native_styles(
        self, ogc: Client, style: dict[str, str]
    ) -> None:
        native = ogc.get(f"/layers/scene/tiles/{TILE}.png", params=style)
        assert native.status_code == 200
        assert picture(ogc, **style) == native.content

    def test_names_of_parameters_know_no_case(self, ogc: Client) -> None:
        answer = ogc.get("/wms", params={name.lower(): value for name, value in BASIC.items()})
        assert answer.content == picture(ogc)

    @pytest.mark.parametrize(
        ("name", "native"),
        [
            ("default", {}),
            ("landcover", {"bands": "landcover"}),
            ("ndvi:magma", {"bands": "ndvi", "colormap": "magma"}),
            ("ndvi:magma_r", {"bands": "ndvi", "colormap": "magma_r"}),
        ],
    )
    def test_styles_by_name(self, ogc: Client, name: str, native: dict[str, str]) -> None:
        tile = ogc.get(f"/layers/scene/tiles/{TILE}.png", params=native).content
        assert picture(ogc, STYLES=name) == tile

    @pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
    def test_formats(self, ogc: Client, format: str) -> None:
        answer = ask(ogc, FORMAT=f"image/{format}")
        assert answer.headers["content-type"] == f"image/{format}"
        assert rgba(answer.content).shape == (256, 256, 4)

    def test_without_transparency_the_ground_is_white_or_as_asked(self, ogc: Client) -> None:
        clear = rgba(picture(ogc))
        empty = clear[..., 3] == 0
        assert empty.any()
        white = rgba(picture(ogc, TRANSPARENT=None))
        assert (white[empty] == 255).all()
        assert (white[~empty] == clear[~empty]).all()
        red = rgba(picture(ogc, TRANSPARENT="false", BGCOLOR="0xFF0010"))
        assert (red[empty] == (255, 0, 16, 255)).all()

    def test_several_layers(self, ogc: Client) -> None:
        below = rgba(picture(ogc, LAYERS="scene", STYLES="landcover"))
        above = rgba(picture(ogc, LAYERS="scene", STYLES="ndvi"))
        both = rgba(picture(ogc, LAYERS="scene,scene", STYLES="landcover,ndvi"))
        empty = above[..., 3] == 0
        assert empty.any()
        assert (both[~empty] == above[~empty]).all()
        assert (both[empty] == below[empty]).all()
        swapped = rgba(picture(ogc, LAYERS="scene,scene", STYLES="ndvi,landcover"))
        assert (swapped[below[..., 3] == 255] == below[below[..., 3] == 255]).all()

    def test_layers_without_times_ignore_them(self, ogc: Client) -> None:
        dated = picture(ogc, LAYERS="degrees,scene", TIME="2018-05-06")
        assert dated != picture(ogc, LAYERS="degrees,scene", TIME="2018-06-15")
        assert picture(ogc, LAYERS="degrees", TIME="1999") == picture(ogc, LAYERS="degrees")

    def test_intervals_of_time(self, ogc: Client) -> None:
        assert picture(ogc, TIME="2018-05-01/2018-05-31T23:59:59Z") == picture(
            ogc, TIME="2018-05-24"
        )
        assert picture(ogc, TIME="current") == picture(ogc, TIME="2018-06-15T00:00:00Z")

    def test_is_not_drawn_again(self, ogc: Client) -> None:
        tag = ask(ogc).headers["etag"]
        again = ogc.get("/wms", params=BASIC, headers={"If-None-Match": tag})
        assert again.status_code == 304
        assert not again.content
        other = ask(ogc, TIME="2018-05-06").headers["etag"]
        assert other != tag


class TestAxes:
    NORTH_FIRST = "52.5,10.5,55.5,16.5"
    EAST_FIRST = "10.5,52.5,16.5,55.5"
    SIZE = {"WIDTH": 300, "HEIGHT": 150, "LAYERS": "degrees"}  # noqa: RUF012

    def test_degrees(self, ogc: Client) -> None:
        north_first = values(ogc, CRS="EPSG:4326", BBOX=self.NORTH_FIRST, **self.SIZE)
        # By hand: rows from 55.5 down, of the cells of 0.02 degrees from 56 and 10.
        rows = np.floor((56 - (55.5 - (np.arange(150) + 0.5) * 0.02)) / 0.02 + 1e-6).astype(int)
        cols = np.floor((10.5 + (np.arange(300) + 0.5) * 0.02 - 10) / 0.02 + 1e-6).astype(int)
        assert (north_first == rows[:, None] * 400 + cols).all()
        east_first = values(ogc, CRS="CRS:84", BBOX=self.EAST_FIRST, **self.SIZE)
        assert (east_first == north_first).all()
        old = {"VERSION": "1.1.1", "CRS": None, "SRS": "EPSG:4326"}
        assert (values(ogc, BBOX=self.EAST_FIRST, **old, **self.SIZE) == north_first).all()

    def test_versions_are_guessed_where_they_are_missing(self, ogc: Client) -> None:
        size = self.SIZE | {"VERSION": None}
        old = values(ogc, CRS=None, SRS="EPSG:4326", BBOX=self.EAST_FIRST, **size)
        assert (old == values(ogc, CRS="EPSG:4326", BBOX=self.NORTH_FIRST, **size)).all()

    @pytest.mark.parametrize("layer", ["laea", "degrees"])
    @pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:3857", "EPSG:4326", "EPSG:5041"])
    def test_each_pixel_shows_its_cell(self, ogc: Client, layer: str, crs: str) -> None:
        to_crs = Transformer.from_crs("EPSG:3035", crs, always_xy=True)
        x, y = to_crs.transform(4_500_000, 3_050_000)
        half = 0.5 if crs == "EPSG:4326" else 60_000
        box = (y - half, x - half, y + half, x + half)
        if crs in ("EPSG:3857", "EPSG:5041"):
            box = (x - half, y - half, x + half, y + half)
        found = values(
            ogc, LAYERS=layer, CRS=crs, BBOX=",".join(map(repr, box)), WIDTH=90, HEIGHT=80
        )
        # Every pixel by itself, exactly.
        px = x - half + (np.arange(90) + 0.5) * 2 * half / 90
        py = y + half - (np.arange(80) + 0.5) * 2 * half / 80
        own, left, top, cell, width = {
            "laea": ("EPSG:3035", 4_400_000, 3_200_000, 1000, 300),
            "degrees": ("EPSG:4326", 10, 56, 0.02, 400),
        }[layer]
        to_own = Transformer.from_crs(crs, own, always_xy=True)
        ex, ey = to_own.transform(*np.meshgrid(px, py))
        col, row = (ex - left) / cell, (top - ey) / cell
        # A pixel may take the neighbour where it lies within an eighth of a cell of its edge.
        safe = (np.abs(col - np.rint(col)) > 0.13) & (np.abs(row - np.rint(row)) > 0.13)
        expected = np.floor(row).astype(int) * width + np.floor(col).astype(int)
        assert safe.sum() > 3000
        assert (found[safe] == expected[safe]).all()

    @pytest.mark.parametrize("crs", ["CRS:84", "EPSG:3857"])
    def test_across_the_antimeridian(self, ogc: Client, crs: str) -> None:
        west, east = (-180.0, -175.0), (175.0, 180.0)
        turns = Transformer.from_crs("EPSG:4326", crs if crs != "CRS:84" else "EPSG:4326")

        def at(span: tuple[float, float]) -> NDArray[Any]:
            south, north = -20.0, -10.0
            box = (span[0], south, span[1], north)
            if crs != "CRS:84":
                (left, right), (bottom, top) = turns.transform((south, north), span)
                box = (left, bottom, right, top)
            bbox = ",".join(map(repr, box))
            return values(ogc, LAYERS="fiji", CRS=crs, BBOX=bbox, WIDTH=10, HEIGHT=20)

        # The middle of the first row of pixels: columns of half a degree from 170 degrees east.
        assert (at(east) % 40 == np.arange(10, 20)).all()
        assert (at(west) % 40 == np.arange(20, 30)).all()
        if crs == "CRS:84":
            across = values(
                ogc, LAYERS="fiji", CRS=crs, BBOX="175,-20,185,-10", WIDTH=20, HEIGHT=20
            )
            assert (across == np.hstack([at(east), at(west)])).all()


class TestInfo:
    def test_is_what_the_point_route_says(self, ogc: Client) -> None:
        answer = ask(ogc, INFO, TIME="2018-05-24")
        assert answer.headers["content-type"] == "application/json"
        (feature,) = answer.json()["features"]
        lon, lat = feature["geometry"]["coordinates"]
        left, _, right, top = TILE_BOX
        step = (right - left) / 256
        to_degrees = Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)
        place = to_degrees.transform(left + 100.5 * step, top - 60.5 * step)
        assert (lon, lat) == pytest.approx(place)
        native = ogc.get("/layers/scene/point", params={"lon": lon, "lat": lat, "time": "2018-05"})
        expected = {"layer": "scene", "time": "2018-05-24T00:00:00Z", **native.json()["values"]}
        assert feature["properties"] == expected

    def test_old_version_has_other_names(self, ogc: Client) -> None:
        old = {"VERSION": "1.1.1", "SRS": "EPSG:3857", "CRS": None, "X": 100, "Y": 60}
        assert ask(ogc, INFO, I=None, J=None, **old).json() == ask(ogc, INFO).json()

    def test_axes(self, ogc: Client) -> None:
        asked = {"LAYERS": "degrees", "QUERY_LAYERS": "degrees", "WIDTH": 400, "HEIGHT": 200}
        box = {"CRS": "EPSG:4326", "BBOX": "52,10,56,18", "I": 30, "J": 7}
        (feature,) = ask(ogc, INFO, **asked, **box).json()["features"]
        assert feature["properties"] == {"layer": "degrees", "index": 7 * 400 + 30}

    def test_several_layers_and_formats(self, ogc: Client) -> None:
        both = {"LAYERS": "degrees,scene", "QUERY_LAYERS": "scene,degrees"}
        features = ask(ogc, INFO, **both).json()["features"]
        assert [feature["id"] for feature in features] == ["scene", "degrees"]
        text = ask(ogc, INFO, INFO_FORMAT="text/plain", **both).text
        assert f"index = {features[1]['properties']['index']}" in text.splitlines()
        html = ask(ogc, INFO, INFO_FORMAT="text/html", **both).text
        assert f"<td>{features[1]['properties']['index']}</td>" in html

    def test_nodata_is_null_or_empty(self, ogc: Client) -> None:
        away = {"CRS": "CRS:84", "BBOX": "0,0,1,1"}
        (feature,) = ask(ogc, INFO, **away).json()["features"]
        assert feature["properties"]["ndvi"] is None
        text = ask(ogc, INFO, INFO_FORMAT="text/plain", **away).text
        assert "ndvi = " in text.splitlines()

    def test_names_are_escaped(self, ogc: Client) -> None:
        asked = {"LAYERS": "a & b <c>", "QUERY_LAYERS": "a & b <c>", "INFO_FORMAT": "text/html"}
        html = ask(ogc, INFO, **asked).text
        assert "<caption>a &amp; b &lt;c&gt;</caption>" in html
        assert "<c>" not in html

    def test_bands_and_expressions(self, ogc: Client) -> None:
        (feature,) = ask(ogc, INFO, expression="ndvi * 100").json()["features"]
        assert set(feature["properties"]) == {"layer", "time", "ndvi * 100"}


class TestLegend:
    LEGEND = {"REQUEST": "GetLegendGraphic", "LAYER": "scene"}  # noqa: RUF012

    def test_is_the_native_legend(self, ogc: Client) -> None:
        for style, native in (("", {}), ("landcover", {"bands": "landcover"})):
            answer = ask(ogc, self.LEGEND, STYLE=style, FORMAT="image/png", VERSION="1.3.0")
            assert answer.content == ogc.get("/layers/scene/legend.png", params=native).content

    def test_every_link_of_the_capabilities_works(self, ogc: Client) -> None:
        root = tree(ogc.get("/wms?REQUEST=GetCapabilities"))
        links = root.findall(".//w:LegendURL/w:OnlineResource", WMS)
        assert len(links) == 4 * 2 + 3  # the default, and each variable
        for link in links:
            answer = ogc.get(link.get(HREF, ""))
            assert answer.headers["content-type"] == "image/png", answer.text

    def test_three_bands_have_none(self, ogc: Client) -> None:
        answer = ask(ogc, self.LEGEND, bands="ndvi,ndvi,landcover", stretch="0,1")
        assert wms_refusal(answer)[:2] == (400, "InvalidParameterValue")


class TestCapabilities:
    def test_order_of_elements(self, ogc: Client) -> None:
        root = tree(ogc.get("/wms?SERVICE=WMS&REQUEST=GetCapabilities"))
        assert root.tag == f"{{{WMS['w']}}}WMS_Capabilities"
        assert root.get("version") == "1.3.0"
        assert check_order(root, WMS_ORDER) > 30

    def test_order_of_elements_in_the_old_version(self, ogc: Client) -> None:
        answer = ogc.get("/wms?SERVICE=WMS&REQUEST=GetCapabilities&VERSION=1.1.1")
        root = tree(answer, "application/vnd.ogc.wms_xml")
        assert root.tag == "WMT_MS_Capabilities"
        assert check_order(root, WMS_OLD_ORDER) > 8
        assert texts(root, ".//Layer/Layer/Name", {}) == [
            "a & b <c>", "degrees", "fiji", "laea", "scene",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("asked", "answered"),
        [("1.0.0", "1.1.1"), ("1.1.0", "1.1.1"), ("1.2", "1.1.1"), ("1.3.1", "1.3.0"),
         ("2.0.0", "1.3.0"), ("x", "1.3.0"), ("", "1.3.0")],
    )  # fmt: skip
    def test_versions_are_agreed_on(self, ogc: Client, asked: str, answered: str) -> None:
        answer = ogc.get(f"/wms?REQUEST=GetCapabilities&VERSION={asked}")
        media_type = answer.headers["content-type"].partition(";")[0]
        assert tree(answer, media_type).get("version") == answered

    def test_a_layer(self, ogc: Client) -> None:
        root = tree(ogc.get("/wms?REQUEST=GetCapabilities"))
        layer = root.find(".//w:Layer[w:Name='scene']", WMS)
        assert layer is not None
        assert texts(layer, "w:Title", WMS) == ["A scene"]
        assert texts(layer, "w:CRS", WMS) == ["EPSG:32633"]
        assert texts(layer, "w:Dimension", WMS) == [
            "2018-05-06T00:00:00Z,2018-05-24T00:00:00Z,2018-06-15T00:00:00Z"
        ]
        assert texts(layer, "w:Style/w:Name", WMS) == ["default", "ndvi", "landcover"]
        boxes = {box.get("CRS"): box for box in layer.findall("w:BoundingBox", WMS)}
        assert set(boxes) == {"EPSG:4326", "EPSG:3857", "EPSG:32633"}
        # Latitudes are x in this CRS.
        assert float(boxes["EPSG:4326"].get("minx", "")) == pytest.approx(49.914, abs=1e-3)
        assert float(boxes["EPSG:4326"].get("miny", "")) == pytest.approx(13.575, abs=1e-3)
        assert boxes["EPSG:32633"].attrib == {
            "CRS": "EPSG:32633", "minx": "400000.0", "miny": "5530000.0", "maxx": "520000.0",
            "maxy": "5650000.0",
        }  # fmt: skip

    def test_every_listed_crs_is_drawn(self, ogc: Client) -> None:
        root = tree(ogc.get("/wms?REQUEST=GetCapabilities"))
        names = texts(root, "w:Capability/w:Layer/w:CRS", WMS)
        assert {"CRS:84", "EPSG:4326", "EPSG:3857", "EPSG:3035"} <= set(names)
        for name in [*names, "EPSG:32633"]:
            picture(ogc, CRS=name, BBOX="-10,-10,10,10", WIDTH=8, HEIGHT=8)

    def test_styles_and_keys_are_put_through(self, ogc: Client) -> None:
        root = tree(ogc.get("/wms?REQUEST=GetCapabilities&colormap=magma&Key=s3&time=2018"))
        (link,) = root.findall(".//w:GetMap//w:OnlineResource", WMS)
        assert link.get(HREF) == "http://test/wms?colormap=magma&key=s3&"


BAD = [
    ({"REQUEST": None}, "MissingParameterValue", "REQUEST"),
    ({"REQUEST": "GetFeature"}, "OperationNotSupported", "REQUEST"),
    ({"SERVICE": "WFS"}, "InvalidParameterValue", "SERVICE"),
    ({"LAYERS": None}, "MissingParameterValue", "LAYERS"),
    ({"LAYERS": "nothing"}, "LayerNotDefined", "LAYERS"),
    ({"LAYERS": "scene,"}, "LayerNotDefined", "LAYERS"),
    ({"LAYERS": ",".join(["scene"] * 17)}, "InvalidParameterValue", "LAYERS"),
    ({"STYLES": "none"}, "StyleNotDefined", "STYLES"),
    ({"STYLES": "ndvi:none"}, "StyleNotDefined", "STYLES"),
    ({"STYLES": "ndvi,ndvi"}, "StyleNotDefined", "STYLES"),
    ({"CRS": None}, "MissingParameterValue", "CRS"),
    ({"CRS": "EPSG:99999"}, "InvalidCRS", "CRS"),
    ({"CRS": "EPSG:32601"}, "InvalidCRS", "CRS"),
    ({"CRS": "Mercator"}, "InvalidCRS", "CRS"),
    ({"BBOX": None}, "MissingParameterValue", "BBOX"),
    ({"BBOX": "1,2,3"}, "InvalidParameterValue", "BBOX"),
    ({"BBOX": "1,2,3,4,5"}, "InvalidParameterValue", "BBOX"),
    ({"BBOX": "a,b,c,d"}, "InvalidParameterValue", "BBOX"),
    ({"BBOX": "0,0,nan,1"}, "InvalidParameterValue", "BBOX"),
    ({"BBOX": "0,0,inf,1"}, "InvalidParameterValue", "BBOX"),
    ({"BBOX": "1,1,0,0"}, "InvalidParameterValue", "BBOX"),
    ({"BBOX": "0,0,0,1"}, "InvalidParameterValue", "BBOX"),
    ({"WIDTH": None}, "MissingParameterValue", "WIDTH"),
    ({"WIDTH": 0}, "InvalidParameterValue", "WIDTH"),
    ({"WIDTH": 4097}, "InvalidParameterValue", "WIDTH"),
    ({"HEIGHT": "1e3"}, "InvalidParameterValue", "HEIGHT"),
    ({"HEIGHT": "-5"}, "InvalidParameterValue", "HEIGHT"),
    ({"HEIGHT": "9" * 40}, "InvalidParameterValue", "HEIGHT"),
    ({"FORMAT": None}, "MissingParameterValue", "FORMAT"),
    ({"FORMAT": "image/gif"}, "InvalidFormat", "FORMAT"),
    ({"TRANSPARENT": "maybe"}, "InvalidParameterValue", "TRANSPARENT"),
    ({"TRANSPARENT": None, "BGCOLOR": "white"}, "InvalidParameterValue", "BGCOLOR"),
    ({"TIME": "1999"}, "InvalidDimensionValue", "TIME"),
    ({"TIME": "soon"}, "InvalidDimensionValue", "TIME"),
    ({"TIME": "2018-05-06,2018-05-24"}, "InvalidDimensionValue", "TIME"),
    ({"time_match": "close"}, "InvalidParameterValue", "time_match"),
    ({"bands": "nothing"}, "InvalidParameterValue", None),
    ({"colormap": "nothing"}, "InvalidParameterValue", None),
    ({"colormap": "{"}, "InvalidParameterValue", None),
    ({"stretch": "1"}, "InvalidParameterValue", None),
    ({"resampling": "cubic"}, "InvalidParameterValue", None),
    ({"expression": "ndvi +"}, "InvalidParameterValue", "expression"),
    ({"LAYERS": "scene,degrees", "FORMAT": "image/tiff"}, "InvalidParameterValue", None),
]


@pytest.mark.parametrize(("changed", "code", "locator"), BAD)
def test_what_is_refused(
    ogc: Client, changed: dict[str, Any], code: str, locator: str | None
) -> None:
    answer = ask(ogc, BASIC, **changed)
    if "expression" in changed:
        # Costly or malformed mathematics is refused before any route is asked.
        assert answer.status_code == 400
        return
    assert wms_refusal(answer)[:3] == (400, code, locator)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("changed", "code", "locator"),
    [
        ({"QUERY_LAYERS": None}, "MissingParameterValue", "QUERY_LAYERS"),
        ({"QUERY_LAYERS": "degrees"}, "LayerNotDefined", "QUERY_LAYERS"),
        ({"I": None}, "MissingParameterValue", "I"),
        ({"I": 256}, "InvalidPoint", "I"),
        ({"J": -1}, "InvalidPoint", "J"),
        ({"J": "x"}, "InvalidPoint", "J"),
        ({"INFO_FORMAT": "text/sgml"}, "InvalidFormat", "INFO_FORMAT"),
        ({"CRS": "CRS:84", "BBOX": "0,1000,1,1001"}, "InvalidPoint", "I"),
    ],
)
def test_questions_that_are_refused(
    ogc: Client, changed: dict[str, Any], code: str, locator: str
) -> None:
    assert wms_refusal(ask(ogc, INFO, **changed))[:3] == (400, code, locator)


def test_refusals_of_the_old_version(ogc: Client) -> None:
    answer = ask(ogc, VERSION="1.1.1", CRS=None, SRS="EPSG:1")
    root = tree(answer, "application/vnd.ogc.se_xml")
    assert (root.tag, root.get("version")) == ("ServiceExceptionReport", "1.1.1")
    assert root[0].attrib == {"code": "InvalidSRS"}


def test_texts_of_refusals_are_escaped(ogc: Client) -> None:
    assert "no layer '<a>&\ufffd'" in wms_refusal(ask(ogc, LAYERS="<a>&\x01"))[3].replace(
        "\\x01", "\ufffd"
    )


NASTY = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "-1", "0", "1e400", "NaN", "EPSG:4326", "0,0,1,1", "1,2,3,1e308", "scene", "../..",
         "2018-05/2018-06", "image/png", "ndvi:", ":", "999999999999999999999", "\x00", "%", "{}"]
    ),
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    basic=st.sampled_from([BASIC, INFO, BASIC | TestLegend.LEGEND]),
    changed=st.dictionaries(
        st.sampled_from([*INFO, "TIME", "BGCOLOR", "bands", "stretch", "colormap", "SRS", "STYLE"]),
        NASTY,
        min_size=1,
        max_size=3,
    ),
)
def test_nothing_makes_the_server_fail(
    ogc: Client, basic: dict[str, Any], changed: dict[str, str]
) -> None:
    answer = ask(ogc, basic | {"WIDTH": 16, "HEIGHT": 16, "I": 3, "J": 3}, **changed)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        media_type = answer.headers["content-type"].partition(";")[0]
        assert media_type in ("text/xml", "application/vnd.ogc.se_xml")
        assert tree(answer, media_type)[0].get("code")
