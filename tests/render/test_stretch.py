from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xcube_tiles.errors import StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.categories import categories_from_mapping
from xcube_tiles.render.stretch import Stretch, categorised, check_stretch, stretched


def test_hand_worked_indices() -> None:
    cells = np.array([[-5.0, 0.0, 0.5], [1.0, 2.0, np.nan]], dtype=np.float32)
    index = stretched(cells, CellType.parse("float32"), Stretch(0, 1))
    # floor(1.5 + 254 * 0.5) = 128
    assert index.tolist() == [[1, 1, 128], [255, 255, 0]]


def test_infinities_are_values() -> None:
    cells = np.array([-np.inf, np.inf, np.nan])
    assert stretched(cells, CellType.parse("float64"), Stretch(0, 1)).tolist() == [1, 255, 0]


@pytest.mark.parametrize("name", ["uint8ud7", "int16ud7", "int32ud7", "int64ud7", "float32ud7"])
def test_nodata_is_transparent_in_every_type(name: str) -> None:
    cell_type = CellType.parse(name)
    cells = np.array([0, 7, 10], dtype=cell_type.dtype)
    assert stretched(cells, cell_type, Stretch(0, 10)).tolist() == [1, 0, 255]


def test_bool_cells_get_the_two_ends() -> None:
    cells = np.array([False, True])
    assert stretched(cells, CellType.parse("bool"), Stretch(0, 1)).tolist() == [1, 255]


def _one_by_one(value: float, nodata: float | None, stretch: Stretch) -> int:
    if value != value or value == nodata:
        return 0
    share = (float(value) - stretch.low) / (stretch.high - stretch.low)
    return int(min(max(1.5 + 254 * share, 1), 255))


DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint32", "float64"]


@given(st.data(), st.sampled_from(DTYPES), st.booleans())
def test_tables_and_formulas_agree_with_a_loop(
    data: st.DataObject, dtype: str, sentinel: bool
) -> None:
    cells = data.draw(arrays(dtype, (3, 5)))
    low = data.draw(st.floats(-300, 300))
    stretch = Stretch(low, low + data.draw(st.floats(0.5, 70000)))
    nodata: Any = cells.flat[0].item() if sentinel else None
    index = stretched(cells, CellType(dtype=np.dtype(dtype), nodata=nodata), stretch)
    with np.errstate(all="ignore"):
        expected = [_one_by_one(v, nodata, stretch) for v in cells.ravel().tolist()]
    # Rounding of the factor can tip a value that lies on the edge between two colours.
    difference = np.abs(index.ravel().astype(int) - expected)
    assert difference.max() <= 1
    assert ((index.ravel() == 0) == (np.array(expected) == 0)).all()


@given(arrays("int16", (40,)))
def test_higher_values_never_get_lower_colours(cells: np.ndarray[Any, np.dtype[np.int16]]) -> None:
    cells = np.sort(cells)
    index = stretched(cells, CellType.parse("int16raw"), Stretch(-1000, 1000))
    assert (np.diff(index.astype(int)) >= 0).all()


def test_other_byte_orders_are_read() -> None:
    cells = np.array([0, 256], dtype=">u2")
    assert stretched(cells, CellType.parse("uint16raw"), Stretch(0, 256)).tolist() == [1, 255]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32"])
def test_categories_are_counted_from_one(dtype: str) -> None:
    cells = np.array([3, 1, 2, 9, 5], dtype=dtype)
    cell_type = CellType(dtype=np.dtype(dtype), nodata=9)
    categories = categories_from_mapping({1: "#f00", 3: "#0f0", 9: "#00f"})
    assert categorised(cells, cell_type, categories).tolist() == [2, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((1, 1), "lower to a higher"),
        ((2, 1), "'_r'"),
        ((0, np.inf), "finite"),
        ((np.nan, 1), "nan"),
    ],
)
def test_impossible_stretches_are_refused(ends: tuple[float, float], text: str) -> None:
    with pytest.raises(StyleError, match=text):
        check_stretch(Stretch(*ends))
