"""Counts, sums and means of windows: by hand, against numpy, and wherever a window starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.focal.windows import by_window, masks, rasters, run
from xcube_tiles.kernels.focal.sums import count, mean, total
from xcube_tiles.kernels.neighborhood import Annulus, Circle, Square, Wedge
from xcube_tiles.kernels.nodata import average_dtype, total_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.kernels.neighborhood import Neighborhood

DTYPES = ("uint8", "int16", "int64", "float32", "float64")
WINDOWS: list[Neighborhood] = [
    Square(1),
    Square(2),
    Square(12),
    Circle(3),
    Annulus(2, 4),
    Wedge(5, 20, 110),
]


def test_by_hand() -> None:
    cells = np.array([[1, 2, 9], [4, 9, 9]], "int16")
    window = np.pad(cells, 1, constant_values=9)
    square = np.ones((3, 3), bool)
    args: dict[str, Any] = {"nodata": 9, "dtype": "int32", "missing": -1}
    assert run(count, window, square, **args).tolist() == [[3, 3, 1], [3, 3, 1]]
    assert run(total, window, square, **args).tolist() == [[7, 7, 2], [7, 7, 2]]
    around = Annulus(1, 2).mask()[1:4, 1:4]
    assert run(total, window, around, **args).tolist() == [[6, 5, 2], [3, 7, 2]]
    assert run(total, window, np.ones((1, 1), bool), **args)[1:3, 1:4].tolist() == [
        [1, 2, -1],
        [4, -1, -1],
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data(), mask=masks() | st.sampled_from([w.mask() for w in WINDOWS]))
def test_any_windows_equal_numpy(dtype: str, data: st.DataObject, mask: NDArray[Any]) -> None:
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    shape = (height + mask.shape[0] - 1, width + mask.shape[1] - 1)
    window = data.draw(rasters(dtype, shape, highest=100))
    nodata = data.draw(st.sampled_from([None, 0]))
    for kernel, func, out, missing in (
        (count, len, np.int32, 0),
        (total, np.sum, total_dtype(dtype), 77),
        (mean, np.mean, average_dtype(dtype), np.nan),
    ):
        args: dict[str, Any] = {"dtype": out, "missing": missing}
        expected = by_window(window, mask, nodata, func, **args)
        got = run(kernel, window, mask, nodata=nodata, **args)
        np.testing.assert_allclose(got, expected, rtol=1e-6 if kernel is mean else 0)


@pytest.mark.parametrize("neighborhood", WINDOWS, ids=repr)
def test_no_start_changes_a_bit(neighborhood: Neighborhood) -> None:
    mask = neighborhood.mask()
    rng = np.random.default_rng(1)
    window = rng.normal(size=(60, 75))
    window[rng.random(window.shape) < 0.1] = np.nan
    args: dict[str, Any] = {"dtype": "float64", "missing": np.nan}
    whole = run(total, window, mask, **args)
    part = run(total, np.ascontiguousarray(window[7:, 11:60]), mask, **args)
    np.testing.assert_array_equal(part, whole[7:, 11 : 11 + part.shape[1]])
    # more columns than one tile has
    wide = np.tile(window, (1, 30))
    last = run(total, wide, mask, **args)[:, -whole.shape[1] :]
    np.testing.assert_array_equal(last, whole)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("neighborhood", [Square(3), Circle(3)], ids=repr)
def test_integers_are_summed_exactly(dtype: str, neighborhood: Square | Circle) -> None:
    mask = neighborhood.mask()
    for value in (np.iinfo(dtype).min, np.iinfo(dtype).max):
        window = np.full((7, 8), value, dtype)
        got = run(total, window, mask, dtype=total_dtype(dtype), missing=0)
        assert got.tolist() == [[int(value) * int(mask.sum())] * 2]


def test_an_infinite_cell_spoils_only_its_neighbours() -> None:
    window = np.ones((3, 12))
    window[1, 2] = np.inf
    got = run(mean, window, np.ones((3, 3), bool), dtype="float64", missing=np.nan)
    assert got.tolist() == [[np.inf] * 3 + [1.0] * 7]


@pytest.mark.parametrize("neighborhood", [Square(2), Circle(2)], ids=repr)
def test_no_value(neighborhood: Square | Circle) -> None:
    window = np.full((6, 7), np.nan, "float32")
    mask = neighborhood.mask()
    assert np.isnan(run(mean, window, mask, dtype="float32", missing=np.nan)).all()
    assert np.isnan(run(total, window, mask, dtype="float64", missing=np.nan)).all()
    assert not run(count, window, mask, dtype="int32", missing=0).any()
