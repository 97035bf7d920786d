from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.kernels.oracles import by_column
from xcube_tiles.errors import ReducerError
from xcube_tiles.kernels.reduce.order import median, quantile
from xcube_tiles.testing.strategies import cell_types, cells

SHAPES = npst.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=6)


def with_gaps(shape: tuple[int, ...], dtype: str, share: float = 0.3) -> np.ndarray:
    generator = np.random.default_rng(abs(hash((shape, dtype))) % 2**32)
    values = generator.normal(280, 20, shape).astype(dtype)
    values[generator.random(shape) < share] = np.nan
    return values


def nanmedian(values: np.ndarray, axis: int = 0) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN columns
        return np.asarray(np.nanmedian(values, axis=axis))


def assert_same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("depth", [*range(1, 13), 24, 31, 64, 65, 130])
def test_median_equals_numpy_to_the_bit(depth: int, dtype: str) -> None:
    values = with_gaps((depth, 13, 41), dtype)
    values[:, 0, 0] = np.nan
    assert_same_bits(median(values), nanmedian(values))


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
def test_median_of_any_axis(axis: int) -> None:
    values = with_gaps((3, 4, 30, 20), "float32")
    assert_same_bits(median(values, axis), nanmedian(values, axis))


def test_median_of_views_equals_that_of_copies() -> None:
    whole = with_gaps((5, 6, 70, 90), "float32")
    for view in (
        whole[:, 2],
        whole[:, :, 3:50, 7:60],
        whole[:, 1, ::2, ::-3],
        whole.swapaxes(0, 2),
    ):
        assert_same_bits(median(view), median(view.copy()))


def test_median_with_threads_equals_that_without() -> None:
    values = with_gaps((7, 60, 50), "float32")
    for axis in (0, 1):
        assert_same_bits(median(values, axis, threads=3), median(values, axis))


def test_median_by_hand() -> None:
    stack = np.array([[5, -9, 1, -9], [3, 7, 2, -9], [4, -9, 3, -9], [-9, -9, 4, -9]], "int16")
    got = median(stack, nodata=-9)
    np.testing.assert_array_equal(got, np.array([4, 7, 2.5, np.nan], "float32"))
    assert got.dtype == np.float32


def test_median_of_infinities_and_of_sums_beyond_the_range() -> None:
    big = np.float32(3e38)
    stack = np.array([[np.inf, big, -np.inf], [np.inf, big, 5]], "float32")
    np.testing.assert_array_equal(median(stack), [np.inf, big, -np.inf])


def test_median_of_the_largest_integer_which_pads_the_scratch() -> None:
    stack = np.array([[32767, 32767], [32767, 0], [0, 0]], "int16")
    np.testing.assert_array_equal(median(stack, nodata=0), np.array([32767, 32767], "float32"))


@pytest.mark.parametrize(
    ("dtype", "result"),
    [("bool", "float32"), ("uint16", "float32"), ("int32", "float64"), ("uint64", "float64")],
)
def test_medians_of_integers_are_floats_that_hold_them(dtype: str, result: str) -> None:
    stack = np.array([[0], [1], [1], [1]]).astype(dtype)
    got = median(stack)
    assert got.dtype == result
    assert got[0] == 1


def test_two_uint64_in_the_middle_do_not_wrap() -> None:
    stack = np.array([2**63, 2**63 + 2**12], np.uint64)
    assert median(stack) == 2.0**63 + 2**11


def test_min_count_makes_thin_columns_nodata() -> None:
    stack = np.array([[1, 1], [3, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(median(stack, min_count=2), [2, np.nan])


@given(st.data())
def test_median_of_any_cells_equals_a_loop(data: st.DataObject) -> None:
    cell_type = data.draw(cell_types(("uint8", "int16", "uint16", "int32", "bool")))
    stack = data.draw(cells(cell_type, SHAPES))
    axis = data.draw(st.integers(0, stack.ndim - 1))
    got = median(stack, axis, nodata=cell_type.nodata)
    expected = by_column(
        stack,
        axis,
        cell_type.nodata,
        lambda column: np.median(column.astype(np.float64)),
        dtype=got.dtype,
        missing=np.nan,
    )
    np.testing.assert_array_equal(got, expected)


@given(
    npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.integers(1, 5)),
        elements=st.floats(-(2.0**126), 2.0**126, width=32) | st.just(np.nan),
    )
)
def test_median_of_any_floats_equals_numpy(stack: np.ndarray) -> None:
    np.testing.assert_array_equal(median(stack), nanmedian(stack))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_quantiles_equal_numpy(axis: int) -> None:
    values = with_gaps((12, 30, 40), "float64", share=0.2)
    shares = [0.0, 0.1, 0.5, 0.77, 1.0]
    expected = np.moveaxis(np.nanquantile(values, shares, axis=axis), 0, axis)
    np.testing.assert_allclose(quantile(values, axis, q=shares), expected, rtol=1e-14)


@settings(max_examples=20)
@given(st.data())
def test_quantiles_of_integers_equal_a_loop(data: st.DataObject) -> None:
    cell_type = data.draw(cell_types(("uint8", "int16")))
    stack = data.draw(cells(cell_type, SHAPES))
    share = data.draw(st.floats(0, 1))
    got = quantile(stack, 0, q=[share], nodata=cell_type.nodata)[0]
    expected = by_column(
        stack,
        0,
        cell_type.nodata,
        lambda column: np.quantile(column.astype(np.float64), share),
        dtype=got.dtype,
        missing=np.nan,
    )
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_the_middle_quantile_is_the_median() -> None:
    values = with_gaps((9, 20, 20), "float32")
    np.testing.assert_allclose(quantile(values, q=[0.5])[0], median(values), rtol=1e-6)


def test_quantiles_beside_infinities() -> None:
    assert quantile(np.array([np.inf, np.inf]), q=[0.3])[0] == np.inf
    shares = [0.0, 0.25, 0.5, 0.75, 1.0]
    np.testing.assert_array_equal(
        quantile(np.array([-np.inf, 1.0, np.inf]), q=shares), [-np.inf, -np.inf, 1, np.inf, np.inf]
    )
    largest = np.finfo(np.float64).max
    assert quantile(np.array([-largest, largest]), q=[0.5])[0] == 0


@pytest.mark.parametrize("func", [median, lambda cells: quantile(cells, q=[0.5])])
def test_empty_axes_and_odd_dtypes_are_refused(func: Any) -> None:
    with pytest.raises(ReducerError, match="has no cells"):
        func(np.empty((0, 3)))
    with pytest.raises(ReducerError, match="real numbers"):
        func(np.ones((2, 3), complex))


def test_an_axis_beside_an_empty_one() -> None:
    assert median(np.empty((3, 0, 2), np.float32)).shape == (0, 2)
