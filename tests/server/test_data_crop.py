from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyproj import CRS
from rasterio.features import geometry_mask
from rasterio.warp import transform_geom

from tests.render.sources import ArraySource, grid
from tests.server.client import Client
from tests.server.conftest import scene
from xcube_tiles.errors import RegionError, SizeLimitError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.region import Region, named_crs
from xcube_tiles.render.region_crop import Crop, crop
from xcube_tiles.render.region_grid import Size
from xcube_tiles.render.style import Style
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LEFT, TOP, CELL = 400_000, 5_650_000, 200
SCENE = scene()
TRIANGLE = {
    "type": "Polygon",
    "coordinates": [
        [[410_050, 5_640_050], [440_150, 5_640_050], [425_000, 5_600_000], [410_050, 5_640_050]]
    ],
}


def bbox_of(rows: slice, cols: slice) -> str:
    """Return the edges of cells of the scene, in its own CRS."""
    edges = (
        LEFT + cols.start * CELL,
        TOP - rows.stop * CELL,
        LEFT + cols.stop * CELL,
        TOP - rows.start * CELL,
    )
    return ",".join(map(str, edges))


def array_of(content: bytes) -> NDArray[Any]:
    return np.asarray(np.load(BytesIO(content)))


def own(rows: slice, cols: slice, **more: Any) -> dict[str, Any]:
    return {"bbox": bbox_of(rows, cols), "coord_crs": "EPSG:32633", **more}


ROWS, COLS = slice(280, 320), slice(150, 250)


@given(
    st.tuples(st.integers(0, 49), st.integers(0, 39)),
    st.tuples(st.integers(1, 50), st.integers(1, 40)),
    st.floats(0, 0.9),
)
def test_crops_in_the_own_crs_are_slices(
    corner: tuple[int, int], shape: tuple[int, int], inward: float
) -> None:
    cells = np.arange(50 * 40, dtype=np.int32).reshape(50, 40)
    place = grid((50, 40), "EPSG:32633", left=LEFT, top=TOP, cell=CELL)
    source = ArraySource({"index": [cells]}, place, types={"index": CellType.parse("int32ud-1")})
    rows = slice(corner[0], min(50, corner[0] + shape[0]))
    cols = slice(corner[1], min(40, corner[1] + shape[1]))
    # An edge anywhere inside the outermost cells asks for those cells.
    west, south, east, north = map(float, bbox_of(rows, cols).split(","))
    shift = inward * CELL / 2
    box = (west + shift, south + shift, east - shift, north - shift)
    region = Region.from_bbox(box, source.crs)
    found = array_of(crop(source, Crop(region), Style(), format="npy"))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[0], cells[rows, cols])


def test_npy_has_all_bands_at_the_last_time(client: Client) -> None:
    answer = client.get("/layers/scene/crop.npy", params=own(ROWS, COLS))
    assert answer.headers["content-type"] == "application/octet-stream"
    found = array_of(answer.content)
    expected = SCENE.isel(time=2, y=ROWS, x=COLS)
    np.testing.assert_array_equal(found[0], expected["ndvi"])
    np.testing.assert_array_equal(found[1], expected["landcover"])


def test_a_geotiff_has_grid_nodata_and_names(client: Client, tmp_path: Path) -> None:
    query = own(ROWS, COLS, time="2018-05-06", bands="landcover")
    path = tmp_path / "crop.tif"
    path.write_bytes(client.get("/layers/scene/crop.tif", params=query).content)
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32633
        assert file.nodata == 255
        assert file.dtypes == ("uint8",)
        assert file.descriptions == ("landcover",)
        assert tuple(file.bounds) == tuple(map(float, bbox_of(ROWS, COLS).split(",")))
        np.testing.assert_array_equal(file.read(1), SCENE["landcover"][0, ROWS, COLS])


