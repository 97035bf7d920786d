from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from xcube_tiles.algebra.reduce import reduce
from xcube_tiles.algebra.temporal import aggregate
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.dimensions import dimension_types
from xcube_tiles.errors import DimensionError, ReducerError
from xcube_tiles.testing.asserts import assert_lazy

TIMES = pd.DatetimeIndex(["2018-05-04", "2018-05-24", "2018-05-06", "2018-07-01", "2019-05-30"])


def stack(dtype: str = "float64") -> xr.DataArray:
    values = np.random.default_rng(3).integers(1, 50, (5, 4, 6)).astype(dtype)
    array = xr.DataArray(
        values,
        coords={
            "time": ("time", TIMES, {"long_name": "acquired"}),
            "y": [3.0, 2, 1, 0],
            "x": np.arange(6.0),
            "spatial_ref": 0,
        },
        dims=("time", "y", "x"),
        name="ndvi",
    )
    return array if dtype.startswith("float") else array.assign_attrs(_FillValue=0)


@pytest.mark.parametrize(
    ("periods", "frequency"), [("month", "1MS"), ("1YS", "1YS"), ("year", "YS")]
)
@pytest.mark.parametrize("name", ["mean", "median", "max"])
def test_equals_resample(periods: str, frequency: str, name: str) -> None:
    with xr.set_options(use_flox=False):  # flox trips over numpy 2.5
        expected = getattr(stack().sortby("time").resample(time=frequency), name)()
    got = aggregate(stack(), "time", periods, name)
    xr.testing.assert_allclose(got, expected)
    assert got.dims == ("time", "y", "x")
    assert got.name == "ndvi"
    assert got.time.attrs == {"long_name": "acquired"}


def test_empty_periods_are_nodata() -> None:
    got = aggregate(stack("int16"), "time", "month", "max")
    assert got.dtype == np.int16
    assert (got.sel(time="2018-06") == 0).all()
    assert cell_type_of(got).nodata == 0
    counts = aggregate(stack("int16"), "time", "month", "count")
    assert counts.isel(y=0, x=0).values.tolist() == [3, 0, 1, *[0] * 9, 1]


def test_empty_periods_need_a_nodata_number() -> None:
    raw = stack("int16").drop_attrs(deep=False)
    with pytest.raises(ReducerError, match="'int16raw' has no number that means NoData"):
        aggregate(raw, "time", "month", "max")
    assert np.isnan(aggregate(raw, "time", "month", "median").sel(time="2018-06")).all()
    assert cell_type_of(aggregate(raw, "time", "month", "sum")).nodata == -(2**63)


def test_seasons_carry_their_names() -> None:
    got = aggregate(stack(), "time", "season", "mean")
    assert got.season.values.tolist() == ["MAM", "JJA", "SON", "DJF", "MAM"]
    assert str(got.time.values[3])[:10] == "2018-12-01"


def test_intervals_with_labels() -> None:
    intervals = [("2018-05-01", "2018-05-24"), ("2018-05-24", "2019-06-01")]
    got = aggregate(stack(), "time", intervals, "min", labels=["early", "late"])
    xr.testing.assert_equal(
        got.isel(time=0, drop=True), reduce(stack().isel(time=[0, 2]), "time", "min")
    )
    assert got.time.values.tolist() == ["early", "late"]
    assert dimension_types(got)["time"] == "other"
    middles = [pd.Timestamp("2018-05-12"), pd.Timestamp("2018-12-01")]
    dated = aggregate(stack(), "time", intervals, "min", labels=middles)
    assert dimension_types(dated)["time"] == "temporal"
    plain = aggregate(stack(), "time", intervals, "min")
    np.testing.assert_array_equal(plain, got)
    assert plain.time.dtype == stack().time.dtype


def test_climatology_equals_groupby() -> None:
    with xr.set_options(use_flox=False):
        expected = stack().groupby("time.month").median()
    got = aggregate(stack(), "time", "climatology:month", "median")
    np.testing.assert_allclose(got, expected.transpose("month", "y", "x"))
    assert got.dims == ("month", "y", "x")
    assert got.month.values.tolist() == [5, 7]


@pytest.mark.parametrize("periods", ["month", "climatology:season", [("2018", "2019")]])
@pytest.mark.parametrize("name", ["median", "mean", "mode"])
def test_lazy_equals_eager(periods: Any, name: str) -> None:
    array = stack("int16")
    with assert_lazy():
        lazy = aggregate(array.chunk({"time": 2, "y": 2}), "time", periods, name)
        again = aggregate(array.chunk({"time": 2, "y": 2}), "time", periods, name)
    assert lazy.data.name == again.data.name
    xr.testing.assert_identical(lazy.compute(), aggregate(array, "time", periods, name))


def test_a_dataset_keeps_what_has_no_time() -> None:
    cube = xr.Dataset(
        {"ndvi": stack(), "height": stack().isel(time=0, drop=True), "red": stack("int16")},
        attrs={"title": "cube"},
    )
    got = aggregate(cube, "time", "year", "max")
    assert got.height.identical(cube.height)
    assert dict(got.red.sizes) == {"time": 2, "y": 4, "x": 6}
    assert got.red.dtype == np.int16
    assert got.attrs == {"title": "cube"}


def test_last_band_selection_period_by_period() -> None:
    cube = xr.Dataset({"red": stack("int16"), "clouds": stack()})
    got = aggregate(cube, "time", "year", "last-band-low")
    only = reduce(cube.isel(time=[0, 1, 2, 3]), "time", "last-band-low")
    np.testing.assert_array_equal(got.red.isel(time=0), only.red)


def test_one_quantile() -> None:
    got = aggregate(stack(), "time", "year", "quantile", q=0.25)
    np.testing.assert_allclose(
        got.isel(time=0), stack().isel(time=slice(0, 4)).quantile(0.25, "time")
    )
    with pytest.raises(ReducerError, match="takes one q"):
        aggregate(stack(), "time", "year", "quantile", q=[0.1, 0.2])  # type: ignore[arg-type]


def test_times_that_are_none() -> None:
    array = stack()
    with pytest.raises(DimensionError, match="labels of type int64, but periods need datetimes"):
        aggregate(array.assign_coords(time=range(5)), "time", "month", "mean")
    with pytest.raises(DimensionError, match="'time' has no coordinate"):
        aggregate(array.drop_vars("time"), "time", "month", "mean")
    with pytest.raises(DimensionError, match="is empty"):
        aggregate(array.isel(time=[]), "time", "month", "mean")
    with pytest.raises(DimensionError, match="'month' already"):
        aggregate(array.rename(x="month"), "time", "climatology:month", "mean")


def test_first_and_last_go_by_time_not_by_place() -> None:
    ordered = stack()
    mixed = ordered.isel(time=np.random.default_rng(3).permutation(ordered.sizes["time"]))
    for name in ("first", "last", "mean"):
        xr.testing.assert_equal(
            aggregate(mixed, "time", "1MS", name), aggregate(ordered, "time", "1MS", name)
        )
    with assert_lazy():
        aggregate(mixed.chunk(), "time", "1MS", "first")
