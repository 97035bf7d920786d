"""The union of two cell types."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xcube_tiles.errors import CellTypeError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.grid.dtypes import DTYPE_NAMES
from xcube_tiles.grid.promotion import union
from xcube_tiles.testing.strategies import cell_types, cells

INTEGERS = tuple(name for name in DTYPE_NAMES if not name.startswith("float"))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("uint8", "uint8", "uint8"),
        ("uint8raw", "uint8raw", "uint8raw"),
        ("uint8raw", "int8raw", "int16raw"),
        ("bool", "uint8ud255", "uint8ud255"),
        # 0 is a value of bool
        ("bool", "uint8", "int16"),
        # GeoTrellis takes the second of two types of equal size, and loses cells
        ("int8", "uint8", "int16"),
        ("uint8ud255", "uint8", "int16"),
        ("uint8ud255", "uint8raw", "int16"),
        ("uint8ud255", "uint16ud65535", "uint16ud65535"),
        ("uint8", "uint16", "uint16"),
        ("int16ud-9999", "uint8", "int16ud-9999"),
        ("int16ud-9999", "uint8raw", "int16ud-9999"),
        ("int16raw", "uint8ud255", "int32"),
        ("uint32ud4294967295", "uint32", "int64"),
        ("int16", "float32", "float32"),
        ("int32", "float32", "float64"),
        ("float32ud-9999", "float64ud-9999", "float64ud-9999.0"),
        ("float32ud-9999", "float32", "float32"),
        ("int16ud-9999", "float32ud-9999", "float32ud-9999.0"),
    ],
)
def test_known_unions(first: str, second: str, expected: str) -> None:
    one, two = CellType.parse(first), CellType.parse(second)
    assert union(one, two).name == union(two, one).name == expected


@pytest.mark.parametrize(
    ("first", "second"), [("int64", "uint64raw"), ("int64", "int64raw"), ("uint64ud1", "uint64")]
)
def test_no_integers_beyond_64_bits(first: str, second: str) -> None:
    with pytest.raises(CellTypeError, match=f"no integer type holds both {first} and {second}"):
        union(CellType.parse(first), CellType.parse(second))


@given(st.data(), cell_types(INTEGERS), cell_types(INTEGERS))
def test_nothing_is_lost(data: st.DataObject, first: CellType, second: CellType) -> None:
    try:
        both = union(first, second)
    except CellTypeError:
        assume(False)
        raise
    assert union(second, first) == both
    for cell_type in (first, second):
        values = data.draw(cells(cell_type))
        widened = convert(values, cell_type, both)
        missing = cell_type.is_nodata(values)
        assert np.array_equal(both.is_nodata(widened), missing)
        assert np.array_equal(widened[~missing], values[~missing])