def test_netcdf_keeps_each_type_and_all_times(client: Client) -> None:
    answer = client.get("/layers/scene/crop.nc", params=own(ROWS, COLS, start="2018-05-10"))
    found = xr.open_dataset(BytesIO(answer.content), engine="scipy", decode_coords="all")
    expected = SCENE.isel(time=slice(1, None), y=ROWS, x=COLS)
    assert found.attrs["Conventions"] == "CF-1.11"
    np.testing.assert_array_equal(found["time"], expected["time"])
    np.testing.assert_array_equal(found["x"], expected["x"])
    np.testing.assert_array_equal(found["y"], expected["y"])
    np.testing.assert_array_equal(found["ndvi"], expected["ndvi"])
    assert found["ndvi"].dtype == np.float32
    np.testing.assert_array_equal(found["landcover"], expected["landcover"])
    assert found["landcover"].attrs["flag_meanings"] == "land water forest"
    assert CRS(found["spatial_ref"].attrs["crs_wkt"]).to_epsg() == 32633
    raw = xr.open_dataset(BytesIO(answer.content), engine="scipy", mask_and_scale=False)
    assert raw["landcover"].attrs["_FillValue"] == -1
    assert raw["landcover"].dtype == np.int8


def test_one_time_of_netcdf_is_a_coordinate_without_dimension(client: Client) -> None:
    params = own(ROWS, COLS, time="2018-05-06", expression="ndvi * 2")
    answer = client.get("/layers/scene/crop.nc", params=params)
    found = xr.open_dataset(BytesIO(answer.content), engine="scipy", decode_coords="all")
    assert found["time"].values == np.datetime64("2018-05-06")
    assert found["ndvi_2"].attrs["long_name"] == "ndvi * 2"
    np.testing.assert_array_equal(found["ndvi_2"], SCENE["ndvi"][0, ROWS, COLS] * np.float32(2))


@pytest.mark.parametrize("name", ["int64", "uint64"])
def test_integers_of_64_bits_become_floats_in_netcdf(name: str) -> None:
    cells = np.array([[1, 2**40], [7, 3]], dtype=name)
    place = grid((2, 2), "EPSG:32633", left=0, top=0, cell=1)
    source = ArraySource({"n": [cells]}, place, types={"n": CellType.parse(f"{name}ud7")})
    region = Region.from_bbox((0, -2, 2, 0), source.crs)
    content = crop(source, Crop(region), Style(), format="nc")
    found = xr.open_dataset(BytesIO(content), engine="scipy")["n"].values
    np.testing.assert_array_equal(found, [[1, 2.0**40], [np.nan, 3]])


def test_pictures_are_drawn_by_the_style(client: Client) -> None:
    params = own(ROWS, COLS, time="2018-05-06", bands="ndvi", stretch="0,1", colormap="gray")
    answer = client.get("/layers/scene/crop.png", params=params)
    with Image.open(BytesIO(answer.content)) as image:
        found = np.asarray(image.convert("RGBA")).astype(int)
    values = SCENE["ndvi"].values[0, ROWS, COLS]
    missing = np.isnan(values)
    np.testing.assert_array_equal(found[..., 3] == 0, missing)
    np.testing.assert_allclose(found[~missing][:, 0], values[~missing] * 255, atol=1.01)
    assert answer.headers["etag"]
    again = client.get(
        "/layers/scene/crop.png", params=params, headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("format", ["webp", "jpg"])
def test_lossy_pictures_have_the_same_size(client: Client, format: str) -> None:
    answer = client.get(f"/layers/scene/crop.{format}", params=own(ROWS, COLS))
    with Image.open(BytesIO(answer.content)) as image:
        assert image.size == (100, 40)


def test_max_size_takes_a_coarser_level_whole(client: Client) -> None:
    params = own(slice(0, 600), slice(0, 600), max_size=300, bands="landcover")
    found = array_of(client.get("/layers/scene/crop.npy", params=params).content)
    assert found.shape == (1, 300, 300)
    np.testing.assert_array_equal(found[0], SCENE["landcover"][2, ::2, ::2])


def test_width_and_height_are_kept(client: Client) -> None:
    params = own(ROWS, COLS, width=50, height=40)
    assert array_of(client.get("/layers/scene/crop.npy", params=params).content).shape == (
        2,
        40,
        50,
    )
    params = own(ROWS, COLS, width=50)
    assert array_of(client.get("/layers/scene/crop.npy", params=params).content).shape == (
        2,
        20,
        50,
    )


def test_another_crs_agrees_with_rasterio(client: Client, tmp_path: Path) -> None:
    """The cell under the middle of each pixel is what GDAL's transformation finds there, too."""
    params = own(ROWS, COLS, crs="EPSG:3857", resolution=400, bands="landcover")
    path = tmp_path / "warped.tif"
    path.write_bytes(client.get("/layers/scene/crop.tif", params=params).content)
    with rasterio.open(path) as file:
        found, transform = file.read(1), file.transform
        assert file.crs.to_epsg() == 3857
        assert file.res == (400, 400)
    rows, cols = np.indices(found.shape)
    xs, ys = rasterio.transform.xy(transform, rows.ravel(), cols.ravel())
    from rasterio.warp import transform as project

    east, north = (np.asarray(v) for v in project("EPSG:3857", "EPSG:32633", xs, ys))
    col, row = ((east - LEFT) / CELL), ((TOP - north) / CELL)
    values = SCENE["landcover"].values[2]
    expected = values[row.astype(int), col.astype(int)]
    sure = np.minimum(np.abs(col - np.round(col)), np.abs(row - np.round(row))) > 0.02
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found.ravel()[sure], expected[sure])


