from __future__ import annotations

import numpy as np
import pytest

from xcube_tiles.errors import ReducerError
from xcube_tiles.kernels.nodata import as_cells, average_dtype, is_valid, total_dtype, with_nan


def test_nan_is_nodata_beside_a_number() -> None:
    cells = np.array([1.0, -1.0, np.nan])
    assert is_valid(cells, -1).tolist() == [True, False, False]
    assert is_valid(cells, None).tolist() == [True, True, False]
    np.testing.assert_array_equal(with_nan(cells, -1, "float32"), [1, np.nan, np.nan])


def test_floats_without_a_number_are_not_copied() -> None:
    cells = np.array([1.0, np.nan])
    assert with_nan(cells, np.nan, "float64") is cells
    assert with_nan(cells, None, "float64") is cells


def test_cells_are_native_and_at_most_64_bits() -> None:
    assert as_cells(np.array([1, 2], ">i2")).dtype == np.dtype("int16").newbyteorder("=")
    assert as_cells(np.array([1, 2], ">i2")).tolist() == [1, 2]
    assert as_cells(np.ones(1, "float16")).dtype == np.float32
    kept = np.ones(3, "int64")
    assert as_cells(kept) is kept
    for odd in (np.array(["a"]), np.array([1j]), np.array(["2018"], "datetime64[s]")):
        with pytest.raises(ReducerError, match="expected cells that are real numbers"):
            as_cells(odd)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "float32"])
def test_averages_of_narrow_cells_hold_the_middle_of_any_two(dtype: str) -> None:
    assert average_dtype(dtype) == np.float32
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        middle = (int(limits.max) + int(limits.max) - 1) / 2
        assert float(np.float32(middle)) == middle


def test_totals_hold_sums_of_the_largest_numbers() -> None:
    for dtype in ("int8", "uint16", "int32", "uint32"):
        assert int(np.iinfo(dtype).max) * 2**31 <= int(np.iinfo(total_dtype(dtype)).max)
