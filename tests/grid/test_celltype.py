"""Cell types: GeoTrellis' table, and conversion against a cell-by-cell oracle."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import CellOverflowError, CellTypeError, NoDataCollisionError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.grid.dtypes import DTYPE_NAMES, limits
from xcube_tiles.testing.strategies import cell_types, cells

if TYPE_CHECKING:
    from xcube_tiles.typing import OverflowPolicy

NAN = math.nan

# name, canonical name, dtype, NoData: geotrellis.raster.CellType, user-defined types by example
GEOTRELLIS = [
    ("bool", "bool", "bool", None),
    ("boolraw", "bool", "bool", None),
    ("int8raw", "int8raw", "int8", None),
    ("int8", "int8", "int8", -128),
    ("int8ud-1", "int8ud-1", "int8", -1),
    ("uint8raw", "uint8raw", "uint8", None),
    ("uint8", "uint8", "uint8", 0),
    ("uint8ud255", "uint8ud255", "uint8", 255),
    ("int16raw", "int16raw", "int16", None),
    ("int16", "int16", "int16", -32768),
    ("int16ud-9999", "int16ud-9999", "int16", -9999),
    ("uint16raw", "uint16raw", "uint16", None),
    ("uint16", "uint16", "uint16", 0),
    ("uint16ud65535", "uint16ud65535", "uint16", 65535),
    ("int32raw", "int32raw", "int32", None),
    ("int32", "int32", "int32", -2147483648),
    ("int32ud0", "int32ud0", "int32", 0),
    ("float32raw", "float32raw", "float32", None),
    ("float32", "float32", "float32", NAN),
    ("float32ud-3.4e38", "float32ud-3.4e+38", "float32", -3.3999999521443642e38),
    ("float64raw", "float64raw", "float64", None),
    ("float64", "float64", "float64", NAN),
    ("float64ud-9999.0", "float64ud-9999.0", "float64", -9999.0),
]
OURS = [
    ("uint32raw", "uint32raw", "uint32", None),
    ("uint32", "uint32", "uint32", 0),
    ("uint32ud4294967295", "uint32ud4294967295", "uint32", 2**32 - 1),
    ("int64raw", "int64raw", "int64", None),
    ("int64", "int64", "int64", -(2**63)),
    # 2**53 + 1 is the first integer that no float64 holds
    ("int64ud9007199254740993", "int64ud9007199254740993", "int64", 2**53 + 1),
    ("uint64raw", "uint64raw", "uint64", None),
    ("uint64", "uint64", "uint64", 0),
    ("uint64ud18446744073709551615", "uint64ud18446744073709551615", "uint64", 2**64 - 1),
    ("float32udNaN", "float32", "float32", NAN),
    ("float64udnan", "float64", "float64", NAN),
    ("float32ud-inf", "float32ud-inf", "float32", -math.inf),
    ("float64ud-0.0", "float64ud0.0", "float64", 0.0),
    ("int16ud-9999.0", "int16ud-9999", "int16", -9999),
    ("uint8ud0", "uint8", "uint8", 0),
    ("int8ud+5", "int8ud5", "int8", 5),
]


@pytest.mark.parametrize(("name", "canonical", "dtype", "nodata"), [*GEOTRELLIS, *OURS])
def test_names_parse_and_print(name: str, canonical: str, dtype: str, nodata: float | None) -> None:
    cell_type = CellType.parse(name)
    assert cell_type.dtype == np.dtype(dtype)
    assert str(cell_type) == cell_type.name == canonical
    if nodata is not None and math.isnan(nodata):
        assert cell_type.nodata is not None
        assert math.isnan(cell_type.nodata)
    else:
        assert cell_type.nodata == nodata
        assert type(cell_type.nodata) is type(nodata)


def test_geotrellis_types_are_22() -> None:
    kinds = {(dtype, "ud" in name, nodata is None) for name, _, dtype, nodata in GEOTRELLIS}
    assert len(kinds) == 22


@given(cell_types())
def test_a_name_is_read_back_into_an_equal_type(cell_type: CellType) -> None:
    again = CellType.parse(cell_type.name)
    assert again == cell_type
    assert hash(again) == hash(cell_type)
    # NaN doesn't equal itself: a type that crossed to another process must all the same
    assert pickle.loads(pickle.dumps(cell_type)) == cell_type


def test_types_of_other_policies_differ() -> None:
    names = [canonical for _, canonical, _, _ in GEOTRELLIS]
    assert len({CellType.parse(name) for name in names}) == 22
    assert CellType.parse("uint8") != "uint8"


@pytest.mark.parametrize(
    "name",
    ["", "uint", "int8 ", "INT8", "complex64", "float16", "int8ud", "uint8rawud3", "int8udx",
     "int8ud1_0", "int8ud1 ", "uint8ud--1"],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(CellTypeError, match=r"got '"):
        CellType.parse(name)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 300),
        ("uint8", -1),
        ("uint8", 0.5),
        ("uint8", NAN),
        ("int16", math.inf),
        ("int64", 2**63),
        ("int64", 2.0**63),
        ("uint64", -1),
        ("uint64", 2**64),
        ("float32", 1e39),
        ("float32", 10**400),
        ("float64", 10**400),
    ],
)
def test_nodata_that_does_not_fit(dtype: str, nodata: float) -> None:
    with pytest.raises(CellTypeError, match=f"{dtype} cells can't hold the NoData value"):
        CellType(dtype=np.dtype(dtype), nodata=nodata)


def test_nodata_that_is_no_number() -> None:
    with pytest.raises(CellTypeError, match=r"bool cells can't have .* expected None"):
        CellType(dtype=np.dtype("bool"), nodata=0)
    with pytest.raises(CellTypeError, match="expected a number or None"):
        CellType(dtype=np.dtype("uint8"), nodata=True)
    with pytest.raises(CellTypeError, match="NoData value '0'"):
        CellType(dtype=np.dtype("uint8"), nodata="0")  # type: ignore[arg-type]
    with pytest.raises(CellTypeError, match=r"can't have the dtype 'complex64'.*uint8"):
        CellType(dtype=np.dtype("complex64"), nodata=None)


def test_numpy_numbers_and_foreign_byte_order_are_accepted() -> None:
    cell_type = CellType(dtype=np.dtype(">i2"), nodata=np.int16(-9999))  # type: ignore[arg-type]
    assert cell_type == CellType.parse("int16ud-9999")
    assert cell_type.dtype.isnative
    assert type(cell_type.nodata) is int
    foreign = np.array([-9999, 1], ">i2")
    assert cell_type.is_nodata(foreign).tolist() == [True, False]


@pytest.mark.parametrize("dtype", DTYPE_NAMES)
def test_the_default_takes_no_integer_away(dtype: str) -> None:
    default = CellType.default(dtype)
    if dtype.startswith("float"):
        assert default == CellType.parse(dtype)
    else:
        assert default.nodata is None
        assert default == CellType.parse(f"{dtype}raw")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("uint8", [0, 1, 255], [True, False, False]),
        ("uint8ud255", [0, 1, 255], [False, False, True]),
        ("uint8raw", [0, 1, 255], [False, False, False]),
        ("bool", [0, 1], [False, False]),
        ("float32", [0, NAN, math.inf], [False, True, False]),
        ("float32raw", [0, NAN, math.inf], [False, False, False]),
        ("float32ud-9999", [-9999, NAN, 0], [True, True, False]),
        ("float32ud0.1", [0.1, 0.2, 0.3], [True, False, False]),
        ("float64ud-inf", [-math.inf, math.inf], [True, False]),
        ("int64ud9007199254740993", [2**53, 2**53 + 1], [False, True]),
        ("uint64ud18446744073709551615", [2**64 - 2, 2**64 - 1], [False, True]),
        ("int16", [], []),
    ],
)
def test_is_nodata(name: str, values: list[Any], expected: list[bool]) -> None:
    cell_type = CellType.parse(name)
    found = cell_type.is_nodata(np.array(values, cell_type.dtype))
    assert found.dtype == np.bool_
    assert found.tolist() == expected


def test_is_nodata_keeps_the_shape() -> None:
    cell_type = CellType.parse("uint8")
    assert cell_type.is_nodata(np.zeros((2, 3), "uint8")).shape == (2, 3)
    assert cell_type.is_nodata(np.uint8(0)).shape == ()
    with pytest.raises(CellTypeError, match=r"expected uint8 cells.*got int64 cells"):
        cell_type.is_nodata(np.zeros(3, "int64"))


# source, target, value, and what it becomes under raise, saturate, nodata ("!": an error)
ONE_CELL: list[tuple[str, str, Any, Any, Any, Any]] = [
    # NoData goes to NoData, along GeoTrellis' chain
    ("int8", "uint8", -128, 0, 0, 0),
    ("uint8", "int32", 0, -(2**31), -(2**31), -(2**31)),
    ("int32", "float32", -(2**31), NAN, NAN, NAN),
    ("float64", "int16ud-9999", NAN, -9999, -9999, -9999),
    ("float32ud-9999", "float32", -9999, NAN, NAN, NAN),
    ("float32ud-9999", "uint8ud7", NAN, 7, 7, 7),
    ("int64", "uint64", -(2**63), 0, 0, 0),
    # a raw type has no place for it
    ("uint8", "uint8raw", 0, "!", "!", "!"),
    ("float32", "float64raw", NAN, "!", "!", "!"),
    ("uint8", "bool", 0, "!", "!", "!"),
    # from a raw type every number is a value
    ("uint8raw", "int16", 0, 0, 0, 0),
    ("int32raw", "int64", -(2**31), -(2**31), -(2**31), -(2**31)),
    ("int8raw", "int8", -128, "!", -127, -128),
    ("uint8raw", "uint8", 0, "!", 1, 0),
    ("uint8raw", "uint8ud255", 255, "!", 254, 255),
    ("int16raw", "int16ud-9999", -9999, "!", -9998, -9999),
    ("int16raw", "int16ud100", 100, "!", 99, 100),
    # out of range
    ("int16", "uint8ud255", 300, "!", 254, 255),
    ("int16", "uint8", -5, "!", 1, 0),
    ("int16", "uint8raw", 300, "!", 255, "!"),
    ("uint64raw", "int64raw", 2**63, "!", 2**63 - 1, "!"),
    ("int64raw", "uint64raw", -1, "!", 0, "!"),
    ("uint64raw", "int64", 2**63, "!", 2**63 - 1, -(2**63)),
    ("int8raw", "bool", 2, "!", 1, "!"),
    ("bool", "uint8raw", 1, 1, 1, 1),
    ("bool", "uint8", 0, "!", 1, 0),
    # floats round half to even
    ("float64", "uint8raw", 0.5, 0, 0, 0),
    ("float64", "uint8raw", 1.5, 2, 2, 2),
    ("float64", "int8raw", -2.5, -2, -2, -2),
    ("float64", "uint8raw", 255.49, 255, 255, 255),
    ("float64", "uint8raw", 255.5, "!", 255, "!"),
    ("float64", "uint8raw", -0.5, 0, 0, 0),
    ("float64", "uint8", 0.4, "!", 1, 0),
    ("float64", "bool", 0.7, 1, 1, 1),
    # the ends of 64 bits, which no float hits
    ("float64", "int64raw", 2.0**63, "!", 2**63 - 1, "!"),
    ("float64", "int64raw", -(2.0**63), -(2**63), -(2**63), -(2**63)),
    ("float64", "uint64raw", 2.0**64, "!", 2**64 - 1, "!"),
    ("float32", "uint64raw", 2.0**63, 2**63, 2**63, 2**63),
    # infinity and NaN as values
    ("float64", "int16", math.inf, "!", 32767, -32768),
    ("float64", "int16", -math.inf, "!", -32767, -32768),
    ("float64", "float32", math.inf, math.inf, math.inf, math.inf),
    ("float32raw", "float64raw", NAN, NAN, NAN, NAN),
    ("float32raw", "float64", NAN, "!", NAN, NAN),
    ("float32raw", "float64ud-9999", NAN, "!", -9999, -9999),
    ("float32raw", "int16", NAN, "!", -32768, -32768),
    ("float32raw", "int16raw", NAN, "!", "!", "!"),
    # float to float
    ("float64", "float32", 1e39, "!", float(np.finfo("f4").max), NAN),
    ("float64", "float32", -1e300, "!", float(np.finfo("f4").min), NAN),
    ("float64", "float32", 0.1, float(np.float32(0.1)), float(np.float32(0.1)), 0.1),
    ("float64", "float32ud1.0", 1 + 1e-12, "!", float(np.nextafter(np.float32(1), 0)), 1.0),
    ("int32raw", "float32", 2**24 + 1, 2.0**24, 2.0**24, 2.0**24),
]  # fmt: skip


@pytest.mark.parametrize("overflow", ["raise", "saturate", "nodata"])
@pytest.mark.parametrize(("source", "target", "value", "raised", "saturated", "lost"), ONE_CELL)
def test_one_cell(
    source: str,
    target: str,
    value: Any,
    raised: Any,
    saturated: Any,
    lost: Any,
    overflow: OverflowPolicy,
) -> None:
    expected = {"raise": raised, "saturate": saturated, "nodata": lost}[overflow]
    before, after = CellType.parse(source), CellType.parse(target)
    values = np.array([[value]], before.dtype)
    if isinstance(expected, str):
        with pytest.raises(CellTypeError, match=r"1 of 1 cells, the first .* at index \(0, 0\)"):
            convert(values, before, after, overflow=overflow)
        return
    result = convert(values, before, after, overflow=overflow)
    assert result.dtype == after.dtype
    np.testing.assert_array_equal(result, np.array([[expected]], after.dtype))


def test_errors_say_how_many_which_and_what_to_do() -> None:
    int16, uint8 = CellType.parse("int16"), CellType.parse("uint8ud255")
    values = np.array([[1, 300], [2, 400]], "int16")
    with pytest.raises(CellOverflowError) as overflow:
        convert(values, int16, uint8)
    assert str(overflow.value) == (
        "2 of 4 cells, the first 300 at index (0, 1), hold a number that uint8ud255 can't "
        "(0 to 255). Pass overflow='saturate' to take the nearest valid number or "
        "overflow='nodata' to make them NoData, or convert to a wider type"
    )
    with pytest.raises(NoDataCollisionError, match=r"the first 255 .* NoData in uint8ud255"):
        convert(np.array([255], "int16"), int16, uint8)
    with pytest.raises(CellTypeError, match=r"Fill the cells first, or convert .* uint8ud255"):
        convert(np.array([-32768], "int16"), int16, CellType.parse("uint8raw"))
    with pytest.raises(CellTypeError, match="'wrap'; the policies are raise, saturate, nodata"):
        convert(values, int16, uint8, overflow="wrap")  # type: ignore[arg-type]


def test_equal_types_give_the_very_cells() -> None:
    values = np.array([1, 2], "uint8")
    assert convert(values, CellType.parse("uint8"), CellType.parse("uint8ud0")) is values


def test_input_stays_and_shape_is_kept() -> None:
    values = np.array([[0, 7], [300, -32768]], "int16")
    before = values.copy()
    int16, uint8 = CellType.parse("int16"), CellType.parse("uint8ud255")
    result = convert(values, int16, uint8, overflow="saturate")
    assert result.tolist() == [[0, 7], [254, 255]]
    assert np.array_equal(values, before)
    scalar = convert(np.int16(3), int16, uint8)
    assert scalar.shape == ()
    assert scalar.item() == 3


def oracle(value: Any, source: CellType, target: CellType, overflow: OverflowPolicy) -> Any:
    """Convert one cell with exact arithmetic; None: an error."""
    nan = isinstance(value, float) and math.isnan(value)
    is_float = target.dtype.kind == "f"
    if (source.nodata is not None) and (nan or value == source.nodata):
        return target.nodata
    fallback = target.nodata if overflow == "nodata" else None
    low, high = limits(target.dtype)
    held: Any
    if is_float:
        with np.errstate(over="ignore"):
            held = float(target.dtype.type(value))
        fits = math.isfinite(held) or not math.isfinite(value)
    else:
        # Fraction rounds half to even, exactly
        held = round(Fraction(value)) if math.isfinite(value) else None
        fits = held is not None and low <= held <= high
    if not fits:
        if overflow != "saturate":
            return fallback
        if nan:
            return target.nodata
        held = low if value < 0 else high
    if target.nodata is None or not (held == target.nodata or math.isnan(held)):
        return held
    if overflow != "saturate":
        return fallback
    if is_float:
        if math.isnan(held):
            return target.nodata
        number = target.dtype.type(held)
        return float(np.nextafter(number, target.dtype.type(0 if held else 1)))
    return held - 1 if held > 0 else held + 1


@given(
    st.data(),
    cell_types(),
    cell_types(),
    st.sampled_from(("raise", "saturate", "nodata")),
)
def test_cells_convert_as_one_by_one(
    data: st.DataObject, source: CellType, target: CellType, overflow: OverflowPolicy
) -> None:
    values = data.draw(cells(source, (5,)))
    expected = [oracle(value, source, target, overflow) for value in values.tolist()]
    if source != target and None in expected:
        with pytest.raises(CellTypeError):
            convert(values, source, target, overflow=overflow)
        return
    result = convert(values, source, target, overflow=overflow)
    wanted = values if source == target else np.array(expected, target.dtype)
    np.testing.assert_array_equal(result, wanted)


@given(st.data(), cell_types(("uint8", "int16", "uint32", "float32")))
def test_there_and_back_is_nothing_where_all_fits(data: st.DataObject, source: CellType) -> None:
    values = data.draw(cells(source))
    if source.nodata is None:
        wide = CellType.parse("float64raw" if source.dtype.kind == "f" else "int64raw")
    elif source.dtype.kind == "f":
        values[np.isnan(values)] = source.nodata  # a sentinel is written for both
        wide = CellType.parse("float64")
    else:
        wide = CellType.parse("int64")
    there = convert(values, source, wide)
    back = convert(there, wide, source)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)
