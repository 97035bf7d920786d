"""Cost distance of cubes: known mazes, the same costs whatever the chunks, paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from skimage.graph import MCP_Geometric

from tests.cube.rasters import raster
from xcube_tiles.algebra.distance.cost import cost_distance, least_cost_path
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import (
    AlgebraError,
    DimensionError,
    GeoreferenceError,
    IncompatibleCubesError,
)
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import chunks, cubes

MAZE = np.array(
    [[1, 1, 1, 1, 1], [-1, -1, -1, -1, 1], [1, 1, 1, 1, 1], [1, -1, -1, -1, -1]], "int16"
)
CORNER = (300_005, 5_000_035)
GOAL = (300_005, 5_000_005)


def test_a_maze_by_hand() -> None:
    cost = cost_distance(raster(MAZE), [CORNER], connectivity=4)
    nan = np.nan
    expected = [[0, 10, 20, 30, 40], [nan] * 4 + [50], [100, 90, 80, 70, 60], [110] + [nan] * 4]
    np.testing.assert_array_equal(cost, expected)
    assert cost.dtype == np.float64
    assert cost.attrs == {}
    path = least_cost_path(raster(MAZE), CORNER, GOAL, connectivity=4)
    expected = [[1, 2, 3, 4, 5], [0, 0, 0, 0, 6], [11, 10, 9, 8, 7], [12, 0, 0, 0, 0]]
    np.testing.assert_array_equal(path, expected)
    assert cell_type_of(path).name == "int32ud0"
    assert least_cost_path(raster(MAZE), CORNER, GOAL).max() == 9


def test_sources_as_a_raster() -> None:
    sources = np.zeros((4, 5), "uint8")
    sources[0, 0], sources[2, 4], sources[3, 0] = 9, 1, 255
    marked = raster(sources, nodata=255)
    by_raster = cost_distance(raster(MAZE), marked)
    by_points = cost_distance(raster(MAZE), [CORNER, (300_045, 5_000_015)])
    xr.testing.assert_identical(by_raster, by_points)
    with assert_lazy():
        lazy = cost_distance(raster(MAZE), marked.chunk(x=2))
    xr.testing.assert_identical(lazy.compute(), by_raster)


def test_sources_per_date_and_frictions_per_variable() -> None:
    sources = raster(np.zeros((4, 5)), times=["2024-01-01", "2024-01-02"])
    sources[0, 0, 0] = 1
    cube = raster(MAZE).to_dataset().assign(b=raster(2.0), when=("run", [1.5]))
    cost = cost_distance(cube, sources.chunk(time=2, y=3))
    assert cost["b"].dims == ("time", "y", "x")
    assert cost["b"][0, 0, 1] == 20
    assert cost["a"][1].isnull().all()
    xr.testing.assert_identical(cost["when"], cube["when"])


def test_nothing_to_cross_and_a_cell_alone() -> None:
    assert cost_distance(raster(np.nan), [CORNER]).isnull().all()
    assert cost_distance(raster(1.0), raster(0)).isnull().all()
    assert not least_cost_path(raster(np.nan), CORNER, GOAL).any()
    one = raster(3.0).isel(y=[0], x=[0])
    assert cost_distance(one, [CORNER]).item() == 0
    assert least_cost_path(one, CORNER, CORNER).item() == 1


def test_a_cube_of_no_date() -> None:
    none = raster(1.0, times=["2024-01-01"]).isel(time=slice(0, 0))
    xr.testing.assert_identical(
        cost_distance(none.chunk(y=2), [CORNER]).compute(), cost_distance(none, [CORNER])
    )


def test_a_largest_cost() -> None:
    cost = cost_distance(raster(np.uint8(2)), [CORNER], max_cost=45)
    np.testing.assert_array_equal(cost[0], [0, 20, 40, np.nan, np.nan])
    whole = cost_distance(raster(np.uint8(2)), [CORNER])
    xr.testing.assert_identical(cost, whole.where(whole <= 45))


def test_as_scikit_image_on_cells_that_are_not_square() -> None:
    grid = GeoBox.from_bbox((0, 0, 900, 1200), crs="EPSG:32633", shape=(60, 30))
    friction = np.random.default_rng(6).uniform(0.5, 4, grid.shape)
    search = MCP_Geometric(friction, sampling=(20, 30))
    expected, _ = search.find_costs([(59, 0)])
    cost = cost_distance(raster(friction, geobox=grid), [(15, 10)])
    np.testing.assert_allclose(cost, expected, rtol=1e-12)
    path = least_cost_path(raster(friction, geobox=grid), (15, 10), (885, 1190))
    cells = np.argwhere(path.values > 0)
    order = path.values[path.values > 0].argsort()
    np.testing.assert_array_equal(cells[order], search.traceback((0, 29)))


@settings(max_examples=40)
@given(cube=cubes(chunked=False), data=st.data())
def test_no_seams(cube: xr.Dataset, data: st.DataObject) -> None:
    geobox = geobox_of(cube)
    assume(geobox.crs is not None and not geobox.crs.geographic)
    red = cube["red"]
    lazy = red.chunk(dict(zip(red.dims, data.draw(chunks(red.shape)), strict=True)))
    start, end = ((x, y) for x, y in ((red.x.values[at], red.y.values[at]) for at in (0, -1)))
    with assert_lazy():
        cost = cost_distance(lazy, [start, end], connectivity=4)
        path = least_cost_path(lazy, start, end)
    xr.testing.assert_identical(cost.compute(), cost_distance(red, [start, end], connectivity=4))
    xr.testing.assert_identical(path.compute(), least_cost_path(red, start, end))


def test_tasks_chunks_and_names() -> None:
    lazy = raster(MAZE).chunk(y=2, x=2)
    for result in (cost_distance(lazy, [CORNER]), least_cost_path(lazy, CORNER, GOAL)):
        assert count_tasks(result) - count_tasks(lazy) == lazy.data.npartitions + 1
        assert result.chunks == lazy.chunks
    assert cost_distance(lazy, [CORNER]).data.name == cost_distance(lazy, [CORNER]).data.name
    assert cost_distance(lazy, [CORNER]).data.name != cost_distance(lazy, [GOAL]).data.name


def test_refused() -> None:
    degrees = GeoBox.from_bbox((10, 50, 10.1, 50.1), crs="EPSG:4326", resolution=0.01)
    with pytest.raises(GeoreferenceError, match="reproject to a projected CRS first"):
        cost_distance(raster(1, geobox=degrees), [(10.05, 50.05)])
    with pytest.raises(AlgebraError, match=r"end: .* lies outside the raster"):
        least_cost_path(raster(1), CORNER, (300_050, 5_000_035))
    with pytest.raises(IncompatibleCubesError, match="size"):
        cost_distance(raster(1), raster(1).isel(x=slice(1, None)))
    with pytest.raises(DimensionError, match="one raster"):
        cost_distance(raster(1), raster(1).to_dataset())  # type: ignore[arg-type]
    wrong: Any
    for wrong in ([], CORNER, [("a", "b")], [(np.nan, 1)], "here", [(1, 2), (3,)]):
        with pytest.raises(AlgebraError, match="sources must be given by coordinates"):
            cost_distance(raster(1), wrong)
    for wrong in (6, True, "8"):
        with pytest.raises(AlgebraError, match="connectivity must be 4"):
            cost_distance(raster(1), [CORNER], connectivity=wrong)
