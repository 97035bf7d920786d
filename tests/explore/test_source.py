"""The source of live maps: the cells of the cube, each block computed once."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tests.cube.rasters import raster
from xcube_tiles.cube.georef import set_crs
from xcube_tiles.explore.blocks import BlockCache
from xcube_tiles.explore.source import MapSource
from xcube_tiles.render.cube import CubeSource

if TYPE_CHECKING:
    from collections.abc import Callable


def counted(cells: np.ndarray[Any, Any], chunks: tuple[int, ...]) -> tuple[Any, list[int]]:
    """Return cells as a dask array, and a list that grows when a block of it is computed."""
    import dask.array as da

    computed: list[int] = []

    def look(block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        computed.append(block.size)
        return block

    return da.from_array(cells, chunks).map_blocks(look, meta=cells), computed


def cube_of(data: Any) -> xr.Dataset:
    times, height, width = data.shape
    array = xr.DataArray(
        data,
        dims=("time", "y", "x"),
        coords={
            "time": np.datetime64("2024-01-01", "ns") + np.arange(times) * np.timedelta64(1, "D"),
            "y": 10.0 * np.arange(height)[::-1],
            "x": 10.0 * np.arange(width),
        },
    )
    return set_crs(array.to_dataset(name="v"), "EPSG:32633")


@given(
    start=st.tuples(st.integers(0, 30), st.integers(0, 40)),
    size=st.tuples(st.integers(1, 31), st.integers(1, 41)),
    chunks=st.tuples(st.integers(1, 31), st.integers(1, 41)),
)
def test_windows_are_those_of_the_cube(
    start: tuple[int, int], size: tuple[int, int], chunks: tuple[int, int]
) -> None:
    cells = np.arange(2 * 31 * 41).reshape(2, 31, 41)
    cube = cube_of(cells)
    rows, cols = (
        slice(low, min(low + wide, most))
        for low, wide, most in zip(start, size, (31, 41), strict=True)
    )
    lazy = MapSource(cube.chunk(time=1, y=chunks[0], x=chunks[1]))
    for source in (MapSource(cube), lazy):
        found = source.read("v", level=0, rows=rows, cols=cols, time=1)
        np.testing.assert_array_equal(found, cells[1, rows, cols])


def test_each_block_is_computed_once() -> None:
    data, computed = counted(np.arange(2.0 * 8 * 8).reshape(2, 8, 8), (1, 4, 4))
    source = MapSource(cube_of(data))
    computed.clear()
    window: dict[str, Any] = {"level": 0, "rows": slice(1, 3), "time": 0}
    source.read("v", cols=slice(0, 4), **window)
    assert len(computed) == 1
    source.read("v", cols=slice(0, 8), **window)
    assert len(computed) == 2
    source.read("v", cols=slice(0, 8), **window)
    assert len(computed) == 2


def test_large_cubes_have_coarser_levels() -> None:
    cells = np.arange(1 * 2500 * 1300).reshape(1, 2500, 1300)
    data, computed = counted(cells, (1, 1250, 1300))
    source = MapSource(cube_of(data))
    finest = CubeSource(cube_of(cells)).geoboxes[0]
    assert [box.shape for box in source.geoboxes] == [(2500, 1300), (1250, 650), (625, 325)]
    for box in source.geoboxes:
        assert box.boundingbox.bbox == pytest.approx(finest.boundingbox.bbox)
    computed.clear()
    found = source.read("v", level=2, rows=slice(3, 600), cols=slice(0, 325), time=0)
    # The cell below the middle of each of 4 x 4.
    np.testing.assert_array_equal(found, cells[0, 2::4, 2::4][3:600])
    source.read("v", level=2, rows=slice(0, 2), cols=slice(0, 5), time=0)
    assert len(computed) == 2


def test_small_cubes_have_one_level() -> None:
    assert len(MapSource(raster(1.0).to_dataset(name="v")).geoboxes) == 1


def make(value: int) -> Callable[[], np.ndarray[Any, Any]]:
    return lambda: np.full(10, value, dtype=np.uint8)


def test_the_cache_keeps_what_was_used_last() -> None:
    cache, made = BlockCache(most_bytes=25), []

    def get(key: int) -> None:
        found = cache.get(key, lambda: made.append(key) or make(key)())  # type: ignore[func-returns-value]
        assert found.tolist() == [key] * 10

    for key in (1, 2, 1, 3, 1, 2):
        get(key)
    assert made == [1, 2, 3, 2]


def test_threads_wait_for_one_that_makes_it() -> None:
    cache, made, found = BlockCache(), [], []
    together = Barrier(8)

    def ask() -> None:
        together.wait()
        found.append(cache.get("a", lambda: made.append(1) or make(7)()))  # type: ignore[func-returns-value]

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert all(one is found[0] for one in found)


def test_what_fails_is_made_again() -> None:
    cache = BlockCache()

    def fail() -> np.ndarray[Any, Any]:
        raise OSError("the disk is away")

    with pytest.raises(OSError, match="away"):
        cache.get("a", fail)
    assert cache.get("a", make(1)).sum() == 10
