"""What goes wrong with Terracotta, and has to go right here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from affine import Affine

from tests.server.client import Client
from tests.server.terracotta.rasters import TILE, cells, picture, pixels, rgba, write_rasters
from tests.sources.rasters import write_raster
from xcube_tiles.server.app import create_app
from xcube_tiles.sources.collection import Collection

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BAND = f"/singleband/S2/20180524/B03/{TILE}"
COMPUTE = f"/compute/S2/20180524/{TILE}"


def one(path: Path) -> Client:
    return Client(create_app(rasters=Collection().add(path, band="b")), raise_app_exceptions=False)


def grid(
    values: NDArray[np.generic], path: Path, *, west: float, north: float, cell: float
) -> Path:
    place = Affine(cell, 0, west, 0, -cell, north)
    return write_raster(path, values, transform=place, crs="EPSG:4326")


def test_differences_do_not_wrap(client: Client) -> None:
    query = {"expression": "v1 - v2", "v1": "B02", "v2": "B04", "stretch_range": "[-600,0]"}
    a, b = (cells("20180524", name).astype(int) for name in ("B02", "B04"))
    expected = np.rint(1 + 254 * np.clip((a - b + 600) / 600, 0, 1))
    expected[(a == 0) | (b == 0)] = 0
    assert (pixels(client.get(COMPUTE, params=query)) == expected).all()


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9**9*v1", "v1**v2", "(" * 300 + "v1" + ")" * 300, "-" * 990 + "v1", "v1 & v2",
        "v1.x", "__import__('os')", "masked_less(" * 60 + "v1" + ",1)" * 60, "lambda: v1",
        "v1" * 600, "",
    ],
)  # fmt: skip
def test_expressions_that_cost_too_much_are_refused(client: Client, expression: str) -> None:
    query = {"expression": expression, "v1": "B02", "v2": "B03", "stretch_range": "[0,1]"}
    answer = client.get(COMPUTE, params=query)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "query",
    [
        "tile_size=[0,0]", "tile_size=[-1,256]", "tile_size=[4096,4096]",
        "tile_size=[1000000000,1000000000]", "color_transform=", "color_transform=gamma",
        "color_transform=foo", "color_transform=gamma 1 0", "color_transform=sigmoidal 1 5 2",
        'colormap=explicit&explicit_color_map={"1":[256,0,0]}',
        'colormap=explicit&explicit_color_map={"1":[-1,0,0]}',
        'colormap=explicit&explicit_color_map={"1":5}',
        'colormap=explicit&explicit_color_map={"1":[1,2]}',
        'colormap=explicit&explicit_color_map={"a":[1,2,3]}',
        'colormap=explicit&explicit_color_map={"NaN":[1,2,3]}',
        'colormap=explicit&explicit_color_map=[1]',
        'colormap=explicit&explicit_color_map={"1":"xyz"}',
    ],
)  # fmt: skip
def test_what_was_an_error_of_the_server_is_one_of_the_request(client: Client, query: str) -> None:
    answer = client.get(f"{BAND}?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize("number", ["-1", "1000000000000000", "x", "65537"])
def test_the_number_of_colours_is_bounded(client: Client, number: str) -> None:
    answer = client.get("/colormap", params={"stretch_range": "[0,1]", "num_values": number})
    assert answer.status_code == 400


def test_an_unknown_band_of_a_preview_is_not_found(client: Client) -> None:
    path = "/rgb/S2/20180524/preview.png?r=B02&g=B03&b=B99"
    assert client.get(path).status_code == 404
    query = {"expression": "v1", "v1": "B99", "stretch_range": "[0,1]"}
    assert client.get("/compute/S2/20180524/preview.png", params=query).status_code == 404


def test_a_pixel_without_one_of_the_bands_is_transparent(client: Client) -> None:
    query = {"r": "B04", "g": "B03", "b": "B02"}
    opacity = rgba(client.get(f"/rgb/S2/20180524/{TILE}", params=query))[..., 3]
    # The corners without a value are 10, 20 and 30 cells wide: the largest counts.
    assert not opacity[:30, :30].any()
    assert opacity[30:].all()
    assert opacity[:, 30:].all()


def test_percentiles_are_what_they_say(client: Client) -> None:
    values = cells("20180524", "B03")
    low, high = np.percentile(values[values > 0], [2, 99])
    got = pixels(client.get(BAND, params={"stretch_range": '["p2","p99"]'}))
    expected = np.rint(1 + 254 * np.clip((values - low) / (high - low), 0, 1))
    expected[values == 0] = 0
    assert (got == expected).all()


def test_more_than_255_categories_and_their_opacity_are_drawn(client: Client) -> None:
    values = cells("20180524", "B03")
    chosen = {str(value): f"#{value % 256:02x}{value // 256:02x}0780" for value in range(100, 900)}
    query = {"colormap": "explicit", "explicit_color_map": json.dumps(chosen)}
    answer = client.get(BAND, params=query)
    assert picture(answer).mode == "RGBA"
    inside = (values >= 100) & (values < 900)
    expected = np.stack([values % 256, values // 256, 7 + 0 * values, 128 + 0 * values], axis=-1)
    expected[~inside] = 0
    assert (rgba(answer) == expected).all()


def test_short_hexadecimal_colours_are_read(client: Client) -> None:
    value = int(cells("20180524", "B03")[100, 100])
    query = {"colormap": "explicit", "explicit_color_map": json.dumps({str(value): "#fa0"})}
    assert rgba(client.get(BAND, params=query))[100, 100].tolist() == [255, 170, 0, 255]


def test_the_poles_are_drawn(tmp_path: Path) -> None:
    world = np.ones((180, 360), "uint8")
    client = one(grid(world, tmp_path / "world.tif", west=-180, north=90, cell=1))
    for place in ("0/0/0", "1/1/1", "2/0/3"):
        assert rgba(client.get(f"/singleband/b/{place}.png"))[..., 3].all()
    assert rgba(client.get("/singleband/b/preview.png"))[..., 3].all()


def test_both_sides_of_the_antimeridian_are_drawn(tmp_path: Path) -> None:
    client = one(
        grid(np.ones((20, 40), "uint8"), tmp_path / "fiji.tif", west=170, north=10, cell=0.5)
    )
    east, west = (rgba(client.get(f"/singleband/b/4/{x}/7.png"))[..., 3] for x in (15, 0))
    assert east[128:, 150:].any()
    assert west[128:, :100].any()
    bounds = client.get("/metadata/b").json()["bounds"]
    assert bounds == pytest.approx([170, 0, -170, 10])
    assert rgba(client.get("/singleband/b/preview.png"))[100, 128, 3] == 255


def test_a_small_raster_shows_at_low_zoom(tmp_path: Path) -> None:
    client = one(grid(np.ones((8, 8), "uint8"), tmp_path / "a.tif", west=10, north=50, cell=0.5))
    # 4 degrees of 360: a thousandth of the tile, and still 3 pixels wide.
    assert rgba(client.get("/singleband/b/0/0/0.png"))[..., 3].any()


def test_a_preview_keeps_its_proportions(tmp_path: Path) -> None:
    client = one(grid(np.ones((10, 40), "uint8"), tmp_path / "a.tif", west=0, north=5, cell=1))
    answer = client.get("/singleband/b/preview.png")
    assert picture(answer).size == (256, 256)
    shown = rgba(answer)[..., 3] > 0
    rows, cols = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert cols.size == 256
    assert rows.size == pytest.approx(64, abs=2)
    assert rows.mean() == pytest.approx(127.5, abs=1)


def test_a_raster_without_any_value_is_there_and_transparent(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "empty.tif", np.zeros((8, 8), "uint8"), nodata=0)
    client = one(path)
    record = client.get("/metadata/b").json()
    assert record["range"] == [None, None]
    assert (record["valid_percentage"], record["mean"], record["percentiles"]) == (0, None, None)
    assert not rgba(client.get("/singleband/b/preview.png"))[..., 3].any()


def test_a_missing_file_is_told_in_json(folder: Path) -> None:
    client = Client(create_app(rasters=f"{folder}/{{sensor}}_{{date}}_{{band}}.tif"))
    (folder / "S2_20180524_B03.tif").unlink()
    for path in (BAND, "/metadata/S2/20180524/B03"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.json()["code"] == "unreadable-data"
        assert "S2_20180524_B03.tif" in answer.json()["message"]
    assert client.get("/metadata/S2/20180524/B04").status_code == 200


def test_nan_and_infinity_beside_a_nodata_number(tmp_path: Path) -> None:
    values = np.array([[1, 2, np.nan, -9], [3, 4, np.inf, 5]], "float32")
    client = one(write_raster(tmp_path / "a.tif", values, nodata=-9))
    record = client.get("/metadata/b").json()
    assert record["range"] == [1.0, 5.0]
    assert record["mean"] == 3.0
    assert record["valid_percentage"] == 62.5


def test_several_bands_show_the_first_unless_one_is_named(tmp_path: Path) -> None:
    stack = np.stack([np.full((4, 4), n, "uint8") for n in (10, 20, 30)])
    path = write_raster(tmp_path / "rgb.tif", stack)
    assert one(path).get("/metadata/b").json()["range"] == [10.0, 10.0]
    bands = Collection(keys=["band"])
    for number, name in enumerate(("red", "green", "blue"), 1):
        bands = bands.add(path, band=name, raster_band=number)
    client = Client(create_app(rasters=bands))
    assert client.get("/metadata/green").json()["range"] == [20.0, 20.0]
    query = {"r": "red", "g": "green", "b": "blue"} | {f"{c}_range": "[0,254]" for c in "rgb"}
    assert rgba(client.get("/rgb/preview.png", params=query))[128, 128].tolist() == [
        11,
        21,
        31,
        255,
    ]


def test_requests_at_once_are_all_right(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    pattern = write_rasters(tmp_path)
    client = Client(create_app(rasters=pattern))
    paths = [f"/singleband/S2/{date}/{band}/{TILE}" for date in ("20180506", "20180524")
             for band in ("B02", "B03", "B04")]  # fmt: skip
    alone = {path: client.get(path).content for path in paths}
    fresh = Client(create_app(rasters=pattern))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: fresh.get(path).content, paths * 8))
    assert found == [alone[path] for path in paths] * 8


def test_scaled_files_show_what_they_store(tmp_path: Path) -> None:
    values = np.arange(1, 17, dtype="uint16").reshape(4, 4)
    path = write_raster(tmp_path / "a.tif", values, scale=0.5, offset=-1.0)
    files = Collection().add(path, band="b")
    for rasters in (files, files.compute_statistics(progress=False)):
        record = Client(create_app(rasters=rasters)).get("/metadata/b").json()
        assert record["range"] == [1.0, 16.0]
        assert record["mean"] == pytest.approx(8.5)
        assert record["stdev"] == pytest.approx(values.std())
        assert record["percentiles"] == pytest.approx(np.percentile(values, range(1, 100)))
