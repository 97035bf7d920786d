"""Choosing between cells: the condition, what stands elsewhere, and NoData of either."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.local.oracle import SHAPE, cube, values_of
from tests.cube.rasters import raster
from xcube_tiles.algebra.local.choice import defined, undefined, where
from xcube_tiles.algebra.local.operations import local
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import (
    AlgebraError,
    CellTypeError,
    IncompatibleCubesError,
    NoDataCollisionError,
)
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

TYPES = ("bool", "uint8", "int8", "uint16", "int16", "float32")
LAND = raster(np.array([10, 20, 30, -1, 50], np.int16), nodata=-1)
CLEAR = raster(np.array([1, 0, 255, 1, 7], np.uint8), nodata=255)


def test_by_hand() -> None:
    assert where(LAND, CLEAR)[0].values.tolist() == [10, -1, -1, -1, 50]
    assert cell_type_of(where(LAND, CLEAR)).name == "int16ud-1"
    assert where(LAND, CLEAR, 0)[0].values.tolist() == [10, 0, -1, -1, 50]
    assert where(LAND, CLEAR, 0.5)[0].values.tolist()[:2] == [10.0, 0.5]
    assert where(LAND, CLEAR, 0.5).dtype == np.float32
    far = where(LAND, CLEAR, 40_000)
    assert far[0].values.tolist() == [10, 40_000, -1, -1, 50]
    assert cell_type_of(far).name == "int32ud-1"
    assert where(LAND, CLEAR == 1)[0].values.tolist() == [10, -1, -1, -1, -1]


def test_nodata_of_what_is_not_taken_does_not_matter() -> None:
    other = raster(np.array([255, 7, 7, 7, 255], np.uint8), nodata=255)
    result = where(LAND, CLEAR, other)
    assert values_of(result.values, cell_type_of(result))[:5] == [10, 7, None, None, 50]
    assert result.dtype == np.int16


def test_conditions_are_comparisons() -> None:
    assert where(LAND, local(LAND, "greater", 15))[0].values.tolist() == [-1, 20, 30, -1, 50]


@given(data=st.data())
def test_against_a_plain_loop(data: st.DataObject) -> None:
    types = [data.draw(cell_types(TYPES)) for _ in range(3)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    array, condition, other = map(cube, blocks, types)
    result = where(array, condition, other)
    expected = [
        None if test is None else (yes if test else no)
        for yes, test, no in zip(*map(values_of, blocks, types), strict=True)
    ]
    assert values_of(result.values, cell_type_of(result)) == expected
    pieces = dict(zip(array.dims, data.draw(chunks(array.shape)), strict=True))
    with assert_lazy():
        lazy = where(array.chunk(pieces), condition, other)
    xr.testing.assert_identical(lazy.compute(), result)


def test_one_task_a_block() -> None:
    lazy = LAND.chunk(x=2, y=2)
    assert count_tasks(where(lazy, lazy, 0)) == count_tasks(lazy) + 6


def test_datasets_and_dates() -> None:
    both = xr.Dataset({"a": LAND, "b": LAND.rename("b")})
    result = where(both, local(both, "greater", 15), LAND)
    xr.testing.assert_identical(result["b"], where(both["b"], local(LAND, "greater", 15), LAND))
    dates = raster(np.uint8(1), times=["2024-01-01", "2024-01-02"])
    assert where(LAND, dates).dims == ("time", "y", "x")


def test_defined_and_undefined() -> None:
    both = xr.Dataset({"a": LAND, "b": CLEAR.rename("b")})
    assert defined(both)["a"][0].values.tolist() == [True, True, True, False, True]
    assert undefined(both)["b"][0].values.tolist() == [False, False, True, False, False]
    assert cell_type_of(defined(LAND)).name == "bool"
    assert defined(LAND.chunk(x=1)).dtype == bool


def test_refused() -> None:
    with pytest.raises(CellTypeError, match="no NoData value"):
        where(raster(np.uint8(1)), CLEAR)
    with pytest.raises(NoDataCollisionError, match="-1 is the NoData value of 'a'"):
        where(LAND, CLEAR, -1)
    with pytest.raises(AlgebraError, match="a condition is a raster such as"):
        where(LAND, True)  # type: ignore[arg-type]
    with pytest.raises(IncompatibleCubesError, match="size"):
        where(LAND, CLEAR[1:])
    with pytest.raises(CellTypeError, match="no integer type holds"):
        where(raster(np.uint64(1), nodata=0), CLEAR, -1)
