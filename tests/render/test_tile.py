from __future__ import annotations

from typing import TYPE_CHECKING, Any

import morecantile
import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.storage import MemoryStore

from tests.render.sources import ArraySource, grid, rgba
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import DimensionError, GridError
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.render.tile import Tile, TileSource, render_tile
from xcube_tiles.render.tms import named_tms, tile_geobox, tms_names
from xcube_tiles.render.window import find_window

if TYPE_CHECKING:
    from pathlib import Path

WORLD = 20037508.342789244
STYLE = Style(bands=("v",), stretch=(Stretch(0, 254),), colormap="gray")


def timed() -> ArraySource:
    """Return a source of three dates whose cells are 10, 20 and 30."""
    cells = np.stack([np.full((64, 64), value, np.uint8) for value in (10, 20, 30)])
    box = grid((64, 64), "EPSG:3857", left=-WORLD, top=WORLD, cell=2 * WORLD / 64)
    return ArraySource({"v": [cells]}, box, times=["2018-05-06", "2018-05-24", "2018-06-15"])


def test_sources_are_recognised_by_their_shape() -> None:
    assert isinstance(timed(), TileSource)
    assert not isinstance(np.zeros(3), TileSource)


@pytest.mark.parametrize(
    ("time", "value"), [(None, 30), ("2018-05", 20), ("2018-05-06", 10), ("2018-06-15T00:00", 30)]
)
def test_time_is_chosen_by_label(time: str | None, value: int) -> None:
    found = rgba(render_tile(timed(), ("WebMercatorQuad", 0, 0, 0), STYLE, time=time))
    assert (found[..., 0] == value).all()


def test_times_that_are_not_there_are_refused_or_the_nearest_is_taken() -> None:
    tile = Tile("WebMercatorQuad", 1, 1, 0)
    with pytest.raises(DimensionError, match="no time '2019'"):
        render_tile(timed(), tile, STYLE, time="2019")
    found = rgba(render_tile(timed(), tile, STYLE, time="2019", time_match="nearest"))
    assert (found[..., 0] == 30).all()


@pytest.mark.parametrize(
    ("tile", "size", "text"),
    [
        (("WebMercatorQuad", 25, 0, 0), 256, "zoom levels 0 to 24, got 25"),
        (("WebMercatorQuad", -1, 0, 0), 256, "got -1"),
        (("WebMercatorQuad", 2, 4, 0), 256, "x from 0 to 3 at zoom 2, got 4"),
        (("WebMercatorQuad", 2, 0, -1), 256, "y from 0 to 3 at zoom 2, got -1"),
        (("GoogleMapsCompatible", 0, 0, 0), 256, "unknown tile matrix set .* WebMercatorQuad"),
        (("WebMercatorQuad", 0, 0, 0), 0, "1 to 4096 pixels wide, got 0"),
        (("WebMercatorQuad", 0, 0, 0), 256.0, "got 256.0"),
    ],
)
def test_addresses_that_are_none_are_refused(
    tile: tuple[str, int, int, int], size: int, text: str
) -> None:
    with pytest.raises(GridError, match=text):
        render_tile(timed(), tile, STYLE, tile_size=size)


@pytest.mark.parametrize("name", tms_names())
def test_every_tile_matrix_set_draws(name: str) -> None:
    tms = named_tms(name)
    for z in (max(tms.minzoom, 0), max(tms.minzoom, 0) + 3):
        matrix = tms.matrix(z)
        for x, y in [(0, 0), (matrix.matrixWidth - 1, matrix.matrixHeight - 1)]:
            found = rgba(render_tile(timed(), (name, z, x, y), STYLE, time=None, tile_size=64))
            assert found.shape == (64, 64, 4)


def test_grids_of_tiles_are_those_of_morecantile() -> None:
    tms = named_tms("WebMercatorQuad")
    box = tile_geobox(("WebMercatorQuad", 5, 17, 11), 512)
    assert box.shape == (512, 512)
    bounds = tms.xy_bounds(morecantile.Tile(17, 11, 5))
    assert tuple(box.boundingbox.bbox) == pytest.approx(tuple(bounds))
    custom = tile_geobox((tms, 5, 17, 11), 512)
    assert custom == box


@pytest.fixture
def read_keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the keys that are read from stores in memory from now on."""
    keys: list[str] = []
    get = MemoryStore.get

    async def noting(self: MemoryStore, key: str, *args: Any, **kwargs: Any) -> Any:
        keys.append(key)
        return await get(self, key, *args, **kwargs)

    monkeypatch.setattr(MemoryStore, "get", noting)
    return keys


def test_a_tile_reads_the_chunks_it_needs_once(read_keys: list[str]) -> None:
    size, chunk = 1024, 128
    box = grid((size, size), "EPSG:32633", left=400_000, top=5_600_000, cell=100)
    cells = np.arange(size * size, dtype=np.float32).reshape(size, size)
    cube = assign_geobox(xr.Dataset({"v": (("y", "x"), cells)}), box)
    store = MemoryStore()
    to_catalog(cube, store, "layer", sharded=False, chunk=chunk, progress=False)
    layer = open_catalog(store)["layer"]
    for z in (7, 8, 9, 10, 11):
        address = named_tms("WebMercatorQuad").tile(14.3, 50.1, z)
        tile = ("WebMercatorQuad", z, int(address.x), int(address.y))
        window = find_window(layer, tile_geobox(tile))
        assert window is not None
        layer.array("v", window.level)
        read_keys.clear()
        render_tile(layer, tile, STYLE)
        wanted = {
            f"layer/{window.level}/v/c/{row}/{col}"
            for row in range(window.rows.start // chunk, (window.rows.stop - 1) // chunk + 1)
            for col in range(window.cols.start // chunk, (window.cols.stop - 1) // chunk + 1)
        }
        assert sorted(read_keys) == sorted(wanted)


def test_layers_of_a_catalog_are_sources(tmp_path: Path) -> None:
    box = grid((300, 300), "EPSG:4326", left=10, top=50, cell=0.01)
    cells = np.full((300, 300), 7, dtype=np.uint8)
    cube = assign_geobox(xr.Dataset({"v": (("y", "x"), cells, {"_FillValue": 255})}), box)
    to_catalog(cube, str(tmp_path / "c.zarr"), "layer", progress=False)
    layer = open_catalog(str(tmp_path / "c.zarr"))["layer"]
    assert isinstance(layer, TileSource)
    address = named_tms("WebMercatorQuad").tile(11, 49, 9)
    found = rgba(render_tile(layer, ("WebMercatorQuad", 9, address.x, address.y), STYLE))
    assert (found == (7, 7, 7, 255)).all()


def test_zarr_is_not_asked_off_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *args: pytest.fail("something was read"))
    box = grid((64, 64), "EPSG:32633", left=400_000, top=5_600_000, cell=100)
    source = ArraySource({"v": [np.zeros((64, 64), np.uint8)]}, box)
    assert (rgba(render_tile(source, ("WebMercatorQuad", 5, 0, 0), STYLE))[..., 3] == 0).all()
