from __future__ import annotations

import pickle
import warnings
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from xcube_tiles.algebra.reduce import reduce
from xcube_tiles.algebra.reducers import REDUCERS, reducer_named, reducer_names
from xcube_tiles.cube.bands import stack_bands, unstack_bands
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import DimensionError, ReducerError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

NODATA = -9999
EXACT = ("first", "last", "min", "max", "median", "mode", "minority", "variety", "count", "any")
ROUNDED = ("mean", "sum", "product", "sd", "variance")


def stack(dtype: str = "int16", shape: tuple[int, ...] = (6, 8, 10)) -> xr.DataArray:
    generator = np.random.default_rng(7)
    values = generator.integers(0, 12, shape).astype(dtype)
    values[generator.random(shape) < 0.3] = NODATA
    values[:, 0, 0] = NODATA
    if np.dtype(dtype).kind == "f":
        values[values == NODATA] = np.nan
    array = xr.DataArray(
        values,
        coords={
            "time": pd.date_range("2018-05-01", periods=shape[0], freq="5D"),
            "y": np.arange(shape[1])[::-1] * 10.0,
            "x": np.arange(shape[2]) * 10.0,
            "cloud_cover": ("time", np.arange(shape[0])),
            "spatial_ref": 0,
        },
        dims=("time", "y", "x"),
        name="ndvi",
        attrs={"units": "1", "long_name": "index"},
    )
    return array if np.dtype(dtype).kind == "f" else array.assign_attrs(_FillValue=NODATA)


def masked(array: xr.DataArray) -> Any:
    return np.ma.masked_equal(array.values, NODATA)


def two_bands() -> xr.Dataset:
    clouds = stack("int16").copy(data=np.roll(stack("int16").values, 1, axis=2))
    return xr.Dataset({"red": stack(), "nir": stack() + 3, "clouds": clouds}).assign(
        nir=stack().where(stack() == NODATA, stack() + 3).astype("int16")
    )


@pytest.mark.parametrize("name", ["min", "max", "mean", "sum", "sd", "variance", "count"])
def test_integers_with_nodata_equal_masked_arrays(name: str) -> None:
    array = stack()
    oracle = {"sd": "std", "variance": "var"}.get(name, name)
    kwargs = {} if name in ("min", "max", "count") else {"dtype": np.float64}
    expected = getattr(masked(array), oracle)(axis=0, **kwargs)
    result = reduce(array, "time", name)
    nodata = cell_type_of(result).nodata
    if name == "count":
        assert nodata is None
        np.testing.assert_array_equal(result, expected)
        return
    assert nodata is not None
    expected = expected.astype(result.dtype).filled(nodata)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_the_median_of_integers_equals_masked_arrays() -> None:
    result = reduce(stack(), "time", "median")
    expected = np.ma.median(masked(stack()), axis=0).filled(np.nan)  # type: ignore[no-untyped-call]
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == np.float32


@pytest.mark.parametrize("name", ["min", "max", "mean", "median", "sum", "sd", "variance"])
def test_floats_equal_xarray(name: str) -> None:
    array = stack("float64")
    oracle = {"sd": "std", "variance": "var"}.get(name, name)
    options: dict[str, Any] = {"min_count": 1} if name == "sum" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = getattr(array, oracle)("time", **options)
    xr.testing.assert_allclose(reduce(array, "time", name), expected, rtol=1e-12)


def test_the_frame_is_that_of_xarray() -> None:
    array = stack("float32")
    result, expected = reduce(array, "time", "max"), array.max("time")
    xr.testing.assert_identical(result, expected)
    assert list(result.coords) == list(expected.coords)


