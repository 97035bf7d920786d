"""Tiles and previews by Terracotta's rules, pixel by pixel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.server.client import Client
from tests.server.terracotta.rasters import (
    TILE,
    cells,
    levels,
    picture,
    pixels,
    rgba,
)
from tests.sources.rasters import write_raster
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

BAND = f"/singleband/S2/20180524/B03/{TILE}"
RGB = f"/rgb/S2/20180524/{TILE}"
COMPUTE = f"/compute/S2/20180524/{TILE}"
VALUES = cells("20180524", "B03")
LOW, HIGH = float(VALUES[VALUES > 0].min()), float(VALUES.max())


def colours(name: str) -> np.ndarray[Any, Any]:
    matplotlib = pytest.importorskip("matplotlib")
    ramp = matplotlib.colormaps[name](np.linspace(0, 1, 255))
    return np.asarray((ramp * 255).astype(np.uint8))


def test_without_a_colour_map_it_is_grey_between_minimum_and_maximum(client: Client) -> None:
    answer = client.get(BAND)
    assert picture(answer).mode == "L"
    assert picture(answer).info["transparency"] == 0
    assert (pixels(answer) == levels(VALUES, LOW, HIGH)).all()


@pytest.mark.parametrize(
    ("stretch", "ends"),
    [
        ([200, 800], (200, 800)),
        ([None, 800], (LOW, 800)),
        ([200.5, None], (200.5, HIGH)),
        (["p2", "p98"], tuple(np.percentile(VALUES[VALUES > 0], [2, 98]))),
        (["p0", "p100"], (LOW, HIGH)),
        (["p99", 5000], (np.percentile(VALUES[VALUES > 0], 99), 5000)),
        ([800, 200], (800, 200)),
        (None, (LOW, HIGH)),
    ],
)
def test_values_are_stretched(client: Client, stretch: Any, ends: tuple[float, float]) -> None:
    answer = client.get(BAND, params={"stretch_range": json.dumps(stretch)})
    assert (pixels(answer) == levels(VALUES, *ends)).all()


@pytest.mark.parametrize("name", ["viridis", "RdYlGn_r", "tab20", "gist_ncar"])
def test_a_colour_map_is_a_palette(client: Client, name: str) -> None:
    answer = client.get(BAND, params={"colormap": name.lower()})
    assert picture(answer).mode == "P"
    index = levels(VALUES, LOW, HIGH)
    assert (pixels(answer) == index).all()
    expected = np.where((index == 0)[..., None], 0, colours(name)[index.astype(int) - 1])
    assert (rgba(answer) == expected).all()


def test_categories_keep_their_values(client: Client) -> None:
    known = [int(VALUES[100, 100]), int(VALUES[200, 50]), 3]
    chosen = {str(known[0]): [1, 2, 3], str(known[1]): "0a0b0c", "3": [9, 9, 9, 9]}
    query = {"colormap": "explicit", "explicit_color_map": json.dumps(chosen)}
    answer = client.get(BAND, params=query)
    assert picture(answer).mode == "P"
    expected = sum((value == VALUES) * place for place, value in enumerate(known, 1))
    assert (pixels(answer) == expected).all()
    assert rgba(answer)[100, 100].tolist() == [1, 2, 3, 255]
    assert rgba(answer)[200, 50].tolist() == [10, 11, 12, 255]


def test_three_rasters_are_red_green_and_blue(client: Client) -> None:
    query = {"r": "B04", "g": "B03", "b": "B02", "r_range": "[100,2000]", "g_range": '["p5",null]'}
    answer = client.get(RGB, params=query)
    assert picture(answer).mode == "RGB"
    assert picture(answer).info["transparency"] == (0, 0, 0)
    bands = {name: cells("20180524", name) for name in ("B04", "B03", "B02")}
    ends = {
        "B04": (100.0, 2000.0),
        "B03": (float(np.percentile(VALUES[VALUES > 0], 5)), HIGH),
        "B02": (float(bands["B02"][bands["B02"] > 0].min()), float(bands["B02"].max())),
    }
    expected = np.stack([levels(bands[name], *ends[name]) for name in bands], axis=-1)
    expected[(expected == 0).any(axis=-1)] = 0
    assert (pixels(answer) == expected).all()


def test_an_expression_is_drawn(client: Client) -> None:
    query = {
        "expression": "(v1 - v2) / (v1 + v2)",
        "v1": "B04",
        "v2": "B02",
        "stretch_range": "[-0.1,0.4]",
        "colormap": "ylgn",
    }
    a, b = (cells("20180524", name).astype(float) for name in ("B04", "B02"))
    index = (a - b) / np.where(a + b == 0, 1, a + b)
    expected = np.rint(1 + 254 * np.clip((index + 0.1) / 0.5, 0, 1))
    expected[(a == 0) | (b == 0)] = 0
    assert (pixels(client.get(COMPUTE, params=query)) == expected).all()


def test_flags_are_read_by_their_bits(client: Client) -> None:
    query = {"expression": "where(v1 & 4, 1, 0)", "v1": "B03", "stretch_range": "[0,1]"}
    expected = np.where(VALUES & 4, 255, 1)
    expected[VALUES == 0] = 0
    assert (pixels(client.get(COMPUTE, params=query)) == expected).all()


@pytest.mark.parametrize(
    ("transform", "formula"),
    [
        ("gamma 1 2", lambda unit: unit**0.5),
        ("gamma r 0.5, gamma 1 4", lambda unit: unit**0.5),
        (
            "sigmoidal 1 6 0.5",
            lambda unit: (
                (1 / (1 + np.exp(6 * (0.5 - unit))) - 1 / (1 + np.exp(3)))
                / (1 / (1 + np.exp(-3)) - 1 / (1 + np.exp(3)))
            ),
        ),
        ("sigmoidal 1 0 0.5", lambda unit: unit),
    ],
)
def test_colours_are_transformed(client: Client, transform: str, formula: Any) -> None:
    answer = client.get(BAND, params={"color_transform": transform, "stretch_range": "[100,1500]"})
    unit = formula(np.clip((VALUES - 100.0) / 1400, 0, 1))
    expected = np.where(VALUES == 0, 0, np.rint(1 + 254 * unit))
    assert np.abs(pixels(answer) - expected).max() <= 0


def test_saturation_leaves_grey_and_takes_colour_away(client: Client) -> None:
    query = {"r": "B04", "g": "B03", "b": "B02", "color_transform": "saturation 0"}
    without = pixels(client.get(RGB, params=query)).astype(int)
    assert np.ptp(without, axis=-1).max() <= 1
    query["color_transform"] = "saturation 1"
    kept = pixels(client.get(RGB, params=query)).astype(int)
    del query["color_transform"]
    assert np.abs(kept - pixels(client.get(RGB, params=query))).max() <= 1


def test_the_size_is_rows_and_columns(client: Client) -> None:
    answer = client.get(BAND, params={"tile_size": "[128,64]"})
    assert picture(answer).size == (64, 128)
    assert pixels(answer)[-1, -1] > 250
    assert picture(client.get(BAND, params={"tile_size": "[512,512]"})).size == (512, 512)


def test_a_small_picture_shows_the_mean_of_the_cells(client: Client) -> None:
    answer = client.get(BAND, params={"tile_size": "[64,64]", "stretch_range": "[0,1500]"})
    blocks = VALUES.astype(float).reshape(64, 4, 64, 4)
    expected = np.rint(1 + 254 * np.clip(blocks.mean(axis=(1, 3)) / 1500, 0, 1))
    assert (pixels(answer)[8:, 8:] == expected[8:, 8:]).all()


@pytest.mark.parametrize("place", ["10/0/0", "40/1/1", "3/99/0", "2000/0/0"])
def test_a_tile_elsewhere_is_transparent_and_of_the_size_asked_for(
    client: Client, place: str
) -> None:
    for start, query in (
        ("singleband/S2/20180524/B03", {}),
        ("rgb/S2/20180524", {"r": "B02", "g": "B03", "b": "B04"}),
        (
            "compute/S2/20180524",
            {"expression": "v1", "v1": "B02", "stretch_range": "[0,1]"},
        ),
    ):
        query["tile_size"] = "[100,200]"
        answer = client.get(f"/{start}/{place}.png", params=query)
        assert picture(answer).mode == "P"
        assert picture(answer).size == (200, 100)
        assert not rgba(answer)[..., 3].any()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/singleband/S2/20180524/B99/{TILE}", 404),
        (f"/singleband/S2/20180524/{TILE}", 400),
        ("/singleband/S2/20180524/B03/10/-1/0.png", 404),
        ("/singleband/S2/20180524/B03/10/0/0.jpg", 404),
        (f"{BAND}?colormap=nope", 400),
        (f"{BAND}?colormap=Viridis", 400),
        (f"{BAND}?colormap=explicit", 400),
        (f"{BAND}?explicit_color_map={{}}", 400),
        (f"{BAND}?stretch_range=[1]", 400),
        (f'{BAND}?stretch_range=["x",1]', 400),
        (f"{BAND}?stretch_range=[NaN,1]", 400),
        (f"{BAND}?stretch_range=[true,1]", 400),
        (f"{BAND}?stretch_range=[1e999,1]", 400),
        (f'{BAND}?stretch_range=["p101",1]', 400),
        (f"{BAND}?stretch_range=", 400),
        (f"{BAND}?tile_size=[1,2,3]", 400),
        (f"{BAND}?tile_size=[1.5,2]", 400),
        (f"{BAND}?color_transform=saturation 2", 400),
        (f"{BAND}?color_transform=gamma 2 1.5", 400),
        (f"{BAND}?foo=bar", 200),
        (f"{RGB}?r=B04&g=B03", 400),
        (f"{RGB}?r=B04&g=B03&b=B99", 404),
        (f"{RGB}?r=B04&g=B03&b=B02&r_range=[2,1]", 400),
        (f"/rgb/S2/{TILE}?r=B04&g=B03&b=B02", 400),
        (f"/rgb/{TILE}?r=B04&g=B03&b=B02", 400),
        (f"{COMPUTE}?v1=B02&stretch_range=[0,1]", 400),
        (f"{COMPUTE}?expression=v1&v1=B02", 400),
        (f"{COMPUTE}?expression=v1&v1=B99&stretch_range=[0,1]", 404),
        (f"{COMPUTE}?expression=v2&v1=B02&stretch_range=[0,1]", 400),
        (f"{COMPUTE}?expression=1%2B1&v1=B02&stretch_range=[0,1]", 400),
        (f"{COMPUTE}?expression=v1&v1=B02&stretch_range=[1,1]", 400),
        (f"{COMPUTE}?expression=v1&v1=B02&stretch_range=[0,1]&colormap=explicit", 400),
        ("/colormap", 400),
        ("/colormap?stretch_range=[null,1]", 400),
        ("/colormap?stretch_range=[0,1]&colormap=nope", 400),
    ],
)
def test_what_is_wrong_is_told(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_a_single_key_needs_no_path(tmp_path: Path) -> None:
    for band in ("B02", "B03", "B04"):
        write_raster(tmp_path / f"{band}.tif", np.full((4, 4), 7, "uint8"))
    client = Client(create_app(rasters=f"{tmp_path}/{{band}}.tif"))
    answer = client.get("/rgb/preview.png?r=B02&g=B03&b=B04")
    assert picture(answer).mode == "RGB"
    query = {"expression": "v1 + v2", "v1": "B02", "v2": "B03", "stretch_range": "[0,28]"}
    middle = pixels(client.get("/compute/preview.png", params=query))[128, 128]
    assert middle == round(1 + 254 * 14 / 28)
    assert client.get("/compute/3/0/0.png", params=query).status_code == 200


def test_the_colours_of_values_are_told(client: Client) -> None:
    query = {"stretch_range": "[0,10]", "colormap": "jet", "num_values": "3"}
    found = client.get("/colormap", params=query).json()["colormap"]
    expected = colours("jet")[[0, 127, 254]]
    assert [entry["value"] for entry in found] == [0.0, 5.0, 10.0]
    assert [entry["rgba"] for entry in found] == expected.tolist()
    grey = client.get("/colormap", params={"stretch_range": "[0,1]"}).json()["colormap"]
    assert [entry["rgba"] for entry in grey] == [[n, n, n, 255] for n in range(1, 256)]


def test_all_colour_maps_of_terracotta_are_there(client: Client) -> None:
    document = client.get("/swagger.json").json()
    parameters = document["paths"]["/colormap"]["get"]["parameters"]
    names = next(one["schema"]["enum"] for one in parameters if one["name"] == "colormap")
    assert {"cloud", "viridis", "viridis_r", "tab20c_r", "twilight_shifted", "grays"} <= set(names)
    assert len(set(names)) > 171
    matplotlib = pytest.importorskip("matplotlib")
    known = {name.lower(): name for name in matplotlib.colormaps}
    query = {"stretch_range": "[0,1]", "num_values": "255"}
    checked = 0
    for name in set(names) & set(known) - {"terrain_r"}:
        found = client.get("/colormap", params={**query, "colormap": name}).json()["colormap"]
        if (np.array([entry["rgba"] for entry in found]) == colours(known[name])).all():
            checked += 1
    assert checked >= 169


def test_pictures_have_tags(client: Client) -> None:
    first = client.get(BAND)
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    again = client.get(BAND, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{BAND}?colormap=jet").headers["etag"] != tag


def test_head_and_other_sites_are_answered(client: Client) -> None:
    answer = client.head("/keys")
    assert answer.status_code == 200
    sites = {"Origin": "https://maps.example", "Access-Control-Request-Method": "POST"}
    allowed = client.request(
        "OPTIONS", "/metadata", headers={**sites, "Access-Control-Request-Headers": "content-type"}
    )
    assert allowed.status_code == 200
