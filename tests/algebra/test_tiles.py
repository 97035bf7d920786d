"""Tiles: cut, put together, mapped one by one."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from scipy import ndimage

from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.tiles import map_tiles, split, stitch
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CellOverflowError, GridError, IncompatibleCubesError
from xcube_tiles.grid.keys import TileKey
from xcube_tiles.grid.layout import TileLayout
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cubes

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIELD = raster(np.arange(20.0).reshape(4, 5))


def inner_layout() -> TileLayout:
    """Return a layout of tiles of 2 x 3 cells that begins one row and two columns before UTM."""
    grid = GeoBox((12, 12), UTM.affine * Affine.translation(-2, -1), UTM.crs)
    return TileLayout.from_geobox(grid, (2, 3))


def test_a_layout_that_begins_elsewhere() -> None:
    layout = inner_layout()
    tiles = split(FIELD, layout)
    assert {str(key): tile.shape for key, tile in tiles.items()} == {
        "0/0": (1, 1), "1/0": (1, 3), "2/0": (1, 1),
        "0/1": (2, 1), "1/1": (2, 3), "2/1": (2, 1),
        "0/2": (1, 1), "1/2": (1, 3), "2/2": (1, 1),
    }  # fmt: skip
    assert tiles[TileKey(1, 1)].values.tolist() == [[6, 7, 8], [11, 12, 13]]
    padded = split(FIELD, layout, pad=True)
    for key, tile in padded.items():
        assert geobox_of(tile) == layout.geobox(key)
    np.testing.assert_array_equal(padded[TileKey(0, 0)], [[np.nan] * 3, [np.nan, np.nan, 0]])
    assert stitch(padded).shape == (6, 9)


def test_tiles_are_views() -> None:
    assert all(np.shares_memory(tile.values, FIELD.values) for tile in split(FIELD, 2).values())


@settings(max_examples=30)
@given(cube=cubes(), height=st.integers(1, 9), width=st.integers(1, 9))
def test_stitching_undoes_splitting(cube: xr.Dataset, height: int, width: int) -> None:
    tiles = split(cube, (height, width))
    again = stitch(tiles)
    xr.testing.assert_identical(again, cube)
    assert geobox_of(again) == geobox_of(cube)
    for name, array in cube.data_vars.items():
        assert cell_type_of(again[name]) == cell_type_of(array)
        assert (again[name].chunks is None) == (array.chunks is None)


def test_lazy_tiles() -> None:
    with assert_lazy():
        tiles = split(FIELD.chunk(y=2, x=2), 2)
        again = stitch(tiles)
    np.testing.assert_array_equal(again, FIELD)


def test_what_cannot_be_stitched() -> None:
    tiles = split(FIELD, 2)
    tiles[TileKey(0, 0)] = tiles[TileKey(0, 0)].astype("float32")
    with pytest.raises(IncompatibleCubesError, match="cell types of 'a' differ"):
        stitch(tiles)
    with pytest.raises(GridError, match="side by side"):
        stitch({TileKey(0, 0): FIELD, TileKey(1, 0): FIELD.isel(y=slice(1, None))})
    with pytest.raises(GridError, match="gaps"):
        stitch({TileKey(0, 0): FIELD, TileKey(2, 0): FIELD})


def number(tile: NDArray[Any], key: TileKey) -> NDArray[Any]:
    return np.full(tile.shape, 10 * key.row + key.col, np.int16)


def smooth(tile: NDArray[Any], key: TileKey) -> NDArray[Any]:
    return np.asarray(ndimage.uniform_filter(np.nan_to_num(tile), 3, axes=(-2, -1)))


def total(tile: NDArray[Any], key: TileKey) -> NDArray[Any]:
    return np.broadcast_to(tile.sum(), tile.shape)


def test_each_tile_gets_its_key() -> None:
    result = map_tiles(FIELD, number, inner_layout(), cell_type="int16")
    assert result.values.tolist() == [
        [0, 1, 1, 1, 2],
        [10, 11, 11, 11, 12],
        [10, 11, 11, 11, 12],
        [20, 21, 21, 21, 22],
    ]
    assert cell_type_of(result).name == "int16"
    assert result.attrs["_FillValue"] == np.iinfo(np.int16).min


@pytest.mark.parametrize("depth", [1, 3, 7])
def test_a_rim_hides_the_tiles(depth: int) -> None:
    expected = ndimage.uniform_filter(np.pad(FIELD.values, 1), 3)[1:-1, 1:-1]
    result = map_tiles(FIELD, smooth, 2, depth=depth)
    np.testing.assert_allclose(result, expected)
    lazy = map_tiles(FIELD.chunk(y=3, x=2), smooth, 2, depth=depth)
    np.testing.assert_array_equal(lazy.compute(), result)


@given(chunk=st.integers(1, 6), times=st.integers(1, 2), tile=st.integers(1, 6))
def test_chunks_change_nothing(chunk: int, times: int, tile: int) -> None:
    values = np.arange(60.0).reshape(3, 4, 5)
    cube = raster(values, times=["2024-01-01", "2024-01-02", "2024-01-03"])
    whole = map_tiles(cube, total, tile)
    with assert_lazy():
        lazy = map_tiles(cube.chunk(time=times, y=chunk, x=chunk), total, tile)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), whole)


def test_one_task_a_tile() -> None:
    cube = FIELD.chunk(y=3, x=2)
    lazy = map_tiles(cube, smooth, 2, depth=1)
    assert lazy.data.npartitions == 6
    assert count_tasks(lazy) - count_tasks(cube) == 6
    assert lazy.data.name == map_tiles(cube, smooth, 2, depth=1).data.name
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy)).compute(), lazy.compute())


def test_the_rim_beyond_the_cube_is_nodata() -> None:
    bytes_ = raster(np.uint8(7), nodata=255)
    seen = []

    def look(tile: NDArray[Any], key: TileKey) -> NDArray[Any]:
        seen.append(tile)
        return tile

    assert (map_tiles(bytes_, look, 8, depth=2) == 7).all()
    (tile,) = seen
    assert tile.shape == (8, 9)
    assert (tile[2:-2, 2:-2] == 7).all()
    assert (tile[:2] == 255).all()
    assert (tile[:, -2:] == 255).all()


def test_a_dataset_variable_by_variable() -> None:
    both = FIELD.to_dataset(name="a").assign(b=FIELD.rename("b") * 2, scalar=3)
    result = map_tiles(both, total, 8)
    assert float(result["b"][0, 0]) == 2 * float(result["a"][0, 0]) == 380
    assert int(result["scalar"]) == 3


def test_integers_that_the_cell_type_cannot_hold_are_refused() -> None:
    bytes_ = raster((np.arange(20).reshape(4, 5) * 10).astype("uint8"))
    with pytest.raises(CellOverflowError, match=r"returns 0 to 380 for tile 0/0, .* cell_type='ui"):
        map_tiles(bytes_, lambda tile, key: tile.astype("uint16") * 2)
    wide = map_tiles(bytes_, lambda tile, key: tile.astype("uint16") * 2, cell_type="uint16")
    assert int(wide.max()) == 380
    halves = map_tiles(bytes_, lambda tile, key: tile.astype("uint16") // 2)
    assert halves.dtype == np.uint8


@pytest.mark.parametrize("depth", [0, 1])
def test_a_function_cannot_change_the_cube(depth: int) -> None:
    def double(tile: NDArray[Any], key: TileKey) -> NDArray[Any]:
        tile *= 2
        return tile

    before = FIELD.values.copy()
    with pytest.raises(ValueError, match="read-only"):
        map_tiles(FIELD, double, depth=depth)
    np.testing.assert_array_equal(FIELD, before)