def test_first_and_last_skip_nodata_unless_told_otherwise() -> None:
    array = xr.DataArray(
        np.array([[9, 1, 9], [2, 3, 9], [4, 9, 9]], "uint8"),
        dims=("time", "x"),
        attrs={"_FillValue": 9},
    )
    assert reduce(array, "time", "first").values.tolist() == [2, 1, 9]
    assert reduce(array, "time", "last").values.tolist() == [4, 3, 9]
    assert reduce(array, "time", "first", skipna=False).values.tolist() == [9, 1, 9]
    assert reduce(array, "time", "last", skipna=False).values.tolist() == [4, 9, 9]


@pytest.mark.parametrize("name", ["min", "mean", "median", "mode", "sum", "sd"])
def test_skipna_false_propagates_nodata(name: str) -> None:
    result = reduce(stack(), "time", name, skipna=False)
    some = (stack() == NODATA).any("time").values
    np.testing.assert_array_equal(cell_type_of(result).is_nodata(result.values), some)


def test_min_count() -> None:
    result = reduce(stack(), "time", "median", min_count=4)
    few = (stack() != NODATA).sum("time") < 4
    np.testing.assert_array_equal(np.isnan(result), few)


@pytest.mark.parametrize(
    ("name", "cell_type", "expected"),
    [
        ("max", "uint8ud255", "uint8ud255"),
        ("max", "uint8raw", "uint8raw"),
        ("first", "float32ud-1.0", "float32ud-1.0"),
        ("mean", "uint8raw", "float32"),
        ("median", "int32ud-1", "float64"),
        ("sum", "uint16ud0", "uint64ud18446744073709551615"),
        ("sum", "int8raw", "int64raw"),
        ("sum", "int64ud-1", "float64"),
        ("sum", "float32", "float64"),
        ("product", "uint8raw", "float64"),
        ("count", "uint8ud255", "int32raw"),
        ("variety", "float32", "int32raw"),
        ("any", "uint8ud255", "bool"),
        ("mode", "bool", "bool"),
        ("mean", "bool", "float32"),
    ],
)
def test_cell_types_of_results(name: str, cell_type: str, expected: str) -> None:
    source = CellType.parse(cell_type)
    array = set_cell_type(xr.DataArray(np.ones((3, 2), source.dtype), dims=("t2", "x")), source)
    assert cell_type_of(reduce(array, "t2", name)).name == expected


def test_sums_and_means_never_wrap() -> None:
    array = xr.DataArray(np.full((300, 2), 255, "uint8"), dims=("n", "x"))
    assert reduce(array, "n", "sum").values.tolist() == [76_500, 76_500]
    assert reduce(array, "n", "mean").values.tolist() == [255, 255]
    large = xr.DataArray(np.full((2, 1), 2**63 - 1), dims=("n", "x"))
    assert reduce(large, "n", "sum").values.tolist() == [2.0**64]


def test_any_and_all() -> None:
    array = xr.DataArray(
        np.array([[0, 9, 2, 0], [1, 9, 3, 0]], "uint8"),
        dims=("time", "x"),
        attrs={"_FillValue": 9, "units": "1"},
    )
    assert reduce(array, "time", "any").values.tolist() == [True, False, True, False]
    assert reduce(array, "time", "all").values.tolist() == [False, False, True, False]
    assert reduce(array, "time", "all").attrs == {}


def test_attributes() -> None:
    assert reduce(stack(), "time", "max").attrs == stack().attrs
    assert reduce(stack(), "time", "mean").attrs == {"units": "1", "long_name": "index"}
    assert reduce(stack(), "time", "count").attrs == {"long_name": "index"}
    assert reduce(stack(), "time", "variance").attrs["units"] == "(1)^2"


def test_quantiles_make_a_dimension_one_makes_a_coordinate() -> None:
    array = stack("float64")
    several = reduce(array, "time", "quantile", q=[0.1, 0.9])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = array.quantile([0.1, 0.9], "time")
    # xarray's quantile drops the scalar coordinate
    xr.testing.assert_allclose(several.drop_vars("spatial_ref"), expected)
    assert several.dims == ("quantile", "y", "x")
    one = reduce(array, "time", "quantile", q=0.9)
    xr.testing.assert_equal(one, several.isel(quantile=1))