def test_polygons_are_masked_as_by_rasterio(client: Client, tmp_path: Path) -> None:
    answer = client.post(
        "/layers/scene/crop.tif",
        params={"coord_crs": "native", "bands": "landcover"},
        json=TRIANGLE,
    )
    path = tmp_path / "polygon.tif"
    path.write_bytes(answer.content)
    with rasterio.open(path) as file:
        found, transform = file.read(1), file.transform
    assert found.shape == (201, 151)
    outside = geometry_mask([TRIANGLE], found.shape, transform)
    np.testing.assert_array_equal(found == 255, outside)
    row, col = (TOP - int(transform.f)) // CELL, (int(transform.c) - LEFT) // CELL
    expected = SCENE["landcover"].values[2, row : row + 201, col : col + 151]
    np.testing.assert_array_equal(found[~outside], expected[~outside])


@pytest.mark.parametrize("wrap", ["Polygon", "Feature", "FeatureCollection", "MultiPolygon"])
def test_geojson_in_degrees_comes_in_every_dress(client: Client, wrap: str) -> None:
    degrees: Any = transform_geom("EPSG:32633", "EPSG:4326", TRIANGLE)
    degrees = json.loads(json.dumps(degrees))
    dresses: dict[str, Any] = {
        "Polygon": degrees,
        "Feature": {"type": "Feature", "properties": {}, "geometry": degrees},
        "MultiPolygon": {"type": "MultiPolygon", "coordinates": [degrees["coordinates"]]},
    }
    dresses["FeatureCollection"] = {"type": "FeatureCollection", "features": [dresses["Feature"]]}
    answer = client.post("/layers/scene/crop.npy", json=dresses[wrap])
    direct = client.post("/layers/scene/crop.npy", params={"coord_crs": "native"}, json=TRIANGLE)
    found, expected = array_of(answer.content), array_of(direct.content)
    # A straight edge of degrees is a curve of UTM: some cells of the rim differ.
    assert abs(found.shape[1] - expected.shape[1]) <= 2
    assert abs(np.isfinite(found).sum() / np.isfinite(expected).sum() - 1) < 0.01


def test_polygons_are_transparent_outside(client: Client) -> None:
    answer = client.post("/layers/scene/crop.png", params={"coord_crs": "native"}, json=TRIANGLE)
    with Image.open(BytesIO(answer.content)) as image:
        found = np.asarray(image.convert("RGBA"))
    assert found[1, 1, 3] == 255
    assert found[-1, 0, 3] == 0


