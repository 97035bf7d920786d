"""Straight distances of cubes: known ones, and the same ones whatever the chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from scipy import ndimage

from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.distance.euclidean import allocation, direction, proximity
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import AlgebraError, GeoreferenceError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import chunks, cubes

if TYPE_CHECKING:
    from collections.abc import Callable

WELLS = np.zeros(UTM.shape, np.int16)
WELLS[0, 0], WELLS[3, 4], WELLS[2, 0] = 5, 7, -1
FUNCTIONS: list[Callable[..., Any]] = [proximity, allocation, direction]


def test_by_hand() -> None:
    wells = raster(WELLS, nodata=-1)
    far = proximity(wells)
    np.testing.assert_array_equal(far[0], [0, 10, 20, 30, 30])
    np.testing.assert_allclose(far[3, :4], [30, 30, 20, 10])
    assert far.dtype == np.float32
    assert far.attrs == {"units": "metre"}
    nearest = allocation(wells)
    np.testing.assert_array_equal(nearest[3], [5, 7, 7, 7, 7])
    assert cell_type_of(nearest).name == "int16ud-1"
    way = direction(wells)
    np.testing.assert_array_equal(way[0, :3], [0, 270, 270])
    assert way[1, 0] == 360
    assert way[2, 4] == 180


def test_named_targets_and_a_limit() -> None:
    wells = raster(WELLS, nodata=-1)
    far = proximity(wells, [7], max_distance=20)
    assert np.isfinite(far).sum() == 6
    assert far[3, 4] == 0
    near = allocation(wells, [7], max_distance=20)
    assert (near == -1).sum() == 14
    np.testing.assert_array_equal(proximity(wells, [5, 7]), proximity(wells))
    np.testing.assert_array_equal(proximity(wells, [0])[0, :2], [10, 0])


def test_no_target_and_nothing_but_targets() -> None:
    assert proximity(raster(0)).isnull().all()
    assert direction(raster(np.nan)).isnull().all()
    assert (allocation(raster(0)) == 0).all()
    assert (proximity(raster(3)) == 0).all()
    one = raster(4).isel(y=[1], x=[1])
    assert direction(one).item() == 0


@pytest.mark.parametrize("limit", [None, 15])
def test_a_cube_of_no_date(limit: float | None) -> None:
    none = raster(WELLS, times=["2024-01-01"]).isel(time=slice(0, 0))
    for function in FUNCTIONS:
        xr.testing.assert_identical(
            function(none.chunk(y=2), max_distance=limit).compute(), function(none)
        )


def test_allocation_finds_a_number_for_nodata() -> None:
    ones = raster(np.array([0, 1, 2, 0, 0], "uint8"))
    assert cell_type_of(allocation(ones)).nodata == 0
    assert cell_type_of(allocation(ones, [0, 2])).nodata == 255
    assert cell_type_of(allocation(ones, [0, 255])).nodata == 1
    marked = allocation(raster(np.array([False, True, False, False, False])), max_distance=15)
    np.testing.assert_array_equal(marked[0], [1, 1, 1, 0, 0])
    with pytest.raises(AlgebraError, match="every number of uint8 is a target"):
        allocation(ones, range(256))


def test_as_scipy_on_cells_that_are_not_square() -> None:
    grid = GeoBox.from_bbox((0, 0, 4000, 4500), crs="EPSG:32633", shape=(150, 200))
    cells = np.random.default_rng(4).random(grid.shape) < 0.004
    expected = ndimage.distance_transform_edt(~cells, sampling=(30, 20))
    array = raster(cells, geobox=grid)
    np.testing.assert_allclose(proximity(array), expected, rtol=1e-7)
    np.testing.assert_allclose(proximity(array.chunk(y=40, x=40)), expected, rtol=1e-7)


@settings(max_examples=60)
@given(cube=cubes(chunked=False), function=st.sampled_from(FUNCTIONS), data=st.data())
def test_no_seams(cube: xr.Dataset, function: Callable[..., Any], data: st.DataObject) -> None:
    geobox = geobox_of(cube)
    assume(geobox.crs is not None and not geobox.crs.geographic)
    # most cells are 0: targets are apart
    kept = np.random.default_rng(data.draw(st.integers(0, 99))).random(cube["red"].shape) < 0.2
    red = cube["red"].copy(data=np.where(kept, cube["red"], 0).astype(cube["red"].dtype))
    reach = data.draw(st.none() | st.floats(0.5, 4))
    limit = None if reach is None else reach * abs(geobox.affine.a)
    lazy = red.chunk(dict(zip(red.dims, data.draw(chunks(red.shape)), strict=True)))
    with assert_lazy():
        result = function(lazy, max_distance=limit)
    xr.testing.assert_identical(result.compute(), function(red, max_distance=limit))


def test_tasks_chunks_and_names() -> None:
    grid = GeoBox.from_bbox((0, 0, 640, 640), crs="EPSG:32633", resolution=10)
    lazy = raster(1, geobox=grid).chunk(y=16, x=16)
    blocks = lazy.data.npartitions
    near = proximity(lazy, max_distance=160)
    assert count_tasks(near) - count_tasks(lazy) == blocks
    whole = allocation(lazy)
    assert count_tasks(whole) - count_tasks(lazy) <= 6 * blocks
    assert whole.chunks == near.chunks == lazy.chunks
    assert whole.data.name == allocation(lazy).data.name


def test_a_dataset_and_its_layers() -> None:
    stack = raster(WELLS, nodata=-1, times=["2024-01-01", "2024-01-02"])
    stack[1, 0, 0] = 0
    result = allocation(stack.to_dataset().chunk(time=2, x=3))["a"]
    np.testing.assert_array_equal(result[0], allocation(stack[0]))
    assert (result[1] == 7).all()


def test_refused() -> None:
    degrees = GeoBox.from_bbox((10, 50, 10.1, 50.1), crs="EPSG:4326", resolution=0.01)
    with pytest.raises(GeoreferenceError, match="reproject to a projected CRS first"):
        proximity(raster(1, geobox=degrees))
    wide = GeoBox.from_bbox((0, 0, 4e12, 4), crs="EPSG:32633", shape=(4, 4))
    with pytest.raises(GeoreferenceError, match="too far from square"):
        proximity(raster(1, geobox=wide))
    wrong: Any
    for wrong in ([300], [1.5], [np.nan], ["oak"], [255]):
        with pytest.raises(AlgebraError, match="can't be the target"):
            direction(raster(np.uint8(1), nodata=255), wrong)
    for wrong in (7, [], "oak"):
        with pytest.raises(AlgebraError, match="must be a list of cell values"):
            direction(raster(1), wrong)
    for wrong in (0, -1.0, np.nan, True, "far"):
        with pytest.raises(AlgebraError, match="max_distance must be a positive number"):
            proximity(raster(1), max_distance=wrong)