def test_functions_get_floats_with_nan() -> None:
    def spread(values: np.ndarray, axis: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return np.asarray(np.nanmax(values, axis=axis) - np.nanmin(values, axis=axis))

    for array in (stack(), stack().chunk({"time": 2, "y": 5})):
        result = reduce(array, "time", spread)
        expected = (masked(stack()).max(axis=0) - masked(stack()).min(axis=0)).astype(float)
        np.testing.assert_array_equal(result, expected.filled(np.nan))
        assert result.dtype == np.float32


def test_a_dataset_reduces_what_has_the_dimension() -> None:
    cube = two_bands().assign(height=stack().isel(time=0, drop=True))
    result = reduce(cube, "time", "max")
    assert result.height.identical(cube.height.drop_vars("cloud_cover", errors="ignore"))
    xr.testing.assert_identical(result.red, reduce(cube.red, "time", "max"))
    assert "time" not in result.dims
    assert "cloud_cover" not in result.coords


def test_bands_are_an_axis_or_variables() -> None:
    cube = two_bands()
    result = reduce(cube, "bands", "max")
    assert list(result.data_vars) == ["max"]
    expected = np.ma.stack([masked(cube[name]) for name in cube]).max(axis=0).filled(NODATA)
    np.testing.assert_array_equal(result["max"], expected)
    np.testing.assert_array_equal(reduce(stack_bands(cube), "bands", "max"), expected)


@pytest.mark.parametrize("name", ["last-band-low", "last-band-high", "last-band-average"])
def test_selection_by_the_last_band(name: str) -> None:
    cube = two_bands()
    result = reduce(cube, "time", name)
    assert list(result.data_vars) == ["red", "nir"]
    guide = masked(cube.clouds).astype(float)
    valid = ~np.ma.getmaskarray(guide) & (cube.red.values != NODATA)
    mean = np.ma.masked_array(guide, ~valid).mean(axis=0)
    wanted = {"low": guide, "high": -guide, "average": abs(guide - mean)}
    order = np.where(valid, wanted[name.rpartition("-")[2]].filled(0), np.inf)
    at = order.argmin(axis=0)
    picked = np.take_along_axis(cube.red.values, at[None], 0)[0]
    np.testing.assert_array_equal(result.red, np.where(valid.any(axis=0), picked, NODATA))
    stacked = reduce(stack_bands(cube), "time", name)
    assert stacked.dims == ("bands", "y", "x")
    xr.testing.assert_equal(unstack_bands(stacked), result)
    lazy = reduce(cube.chunk({"time": 2, "y": 3}), "time", name)
    xr.testing.assert_identical(lazy.compute(), result)


def test_the_geomedian_lies_between_the_bands() -> None:
    cube = two_bands()[["red", "nir"]]
    result = reduce(cube, "time", "geomedian")
    # nir is red + 3 wherever both are valid: all observations lie on one line.
    np.testing.assert_allclose(
        result.nir - result.red, np.where(np.isnan(result.red), np.nan, 3), atol=1e-4
    )
    stacked = reduce(stack_bands(cube), "time", "geomedian")
    assert stacked.dims == ("bands", "y", "x")
    lazy = reduce(cube.chunk({"time": 2, "y": 3}), "time", "geomedian")
    xr.testing.assert_identical(lazy.compute(), result)


@pytest.mark.parametrize("dim", ["time", "y", "x"])
@pytest.mark.parametrize("name", [name for name in reducer_names() if "-band-" not in name])
def test_chunked_equals_unchunked(name: str, dim: str) -> None:
    options: dict[str, Any] = {"q": [0.2, 0.5]} if name == "quantile" else {}
    cube: Any = two_bands()[["red", "nir"]] if name == "geomedian" else stack("float32")
    with assert_lazy():
        lazy = reduce(cube.chunk({"time": 2, "y": 3, "x": 4}), dim, name, **options)
    whole = reduce(cube, dim, name, **options)
    check = xr.testing.assert_allclose if name in ROUNDED else xr.testing.assert_identical
    check(lazy.compute(), whole)
    for got, expected in zip(
        lazy.data_vars.values() if name == "geomedian" else [lazy],
        whole.data_vars.values() if name == "geomedian" else [whole],
        strict=True,
    ):
        assert got.dtype == expected.dtype == got.compute().dtype
        assert got.attrs == expected.attrs


@settings(max_examples=40)
@given(st.data(), st.sampled_from((*EXACT, "sum")))
def test_any_chunks_equal_none_to_the_bit(data: st.DataObject, name: str) -> None:
    cell_type = data.draw(cell_types(("uint8", "int16", "int32", "bool")))
    shape = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 4), st.integers(1, 4)))
    array = xr.DataArray(data.draw(cells(cell_type, shape)), dims=("time", "y", "x"))
    array = set_cell_type(array, cell_type)
    pieces = dict(zip(array.dims, data.draw(chunks(shape)), strict=True))
    xr.testing.assert_identical(
        reduce(array.chunk(pieces), "time", name).compute(), reduce(array, "time", name)
    )


