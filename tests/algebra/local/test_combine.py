"""Combinations of classes: numbers that depend on classes alone, and what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.local.oracle import SHAPE, cube, values_of
from tests.cube.rasters import raster
from xcube_tiles.algebra.local.combine import combinations, combine
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, CellTypeError, IncompatibleCubesError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

SOIL = raster(np.array([2, 1, 2, 255, 1], np.uint8), nodata=255, name="soil")
USE = raster(np.array([-7, 7, 8, 8, 7], np.int16), name="use")


def test_by_hand() -> None:
    result = combine(SOIL, USE)
    assert result[0].values.tolist() == [2, 1, 3, 0, 1]
    assert result.name == "combination"
    assert cell_type_of(result).name == "uint32"
    table = combinations(SOIL, USE)
    assert table["soil"].values.tolist() == [1, 2, 2]
    assert table["use"].values.tolist() == [7, -7, 8]
    assert table["count"].values.tolist() == [8, 4, 4]
    assert table["combination"].values.tolist() == [1, 2, 3]
    both = xr.Dataset({"soil": SOIL, "use": USE})
    xr.testing.assert_identical(combine(both), result)
    xr.testing.assert_identical(combinations(both), table)


@given(data=st.data())
def test_chunks_change_nothing(data: st.DataObject) -> None:
    names = ("bool", "uint8", "int16", "uint64", "int64")
    types = [data.draw(cell_types(names)) for _ in range(3)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    arrays = [cube(*pair) for pair in zip(blocks, types, strict=True)]
    layers = list(zip(*map(values_of, blocks, types), strict=True))
    known = sorted({cell for cell in layers if None not in cell})
    result = combine(arrays[0], arrays[1:])
    expected = [known.index(cell) + 1 if None not in cell else 0 for cell in layers]
    assert result.values.ravel().tolist() == expected
    pieces = dict(zip(("y", "x"), data.draw(chunks(SHAPE)), strict=True))
    with assert_lazy():
        lazy = combine(arrays[0].chunk(pieces), arrays[1:])
    xr.testing.assert_identical(lazy.compute(), result)
    table = combinations(arrays[0].chunk(pieces), arrays[1:])
    assert [*zip(*(table[f"a_{at}"].values.tolist() for at in range(3)), strict=True)] == known


def test_many_combinations() -> None:
    rng = np.random.default_rng(2)
    coords = {"y": np.arange(120) * -10.0, "x": np.arange(90) * 10.0}
    one, two = (
        xr.DataArray(rng.integers(0, 200, (120, 90)), coords, ("y", "x")).tiles.set_crs(32633)
        for _ in "ab"
    )
    keys = one.values * 1000 + two.values
    _, inverse = np.unique(keys, return_inverse=True)
    np.testing.assert_array_equal(combine(one, two), inverse.reshape(keys.shape) + 1)
    lazy = combine(one.chunk(x=17, y=19), two)
    np.testing.assert_array_equal(lazy, inverse.reshape(keys.shape) + 1)


def test_one_numbering_for_all_dates() -> None:
    dates = raster(np.int16(1), times=["2024-01-01", "2024-01-02"]).copy()
    dates[1] = 5
    result = combine(SOIL, dates)
    assert result.dims == ("time", "y", "x")
    assert result[:, 0].values.tolist() == [[3, 1, 3, 0, 1], [4, 2, 4, 0, 2]]


def test_all_nodata_and_tasks() -> None:
    empty = raster(np.uint8(255), nodata=255)
    assert not combine(empty, USE).values.any()
    assert combinations(empty, USE).sizes["combination"] == 0
    lazy = SOIL.chunk(x=2, y=2)
    assert count_tasks(combine(lazy, lazy)) <= count_tasks(lazy) + 2 * 6 + 1


def test_refused() -> None:
    with pytest.raises(AlgebraError, match=r"two or more rasters, got \['soil'\]"):
        combine(SOIL)
    with pytest.raises(CellTypeError, match="'a' has floats"):
        combine(SOIL, raster(1.5))
    with pytest.raises(IncompatibleCubesError, match="size"):
        combinations(SOIL, USE[1:])
    with pytest.raises(AlgebraError, match="others must be one or several cubes"):
        combine(SOIL, 3)  # type: ignore[arg-type]
