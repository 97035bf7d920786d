"""Coarser cells, against exact arithmetic with fractions and against numpy."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.kernels.pyramid.coarsen import coarsen
from xcube_tiles.testing.strategies import cell_types, cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling

METHODS: tuple[PyramidResampling, ...] = (
    "mean", "median", "mode", "min", "max", "sum", "nearest",
)  # fmt: skip
DTYPES = ("bool", "uint8", "int16", "uint32", "int64", "uint64", "float32", "float64")


def windows(array: NDArray[Any], factor: int) -> Iterator[tuple[tuple[int, int], NDArray[Any]]]:
    rows, cols = (-(-size // factor) for size in array.shape)
    for i in range(rows):
        for j in range(cols):
            rows_of, cols_of = (slice(k * factor, (k + 1) * factor) for k in (i, j))
            yield (i, j), array[rows_of, cols_of]


def expected(
    array: NDArray[Any], factor: int, method: str, nodata: float | None, min_valid: float
) -> NDArray[Any]:
    """One window at a time, with numbers of any length."""
    out = np.empty([-(-size // factor) for size in array.shape], array.dtype)
    for at, window in windows(array, factor):
        if method == "nearest":
            row, col = (min(factor // 2, size - 1) for size in window.shape)
            out[at] = window[row, col]
            continue
        flat = window.ravel()
        valid = flat if nodata is None else flat[(flat != nodata) & (flat == flat)]
        needed = 1 if nodata is None else max(1, math.ceil(min_valid * factor**2))
        out[at] = nodata if len(valid) < needed else one(valid, method, nodata)
    return out


def one(valid: NDArray[Any], method: str, nodata: float | None) -> Any:
    if method == "mode":
        values, counts = np.unique(valid, return_counts=True)
        return values[np.argmax(counts)]
    if method in ("min", "max"):
        return getattr(valid, method)()
    numbers = sorted(Fraction(value) for value in valid.tolist())
    count = len(numbers)
    exact = {
        "mean": sum(numbers, Fraction(0)) / count,
        "sum": sum(numbers, Fraction(0)),
        "median": (numbers[(count - 1) // 2] + numbers[count // 2]) / 2,
    }[method]
    if valid.dtype.kind == "f":
        return held_float(exact, valid.dtype, nodata)
    low, high = (
        (0, 1) if valid.dtype == bool else (np.iinfo(valid.dtype).min, np.iinfo(valid.dtype).max)
    )
    number = min(max(round(exact), low), high)
    if number == nodata:
        side = (exact > nodata) - (exact < nodata) or (-1 if nodata > 0 else 1)
        number = number + side if low <= number + side <= high else number - side
    return number


def held_float(exact: Fraction, dtype: np.dtype[Any], nodata: float | None) -> Any:
    with np.errstate(over="ignore"):
        held = dtype.type(float(exact))
    if nodata is not None and held == dtype.type(nodata):
        return np.nextafter(held, dtype.type(1 if nodata == 0 else 0))
    return held


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
def test_equals_exact_arithmetic(method: PyramidResampling, data: st.DataObject) -> None:
    cell_type = data.draw(cell_types(DTYPES))
    array = data.draw(cells(cell_type, st.tuples(st.integers(1, 6), st.integers(1, 6))))
    factor = data.draw(st.sampled_from((2, 4)))
    min_valid = data.draw(st.sampled_from((0.0, 0.5, 1.0)))
    if array.dtype.kind == "f":
        array = np.clip(array, -1e30, 1e30).astype(array.dtype)
        array[np.isnan(array)] = np.nan if cell_type.nodata is not None else 0
    nodata = cell_type.nodata
    with np.errstate(over="ignore"):
        found = coarsen(array, factor=factor, method=method, nodata=nodata, min_valid=min_valid)
    wanted = expected(array, factor, method, nodata, min_valid)
    assert found.dtype == array.dtype
    if array.dtype.kind == "f":
        scale = float(np.nanmax(np.abs(array), initial=0.0))
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7 * scale)
    else:
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("values", "mean"),
    [([1, 2], 2), ([2, 3], 2), ([3, 4], 4), ([-1, -2], -2), ([-2, -3], -2), ([1, 1, 2], 1)],
)
def test_integers_round_half_to_even(values: list[int], mean: int) -> None:
    array = np.full((2, 2), -9999, "int16")
    array.flat[: len(values)] = values
    assert coarsen(array, factor=2, method="mean", nodata=-9999) == mean


def test_a_valid_result_is_never_nodata() -> None:
    array = np.array([[-1, 1], [-9, -9]], "int16")
    assert coarsen(array[:1], factor=2, method="mean", nodata=0) == 1
    assert coarsen(array[1:], factor=2, method="sum", nodata=-18) == -17
    top = np.array([[254, 254]], "uint8")
    assert coarsen(top, factor=2, method="sum", nodata=255) == 254


def test_the_mode_of_classes_is_that_of_the_base() -> None:
    # Of four modes of 2 x 2 cells, three would be 1; among the sixteen cells 2 is more frequent.
    array = np.array([[1, 1, 1, 1], [2, 3, 2, 3], [1, 1, 2, 2], [2, 2, 2, 2]], "uint8")
    assert coarsen(array, factor=4, method="mode", nodata=None) == 2


def test_nan_is_a_value_where_nothing_is_nodata() -> None:
    array = np.array([[np.nan, 1.0], [2.0, np.nan]])
    for method in set(METHODS) - {"mode"}:
        assert np.isnan(coarsen(array, factor=2, method=method, nodata=None)).all()


def test_leading_dimensions_are_kept() -> None:
    array = np.arange(2 * 3 * 4 * 4, dtype="uint16").reshape(2, 3, 4, 4)
    found = coarsen(array, factor=2, method="max", nodata=None)
    np.testing.assert_array_equal(found, array[..., 1::2, 1::2])


def test_windows_without_cells() -> None:
    empty = np.empty((3, 0, 5), "uint8")
    for method in METHODS:
        assert coarsen(empty, factor=2, method=method, nodata=0).shape == (3, 0, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["mean", "median"])
@pytest.mark.parametrize("nodata", [5.0, 0.0, -9999.0])
def test_averages_move_off_nodata_by_one_number(
    dtype: str, method: PyramidResampling, nodata: float
) -> None:
    cells = np.array([[nodata - 1, nodata + 1]] * 2, dtype)
    found = coarsen(cells, factor=2, method=method, nodata=nodata)
    assert found[0, 0] == held_float(Fraction(nodata), cells.dtype, nodata)
    assert found[0, 0] != nodata
