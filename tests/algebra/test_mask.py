"""Masking: what a mask hits, and what it doesn't know, becomes NoData."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from tests.cube.rasters import raster
from xcube_tiles.algebra.mask import mask
from xcube_tiles.errors import CellTypeError, DimensionError, IncompatibleCubesError
from xcube_tiles.testing.asserts import assert_lazy

CLOUDS = raster(np.array([0, 1, 2, 255, 0], np.uint8), nodata=255)
LAND = raster(np.array([10, 20, 30, 40, 50], np.int16), nodata=-1)


def test_every_value_but_zero() -> None:
    result = mask(LAND, CLOUDS)
    np.testing.assert_array_equal(result[0], [10, -1, -1, -1, 50])
    assert result.dtype == np.int16
    assert result.attrs["_FillValue"] == -1


def test_named_values_and_inverse() -> None:
    np.testing.assert_array_equal(mask(LAND, CLOUDS, values=[2])[0], [10, 20, -1, -1, 50])
    np.testing.assert_array_equal(
        mask(LAND, CLOUDS, values=[2], inverse=True)[0], [-1, -1, 30, -1, -1]
    )


def test_bool_and_float_masks() -> None:
    np.testing.assert_array_equal(mask(LAND, CLOUDS == 1)[0], [10, -1, 30, 40, 50])
    unknown = raster(np.array([0, np.nan, 0, 0, 3]))
    np.testing.assert_array_equal(mask(LAND, unknown)[0], [10, -1, 30, 40, -1])


def test_a_mask_per_date_and_one_for_all() -> None:
    dates = ["2024-01-01", "2024-01-02"]
    cube = raster(1.0, times=dates).to_dataset()
    clouds = raster(np.uint8(0), times=dates).copy()
    clouds[1] = 1
    result = mask(cube, clouds)
    assert not np.isnan(result["a"][0]).any()
    assert np.isnan(result["a"][1]).all()
    assert mask(cube, CLOUDS)["a"].dims == ("time", "y", "x")
    widened = mask(LAND, clouds)
    assert widened.dims == ("time", "y", "x")
    np.testing.assert_array_equal(widened[1], np.full((4, 5), -1))


def test_a_mask_per_date_leaves_the_dimensions_in_their_order() -> None:
    dates = ["2024-01-01", "2024-01-02"]
    cube = raster(1.0, times=dates).expand_dims(run=3)
    clouds = raster(np.uint8(0), times=dates, nodata=255)
    assert mask(cube, clouds).dims == ("run", "time", "y", "x")
    assert mask(cube.isel(time=0, drop=True), clouds).dims == ("time", "run", "y", "x")


def test_lazy_whatever_the_chunks() -> None:
    with assert_lazy():
        lazy = mask(LAND.chunk(x=2), CLOUDS.chunk(y=3))
    xr.testing.assert_identical(lazy.compute(), mask(LAND, CLOUDS))


def test_refused() -> None:
    with pytest.raises(CellTypeError, match="no NoData value"):
        mask(raster(np.uint8(1)), CLOUDS)
    with pytest.raises(IncompatibleCubesError, match="size"):
        mask(LAND, CLOUDS.isel(x=slice(1, None)))
    with pytest.raises(DimensionError, match="Dataset"):
        mask(LAND, CLOUDS.to_dataset())


def test_values_must_be_a_list() -> None:
    with pytest.raises(DimensionError, match="must be a list of mask values, got 3"):
        mask(LAND, CLOUDS, values=3)  # type: ignore[arg-type]
