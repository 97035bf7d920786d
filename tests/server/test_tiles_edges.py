"""Tiles at the edges of a source and of the world, beside the projection of each pixel."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from tests.server.client import Client
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.render.tms import tile_geobox
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GRIDS = {
    "world": GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326"),
    "pacific": GeoBox((180, 360), Affine(1, 0, 0, 0, -1, 90), "EPSG:4326"),
    "across": GeoBox((80, 80), Affine(0.5, 0, 160, 0, -0.5, 20), "EPSG:4326"),
    "polar": GeoBox((200, 200), Affine(50_000, 0, -5e6, 0, -50_000, 5e6), "EPSG:3413"),
    "utm": GeoBox((300, 300), Affine(1000, 0, 400_000, 0, -1000, 5_650_000), "EPSG:32633"),
}


def values(box: GeoBox) -> NDArray[np.float32]:
    height, width = box.shape
    return (np.arange(height * width, dtype=np.float32) + 1).reshape(height, width)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    path: Path = tmp_path_factory.mktemp("edges") / "catalog.zarr"
    for name, box in GRIDS.items():
        array = xr.DataArray(values(box), dims=("y", "x"), name="place")
        to_catalog(assign_geobox(array, box), str(path), name, progress=False)
    return Client(create_app(path))


def expected(box: GeoBox, z: int, x: int, y: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return row and column of each pixel, every one projected, and which lie inside."""
    target = tile_geobox(("WebMercatorQuad", z, x, y))
    cols, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    east, north = target.affine * (cols, rows)
    to_source = Transformer.from_crs("EPSG:3857", str(box.crs), always_xy=True)
    right, up = to_source.transform(east, north)
    if box.crs is not None and box.crs.geographic:
        middle = box.affine.c + box.affine.a * box.shape[1] / 2
        right = (right - middle + 180) % 360 + middle - 180
    col, row = ~box.affine * (right, up)
    inside = (col >= 0) & (row >= 0) & (col < box.shape[1]) & (row < box.shape[0])
    return np.stack([row, col]), inside


# At these zooms the finest level is read.
@pytest.mark.parametrize(
    ("name", "z", "x", "y"),
    [
        ("world", 2, 0, 0),
        ("world", 2, 3, 3),
        ("world", 2, 3, 0),
        ("pacific", 2, 0, 1),
        ("pacific", 2, 3, 1),
        ("pacific", 2, 1, 1),
        ("pacific", 2, 2, 1),
        ("across", 5, 31, 15),
        ("across", 5, 0, 15),
        ("across", 5, 30, 16),
        ("polar", 3, 4, 0),
        ("polar", 3, 0, 0),
        ("polar", 3, 7, 1),
        ("utm", 8, 137, 86),
        ("utm", 8, 139, 87),
    ],
)
def test_each_pixel_has_the_value_of_its_cell(
    client: Client, name: str, z: int, x: int, y: int
) -> None:
    box = GRIDS[name]
    place, inside = expected(box, z, x, y)
    answer = client.get(f"/layers/{name}/tiles/WebMercatorQuad/{z}/{x}/{y}.npy")
    (found,) = np.load(BytesIO(answer.content))
    cells = values(box)
    row, col = (
        np.clip(np.floor(at), 0, size - 1).astype(int)
        for at, size in zip(place, box.shape, strict=True)
    )
    # Positions are off by an eighth of a cell at most: beside an edge either cell will do.
    sure = np.abs(place - np.round(place)).min(axis=0) > 0.126
    assert sure.mean() > 0.4
    drawn = np.isfinite(found)
    np.testing.assert_array_equal(drawn[sure], inside[sure])
    right = sure & inside
    np.testing.assert_array_equal(found[right], cells[row, col][right])
    if name != "polar":
        assert inside.any()