@settings(max_examples=30)
@given(st.data(), st.sampled_from(("median", "mode", "min", "first", "mean", "sd")))
def test_blocks_of_y_and_x_make_no_difference_to_floats(data: st.DataObject, name: str) -> None:
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5)))
    kind = CellType.parse("float32")
    array = xr.DataArray(data.draw(cells(kind, shape)), dims=("time", "y", "x"))
    pieces = dict(zip(("y", "x"), data.draw(chunks(shape[1:])), strict=True))
    with np.errstate(all="ignore"):
        lazy = reduce(array.chunk({"time": -1, **pieces}), "time", name).compute()
        xr.testing.assert_identical(lazy, reduce(array, "time", name))


def test_order_statistics_need_one_task_a_block() -> None:
    array = stack("float32", (6, 64, 64)).chunk({"time": -1, "y": 16, "x": 16})
    with assert_lazy():
        result = reduce(array, "time", "median")
    # Beside the 16 blocks of the source; the view that drops the axis is fused into its block.
    assert count_tasks(result, optimized=True) <= 2 * 16


def test_streaming_needs_two_tasks_a_block_and_few_more() -> None:
    array = stack("float32", (6, 64, 64)).chunk({"time": 1, "y": 32, "x": 32})
    with assert_lazy():
        result = reduce(array, "time", "mean")
    blocks = array.data.npartitions
    assert count_tasks(result) - count_tasks(array) <= 1.6 * blocks


@pytest.mark.parametrize("name", ["median", "mode"])
def test_joined_blocks_do_not_grow(name: str) -> None:
    array = xr.DataArray(
        da.zeros((30, 8192, 8192), chunks=(1, 4096, 4096), dtype="uint8"), dims=("time", "y", "x")
    )
    result = reduce(array, "time", name)
    assert result.data.chunksize[0] * result.data.chunksize[1] * 30 <= 4096 * 4096


def test_small_joined_blocks_are_not_cut_up() -> None:
    array = xr.DataArray(da.zeros((68, 101, 100), chunks=(1, 101, 100)), dims=("time", "y", "x"))
    assert reduce(array, "time", "median").data.chunksize == (101, 100)


@pytest.mark.parametrize("dates", [2, 3, 12, 24, 60])
def test_joined_blocks_are_halved_so_that_they_stay_aligned(dates: int) -> None:
    cells = da.zeros((dates, 6144, 5000), chunks=(1, 2048, 2048), dtype="float64")
    result = reduce(xr.DataArray(cells, dims=("time", "y", "x")), "time", "median")
    height, width = result.data.chunksize
    assert {height, width} <= {2048, 1024, 512, 256, 128}
    assert all(size == height for size in result.data.chunks[0])
    assert all(size == width for size in result.data.chunks[1][:-1])
    assert height * width * dates <= 2048 * 2048


