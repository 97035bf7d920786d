from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from tests.kernels.oracles import by_column
from xcube_tiles.kernels.reduce.runs import minority, mode, variety


def most_frequent(column: np.ndarray) -> Any:
    counts = Counter(column.tolist())
    return min(value for value in counts if counts[value] == max(counts.values()))


def least_frequent(column: np.ndarray) -> Any:
    counts = Counter(column.tolist())
    return min(value for value in counts if counts[value] == min(counts.values()))


def test_by_hand() -> None:
    stack = np.array([[3, 9, 1], [3, 9, 2], [1, 9, 2], [9, 9, 1], [5, 9, 9]], "uint8")
    assert mode(stack, nodata=9, missing=9).tolist() == [3, 9, 1]
    assert minority(stack, nodata=9, missing=9).tolist() == [1, 9, 1]
    assert variety(stack, nodata=9).tolist() == [3, 0, 2]


CLASSES = npst.arrays(
    np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(0, 4)
)


@given(CLASSES, st.sampled_from([None, 0, 2]), st.integers(1, 3))
def test_any_classes_equal_a_loop(stack: np.ndarray, nodata: int | None, least: int) -> None:
    for func, oracle in ((mode, most_frequent), (minority, least_frequent)):
        got = func(stack, nodata=nodata, min_count=least, missing=77)
        expected = by_column(stack, 0, nodata, oracle, dtype=np.uint8, missing=77, min_count=least)
        np.testing.assert_array_equal(got, expected)
    distinct = by_column(
        stack, 0, nodata, lambda column: len(set(column.tolist())), dtype=np.int32, missing=0
    )
    np.testing.assert_array_equal(variety(stack, nodata=nodata), distinct)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mode_equals_scipy(axis: int) -> None:
    stack = np.random.default_rng(1).integers(0, 12, (9, 20, 30)).astype("float32")
    stack[np.random.default_rng(2).random(stack.shape) < 0.2] = np.nan
    stack[0, 0, 0] = 1  # scipy warns of columns without values
    expected = stats.mode(stack, axis=axis, nan_policy="omit").mode
    np.testing.assert_array_equal(mode(stack, axis, missing=np.nan), expected)


def test_bool_stays_bool() -> None:
    assert mode(np.array([True, True, False])).dtype == bool
