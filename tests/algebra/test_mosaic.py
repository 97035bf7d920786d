"""Mosaics: only NoData cells are filled, whatever the grids, the order and the chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from rasterio.merge import merge as rasterio_merge

from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.mosaic import mosaic
from xcube_tiles.algebra.reproject import reproject
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import extent_of, geobox_of
from xcube_tiles.errors import CellOverflowError, IncompatibleCubesError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.options import set_options
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

if TYPE_CHECKING:
    from xcube_tiles.typing import OverlapName

nan = np.nan


def place(values: object, col: int = 0, row: int = 0, nodata: float | None = None) -> xr.DataArray:
    cells = np.asarray(values)
    grid = GeoBox(cells.shape, UTM.affine * Affine.translation(col, row), UTM.crs)
    return raster(cells, geobox=grid, nodata=nodata)


ONE = place([[1.0, nan], [3.0, 4.0]])
TWO = place([[10.0, 20.0], [30.0, nan]], col=1)
THREE = place([[nan, 7.0], [nan, 9.0]], col=1, row=1)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("first", [[1, 10, 20], [3, 4, 7], [nan, nan, 9]]),
        ("last", [[1, 10, 20], [3, 30, 7], [nan, nan, 9]]),
        ("min", [[1, 10, 20], [3, 4, 7], [nan, nan, 9]]),
        ("max", [[1, 10, 20], [3, 30, 7], [nan, nan, 9]]),
        ("sum", [[1, 10, 20], [3, 34, 7], [nan, nan, 9]]),
        ("mean", [[1, 10, 20], [3, 17, 7], [nan, nan, 9]]),
        (np.fmax, [[1, 10, 20], [3, 30, 7], [nan, nan, 9]]),
    ],
)
def test_by_hand(overlap: OverlapName, expected: list[list[float]]) -> None:
    before = [each.copy(deep=True) for each in (ONE, TWO, THREE)]
    result = mosaic(ONE, [TWO, THREE], overlap=overlap)
    np.testing.assert_array_equal(result, expected)
    assert extent_of(result) == Extent.from_bounds((300_000, 5_000_010, 300_030, 5_000_040), 32633)
    for each, was in zip((ONE, TWO, THREE), before, strict=True):
        xr.testing.assert_identical(each, was)


def test_a_mean_of_three_is_not_one_of_means() -> None:
    same = [place([[value]]) for value in (1.0, 2.0, 9.0)]
    assert mosaic(same[0], same[1:], overlap="mean").item() == 4


@given(data=st.data())
def test_first_agrees_with_rasterio(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    cubes = []
    for _ in range(data.draw(st.integers(2, 4))):
        cells = rng.integers(0, 5, rng.integers(1, 6, 2)).astype(np.int16)
        col, row = (int(at) for at in rng.integers(-4, 5, 2))
        cubes.append(place(cells, col, row, nodata=0))
    result = mosaic(cubes[0], cubes[1:])
    expected, transform = by_rasterio(cubes)
    np.testing.assert_array_equal(result, expected)
    assert geobox_of(result).affine.almost_equals(transform)
    chunked = [each.chunk(y=2, x=3) for each in cubes]
    with set_options(chunk_size=4), assert_lazy():
        lazy = mosaic(chunked[0], chunked[1:])
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected)


def by_rasterio(cubes: list[xr.DataArray]) -> tuple[np.ndarray, Affine]:
    files = []
    for each in cubes:
        grid, memory = geobox_of(each), MemoryFile()
        with memory.open(
            driver="GTiff", dtype="int16", count=1, nodata=0, height=grid.shape[0],
            width=grid.shape[1], transform=grid.affine, crs=str(grid.crs),
        ) as writer:  # fmt: skip
            writer.write(each.values, 1)
        files.append(memory.open())
    merged, transform = rasterio_merge(files, nodata=0)
    return merged[0], transform


def test_other_grids_are_warped() -> None:
    field = raster(np.arange(20.0).reshape(4, 5))
    east = reproject(field, UTM.pad(6).to_crs("EPSG:3857"))
    result = mosaic(field, [east], target=UTM.pad(2))
    own, warped = (reproject(each, UTM.pad(2)).values for each in (field, east))
    np.testing.assert_array_equal(result, np.where(np.isnan(own), warped, own))
    whole = mosaic(field, [east])
    assert extent_of(whole).contains(extent_of(east).to_crs("EPSG:32633"))


def test_chunks_change_no_bit() -> None:
    rng = np.random.default_rng(4)
    cubes = []
    for col, row in ((0, 0), (17, 5), (3, 22), (60, 60)):
        cells = rng.random((30, 30), np.float32)
        cells[cells < 0.2] = nan
        cubes.append(place(cells, col, row))
    target = UTM.pad(50).to_crs("EPSG:3857")
    chunked = [each.chunk(y=7, x=11) for each in cubes]
    for overlap in ("first", "mean", "sum"):
        eager = mosaic(cubes[0], cubes[1:], overlap=overlap, target=target, resampling="cubic")
        with set_options(chunk_size=13), assert_lazy():
            lazy = mosaic(
                chunked[0], chunked[1:], overlap=overlap, target=target, resampling="cubic"
            )
            again = mosaic(
                chunked[0], chunked[1:], overlap=overlap, target=target, resampling="cubic"
            )
        assert again.data.name == lazy.data.name
        assert count_tasks(lazy) == lazy.data.npartitions + sum(map(count_tasks, chunked))
        np.testing.assert_array_equal(lazy.compute(), eager)


def test_integers_stay_exact() -> None:
    large = 2**60 + 1
    cubes = [place(np.full((2, 2), large), col, nodata=-1) for col in (0, 1)]
    assert (mosaic(cubes[0], cubes[1:]) == large).all()
    total = mosaic(cubes[0], cubes[1:], overlap="sum")
    assert total.values.tolist() == [[large, 2 * large, large]] * 2
    assert cell_type_of(total).nodata == np.iinfo(np.int64).min
    with pytest.raises(CellOverflowError):
        mosaic(cubes[0], [cubes[0]] * 8, overlap="sum")
    bytes_ = [place(np.array([[200, 0]], np.uint8), nodata=0)] * 2
    np.testing.assert_array_equal(mosaic(bytes_[0], bytes_[1:], overlap="mean"), [[200, nan]])


def test_datasets_and_times() -> None:
    times = ["2024-01-01", "2024-01-02"]
    west = raster(np.ones((2, 4, 5)), times=times).to_dataset(name="a")
    east = raster(np.ones((2, 4, 5)) * 2, geobox=UTM.translate_pix(5, 0), times=times)
    result = mosaic(west, [east.to_dataset(name="a")])
    assert result["a"].shape == (2, 4, 10)
    assert result["a"].isel(time=1, y=0).values.tolist() == [1] * 5 + [2] * 5
    other = east.assign_coords(time=np.array(["2024-01-01", "2024-02-02"], "datetime64[ns]"))
    with pytest.raises(IncompatibleCubesError, match="labels of 'time' differ"):
        mosaic(west, [other.to_dataset(name="a")])
    with pytest.raises(IncompatibleCubesError, match="labels of 'bands' differ"):
        mosaic(west, [east.to_dataset(name="b")])


def test_nothing_but_nodata() -> None:
    empty = place(np.full((2, 2), nan))
    assert np.isnan(mosaic(empty, [empty], overlap="mean")).all()