def test_cells_without_nodata_get_it_outside_of_a_polygon() -> None:
    place = grid((4, 4), "EPSG:32633", left=0, top=4, cell=1)
    cells = np.arange(16, dtype=np.uint8).reshape(4, 4)
    source = ArraySource(
        {"n": [cells]}, place, types={"n": CellType(dtype=np.dtype(np.uint8), nodata=None)}
    )
    corner = {"type": "Polygon", "coordinates": [[[0, 4], [2, 4], [0, 2], [0, 4]]]}
    region = Region.from_geojson(corner, source.crs)
    found = array_of(crop(source, Crop(region), Style(), format="npy"))
    np.testing.assert_array_equal(found, [[[0, 1], [4, np.nan]]])


@pytest.mark.parametrize("as_polygon", [False, True])
def test_a_layer_of_the_world_is_cut_in_mercator(as_polygon: bool) -> None:
    cells = np.arange(36 * 18, dtype=np.int32).reshape(18, 36)
    place = grid((18, 36), "EPSG:4326", left=-180, top=90, cell=10)
    source = ArraySource({"n": [cells]}, place, types={"n": CellType.parse("int32ud-1")})
    crs = named_crs("EPSG:3857", source)
    # 1 to 19 degrees to the east and to the north.
    box = (111_400.0, 111_400.0, 2_115_000.0, 2_154_900.0)
    ring = [[box[i], box[j]] for i, j in ((0, 1), (2, 1), (2, 3), (0, 3), (0, 1))]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    region = Region.from_geojson(polygon, crs) if as_polygon else Region.from_bbox(box, crs)
    found = array_of(crop(source, Crop(region), Style(), format="npy"))
    np.testing.assert_array_equal(found[0], cells[7:9, 18:20])


def test_the_antimeridian_is_crossed() -> None:
    cells = np.arange(36 * 18, dtype=np.int32).reshape(18, 36)
    place = grid((18, 36), "EPSG:4326", left=0, top=90, cell=10)
    source = ArraySource({"n": [cells]}, place, types={"n": CellType.parse("int32ud-1")})
    region = Region.from_bbox((170, -10, -170, 10))
    found = array_of(crop(source, Crop(region), Style(), format="npy"))
    np.testing.assert_array_equal(found[0], cells[8:10, 17:19])
    west = Region.from_bbox((-180, -10, -160, 10))
    found = array_of(crop(source, Crop(west), Style(), format="npy"))
    np.testing.assert_array_equal(found[0], cells[8:10, 18:20])


