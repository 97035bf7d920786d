"""Smallest and largest cells: every dtype at its limits, every NoData number, any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tests.kernels.focal.windows import by_window, masks, run
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.focal.extremes import largest, reach, smallest
from xcube_tiles.kernels.neighborhood import Annulus, Circle, Square
from xcube_tiles.testing.strategies import cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.kernels.neighborhood import Neighborhood

INTEGERS = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
WINDOWS: list[Neighborhood] = [Square(1), Square(2), Square(6), Circle(3), Annulus(2, 4)]


def test_by_hand() -> None:
    window = np.array([[9, 3, 1, 9, 9, 9, 9]], "uint8")
    args: dict[str, Any] = {"nodata": 9, "dtype": "uint8", "missing": 9}
    three = np.ones((1, 3), bool)
    assert run(smallest, window, three, **args).tolist() == [[1, 1, 1, 9, 9]]
    assert run(largest, window, three, **args).tolist() == [[3, 3, 1, 9, 9]]
    wide: dict[str, Any] = {"nodata": 9, "dtype": "int16", "missing": -1}
    assert run(reach, window, three, **wide).tolist() == [[2, 2, 0, -1, -1]]


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
@given(data=st.data(), mask=masks() | st.sampled_from([w.mask() for w in WINDOWS]))
def test_any_windows_equal_numpy(dtype: str, data: st.DataObject, mask: NDArray[Any]) -> None:
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    shape = (height + mask.shape[0] - 1, width + mask.shape[1] - 1)
    number = data.draw(cells(CellType.parse(f"{dtype}raw"), (1,)))[0].item()
    nodata = data.draw(st.sampled_from([None, number]))
    window = data.draw(cells(CellType(dtype=np.dtype(dtype), nodata=nodata), shape))
    missing = np.nan if window.dtype.kind == "f" else number
    for kernel, func in ((smallest, np.min), (largest, np.max)):
        args: dict[str, Any] = {"dtype": dtype, "missing": missing}
        expected = by_window(window, mask, nodata, func, **args)
        got = run(kernel, window, mask, nodata=nodata, **args)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@given(data=st.data())
def test_ranges_never_wrap(dtype: str, data: st.DataObject) -> None:
    window = data.draw(cells(CellType.parse(f"{dtype}raw"), (3, 5)))
    bits = np.dtype(dtype).itemsize * 8
    wide = "uint64" if bits == 64 else f"int{2 * bits}"
    got = run(reach, window, np.ones((3, 3), bool), dtype=wide, missing=0)
    parts = [window[:, at : at + 3] for at in range(3)]
    assert got.tolist() == [[int(part.max()) - int(part.min()) for part in parts]]


@pytest.mark.parametrize("neighborhood", WINDOWS, ids=repr)
def test_scipy_agrees_over_many_columns(neighborhood: Neighborhood) -> None:
    mask = neighborhood.mask()
    window = np.random.default_rng(0).normal(size=(20, 2100)).astype("float32")
    d = neighborhood.extent
    for kernel, peer in (
        (smallest, ndimage.minimum_filter),
        (largest, ndimage.maximum_filter),
    ):
        got = run(kernel, window, mask, dtype="float32", missing=np.nan)
        np.testing.assert_array_equal(got, peer(window, footprint=mask)[d:-d, d:-d])


def test_special_floats() -> None:
    window = np.array([[np.nan, -np.inf, np.inf, -0.0, 0.0, -np.nan, np.nan, np.nan]])
    window[0, 6] = -np.nan
    args: dict[str, Any] = {"dtype": "float64", "missing": np.nan}
    three = np.ones((1, 3), bool)
    low, high = (run(kernel, window, three, **args)[0] for kernel in (smallest, largest))
    np.testing.assert_array_equal(low, [-np.inf, -np.inf, 0, 0, 0, np.nan])
    np.testing.assert_array_equal(high, [np.inf, np.inf, np.inf, 0, 0, np.nan])


def test_a_number_for_nodata_among_floats() -> None:
    window = np.array([[-9999, np.nan, 2, -9999, -9999, -9999]], "float32")
    got = run(smallest, window, np.ones((1, 3), bool), nodata=-9999, dtype="float32", missing=-9999)
    assert got.tolist() == [[2, 2, 2, -9999]]
