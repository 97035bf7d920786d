"""Kernels of local map algebra, against numpy and plain loops."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from xcube_tiles.errors import CellOverflowError
from xcube_tiles.kernels.local.classes import breaks_below
from xcube_tiles.kernels.local.combinations import combinations
from xcube_tiles.kernels.local.exact import checked, compare
from xcube_tiles.kernels.local.pieces import PIECE, in_pieces, without_infinity
from xcube_tiles.kernels.local.rank import nth

SHAPES = [(), (0,), (3, 0, 5), (7,), (2, 3, 4), (1, PIECE + 3), (3, 2, PIECE // 2 + 1), (70_001,)]


def add(a: Any, b: Any, out: Any) -> None:
    np.add(a, b, out=out)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_pieces_cover_all_shapes(shape: tuple[int, ...], threads: int) -> None:
    values = np.arange(np.prod(shape, dtype=int), dtype=np.int64).reshape(shape)
    result = in_pieces(add, values, np.int64(1) + np.zeros((), int), dtype=int, threads=threads)
    np.testing.assert_array_equal(result, values + 1)
    assert result.shape == shape


def test_pieces_broadcast() -> None:
    a, b = np.arange(5)[:, None], np.arange(70_000)
    np.testing.assert_array_equal(in_pieces(add, a, b, dtype=int, threads=2), a + b)


def test_infinity_becomes_nan() -> None:
    values = np.array([1, np.inf, -np.inf, np.nan], np.float32)
    without_infinity(values)
    np.testing.assert_array_equal(values, np.array([1, np.nan, np.nan, np.nan], np.float32))


WIDE = st.sampled_from([np.int64, np.uint64])
OPERATIONS: dict[Any, Any] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
}  # fmt: skip


@given(data=st.data(), ufunc=st.sampled_from(list(OPERATIONS)), one=WIDE, two=WIDE, out=WIDE)
def test_checked_is_exact_or_raises(
    data: st.DataObject, ufunc: Any, one: Any, two: Any, out: Any
) -> None:
    near = st.integers(-3, 3)
    numbers = [
        data.draw(st.one_of(npst.from_dtype(np.dtype(dtype)), near.map(lambda n: abs(n))))
        for dtype in (one, two)
    ]
    operands = [np.array([n], dtype) for n, dtype in zip(numbers, (one, two), strict=True)]
    expected = OPERATIONS[ufunc](*(int(number) for number in numbers))
    limits = np.iinfo(out)
    fits = limits.min <= expected <= limits.max
    try:
        result = checked(ufunc, operands, np.uint64, out, np.array([False]))
    except CellOverflowError:
        assert not fits
    else:
        assert fits
        assert result.tolist() == [expected]


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(width=64) | st.integers(-(2**63), 2**63 - 1).map(float),
)
def test_comparisons_are_those_of_python(number: int, value: float) -> None:
    cells = np.array([number])
    for ufunc, function in {
        np.less: operator.lt, np.less_equal: operator.le, np.equal: operator.eq,
        np.greater: operator.gt, np.greater_equal: operator.ge,
    }.items():  # fmt: skip
        assert compare(ufunc, cells, value).tolist() == [function(number, value)]
        assert compare(ufunc, np.array([value]), cells).tolist() == [function(value, number)]


@given(
    npst.arrays(np.int16, (4, 300), elements=st.integers(-5, 5)),
    st.integers(-4, 3),
)
def test_nth_is_that_of_sorted_values(cells: Any, n: int) -> None:
    valid = [sorted(value for value in column if value != 3) for column in cells.T.tolist()]
    expected = [column[n] if -len(column) <= n < len(column) else 3 for column in valid]
    assert nth(cells, n=n, nodata=3, missing=3).tolist() == expected


@given(
    npst.arrays(np.float32, 40, elements=st.floats(-5, 5, width=16)),
    st.lists(st.floats(-5, 5, width=16), max_size=30),
    st.booleans(),
)
def test_breaks_below(cells: Any, breaks: list[float], inclusive: bool) -> None:
    edges = np.array(sorted(breaks), np.float32)
    side: Any = "right" if inclusive else "left"
    expected = np.searchsorted(edges, cells, side)
    np.testing.assert_array_equal(breaks_below(cells, edges, inclusive=inclusive), expected)


def test_combinations_of_many_values() -> None:
    rng = np.random.default_rng(5)
    layers = [rng.integers(-(2**62), 2**62, 5000), rng.integers(0, 3, 5000)]
    layers[0][2000:] = layers[0][:3000]
    missing = rng.random(5000) < 0.1
    codes, keys = combinations(layers, missing)
    assert (codes[missing] == -1).all()
    pairs = list(zip(*(layer[~missing].tolist() for layer in layers), strict=True))
    assert [tuple(key) for key in keys.T.tolist()] == list(dict.fromkeys(pairs))
    np.testing.assert_array_equal(keys[:, codes[~missing]], np.stack(layers)[:, ~missing])