@pytest.mark.parametrize("q", [[], "half", object()])
def test_shares_that_are_none(q: Any) -> None:
    with pytest.raises(ReducerError, match="q is one or several shares between 0 and 1, got"):
        reduce(stack(), "time", "quantile", q=q)


def test_names_are_the_same_for_the_same_work_and_others_for_other() -> None:
    array = stack().chunk({"time": 2})
    names = {
        (name, q): reduce(array, "time", name, q=q).data.name
        for name, q in (("median", None), ("mean", None), ("quantile", 0.1), ("quantile", 0.2))
    }
    assert len(set(names.values())) == 4
    assert reduce(array, "time", "median").data.name == names["median", None]
    assert reduce(array, "time", "mean", min_count=2).data.name != names["mean", None]


def test_lazy_results_pickle() -> None:
    result = reduce(stack().chunk({"time": 2}), "time", "max")
    xr.testing.assert_identical(pickle.loads(pickle.dumps(result)).compute(), result.compute())


def test_input_stays_as_it_was() -> None:
    array = stack()
    kept = array.copy(deep=True)
    for name in ("median", "count", "variance", "mode"):
        reduce(array, "time", name)
    xr.testing.assert_identical(array, kept)


def test_one_time_and_none() -> None:
    one = stack("float32").isel(time=[0])
    for name in ("median", "mean", "min", "first", "mode"):
        xr.testing.assert_equal(reduce(one, "time", name), one.isel(time=0, drop=True))
    with pytest.raises(ReducerError, match="the dimension is empty"):
        reduce(one.isel(time=[]), "time", "median")


def test_raw_cells_can_not_become_nodata() -> None:
    raw = xr.DataArray(np.ones((2, 3), "uint8"), dims=("time", "x"))
    with pytest.raises(ReducerError, match="'uint8raw' has no number that means NoData"):
        reduce(raw, "time", "max", min_count=3)
    assert np.isnan(reduce(raw, "time", "median", min_count=3)).all()


def test_bands_of_other_shapes_are_no_guide() -> None:
    cube = two_bands()
    with pytest.raises(ReducerError, match="needs bands of equal dimensions"):
        reduce(cube.assign(clouds=cube.clouds.isel(y=0, drop=True)), "time", "last-band-low")
    with pytest.raises(ReducerError, match="needs a band to select by"):
        reduce(cube[["red"]], "time", "last-band-low")
    with pytest.raises(ReducerError, match="needs a band axis besides 'time'"):
        reduce(cube.red, "time", "geomedian")


def test_a_function_must_remove_the_axis() -> None:
    with pytest.raises(ReducerError, match="must remove the axis"):
        reduce(stack(), "time", lambda values, axis: values)


def test_quantile_is_taken() -> None:
    array = stack("float32").rename(y="quantile")
    with pytest.raises(DimensionError, match="'quantile' already"):
        reduce(array, "time", "quantile", q=0.5)


def test_aliases() -> None:
    for alias, name in (
        ("majority", "mode"),
        ("std", "sd"),
        ("var", "variance"),
        ("highest", "max"),
    ):
        assert reducer_named(alias).name == name
    names = [name for row in REDUCERS for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))


def test_a_field_in_kelvin_is_averaged_right() -> None:
    field = np.linspace(273.15, 303.15, 1 << 22, dtype=np.float32).reshape(4096, 1024)
    array = xr.DataArray(field, dims=("y", "x"))
    over_y = reduce(array, "y", "mean")
    assert over_y.dtype == np.float32
    assert abs(float(reduce(over_y, "x", "mean")) - 288.15) < 1e-4
