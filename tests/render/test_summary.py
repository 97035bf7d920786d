"""The summary of a cube's tiling."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from xcube_tiles.cube.keycoords import key_coord
from xcube_tiles.cube.labels import add_dimension, empty_cube
from xcube_tiles.render.summary import summary_html, summary_text

GRID = GeoBox.from_bbox((300_000, 5_000_000, 320_480, 5_015_360), crs="EPSG:32633", resolution=10)
CUBE = raster(np.int16(3), geobox=GRID, times=["2024-01-01", "2024-02-01"], nodata=-1)


def test_text_tells_grid_cells_and_memory() -> None:
    text = summary_text(CUBE.assign_coords(sensor=key_coord("sensor", "sensor", "S2")))
    for part in (
        "EPSG:32633",
        "10 x 10",
        "1536 x 2048",
        "time 2 (temporal)",
        "int16ud-1",
        "12 MiB",
        "6 x 8 of 256 x 256",
        "key sensor",
        "not chunked",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("chunk", "told"),
    [(512, "aligned with the tiles"), (500, "cube.chunk(y=512, x=512) aligns them")],
)
def test_chunks_against_tiles(chunk: int, told: str) -> None:
    assert told in summary_text(CUBE.chunk(y=chunk, x=chunk))


def test_several_cell_types() -> None:
    cube = CUBE.to_dataset(name="a").assign(b=CUBE.tiles.convert("float64"))
    assert "a: int16ud-1, b: float64" in summary_text(cube)


def test_html_is_well_formed() -> None:
    html = summary_html(CUBE.chunk(y=512, x=512).rename("<b>&"))
    body = html[html.index("</style>") + len("</style>") :]
    tree = ET.fromstring(body)
    assert len(tree.findall(".//rect[@class='chunk']")) == 3 * 4


def test_what_is_no_cube_says_why() -> None:
    assert "no spatial dimensions" in summary_html(xr.Dataset({"a": ("i", [1, 2])}))


def test_an_empty_cube() -> None:
    text = summary_text(add_dimension(empty_cube(), "sensor", "S2"))
    assert "empty cube" in text
    assert "sensor 1" in text


def test_variables_without_a_plane_are_left_out() -> None:
    cube = raster(1.0).to_dataset(name="a").assign(note="text")
    assert "float64" in summary_text(cube)
    assert "not a cube" in summary_text(xr.Dataset({"a": ("y", [1.0])}))
