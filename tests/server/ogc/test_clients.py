"""Other people's clients over a real connection: GDAL's drivers and OWSLib."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window, from_bounds

from tests.render.sources import rgba
from tests.server.conftest import TILE
from xcube_tiles.render.tms import tile_geobox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Z, X, Y = (int(part) for part in TILE.split("/")[1:])


@pytest.fixture
def gdal(address: str) -> Iterator[str]:
    """Return the address, with GDAL set up to ask nobody else and to remember nothing."""
    with rasterio.Env(GDAL_HTTP_PROXY="", NO_PROXY="*", GDAL_ENABLE_WMS_CACHE="NO"):
        yield address


def native_tile(address: str, **query: str) -> NDArray[np.uint8]:
    with httpx.Client(base_url=address, trust_env=False) as client:
        return rgba(client.get(f"/layers/scene/tiles/{TILE}.png", params=query).content)


def read(opened: Any, box: Any, size: int = 256) -> NDArray[np.uint8]:
    """Return the pixels of a rectangle, shape (rows, columns, 4)."""
    window = from_bounds(*box.bbox, transform=opened.transform)
    whole = Window(*(round(part) for part in window.flatten()))
    found = opened.read(window=whole, out_shape=(4, size, size), boundless=False)
    return np.moveaxis(found, 0, -1)


def same_where_drawn(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> bool:
    """Whether pictures are equal; what is transparent may have any colour."""
    drawn = expected[..., 3] > 0
    assert drawn.any()
    return bool((found[drawn] == expected[drawn]).all() and (found[~drawn][:, 3] == 0).all())


class TestGdalWmts:
    @pytest.mark.parametrize("style", ["default", "landcover"])
    @pytest.mark.parametrize(
        "capabilities",
        ["wmts/1.0.0/WMTSCapabilities.xml", "wmts?SERVICE=WMTS&REQUEST=GetCapabilities"],
    )
    def test_pixels_are_those_of_the_native_tile(
        self, gdal: str, capabilities: str, style: str
    ) -> None:
        name = f"WMTS:{gdal}/{capabilities},layer=scene,style={style},zoom_level={Z}"
        box = tile_geobox(("WebMercatorQuad", Z, X, Y)).boundingbox
        with rasterio.open(f"{name},tilematrixset=WebMercatorQuad") as opened:
            assert opened.crs.to_epsg() == 3857
            assert opened.res[0] == pytest.approx((box.right - box.left) / 256)
            found = read(opened, box)
        bands = {} if style == "default" else {"bands": style}
        assert same_where_drawn(found, native_tile(gdal, **bands))

    def test_styles_are_put_through(self, gdal: str) -> None:
        name = f"WMTS:{gdal}/wmts?SERVICE=WMTS&REQUEST=GetCapabilities&colormap=magma"
        box = tile_geobox(("WebMercatorQuad", Z, X, Y)).boundingbox
        with rasterio.open(f"{name},layer=scene,style=ndvi,zoom_level={Z}") as opened:
            found = read(opened, box)
        assert same_where_drawn(found, native_tile(gdal, colormap="magma"))

    @pytest.mark.parametrize(
        ("tms", "epsg"),
        [
            ("WGS1984Quad", 4326),
            ("EuropeanETRS89_LAEAQuad", 3035),
            ("WorldMercatorWGS84Quad", 3395),
            ("UPSArcticWGS84Quad", 5041),
        ],
    )
    def test_other_sets_are_where_they_should_be(self, gdal: str, tms: str, epsg: int) -> None:
        # The origin of a set is given in the order of its axes: a mistake moves all tiles.
        name = f"WMTS:{gdal}/wmts/1.0.0/WMTSCapabilities.xml,layer=scene,style=landcover"
        with rasterio.open(f"{name},tilematrixset={tms},zoom_level=7") as opened:
            assert opened.crs.to_epsg() == epsg
            (to_x,), (to_y,) = rasterio.warp.transform("EPSG:32633", opened.crs, [430e3], [5.6e6])
            row, col = opened.index(to_x, to_y)
            cell = opened.read(window=Window(col, row, 1, 1))[:, 0, 0]
        with httpx.Client(base_url=gdal, trust_env=False) as client:
            legend = client.get("/layers/scene/legend.json?bands=landcover").json()
        land = legend["categories"][0]["color"]
        assert "#" + bytes(cell[:3].tolist()).hex() == land


class TestGdalWms:
    @pytest.mark.parametrize(
        "asked",
        [
            "VERSION=1.3.0&CRS=EPSG:4326&BBOX=50,14,50.8,15",
            "VERSION=1.3.0&CRS=CRS:84&BBOX=14,50,15,50.8",
            "VERSION=1.1.1&SRS=EPSG:4326&BBOX=14,50,15,50.8",
        ],
    )
    def test_axes(self, gdal: str, asked: str) -> None:
        name = f"WMS:{gdal}/wms?SERVICE=WMS&REQUEST=GetMap&LAYERS=scene&STYLES=&{asked}"
        with rasterio.open(f"{name}&FORMAT=image/png&TRANSPARENT=TRUE") as opened:
            assert opened.bounds == pytest.approx((14, 50, 15, 50.8))
            found = opened.read(out_shape=(4, 200, 250))
        with httpx.Client(base_url=gdal, trust_env=False) as client:
            query = "CRS=CRS:84&BBOX=14,50,15,50.8&WIDTH=1000&HEIGHT=800&TRANSPARENT=TRUE"
            answer = client.get(
                f"/wms?VERSION=1.3.0&REQUEST=GetMap&LAYERS=scene&FORMAT=image/png&{query}"
            )
        expected = rgba(answer.content)[2::4, 2::4]
        # GDAL asks for 1024 pixels and picks some: those beside an edge may be the neighbours'.
        far = np.abs(np.moveaxis(found, 0, -1).astype(int) - expected).max(axis=-1) > 8
        assert far.mean() < 0.02

    def test_pixels_of_a_description(self, gdal: str) -> None:
        box = tile_geobox(("WebMercatorQuad", Z, X, Y)).boundingbox
        text = f"""<GDAL_WMS><Service name="WMS"><Version>1.3.0</Version>
          <ServerUrl>{gdal}/wms?TRANSPARENT=TRUE&amp;</ServerUrl><CRS>EPSG:3857</CRS>
          <ImageFormat>image/png</ImageFormat><Layers>scene</Layers><Styles>landcover</Styles>
          </Service><DataWindow><UpperLeftX>{box.left!r}</UpperLeftX>
          <UpperLeftY>{box.top!r}</UpperLeftY><LowerRightX>{box.right!r}</LowerRightX>
          <LowerRightY>{box.bottom!r}</LowerRightY><SizeX>256</SizeX><SizeY>256</SizeY>
          </DataWindow><BandsCount>4</BandsCount><BlockSizeX>256</BlockSizeX>
          <BlockSizeY>256</BlockSizeY><OverviewCount>0</OverviewCount></GDAL_WMS>"""
        with rasterio.open(text) as opened:
            found = np.moveaxis(opened.read(), 0, -1)
        assert same_where_drawn(found, native_tile(gdal, bands="landcover"))

    def test_capabilities_become_subdatasets(self, gdal: str) -> None:
        with (
            pytest.warns(rasterio.errors.NotGeoreferencedWarning),
            rasterio.open(f"WMS:{gdal}/wms?") as opened,
        ):
            names = [
                name.rpartition("&LAYERS=")[2].partition("&")[0] for name in opened.subdatasets
            ]
        assert {"scene", "degrees", "laea"} <= set(names)


class TestOwslib:
    def test_wms(self, address: str) -> None:
        wms_module = pytest.importorskip("owslib.wms")
        wms = wms_module.WebMapService(f"{address}/wms", version="1.3.0", timeout=60)
        layer = wms["scene"]
        assert layer.title == "A scene"
        assert layer.boundingBoxWGS84 == pytest.approx((13.575, 49.914, 15.285, 51.0016), abs=1e-3)
        assert {"CRS:84", "EPSG:4326", "EPSG:3857", "EPSG:32633"} <= set(layer.crsOptions)
        assert list(layer.styles) == ["default", "ndvi", "landcover"]
        assert layer.timepositions == [
            "2018-05-06T00:00:00Z", "2018-05-24T00:00:00Z", "2018-06-15T00:00:00Z",
        ]  # fmt: skip
        box = tile_geobox(("WebMercatorQuad", Z, X, Y)).boundingbox.bbox
        request = {
            "layers": ["scene"], "styles": ["landcover"], "srs": "EPSG:3857", "bbox": box,
            "size": (256, 256), "format": "image/png", "transparent": True,
        }  # fmt: skip
        picture = wms.getmap(time="2018-05-24", **request)
        expected = native_tile(address, bands="landcover", time="2018-05-24")
        assert (rgba(picture.read()) == expected).all()
        info = wms.getfeatureinfo(
            query_layers=["scene"], info_format="application/json", xy=(10, 20), **request
        )
        (feature,) = json.loads(info.read())["features"]
        assert set(feature["properties"]) == {"layer", "time", "ndvi", "landcover"}

    def test_degrees_have_their_axes_swapped(self, address: str) -> None:
        wms_module = pytest.importorskip("owslib.wms")
        request = {
            "layers": ["degrees"], "styles": [""], "srs": "EPSG:4326", "bbox": (12, 50, 16, 53),
            "size": (200, 150), "format": "image/png", "transparent": True,
        }  # fmt: skip
        pictures = [
            rgba(
                wms_module.WebMapService(f"{address}/wms", version=version).getmap(**request).read()
            )
            for version in ("1.3.0", "1.1.1")
        ]
        assert (pictures[0] == pictures[1]).all()

    def test_wms_refusals(self, address: str) -> None:
        wms_module = pytest.importorskip("owslib.wms")
        from owslib.util import ServiceException

        wms = wms_module.WebMapService(f"{address}/wms", version="1.3.0")
        with pytest.raises((ServiceException, Exception), match="none"):
            wms.getmap(
                layers=["none"], srs="EPSG:3857", bbox=(0, 0, 1, 1), size=(10, 10),
                format="image/png",
            )  # fmt: skip

    def test_wmts(self, address: str) -> None:
        wmts_module = pytest.importorskip("owslib.wmts")
        wmts = wmts_module.WebMapTileService(f"{address}/wmts")
        layer = wmts["scene"]
        assert layer.boundingBoxWGS84 == pytest.approx((13.575, 49.914, 15.285, 51.0016), abs=1e-3)
        links = layer.tilematrixsetlinks
        assert {"WebMercatorQuad", "WorldCRS84Quad", "EuropeanETRS89_LAEAQuad"} <= set(links)
        limits = links["WebMercatorQuad"].tilematrixlimits["9"]
        assert (limits.mintilerow, limits.maxtilerow) == (171, 173)
        matrices = wmts.tilematrixsets["WebMercatorQuad"].tilematrix
        assert matrices["0"].topleftcorner == pytest.approx((-20037508.34, 20037508.34))
        assert layer.dimensions["Time"]["default"] == "2018-06-15T00:00:00Z"
        tile = wmts.gettile(
            layer="scene", style="landcover", tilematrixset="WebMercatorQuad", tilematrix=str(Z),
            row=Y, column=X, format="image/png",
        )  # fmt: skip
        assert (rgba(tile.read()) == native_tile(address, bands="landcover")).all()

    def test_ogc_api(self, address: str) -> None:
        ogcapi = pytest.importorskip("owslib.ogcapi")
        api = ogcapi.API(f"{address}/ogc/")
        assert (
            "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core"
            in (api.conformance()["conformsTo"])
        )


def test_values_as_geotiff(gdal: str) -> None:
    query = "CRS=EPSG:32633&BBOX=400000,5530000,520000,5650000&WIDTH=600&HEIGHT=600"
    with httpx.Client(base_url=gdal, trust_env=False) as client:
        answer = client.get(
            f"/wms?VERSION=1.3.0&REQUEST=GetMap&LAYERS=scene&FORMAT=image/tiff&bands=ndvi&{query}"
        )
    with rasterio.open(BytesIO(answer.content)) as opened:
        assert opened.transform == Affine(200, 0, 400_000, 0, -200, 5_650_000)
        found = opened.read(1)
    rows, cols = np.mgrid[0:600, 0:600].astype(np.float32)
    expected = 1 - (rows + cols) / 1200
    expected[290:310] = np.nan
    assert np.allclose(found, expected, equal_nan=True)
