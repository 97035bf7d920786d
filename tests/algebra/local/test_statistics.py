"""Statistics of several cubes, and the n-th lowest of their cells."""

from __future__ import annotations

from collections import Counter
from statistics import fmean, median, pvariance
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.algebra.local.oracle import SHAPE, cube, values_of
from tests.cube.rasters import raster
from xcube_tiles.algebra.local.statistics import cell_statistics, rank, statistic_names
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, CellTypeError, DimensionError, IncompatibleCubesError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = ("uint8", "int16", "int32")
ONE = raster(np.array([1, 255, 255, 7, 200], np.uint8), nodata=255)
TWO = raster(np.array([3, 4, -1, 7, 100], np.int16), nodata=-1)
THREE = raster(np.array([3, 5, -1, 8, -300], np.int16), nodata=-1)


def most(values: list[int], sign: int = 1) -> int:
    return min(Counter(values).items(), key=lambda item: (-sign * item[1], item[0]))[0]


ORACLES: dict[str, Callable[[list[int]], float]] = {
    "mean": fmean,
    "min": min,
    "max": max,
    "range": lambda values: max(values) - min(values),
    "sum": sum,
    "median": median,
    "mode": most,
    "minority": lambda values: most(values, -1),
    "variance": lambda values: pvariance(map(float, values)),
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}


def found(array: xr.DataArray) -> list[Any]:
    return values_of(array.values, cell_type_of(array))


def floats(values: list[Any]) -> Any:
    return np.array(values, float)


def test_by_hand() -> None:
    table: dict[str, list[Any]] = {
        "mean": [7 / 3, 4.5, None, 22 / 3, 0.0],
        "majority": [3, 4, None, 7, -300],
        "minority": [1, 4, None, 8, -300],
        "variety": [2, 2, 0, 2, 3],
        "count": [3, 2, 0, 3, 3],
        "range": [2, 1, None, 1, 500],
        "sum": [7, 9, None, 22, 0],
        "median": [3.0, 4.5, None, 7.0, 100.0],
    }
    for name, expected in table.items():
        result = cell_statistics(ONE, [TWO, THREE], name)
        np.testing.assert_allclose(floats(found(result)[:5]), floats(expected), rtol=1e-6)
        assert result.name == "a"
    assert cell_type_of(cell_statistics(ONE, TWO, "max")).name == "int16ud-1"
    assert cell_statistics(ONE, [TWO], "variety").dtype == np.int32


def test_ranges_do_not_wrap() -> None:
    low = raster(np.int8(-128))
    high = raster(np.int8(127))
    result = cell_statistics(low, high, "range")
    assert cell_type_of(result).name == "uint8raw"
    assert result.values[0, 0] == 255
    known = raster(np.int8(127), nodata=0)
    assert found(cell_statistics(raster(np.int8(-128), nodata=0), known, "range"))[0] == 255
    spread = cell_statistics(raster(np.float32(1.5)), raster(np.float32(4)), "range")
    assert spread.dtype == np.float32
    assert spread.values[0, 0] == 2.5


