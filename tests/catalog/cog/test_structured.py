"""Zoom ranges as GeoTrellis parts them, and layers of COGs against layers of a catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate

import xcube_tiles as xt
from tests.catalog.cubes import random_cube
from xcube_tiles.catalog.cog.ranges import zoom_ranges
from xcube_tiles.catalog.cog.structured import open_cog_layer, write_cog_layer
from xcube_tiles.catalog.reading.selection import read_layer
from xcube_tiles.errors import CatalogError, DimensionError, GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.scheme import resolve_scheme

if TYPE_CHECKING:
    from pathlib import Path

    from xcube_tiles.catalog.layer import Layer

WEB = resolve_scheme("WebMercatorQuad")
WORLD = WEB.layout(0).extent()


def ranges_of(extent: Extent, zoom: int, **options: int) -> list[tuple[int, int]]:
    return [(r.min_zoom, r.max_zoom) for r in zoom_ranges(extent, WEB, zoom, **options)]


def test_the_world() -> None:
    assert ranges_of(WORLD, 12) == [(8, 12), (3, 7), (0, 2)]
    assert ranges_of(WORLD, 0) == [(0, 0)]
    assert ranges_of(WORLD, 7, max_tile_size=256) == [(z, z) for z in range(7, -1, -1)]


def test_a_region() -> None:
    # Some 5 tiles of zoom 8, which make two steps there and fewer at zoom 7.
    west, north = WEB.layout(8).extent().xmin, WEB.layout(8).extent().ymax
    edge = 256 * WEB.layout(8).resolution[0]
    region = Extent(
        xmin=west + 130.5 * edge, xmax=west + 133.5 * edge,
        ymin=north - 93.5 * edge, ymax=north - 90.5 * edge, crs=WEB.crs,
    )  # fmt: skip
    low = [(z, z) for z in range(6, -1, -1)]
    assert ranges_of(region, 13) == [(9, 13), (7, 8), *low]
    assert ranges_of(region, 13, min_zoom=6) == [(9, 13), (7, 8), (6, 6)]
    assert ranges_of(region, 13, min_zoom=8) == [(9, 13), (7, 8)]


@given(
    zoom=st.integers(0, 18),
    lowest=st.integers(0, 18),
    size=st.sampled_from([256, 512, 1024, 4096]),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    span=st.floats(1e-6, 1),
)
def test_ranges_hold_every_zoom_once(
    zoom: int, lowest: int, size: int, corner: tuple[float, float], span: float
) -> None:
    width = WORLD.xmax - WORLD.xmin
    x, y = (WORLD.xmin + at * (1 - span) * width for at in corner)
    extent = Extent(xmin=x, ymin=y, xmax=x + span * width, ymax=y + span * width, crs=WEB.crs)
    lowest = min(lowest, zoom)
    found = zoom_ranges(extent, WEB, zoom, min_zoom=lowest, max_tile_size=size)
    zooms = [at for one in found for at in one.zooms]
    assert zooms == list(range(zoom, found[-1].min_zoom - 1, -1))
    assert found[-1].min_zoom <= lowest <= found[-1].max_zoom
    assert all(256 << (one.max_zoom - one.min_zoom) <= size for one in found)
    # Once an extent is low, each zoom is by itself.
    alone = [one.min_zoom == one.max_zoom for one in found]
    low = [_steps(extent, one.min_zoom) < 2 for one in found]
    for number in range(1, len(found)):
        assert not low[number - 1] or alone[number]


def _steps(extent: Extent, zoom: int) -> int:
    edge = (WORLD.xmax - WORLD.xmin) / 2**zoom
    cols = (extent.xmax - WORLD.xmin) // edge - (extent.xmin - WORLD.xmin) // edge
    rows = (WORLD.ymax - extent.ymin) // edge - (WORLD.ymax - extent.ymax) // edge
    return int(min(cols, rows))


def test_wrong_zooms() -> None:
    with pytest.raises(GridError, match="expected zooms from 0 to 24"):
        zoom_ranges(WORLD, WEB, 3, min_zoom=5)
    with pytest.raises(GridError, match="max_tile_size is at least a tile, 256 cells; got 100"):
        zoom_ranges(WORLD, WEB, 3, max_tile_size=100)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Layer, Layer]:
    """Return a folder, a layer of COGs and the same as a layer of a catalog."""
    folder = tmp_path_factory.mktemp("cogs")
    cube = random_cube((2, 900, 700))
    cogs = write_cog_layer(cube, folder, "ndvi", max_tile_size=1024, min_zoom=9)
    zarr = cube.tiles.to_catalog(folder / "c.zarr", "ndvi", scheme="WebMercatorQuad")
    return folder, cogs, zarr


def test_cells_of_all_zooms_are_those_of_a_catalog(layers: tuple[Path, Layer, Layer]) -> None:
    _, cogs, zarr = layers
    for level in zarr.levels:
        expected = read_layer(zarr, zoom=level.zoom).band
        found = read_layer(cogs, zoom=level.zoom).band
        x = found.x.values[np.isin(found.x.values.round(3), expected.x.values.round(3))]
        wanted = expected.sel(x=x, method="nearest", tolerance=1e-3)
        rows = wanted.y.values[np.isin(wanted.y.values.round(3), found.y.values.round(3))]
        np.testing.assert_array_equal(
            found.sel(x=x, method="nearest").sel(y=rows, method="nearest").values,
            wanted.sel(y=rows, method="nearest").values,
        )
        # Nothing lies beside: both have as many cells with values.
        assert (found != -9999).values.sum() == (expected != -9999).values.sum() > 0


def test_files_are_cogs_at_their_keys(layers: tuple[Path, Layer, Layer]) -> None:
    folder, cogs, _ = layers
    index = json.loads((folder / "ndvi" / "layer.json").read_text())
    files = [file for each in index["zoom_ranges"] for file in each["files"]]
    there = sorted(str(p.relative_to(folder / "ndvi")) for p in folder.glob("ndvi/**/*.tif"))
    assert sorted(file["path"] for file in files) == there
    for each in index["zoom_ranges"]:
        layout = WEB.layout(each["min_zoom"])
        for file in each["files"]:
            path = folder / "ndvi" / file["path"]
            assert cog_validate(path, strict=True)[0]
            col, row = file["key"]
            with rasterio.open(path) as raster:
                key = xt.TileKey(col=col, row=row)
                np.testing.assert_allclose(raster.bounds, layout.extent(key).bounds, atol=1e-6)
                zooms = each["max_zoom"] - each["min_zoom"]
                assert raster.shape == (256 << zooms,) * 2
                assert raster.overviews(1) == [2**n for n in range(1, zooms + 1)]
    assert [level.zoom for level in cogs.levels] == list(range(cogs.levels[0].zoom, 8, -1))


def test_opened_by_its_address(layers: tuple[Path, Layer, Layer]) -> None:
    folder, cogs, _ = layers
    found = xt.open_layer(folder / "ndvi")
    assert repr(found) == repr(cogs)
    assert found.metadata["scheme"] == "WebMercatorQuad"
    assert found.times is not None
    assert found.times.tolist() == random_cube((2, 4, 4)).time.values.tolist()


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    layer = write_cog_layer(random_cube((300, 200)), tmp_path, "a", min_zoom=13)
    [path, *_] = tmp_path.glob("a/*_14/*.tif")
    path.unlink()
    with pytest.raises(CatalogError, match=r"_14.*can't be read: No such file"):
        read_layer(layer).band.compute()


def test_nothing_is_seen_before_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("xcube_tiles.catalog.cog.structured.write_index", broken)
    with pytest.raises(OSError, match="disk full"):
        write_cog_layer(random_cube((30, 20)), tmp_path, "a", min_zoom=14)
    assert not list(tmp_path.iterdir())


def test_overwriting(tmp_path: Path) -> None:
    write_cog_layer(random_cube((30, 20)), tmp_path, "a", min_zoom=14)
    with pytest.raises(CatalogError, match="is there already; pass overwrite=True"):
        write_cog_layer(random_cube((30, 20)), tmp_path, "a", min_zoom=14)
    other = random_cube((30, 20), seed=3)
    first = read_layer(open_cog_layer(tmp_path / "a")).band.values
    write_cog_layer(other, tmp_path, "a", min_zoom=14, overwrite=True)
    second = read_layer(open_cog_layer(tmp_path / "a")).band.values
    assert (first != second).any()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_cannot_be_a_layer(tmp_path: Path) -> None:
    cube = random_cube((30, 20))
    with pytest.raises(GridError, match="tile_size is a power of two from 16 upwards, got 300"):
        write_cog_layer(cube, tmp_path, "a", tile_size=300)
    depths = random_cube((2, 8, 8)).rename(time="depth").assign_coords(depth=[1, 2])
    with pytest.raises(DimensionError, match="dimension 'depth' besides y and x"):
        write_cog_layer(depths, tmp_path, "a")
    with pytest.raises(CatalogError, match=r"there is no layer\.json"):
        open_cog_layer(tmp_path)
    (tmp_path / "layer.json").write_text("{}")
    with pytest.raises(CatalogError, match="isn't the index of a layer of COGs"):
        open_cog_layer(tmp_path)
