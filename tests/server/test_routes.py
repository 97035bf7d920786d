from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile

from tests.render.sources import rgba
from tests.server.client import Client
from tests.server.conftest import TILE, scene
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.point import cell_at
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.render.tile import render_tile
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path


def ask(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_layers_are_listed(client: Client) -> None:
    (layer,) = ask(client, "/layers")["layers"]
    assert layer["name"] == "scene"
    assert layer["title"] == "A scene"
    assert layer["crs"] == "EPSG:32633"
    assert sorted(layer["variables"]) == ["landcover", "ndvi"]
    assert layer["times"] == {
        "count": 3,
        "first": "2018-05-06T00:00:00Z",
        "last": "2018-06-15T00:00:00Z",
    }
    west, south, east, north = layer["bounds_wgs84"]
    assert 13 < west < east < 16
    assert 49 < south < north < 52
    lons, lats = zip(*layer["footprint"]["coordinates"][0], strict=True)
    edges = (min(lons), min(lats), max(lons), max(lats))
    assert edges == pytest.approx((west, south, east, north), abs=0.01)
    rels = {"self", "tilejson", "preview", "legend", "zarr"}
    assert {link["rel"] for link in layer["links"]} == rels


def test_links_lead_somewhere(client: Client) -> None:
    (layer,) = ask(client, "/layers")["layers"]
    for link in layer["links"]:
        answer = client.get(link["href"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == link["type"]


def test_a_layer_is_described(client: Client) -> None:
    info = ask(client, "/layers/scene")
    assert info["times"] == [f"2018-{day}T00:00:00Z" for day in ("05-06", "05-24", "06-15")]
    assert info["levels"][0] == {"level": 0, "shape": [600, 600], "resolution": [200.0, 200.0]}
    assert info["levels"][1]["resolution"] == [400.0, 400.0]
    assert info["bounds"] == [400_000, 5_530_000, 520_000, 5_650_000]
    by_name = {variable["name"]: variable for variable in info["variables"]}
    assert by_name["ndvi"]["nodata"] == "NaN"
    assert by_name["ndvi"]["units"] == "1"
    assert -0.05 <= by_name["ndvi"]["min"] < by_name["ndvi"]["max"] <= 1.05
    assert by_name["landcover"]["nodata"] == 255
    assert [c["label"] for c in by_name["landcover"]["categories"]] == ["land", "water", "forest"]
    assert info["default_style"]["bands"]


def test_whole_numbers_and_labels_are_told_as_they_are(tmp_path: Path) -> None:
    nodata = 2**62 + 1  # no float is this number
    box = GeoBox((64, 64), Affine(10, 0, 500_000, 0, -10, 5_600_000), "EPSG:32633")
    cells = xr.DataArray(
        np.arange(3 * 64 * 64).reshape(3, 64, 64),
        dims=("depth", "y", "x"),
        coords={"depth": [0.5, 10.0, 20.0]},
    )
    cube = xr.Dataset({"count": cells.assign_attrs(_FillValue=nodata)})
    catalog = str(tmp_path / "catalog.zarr")
    to_catalog(assign_geobox(cube, box), catalog, "sea", progress=False)
    client = Client(create_app(catalog))
    (variable,) = ask(client, "/layers/sea")["variables"]
    assert variable["nodata"] == nodata
    assert variable["labels"] == [0.5, 10.0, 20.0]
    answer = client.get("/layers/sea/preview.npy?bands=count@10.0&size=64")
    assert answer.status_code == 200
    drawn = np.load(BytesIO(answer.content))
    assert drawn[0].min() == 64 * 64


@pytest.mark.parametrize("time", [None, "2018-05", "2018-05-06"])
def test_tiles_are_those_of_render(client: Client, catalog: Path, time: str | None) -> None:
    query = "bands=ndvi&stretch=0,1&colormap=ndvi" + (f"&time={time}" if time else "")
    answer = client.get(f"/layers/scene/tiles/{TILE}.png?{query}")
    style = Style(bands=("ndvi",), stretch=(Stretch(0, 1),), colormap="ndvi")
    layer = open_catalog(catalog)["scene"]
    assert answer.content == render_tile(layer, ("WebMercatorQuad", 9, 276, 172), style, time=time)
    assert answer.headers["content-type"] == "image/png"
    opacity = rgba(answer.content)[..., 3]
    assert 0 < (opacity == 0).mean() < 0.5


@pytest.mark.parametrize(
    ("format", "kind"), [("webp", "image/webp"), ("jpg", "image/jpeg"), ("png", "image/png")]
)
@pytest.mark.parametrize("size", [64, 512])
def test_pictures_in_every_format_and_size(
    client: Client, format: str, kind: str, size: int
) -> None:
    answer = client.get(f"/layers/scene/tiles/{TILE}.{format}?bands=ndvi&size={size}")
    assert answer.headers["content-type"] == kind
    assert rgba(answer.content).shape == (size, size, 4)


def test_values_in_both_formats(client: Client) -> None:
    query = "expression=ndvi * 100&time=2018-05-06"
    values = np.load(BytesIO(client.get(f"/layers/scene/tiles/{TILE}.npy?{query}").content))
    data = client.get(f"/layers/scene/tiles/{TILE}.tif?{query}").content
    with MemoryFile(data) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(), values)
        assert file.crs.to_epsg() == 3857
    assert values.shape == (1, 256, 256)
    assert 0 <= np.nanmin(values) < np.nanmax(values) <= 100


def test_three_bands_and_categories(client: Client) -> None:
    answer = client.get(f"/layers/scene/tiles/{TILE}.png?bands=ndvi,ndvi,ndvi&stretch=0,1;0,1;0,2")
    assert rgba(answer.content)[..., 3].any()
    answer = client.get(f"/layers/scene/tiles/{TILE}.png?bands=landcover")
    colours = np.unique(rgba(answer.content).reshape(-1, 4), axis=0)
    assert 2 <= len(colours) <= 4
    explicit = '{"0": "#ff0000", "1": "#00ff00"}'
    answer = client.get(
        f"/layers/scene/tiles/{TILE}.png", params={"bands": "landcover", "colormap": explicit}
    )
    shown = {tuple(colour) for colour in rgba(answer.content).reshape(-1, 4).tolist()}
    assert shown <= {(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 0, 0)}


def test_the_value_at_a_point_is_that_of_the_cube(client: Client) -> None:
    cube = scene()
    source = CubeSource(cube)
    for lon, lat in [(14.3, 50.5), (14.0, 50.8), (15.1, 50.1)]:
        cell = cell_at(source, lon, lat)
        assert cell is not None
        expected = cube.isel(time=1, y=cell[0], x=cell[1])
        found = ask(client, f"/layers/scene/point?lon={lon}&lat={lat}&time=2018-05-24")
        assert found["time"] == "2018-05-24T00:00:00Z"
        assert found["values"]["landcover"] == expected.landcover.item()
        assert found["values"]["ndvi"] == pytest.approx(expected.ndvi.item(), rel=1e-7)


def test_the_value_of_an_expression_at_a_point(client: Client) -> None:
    address = "/layers/scene/point?lon=14.3&lat=50.5&time=2018-05-24"
    plain = ask(client, address)["values"]["ndvi"]
    found = ask(client, f"{address}&expression=ndvi*2%2B1")["values"]
    assert found == {"ndvi*2+1": pytest.approx(2 * plain + 1, rel=1e-6)}


def test_points_outside_and_on_nodata_have_no_value(client: Client) -> None:
    values = ask(client, "/layers/scene/point?lon=0&lat=0")["values"]
    assert values == {"landcover": None, "ndvi": None}
    # Row 300 of the cube is NoData: 60 km below the top edge.
    found = ask(client, "/layers/scene/point?lon=14.3&lat=50.4638&bands=ndvi")
    assert found["values"] == {"ndvi": None}


def test_tilejson_passes_the_style_on(client: Client) -> None:
    found = ask(client, "/layers/scene/tilejson.json?bands=ndvi&stretch=0,1&format=webp")
    assert found["tilejson"] == "3.0.0"
    (address,) = found["tiles"]
    assert address.endswith(".webp?bands=ndvi&stretch=0%2C1")
    assert found["minzoom"] < found["maxzoom"]
    filled = address.replace("{z}", "9").replace("{x}", "276").replace("{y}", "172")
    assert client.get(filled).headers["content-type"] == "image/webp"


def test_legends(client: Client) -> None:
    found = ask(client, "/layers/scene/legend.json?bands=ndvi&stretch=0,1&colormap=gray")
    assert found["stretch"] == [[0.0, 1.0]]
    assert (found["colors"][0], found["colors"][-1]) == ("#000000", "#ffffff")
    assert found["units"] == "1"
    classes = ask(client, "/layers/scene/legend.json?bands=landcover")
    assert [c["label"] for c in classes["categories"]] == ["land", "water", "forest"]
    answer = client.get("/layers/scene/legend.png?bands=landcover")
    assert answer.headers["content-type"] == "image/png"
    assert rgba(answer.content).shape[1] > 100


def test_previews_keep_proportions(client: Client) -> None:
    answer = client.get("/layers/scene/preview.png?bands=ndvi&size=128")
    assert rgba(answer.content).shape == (128, 128, 4)


def test_colour_maps_tile_matrix_sets_and_health(client: Client) -> None:
    assert "viridis" in ask(client, "/colormaps")
    assert "WebMercatorQuad" in ask(client, "/tilematrixsets")
    assert ask(client, "/health")["status"] == "ok"


def test_the_document_of_the_interface_names_parameters(client: Client) -> None:
    document = ask(client, "/openapi.json")
    route = document["paths"]["/layers/{layer}/tiles/{tms}/{z}/{x}/{y}.{format}"]["get"]
    parameters = {parameter["name"]: parameter for parameter in route["parameters"]}
    assert {"time", "bands", "stretch", "colormap", "expression", "size", "z", "x", "y"} <= set(
        parameters
    )
    for name, parameter in parameters.items():
        assert parameter.get("description"), name
    assert set(route["responses"]["200"]["content"]) >= {"image/png", "image/webp"}
