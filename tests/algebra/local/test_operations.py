"""Local operations: exact integers, NoData that propagates, floats where they are needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.algebra.local.oracle import (
    EXACT,
    SHAPE,
    SINGLE,
    TRUTHS,
    constant,
    cube,
    each,
    values_of,
)
from tests.cube.rasters import raster
from xcube_tiles.algebra.expression import expression
from xcube_tiles.algebra.local.operations import local
from xcube_tiles.algebra.local.table import OPERATIONS, Operation
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import (
    AlgebraError,
    CellOverflowError,
    CellTypeError,
    DimensionError,
    IncompatibleCubesError,
    NoDataCollisionError,
)
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.testing.asserts import assert_lazy, assert_same_cells, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

NARROW = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")
WIDE = ("int64", "uint64")
FLOATS = ("float32", "float64")
BYTES = raster(np.array([200, 100, 0, 255, 7], np.uint8), nodata=255)
RAW = raster(np.array([200, 100, 0, 255, 7], np.uint8))
SHORTS = raster(np.array([-32767, 32767, 0, -32768, 7], np.int16), nodata=-32768)


def found(array: xr.DataArray) -> list[Any]:
    return values_of(array.values, cell_type_of(array))


def test_bytes_and_shorts_by_hand() -> None:
    total = local(BYTES, "add", BYTES)
    assert cell_type_of(total).name == "uint16ud65535"
    assert total[0].values.tolist() == [400, 200, 0, 65535, 14]
    difference = local(SHORTS, "subtract", SHORTS)
    assert cell_type_of(difference).name == "int32"
    assert difference[0].values.tolist() == [0, 0, 0, -(2**31), 0]
    product = local(BYTES, "multiply", BYTES)
    assert cell_type_of(product).name == "uint16ud65535"
    assert product[0].values.tolist() == [40000, 10000, 0, 65535, 49]
    mixed = local(BYTES, "add", SHORTS)
    assert cell_type_of(mixed).name == "int32ud-32768"
    assert mixed[0].values.tolist() == [-32567, 32867, 0, -32768, 14]


def test_what_fits_keeps_its_cell_type() -> None:
    for operation in ("minimum", "maximum"):
        assert cell_type_of(local(BYTES, operation, BYTES)).name == "uint8ud255"
        assert cell_type_of(local(SHORTS, operation, 0)).name == "int16"
    assert cell_type_of(local(SHORTS, "abs")).name == "int16"
    assert cell_type_of(local(BYTES, "floor")).name == "uint8ud255"
    assert cell_type_of(local(BYTES, "bitwise_and", 8)).name == "uint8ud255"
    assert cell_type_of(local(RAW, "add", 0)).name == "uint8raw"


def test_a_result_is_never_mistaken_for_nodata() -> None:
    bytes_ = raster(np.array([254, 0, 1, 2, 255], np.uint8), nodata=255)
    more = local(bytes_, "add", 1)
    assert more[0].values.tolist() == [255, 1, 2, 3, 65535]
    assert cell_type_of(more).name == "uint16ud65535"
    sentinel = raster(np.array([5000, -9999, 1, 2, 3], np.int16), nodata=-9999)
    lower = local(sentinel, "subtract", 14999)
    assert found(lower)[:2] == [-9999, None]


def test_division_by_zero_has_no_value() -> None:
    zero = raster(np.array([2, 0, 3, 1, 0], np.uint8))
    for operation, expected in {
        "divide": [100.0, None, 0.0, None, None],
        "floor_divide": [100, None, 0, None, None],
        "remainder": [0, None, 0, None, None],
    }.items():
        assert found(local(BYTES, operation, zero))[:5] == expected
    assert found(local(raster(np.float32(5)), "floor_divide", 0)) == (constant(None))
    assert local(RAW, "floor_divide", 7).dtype == np.uint8


def test_outside_the_domain_has_no_value() -> None:
    numbers = raster(np.array([-1.0, 0.0, 1.0, np.nan, 1e30], np.float32))
    assert found(local(numbers, "sqrt"))[:4] == [None, 0.0, 1.0, None]
    assert found(local(numbers, "log"))[:4] == [None, None, 0.0, None]
    assert found(local(numbers, "exp"))[4] is None
    assert found(local(numbers, "multiply", 1e30))[4] is None
    assert local(numbers, "multiply", 1e300).dtype == np.float64


def test_comparisons_know_nodata() -> None:
    # GeoTrellis: NoData is Int.MinValue, which is less than 5
    below = local(SHORTS, "less", 5)
    assert below[0].values.tolist() == [1, 0, 1, 255, 0]
    assert cell_type_of(below).name == "uint8ud255"
    assert local(SHORTS, "equal", SHORTS)[0].values.tolist() == [1, 1, 1, 255, 1]
    assert local(SHORTS, "less", math.nan)[0].values.tolist() == [255] * 5
    assert local(BYTES, "less", 300)[0].values.tolist() == [1, 1, 1, 255, 1]
    assert local(BYTES, "less", 10**30)[0].values.tolist() == [1, 1, 1, 255, 1]
    assert local(BYTES, "greater", math.inf)[0].values.tolist() == [0, 0, 0, 255, 0]
    assert local(local(SHORTS, "less", 5), "not")[0].values.tolist() == [0, 1, 0, 255, 1]


def test_comparisons_are_exact_in_64_bits() -> None:
    wide = raster(np.array([2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0], np.int64))
    assert local(wide, "equal", 2.0**53)[0].values.tolist() == [1, 0, 0, 0, 0]
    assert local(wide, "less", 2.0**63)[0].values.tolist() == [1, 1, 1, 1, 1]
    assert local(wide, "greater", raster(2.0**53))[0].values.tolist() == [0, 1, 1, 0, 0]
    assert local(raster(2.0**53), "less", wide)[0].values.tolist() == [0, 1, 1, 0, 0]
    assert local(wide, "less", 0.5)[0].values.tolist() == [0, 0, 0, 1, 1]
    huge = raster(np.array([2**64 - 1, 2**63, 0, 1, 2], np.uint64))
    assert local(huge, "greater", wide)[0].values.tolist() == [1, 1, 0, 1, 1]


def test_powers() -> None:
    assert cell_type_of(local(SHORTS, "power", 2)).name == "int32ud-32768"
    assert found(local(SHORTS, "power", 2))[:4] == [32767**2, 32767**2, 0, None]
    assert found(local(SHORTS, "power", 0))[:4] == [1, 1, 1, None]
    assert local(BYTES, "power", 0.5).dtype == np.float32
    assert found(local(BYTES, "power", -1))[2:4] == [None, None]
    ones = raster(np.ones(5, np.float32))
    unknown = raster(np.array([np.nan, 1, 2, 3, 4], np.float32))
    assert found(local(ones, "power", unknown))[0] is None
    assert found(local(unknown, "power", 0))[:2] == [None, 1.0]


def test_bits() -> None:
    assert local(BYTES, "left_shift", 1)[0].values.tolist() == [400, 200, 0, 65535, 14]
    assert local(SHORTS, "right_shift", 1)[0].values.tolist() == [-16384, 16383, 0, -32768, 3]
    assert found(local(BYTES, "bitwise_not"))[:5] == [55, 155, 255, None, 248]
    assert found(local(SHORTS, "bitwise_not"))[:5] == [32766, -32768, -1, None, -8]
    with pytest.raises(AlgebraError, match="whole number of bits from 0 to 63, got 64"):
        local(BYTES, "left_shift", 64)
    with pytest.raises(AlgebraError, match="needs integers, got float32, 1"):
        local(raster(np.float32(1)), "bitwise_and", 1)


def test_several_operands_one_after_the_other() -> None:
    total = local(SHORTS, "add", SHORTS, SHORTS, 1)
    assert found(total)[:4] == [-98300, 98302, 1, None]
    assert total.dtype == np.int32
    assert found(local(BYTES, "minimum", SHORTS, 50))[:4] == [-32767, 50, 0, None]
    assert local(BYTES, "and", SHORTS, 1)[0].values.tolist() == [1, 1, 0, 255, 1]


def test_64_bits_are_exact_or_refused() -> None:
    wide = raster(np.array([2**62, -(2**62), 2**53 + 1, 1, 0], np.int64))
    assert found(local(wide, "add", 2**61))[2] == 2**53 + 1 + 2**61
    with pytest.raises(CellOverflowError, match="doesn't fit int64"):
        local(wide, "add", wide)
    with pytest.raises(CellOverflowError, match="result of 4611686018427387904 and 4 doesn't fit"):
        local(wide, "multiply", 4)
    lazy = local(wide.chunk(x=2), "multiply", 4)
    with pytest.raises(CellOverflowError):
        lazy.compute()
    lowest = raster(np.array([-(2**63) + 1, 0, 1, 2, 7], np.int64), nodata=7)
    with pytest.raises(NoDataCollisionError, match="NoData in int64"):
        local(lowest, "subtract", 1)
    unsigned = raster(np.array([2**64 - 1, 0, 1, 2, 3], np.uint64))
    assert found(local(unsigned[:, 1:], "add", -1))[:4] == [-1, 0, 1, 2]
    with pytest.raises(CellTypeError, match="no integer dtype holds the operands of 'minimum'"):
        local(unsigned, "minimum", wide)
    with pytest.raises(CellTypeError, match="no integer dtype"):
        local(unsigned, "add", 10**30)


@settings(max_examples=150)
@given(data=st.data(), operation=st.sampled_from(sorted(EXACT)))
def test_two_integers_are_exact(data: st.DataObject, operation: str) -> None:
    types = [data.draw(cell_types(NARROW)) for _ in range(2)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    result = local(cube(blocks[0], types[0]), operation, cube(blocks[1], types[1]))
    expected = each(EXACT[operation], *(map(values_of, blocks, types)))
    assert found(result) == [None if one is None else int(one) for one in expected]
    assert result.dtype.kind in "iu"


@settings(max_examples=150)
@given(data=st.data(), operation=st.sampled_from(sorted(EXACT)))
def test_64_bits_are_exact_or_an_error(data: st.DataObject, operation: str) -> None:
    types = [data.draw(cell_types((*WIDE, "int32", "uint8"))) for _ in range(2)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    expected = each(EXACT[operation], *(map(values_of, blocks, types)))
    try:
        result = local(cube(blocks[0], types[0]), operation, cube(blocks[1], types[1]))
    except CellTypeError:
        return
    assert found(result) == expected


@settings(max_examples=150)
@given(data=st.data(), operation=st.sampled_from(sorted(SINGLE)))
def test_one_integer_is_exact(data: st.DataObject, operation: str) -> None:
    source = data.draw(cell_types((*NARROW, "int64")))
    block = data.draw(cells(source, SHAPE))
    try:
        result = local(cube(block, source), operation)
    except CellTypeError:
        assert source.dtype.itemsize == 8
        return
    expected = each(SINGLE[operation], values_of(block, source))
    assert found(result) == [None if one is None else int(one) for one in expected]


@settings(max_examples=150)
@given(data=st.data(), operation=st.sampled_from(sorted(TRUTHS)))
def test_truths(data: st.DataObject, operation: str) -> None:
    types = [data.draw(cell_types((*NARROW, *WIDE, "float64"))) for _ in range(2)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    result = local(cube(blocks[0], types[0]), operation, cube(blocks[1], types[1]))
    expected = each(TRUTHS[operation], *(map(values_of, blocks, types)))
    assert found(result) == [None if one is None else int(one) for one in expected]


@given(data=st.data())
def test_numbers_are_exact_too(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(EXACT)))
    value = data.draw(st.integers(-(2**20), 2**20))
    source = data.draw(cell_types(NARROW))
    block = data.draw(cells(source, SHAPE))
    result = local(cube(block, source), operation, value)
    expected = each(EXACT[operation], values_of(block, source), constant(value))
    assert found(result) == [None if one is None else int(one) for one in expected]


@pytest.mark.parametrize(
    "name", ["sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos",
             "arctan", "sinh", "cosh", "tanh", "radians", "degrees", "floor", "abs", "sign"],
)  # fmt: skip
@settings(max_examples=8)
@given(data=st.data())
def test_functions_are_those_of_expressions(name: str, data: st.DataObject) -> None:
    source = data.draw(cell_types(("float32", "float64", "int16")))
    array = cube(data.draw(cells(source, SHAPE)), source)
    expected = expression(array.to_dataset(name="a"), f"{name}(a)")
    np.testing.assert_array_equal(
        np.array(found(local(array, name)), float), expected.values.ravel()
    )


@settings(max_examples=60)
@given(data=st.data(), row=st.sampled_from(OPERATIONS))
def test_chunked_is_unchunked(data: st.DataObject, row: Operation) -> None:
    names = ("uint8", "int16") if row.result == "bits" else ("uint8", "int16", "float32")
    source = data.draw(cell_types(names))
    array = cube(data.draw(cells(source, (2, *SHAPE))), source, "level")
    operand: Any = () if not row.operands else (array[0],)
    if row.name.endswith("_shift"):
        operand = (3,)
    pieces = dict(zip(array.dims, data.draw(chunks(array.shape)), strict=True))
    with assert_lazy():
        lazy = local(array.chunk(pieces), row.name, *operand)
    assert_same_cells(lazy, local(array, row.name, *operand))
    xr.testing.assert_identical(lazy.compute(), local(array, row.name, *operand))


def test_one_task_a_block_and_equal_keys() -> None:
    lazy = BYTES.chunk(x=2, y=2)
    before = count_tasks(lazy)
    assert count_tasks(local(lazy, "add", 1)) == before + 6
    assert count_tasks(local(lazy, "add", lazy, 3), optimized=True) <= before + 6
    once, twice = local(lazy, "less", 3), local(lazy, "less", 3)
    assert once.data.name == twice.data.name
    assert once.data.name != local(lazy, "less", 4).data.name


def test_dimensions_broadcast() -> None:
    dates = raster(np.uint8(3), times=["2024-01-01", "2024-01-02"])
    result = local(BYTES, "add", dates)
    assert result.dims == ("time", "y", "x")
    assert result.coords["time"].equals(dates.coords["time"])
    assert result.name == "a"
    np.testing.assert_array_equal(result[1], local(BYTES, "add", 3))
    lazy = local(BYTES.chunk(x=2), "add", dates.chunk(time=1))
    xr.testing.assert_identical(lazy.compute(), result)


def test_datasets_go_variable_by_variable() -> None:
    both = xr.Dataset({"a": BYTES, "b": SHORTS.rename("b")})
    result = local(both, "add", both)
    assert cell_type_of(result["a"]).name == "uint16ud65535"
    assert cell_type_of(result["b"]).name == "int32"
    xr.testing.assert_identical(result["a"], local(BYTES, "add", BYTES))
    xr.testing.assert_identical(local(both, "add", BYTES)["b"], local(both["b"], "add", BYTES))
    with pytest.raises(DimensionError, match="name the variable"):
        local(BYTES, "add", both)
    with pytest.raises(IncompatibleCubesError, match="'bands' differ"):
        local(both, "add", both[["a"]])


def test_attributes_that_stay_true() -> None:
    height = raster(np.int16(3), nodata=-1).assign_attrs(units="m", long_name="height")
    assert local(height, "add", 1).attrs == {
        "units": "m", "long_name": "height", "_FillValue": np.int32(-(2**31)),
    }  # fmt: skip
    assert "units" not in local(height, "power", 2).attrs
    assert local(height, "greater", 2).attrs["_FillValue"] == 255


def test_defined_and_undefined() -> None:
    assert local(BYTES, "defined")[0].values.tolist() == [True, True, True, False, True]
    assert local(BYTES, "undefined")[0].values.tolist() == [False, False, False, True, False]
    assert cell_type_of(local(BYTES, "defined")) == CellType.default(bool)


def test_flipped_and_large_arrays() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 255, (3, 300, 301)).astype(np.uint8)
    coords = {"y": np.arange(300) * 10.0, "x": np.arange(301) * 10.0}
    array = xr.DataArray(values, coords, ("level", "y", "x")).tiles.set_crs("EPSG:32633")
    total = local(array, "add", array)
    np.testing.assert_array_equal(total, values[:, ::-1].astype(np.uint16) * 2)


def test_refused() -> None:
    with pytest.raises(AlgebraError, match="unknown local operation 'plus'; expected one of add, "):
        local(BYTES, "plus", 1)
    with pytest.raises(AlgebraError, match="'add' takes one or more operands besides the cube"):
        local(BYTES, "add")
    with pytest.raises(AlgebraError, match="'subtract' takes one operand besides the cube, got 2"):
        local(BYTES, "subtract", 1, 2)
    with pytest.raises(AlgebraError, match="'sqrt' takes no operand"):
        local(BYTES, "sqrt", 1)
    with pytest.raises(AlgebraError, match="must be a number, got '1'"):
        local(BYTES, "add", "1")  # type: ignore[arg-type]
    with pytest.raises(IncompatibleCubesError, match="size"):
        local(BYTES, "add", BYTES[:, 1:])