@settings(max_examples=100)
@given(data=st.data(), name=st.sampled_from(sorted(ORACLES)))
def test_against_plain_loops(data: st.DataObject, name: str) -> None:
    types = [data.draw(cell_types(TYPES)) for _ in range(3)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    arrays = [cube(*pair) for pair in zip(blocks, types, strict=True)]
    result = cell_statistics(arrays[0], arrays[1:], name)
    layers = zip(*map(values_of, blocks, types), strict=True)
    values = [[value for value in cell if value is not None] for cell in layers]
    expected = [ORACLES[name](cell) if cell else None for cell in values]
    np.testing.assert_allclose(floats(found(result)), floats(expected), rtol=1e-6, atol=1e-3)
    pieces = dict(zip(("y", "x"), data.draw(chunks(SHAPE)), strict=True))
    with assert_lazy():
        lazy = cell_statistics(arrays[0].chunk(pieces), arrays[1:], name)
    xr.testing.assert_identical(lazy.compute(), result)


@pytest.mark.parametrize("name", statistic_names())
def test_all_nodata_and_every_name(name: str) -> None:
    empty = raster(np.uint8(255), nodata=255)
    result = found(cell_statistics(empty, empty, name))
    assert set(result) <= {None, 0}
    assert cell_statistics(ONE, ONE, name).shape == ONE.shape


@given(data=st.data(), n=st.integers(-3, 2))
def test_ranks_against_sorting(data: st.DataObject, n: int) -> None:
    types = [data.draw(cell_types((*TYPES, "bool"))) for _ in range(3)]
    blocks = [data.draw(cells(one, SHAPE)) for one in types]
    arrays = [cube(*pair) for pair in zip(blocks, types, strict=True)]
    layers = zip(*map(values_of, blocks, types), strict=True)
    values = [sorted(value for value in cell if value is not None) for cell in layers]
    at = [n if n >= 0 else len(cell) + n for cell in values]
    expected = [cell[k] if 0 <= k < len(cell) else None for cell, k in zip(values, at, strict=True)]
    assert found(rank(arrays[0], arrays[1:], n)) == expected
    lazy = rank(arrays[0].chunk(x=2), arrays[1:], n)
    xr.testing.assert_identical(lazy.compute(), rank(arrays[0], arrays[1:], n))


def test_ranks_along_a_dimension() -> None:
    dates = ["2024-01-01", "2024-01-02", "2024-01-03"]
    stack = raster(0.0, times=dates).copy()
    stack[:] = np.arange(3)[::-1, None, None]
    stack[1, 0, 0] = np.nan
    result = rank(stack, "time", 1)
    assert result.dims == ("y", "x")
    assert "time" not in result.coords
    assert result.values[0, 0] == 2.0
    assert result.values[0, 1] == 1.0
    with assert_lazy():
        lazy = rank(stack.chunk(time=1, x=2), "time", -1)
    xr.testing.assert_identical(lazy.compute(), rank(stack, "time", -1))
    both = xr.Dataset({"a": stack, "b": ONE.rename("b")})
    assert rank(both, "time", 0)["b"].dims == ("y", "x")
    variables = xr.Dataset({"a": TWO, "b": THREE.rename("b")})
    np.testing.assert_array_equal(rank(variables, "bands", 0)["rank"], rank(TWO, THREE, 0))


def test_one_task_a_block_and_datasets() -> None:
    lazy = TWO.chunk(x=2, y=2)
    more = cell_statistics(lazy, [lazy, lazy], "median")
    assert count_tasks(more) == count_tasks(lazy) + 6
    both = xr.Dataset({"a": TWO, "b": THREE.rename("b")})
    result = cell_statistics(both, [both, TWO], "sum")
    assert found(result["b"])[:2] == [9, 14]
    dates = raster(np.int16(3), times=["2024-01-01", "2024-01-02"])
    assert cell_statistics(TWO, dates, "min").dims == ("time", "y", "x")


def test_large_arrays_use_threads() -> None:
    rng = np.random.default_rng(1)
    coords = {"y": np.arange(300) * -10.0, "x": np.arange(301) * 10.0}
    arrays = [
        xr.DataArray(rng.integers(0, 9, (300, 301)), coords, ("y", "x")).tiles.set_crs(32633)
        for _ in range(3)
    ]
    values = np.stack([array.values for array in arrays])
    np.testing.assert_array_equal(
        cell_statistics(arrays[0], arrays[1:], "median"), np.median(values, axis=0)
    )
    np.testing.assert_array_equal(rank(arrays[0], arrays[1:], 1), np.sort(values, axis=0)[1])


def test_refused() -> None:
    with pytest.raises(AlgebraError, match="unknown statistic 'avg'; expected one of first"):
        cell_statistics(ONE, TWO, "avg")
    with pytest.raises(AlgebraError, match="others must be one or several cubes, got 3"):
        cell_statistics(ONE, 3, "mean")  # type: ignore[arg-type]
    with pytest.raises(AlgebraError, match=r"others must be one or several cubes, got \[\]"):
        cell_statistics(ONE, [], "mean")
    with pytest.raises(IncompatibleCubesError, match="size"):
        cell_statistics(ONE, TWO[1:], "mean")
    with pytest.raises(CellTypeError, match="no integer type holds both"):
        cell_statistics(raster(np.uint64(1)), raster(np.int64(1)), "mean")
    with pytest.raises(AlgebraError, match="n=2 is beyond 2 cubes; expected -2 to 1"):
        rank(ONE, TWO, 2)
    with pytest.raises(AlgebraError, match="n must be an integer"):
        rank(ONE, TWO, 0.5)  # type: ignore[arg-type]
    with pytest.raises(DimensionError, match="no dimension 'time'"):
        rank(ONE, "time", 0)
    with pytest.raises(DimensionError, match="is a dimension of the grid"):
        rank(ONE, "y", 0)
