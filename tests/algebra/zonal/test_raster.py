"""Zonal fill: each cell gets the value of its zone."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.algebra.zonal.test_statistics import ZONES, on_grid, scenes
from tests.cube.rasters import raster
from xcube_tiles.algebra.zonal.raster import to_raster
from xcube_tiles.algebra.zonal.statistics import zonal
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import (
    CellTypeError,
    DimensionError,
    IncompatibleCubesError,
    NoDataCollisionError,
)
from xcube_tiles.testing.asserts import assert_lazy

TIMES = ["2024-01-01", "2024-01-02"]


def test_by_hand() -> None:
    cells = raster(np.array([3, 5, 7, 255, 9], np.uint8), nodata=255)
    painted = zonal(cells, ZONES, ["mean", "max", "count"]).tiles.to_raster(ZONES)
    np.testing.assert_array_equal(painted["mean"][0], [4, 4, 7, 7, np.nan])
    np.testing.assert_array_equal(painted["max"][0], [5, 5, 7, 7, 255])
    assert cell_type_of(painted["max"]).name == "uint8ud255"
    np.testing.assert_array_equal(painted["count"][0], [8, 8, 4, 4, -(2**63)])
    assert cell_type_of(painted["count"]).name == "int64"
    assert geobox_of(painted) == geobox_of(ZONES)


def test_zones_that_the_table_lacks_and_has_too_many() -> None:
    table = xr.DataArray(np.array([4, 5, 6], "uint8"), {"zone": [900, 2, -1]}, name="v")
    painted = to_raster(table, ZONES)
    np.testing.assert_array_equal(painted[0], [-(2**15), -(2**15), 5, 5, -(2**15)])
    assert cell_type_of(painted).name == "int16"
    assert painted.name == "v"
    zero = xr.DataArray([1.0, 2.0], {"zone": [0, 1]})
    np.testing.assert_array_equal(to_raster(zero, ZONES)[0], [2, 2, np.nan, np.nan, np.nan])


@settings(max_examples=15)
@given(scene=scenes(), chunked=st.booleans())
def test_every_cell_has_the_value_of_its_zone(
    scene: tuple[xr.DataArray, xr.DataArray, object], chunked: bool
) -> None:
    array, zones, _ = scene
    table = zonal(array, zones, ["count", "mean"])
    lazy = zones.chunk(y=2, x=3)
    with assert_lazy():
        painted = to_raster(table.chunk() if chunked else table, lazy)
    assert painted["mean"].dims == ("time", "y", "x")
    xr.testing.assert_identical(painted.compute(), to_raster(table, zones))
    nodata = cell_type_of(painted["count"]).nodata
    numbers = np.broadcast_to(zones.values, array.shape)
    labels = table["zone"].values.tolist()
    for name, missing in (("count", nodata), ("mean", np.nan)):
        rows, cells = table[name].values, painted[name].values
        for index in np.ndindex(*array.shape):
            label = int(numbers[index])
            expected = rows[index[0], labels.index(label)] if label in labels else missing
            np.testing.assert_equal(cells[index], expected)


def test_zones_of_each_time_and_of_the_table() -> None:
    moving = raster(np.uint8(1), times=TIMES).copy()
    moving[1] = 2
    table = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("time", "zone"))
    table = table.assign_coords(zone=[1, 2], time=moving["time"])
    assert to_raster(table, moving)[:, 0, 0].values.tolist() == [1, 4]
    assert to_raster(table, moving.isel(time=0, drop=True))[:, 0, 0].values.tolist() == [1, 3]
    assert to_raster(table[0].drop_vars("time"), moving)[:, 0, 0].values.tolist() == [1, 2]
    later = table.assign_coords(time=moving["time"] + np.timedelta64(1, "D"))
    with pytest.raises(IncompatibleCubesError, match="labels of 'time' differ"):
        to_raster(later, moving)


def test_what_has_no_zone_stays() -> None:
    table = xr.Dataset({"v": ("zone", [1.0]), "n": 3}, {"zone": [1]}, {"title": "t"})
    painted = to_raster(table, ZONES)
    assert painted["n"] == 3
    assert painted.attrs == {"title": "t"}
    assert "zone" not in painted.dims


def test_refused() -> None:
    with pytest.raises(DimensionError, match=r"dimension 'zone', got \('y', 'x'\)"):
        to_raster(raster(1.0), ZONES)
    with pytest.raises(DimensionError, match="must be integers, got no coordinate"):
        to_raster(xr.DataArray([1.0], dims="zone"), ZONES)
    with pytest.raises(DimensionError, match="must differ"):
        to_raster(xr.DataArray([1.0, 2.0], {"zone": [1, 1]}), ZONES)
    with pytest.raises(CellTypeError, match="zones must be integers"):
        to_raster(xr.DataArray([1.0], {"zone": [1]}), raster(1.0))
    lowest = xr.DataArray([np.int64(-(2**63))], {"zone": [1]})
    with pytest.raises(NoDataCollisionError, match="convert the table"):
        to_raster(lowest, on_grid(np.array([[1]])))
