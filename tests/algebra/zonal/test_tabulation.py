"""Crosstabs, percentages and histograms of zones: by hand, by pandas and numpy, in any chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.algebra.zonal.test_statistics import ZONES, on_grid, scenes
from tests.cube.rasters import raster
from xcube_tiles.algebra.zonal.raster import to_raster
from xcube_tiles.algebra.zonal.statistics import zonal
from xcube_tiles.algebra.zonal.tabulation import crosstab, zonal_histogram, zonal_percentage
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, CellTypeError, DimensionError, IncompatibleCubesError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import chunks

COVER = raster(np.array([5, 6, 6, 9, 5], np.uint8), nodata=9)


def test_by_hand() -> None:
    table = crosstab(COVER, ZONES)
    assert table.dims == ("zone", "class")
    np.testing.assert_array_equal(table["class"], [5, 6])
    np.testing.assert_array_equal(table, [[4, 4], [0, 4]])
    np.testing.assert_array_equal(zonal_percentage(COVER, ZONES), [[50, 50], [0, 100]])


def test_chosen_labels_in_their_order() -> None:
    table = crosstab(COVER, ZONES, labels=[7, 2, 1], classes=[6, 5])
    np.testing.assert_array_equal(table, [[0, 0], [4, 0], [4, 4]])
    shares = zonal_percentage(COVER, ZONES, labels=[7, 1], classes=[6])
    np.testing.assert_array_equal(shares, [[np.nan], [50]])


def test_as_pandas() -> None:
    generator = np.random.default_rng(3)
    classes, zones = generator.integers(0, 10, (50, 60)), generator.integers(0, 99, (50, 60))
    frame = pd.crosstab(zones.ravel(), classes.ravel())
    table = crosstab(on_grid(classes), on_grid(zones))
    np.testing.assert_array_equal(table, frame)
    np.testing.assert_array_equal(table["zone"], frame.index)


@settings(max_examples=20)
@given(size=st.tuples(st.integers(1, 6), st.integers(1, 6)), data=st.data())
def test_any_chunks(size: tuple[int, int], data: st.DataObject) -> None:
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    days = {"time": np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")}
    numbers = generator.integers(0, 4, (2, *size)).astype(np.int16)
    classes = on_grid(numbers, _FillValue=np.int16(3)).assign_coords(days)
    zones = on_grid(generator.integers(0, 3, size).astype(np.uint8), _FillValue=np.uint8(0))
    pieces = data.draw(chunks((2, *size)))
    lazy = classes.chunk(dict(zip(classes.dims, pieces, strict=True)))
    with assert_lazy():
        tables = [
            crosstab(lazy, zones, classes=[0, 1, 2]),
            zonal_percentage(lazy, zones, classes=[2, 0]),
            zonal_histogram(lazy, zones, 3),
        ]
    wholes = [
        crosstab(classes, zones, classes=[0, 1, 2]),
        zonal_percentage(classes, zones, classes=[2, 0]),
        zonal_histogram(classes, zones, 3),
    ]
    for table, whole in zip(tables, wholes, strict=True):
        assert table.dims[0] == "time"
        xr.testing.assert_identical(table.compute(), whole)
    xr.testing.assert_identical(crosstab(lazy, zones.chunk()).compute(), crosstab(classes, zones))


@settings(max_examples=30)
@given(scene=scenes())
def test_histograms_as_numpy(scene: tuple[xr.DataArray, xr.DataArray, object]) -> None:
    array, zones, _ = scene
    edges = [-100.0, 0.0, 0.5, 7.0, 200.0]
    found = zonal_histogram(array, zones, edges)
    missing = cell_type_of(array).is_nodata(array.values)
    numbers = np.broadcast_to(zones.values, array.shape)
    for at, label in enumerate(found["zone"].values):
        for time in range(2):
            part = array.values[time][(numbers[time] == label) & ~missing[time]]
            counts = np.histogram(part.astype(np.float64), edges)[0]
            np.testing.assert_array_equal(found[time, at], counts)


def test_bins_between_the_extremes() -> None:
    array = raster(np.array([1.0, 2.0, np.nan, 5.0, 3.0]))
    found = zonal_histogram(array, ZONES, 4)
    np.testing.assert_array_equal(found["low"], [1, 2, 3, 4])
    np.testing.assert_array_equal(found["high"], [2, 3, 4, 5])
    np.testing.assert_array_equal(found, [[4, 4, 0, 0], [0, 0, 0, 4]])
    inside = zonal_histogram(array, ZONES, 1, range=(1.5, 2.5))
    np.testing.assert_array_equal(inside, [[4], [0]])


def test_no_layer_at_all() -> None:
    days = np.array(["2024-01-01"], "datetime64[ns]")
    none = COVER.expand_dims(time=days).isel(time=slice(0))
    assert crosstab(none, ZONES, classes=[5]).shape == (0, 2, 1)
    assert zonal_percentage(none, ZONES).shape == (0, 2, 0)
    assert zonal_histogram(none, ZONES, 3).shape == (0, 2, 3)
    painted = to_raster(zonal(none, ZONES, "mean"), ZONES)
    assert painted["mean"].shape == (0, *ZONES.shape)


def test_one_task_per_block() -> None:
    lazy, zones = (each.chunk(y=1, x=1) for each in (COVER, ZONES))
    table = crosstab(lazy, zones, labels=[1, 2], classes=[5, 6])
    assert count_tasks(table) <= 20 + 20 + 20 + 3 + 1 + 2


def test_refused() -> None:
    with pytest.raises(CellTypeError, match="classes must be integers or bool, got float64"):
        crosstab(raster(1.0), ZONES)
    with pytest.raises(CellTypeError, match="zones must be integers"):
        crosstab(COVER, raster(1.0))
    with pytest.raises(DimensionError, match="name the variable"):
        crosstab(COVER.to_dataset(), ZONES)
    with pytest.raises(IncompatibleCubesError, match="differ in size"):
        zonal_percentage(COVER, ZONES.isel(x=slice(2)))
    with pytest.raises(AlgebraError, match="classes contain 9, which means NoData"):
        crosstab(COVER, ZONES, classes=[9])
    with pytest.raises(AlgebraError, match="ascending edges"):
        zonal_histogram(COVER, ZONES, [3, 2])
    with pytest.raises(AlgebraError, match="at least 1"):
        zonal_histogram(COVER, ZONES, 0)
    with pytest.raises(AlgebraError, match="two finite ascending numbers"):
        zonal_histogram(COVER, ZONES, 2, range=(3, 1))
    with pytest.raises(AlgebraError, match="these have edges"):
        zonal_histogram(COVER, ZONES, [1, 2], range=(1, 3))
