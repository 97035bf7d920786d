from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.oracles import by_column
from xcube_tiles.kernels.reduce import finish, merging, moments
from xcube_tiles.testing.strategies import cell_types, cells

FINISH = {"missing": -1, "min_count": 1, "ddof": 0}


def test_by_hand() -> None:
    stack = np.array([[200, 9], [100, 9], [9, 9]], "uint8")
    assert moments.sums(stack, nodata=9)[1].tolist() == [300, 0]
    assert moments.products(stack, nodata=9)[1].tolist() == [20_000, 1]
    assert moments.spreads(stack, nodata=9)[2].tolist() == [5000, 0]
    assert moments.extremes(stack, largest=False, nodata=9)[1][0] == 100
    assert moments.ends(stack, last=True, nodata=9)[1].tolist() == [100, 9]
    assert moments.truths(stack, nodata=9)[0].tolist() == [2, 0]


@given(st.data())
def test_integers_equal_a_loop(data: st.DataObject) -> None:
    cell_type = data.draw(cell_types(("uint8", "int16", "uint32", "bool")))
    nodata = cell_type.nodata
    stack = data.draw(cells(cell_type, st.tuples(st.integers(1, 9), st.integers(1, 4))))
    wide = np.int64 if cell_type.dtype.kind == "i" else np.uint64

    def check(state: moments.State, func: Any, dtype: Any) -> None:
        got = finish.finish_value(state, **{**FINISH, "missing": 1}, dtype=dtype)
        np.testing.assert_array_equal(
            got, by_column(stack, 0, nodata, func, dtype=dtype, missing=1)
        )

    check(moments.sums(stack, nodata=nodata), lambda column: column.sum(dtype=wide), wide)
    check(moments.extremes(stack, largest=True, nodata=nodata), np.max, stack.dtype)
    check(moments.extremes(stack, largest=False, nodata=nodata), np.min, stack.dtype)
    check(moments.ends(stack, last=False, nodata=nodata), lambda column: column[0], stack.dtype)
    check(moments.ends(stack, last=True, nodata=nodata), lambda column: column[-1], stack.dtype)
    counts = by_column(stack, 0, nodata, len, dtype=np.int32, missing=0)
    np.testing.assert_array_equal(moments.truths(stack, nodata=nodata)[0], counts)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_spreads_of_floats_equal_numpy(axis: int) -> None:
    stack = np.random.default_rng(3).normal(288, 0.01, (6, 30, 40)).astype("float32")
    state = moments.spreads(stack, axis)
    wide = stack.astype(np.float64)
    options: dict[str, Any] = {"dtype": np.float64, "missing": np.nan, "min_count": 1}
    np.testing.assert_allclose(
        finish.finish_variance(state, **options, ddof=1), wide.var(axis, ddof=1), rtol=1e-9
    )
    np.testing.assert_allclose(
        finish.finish_sd(state, **options, ddof=0), wide.std(axis), rtol=1e-9
    )


def test_a_spread_needs_more_cells_than_ddof() -> None:
    state = moments.spreads(np.array([[1.0, 1.0], [np.nan, 3.0]]))
    got = finish.finish_variance(state, dtype=np.float64, missing=np.nan, min_count=1, ddof=1)
    np.testing.assert_array_equal(got, [np.nan, 2])


FAMILIES: list[tuple[Any, Any, dict[str, Any]]] = [
    (moments.sums, merging.merge_by_adding, {}),
    (moments.truths, merging.merge_by_adding, {}),
    (moments.products, merging.merge_products, {}),
    (moments.spreads, merging.merge_spreads, {}),
    (moments.extremes, merging.merge_smallest, {"largest": False}),
    (moments.extremes, merging.merge_largest, {"largest": True}),
    (moments.ends, merging.merge_first, {"last": False}),
    (moments.ends, merging.merge_last, {"last": True}),
]


@pytest.mark.parametrize(("start", "merge", "options"), FAMILIES)
@given(data=st.data())
def test_merged_states_are_the_state_of_the_whole(
    start: Any, merge: Any, options: dict[str, Any], data: st.DataObject
) -> None:
    stack = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=2, max_size=12)), "int16")
    stack = np.stack([stack, stack[::-1]], axis=1)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stack) - 1), max_size=3)))
    parts = [start(part, nodata=2, **options) for part in np.split(stack, cuts)]
    merged, whole = merge(parts), start(stack, nodata=2, **options)
    np.testing.assert_array_equal(merged[0] > 0, whole[0] > 0)
    some = whole[0] > 0
    for one, other in zip(merged[1:], whole[1:], strict=True):
        np.testing.assert_allclose(one[some], other[some], rtol=1e-12, atol=1e-12)


def test_float32_is_added_in_float64() -> None:
    # 16.8 million cells of 273 to 303 K: accumulated in float32 the mean is off by 17 K.
    field = np.linspace(273.15, 303.15, 4096, dtype=np.float32)
    stack = np.repeat(field[:, None], 4096, axis=1).reshape(-1, 1)
    count, total = moments.sums(stack)
    assert count[0] == 1 << 24
    assert abs(total[0] / count[0] - field.mean(dtype=np.float64)) < 1e-9


def test_bool_stays_bool_in_extremes() -> None:
    assert moments.extremes(np.array([True, False]), largest=True)[1].dtype == bool