@pytest.mark.parametrize("bbox", ["-180,-90,180,90", "-170,-80,170,80", "5,40,25,60"])
def test_regions_far_larger_than_the_layer_are_all_of_it(client: Client, bbox: str) -> None:
    query = {"bbox": bbox, "bands": "landcover"}
    found = array_of(client.get("/layers/scene/crop.npy", params=query).content)
    np.testing.assert_array_equal(found[0], SCENE["landcover"][2])
    west, south, east, north = map(float, bbox.split(","))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    answer = client.post(
        "/layers/scene/crop.npy",
        params={"bands": "landcover"},
        json={"type": "Polygon", "coordinates": [ring]},
    )
    np.testing.assert_array_equal(array_of(answer.content)[0], SCENE["landcover"][2])


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"bbox": "1,2,3"}, 400, "four numbers"),
        ({"bbox": "a,2,3,4"}, 400, "four numbers"),
        ({"bbox": "nan,2,3,4"}, 400, "four finite numbers"),
        ({"bbox": "13,51,13,52"}, 400, "west less than east"),
        ({"bbox": "13,52,14,51"}, 400, "in degrees"),
        ({"bbox": "100,51,101,52"}, 400, "doesn't reach the layer"),
        ({"bbox": "1,2,3,4", "coord_crs": "EPSG:99999"}, 400, "unknown CRS"),
        ({"bbox": "1,2,3,4", "crs": "+proj=latlong +nadgrids=/etc/hosts"}, 400, "by a code"),
        (own(ROWS, COLS, time="2017"), 400, "no time '2017'"),
        (own(ROWS, COLS, start="2018-07"), 400, "no time lies between"),
        (own(ROWS, COLS, start="2018-05"), 400, "nc, in one file"),
        (own(ROWS, COLS, start="2018-05", time="2018"), 400, "not both"),
        (own(ROWS, COLS, bands="red"), 400, "unknown variable 'red'"),
        (own(ROWS, COLS, width=2, resolution=5), 400, "not both"),
        (own(ROWS, COLS, width=0), 422, "width"),
        (own(ROWS, COLS, width=5000, height=5000), 413, "5000 x 5000 cells"),
        (own(ROWS, COLS, resolution=0.001), 413, "are allowed"),
        (own(ROWS, COLS, resolution=5e-324), 413, "are allowed"),
        ({}, 400, "give a bbox"),
        ({"bbox": "0,0,1,1", "geometry": "{}"}, 400, "not both"),
        ({"geometry": "{"}, 400, "no GeoJSON"),
        ({"geometry": "[" * 5000}, 400, "no GeoJSON"),
        ({"geometry": "3"}, 400, "GeoJSON object"),
    ],
)
def test_wrong_requests_are_told_so(
    client: Client, query: dict[str, Any], status: int, text: str
) -> None:
    answer = client.get("/layers/scene/crop.npy", params=query)
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "expected GeoJSON"),
        ({"type": "Point", "coordinates": [13, 51]}, "expected GeoJSON"),
        ({"type": "FeatureCollection"}, "expected GeoJSON"),
        ({"type": "FeatureCollection", "features": []}, "empty collection"),
        ({"type": "Feature", "geometry": None}, "expected GeoJSON"),
        ({"type": "Polygon"}, "lists of rings"),
        (
            {"type": "Polygon", "coordinates": [[["a", 1], [1, 2], [2, 3], [1, 1]]]},
            "lists of rings",
        ),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "can't be read"),
        ({"type": "Polygon", "coordinates": []}, "no area"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 1], [0, 0]]]},
            "isn't valid",
        ),
        (TRIANGLE, "degrees, longitude first"),
        ({"type": "MultiPolygon", "coordinates": [[[1, 2]]]}, "lists of rings"),
    ],
)
def test_wrong_polygons_are_told_so(client: Client, document: dict[str, Any], text: str) -> None:
    answer = client.post("/layers/scene/crop.npy", json=document)
    assert answer.status_code == 400, answer.text
    assert text in answer.json()["detail"]


def test_polygons_of_too_many_vertices_are_refused(client: Client) -> None:
    angles = np.linspace(0, 2 * np.pi, 10_001)
    ring = np.stack([13 + np.cos(angles) / 9, 51 + np.sin(angles) / 9], axis=1).round(6)
    ring[-1] = ring[0]
    document = {"type": "Polygon", "coordinates": [ring.tolist()]}
    answer = client.post("/layers/scene/crop.npy", json=document)
    assert answer.status_code == 413
    assert "10001 vertices" in answer.json()["detail"]


def test_the_limit_of_pixels_is_a_setting(catalog: Path) -> None:
    small = Client(create_app(catalog, limits=Limits(pixels=3999)))
    answer = small.get("/layers/scene/crop.tif", params=own(ROWS, COLS))
    assert answer.status_code == 413
    assert "40 x 100 cells, and 3999 are allowed" in answer.json()["detail"]
    fewer = small.get("/layers/scene/crop.tif", params=own(ROWS, COLS, max_size=99))
    assert fewer.status_code == 200


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(RegionError, match="positive number"):
        Size(resolution=0)
    with pytest.raises(RegionError, match="at least 1"):
        Size(max_size=0)
    place = grid((4, 4), "EPSG:32633", left=0, top=4, cell=1)
    source = ArraySource({"n": [np.zeros((4, 4))]}, place)
    region = Region.from_bbox((0, 0, 4, 4), source.crs)
    with pytest.raises(SizeLimitError, match="4 x 4"):
        crop(source, Crop(region), Style(), format="npy", most=15)
