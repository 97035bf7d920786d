"""Reclassification by breaks and values, with every boundary, fallback and strictness."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from tests.algebra.local.oracle import SHAPE, cube, values_of
from tests.cube.rasters import raster
from xcube_tiles.algebra.local.reclassify import Boundary, reclassify
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

if TYPE_CHECKING:
    from collections.abc import Mapping

HEIGHT = raster(np.array([5, 10, 15, 25, -1], np.int16), nodata=-1)


def found(array: xr.DataArray) -> list[Any]:
    return values_of(array.values, cell_type_of(array))


def classed(value: float, table: Mapping[float, Any], boundary: str) -> tuple[bool, Any]:
    """Return whether a value has a class, and which: the rule as GeoTrellis writes it down."""
    keys = sorted(table, reverse=boundary.startswith("greater"))
    holds = {
        "less-equal": operator.le,
        "less": operator.lt,
        "greater": operator.gt,
        "greater-equal": operator.ge,
        "exact": operator.eq,
    }[boundary]
    hits = [key for key in keys if holds(value, key)]
    return (True, table[hits[0]]) if hits else (False, None)


def test_boundaries_by_hand() -> None:
    table = {10: 1, 20: 2}
    for boundary, expected in {
        "less-equal": [1, 1, 2, None, None],
        "less": [1, 2, 2, None, None],
        "greater": [None, None, 1, 2, None],
        "greater-equal": [None, 1, 1, 2, None],
        "exact": [None, 1, None, None, None],
    }.items():
        result = reclassify(HEIGHT, table, boundary=boundary)  # type: ignore[arg-type]
        assert found(result)[:5] == expected, boundary
        assert cell_type_of(result).name == "uint8ud255"


def test_fallbacks_and_new_nodata() -> None:
    assert found(reclassify(HEIGHT, {10: 1}, fallback=9))[:5] == [1, 1, 9, 9, None]
    kept = reclassify(HEIGHT, {10: 1}, fallback="keep")
    assert found(kept)[:5] == [1, 1, 15, 25, None]
    assert cell_type_of(kept).name == "int16ud-1"
    assert found(reclassify(HEIGHT, {10: None, 20: 2}, fallback=3))[:5] == [None, None, 2, 3, None]
    half = reclassify(HEIGHT, {10: 0.5, math.inf: 1})
    assert half.dtype == np.float32
    assert found(half)[:5] == [0.5, 0.5, 1.0, 1.0, None]


def test_cell_types() -> None:
    assert cell_type_of(reclassify(HEIGHT, {10: 255})).name == "uint16ud65535"
    assert cell_type_of(reclassify(HEIGHT, {10: -1})).name == "int8"
    assert cell_type_of(reclassify(HEIGHT, {10: 1}, cell_type="int32ud-9")).name == "int32ud-9"
    kept = reclassify(HEIGHT, {10: -1}, fallback="keep")
    assert cell_type_of(kept).name == "int32"
    assert found(kept)[:5] == [-1, -1, 15, 25, None]
    floats = raster(np.array([1.0, 2.0, 3.0, np.nan, 5.0], np.float32))
    assert reclassify(floats, {2: 16_777_217}, fallback="keep").dtype == np.float64
    assert reclassify(floats, {2: 7}, fallback="keep").dtype == np.float32


def test_breaks_between_integers() -> None:
    assert found(reclassify(HEIGHT, {9.5: 1, 10.5: 2, 1e9: 3}))[:4] == [1, 2, 3, 3]
    greater = reclassify(HEIGHT, {-1e9: 0, 9.5: 1, 10.5: 2}, boundary="greater-equal")
    assert found(greater)[:4] == [0, 1, 2, 2]
    wide = raster(np.array([2**53, 2**53 + 1, 2**63 - 1, -(2**63), 0], np.int64))
    assert found(reclassify(wide, {2**53: 1, 2.0**63: 2}))[:5] == [1, 2, 2, 1, 1]
    exact = reclassify(wide, {2**53 + 1: 1}, boundary="exact", fallback=0)
    assert found(exact)[:5] == [0, 1, 0, 0, 0]


def test_strict() -> None:
    assert found(reclassify(HEIGHT, {30: 1}, strict=True))[:5] == [1, 1, 1, 1, None]
    with pytest.raises(AlgebraError, match="25 has no class; add it to the table"):
        reclassify(HEIGHT, {20: 1}, strict=True)
    lazy = reclassify(HEIGHT.chunk(x=2), {20: 1}, strict=True)
    with pytest.raises(AlgebraError, match="has no class"):
        lazy.compute()


@settings(max_examples=150)
@given(data=st.data(), boundary=st.sampled_from(get_args(Boundary)), keep=st.booleans())
def test_against_a_plain_loop(data: st.DataObject, boundary: Any, keep: bool) -> None:
    source = data.draw(cell_types(("bool", "uint8", "int8", "int16", "uint64", "float64")))
    block = data.draw(cells(source, SHAPE))
    values = values_of(block, source)
    own = [value for value in values if value is not None] or [0]
    keys = st.one_of(st.sampled_from(own), st.integers(-40_000, 40_000), st.floats(-300, 300))
    news = st.none() | st.integers(-300, 300)
    table = data.draw(st.dictionaries(keys, news, min_size=1, max_size=20))
    try:
        result = reclassify(
            cube(block, source), table, boundary=boundary, fallback="keep" if keep else None
        )
    except CellTypeError:
        assert source.dtype == np.uint64
        return
    expected = []
    for value in values:
        hit, new = (False, None) if value is None else classed(value, table, boundary)
        expected.append(new if hit else value if keep else None)
    assert found(result) == expected
    pieces = dict(zip(("y", "x"), data.draw(chunks(SHAPE)), strict=True))
    with assert_lazy():
        lazy = reclassify(
            cube(block, source).chunk(pieces), table, boundary=boundary,
            fallback="keep" if keep else None,
        )  # fmt: skip
    xr.testing.assert_identical(lazy.compute(), result)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("count", [3, 40, 300])
def test_large_arrays(dtype: str, count: int) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(-100 if dtype != "uint8" else 0, 200, (300, 301)).astype(dtype)
    coords = {"y": np.arange(300) * -10.0, "x": np.arange(301) * 10.0}
    array = xr.DataArray(values, coords, ("y", "x")).tiles.set_crs(32633)
    breaks = np.linspace(-90, 180, count)
    result = reclassify(array, {float(key): at for at, key in enumerate(breaks)}, fallback=count)
    np.testing.assert_array_equal(result, np.digitize(values, breaks, right=True))


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ("less", [1, 1, 1, None]),
        ("less-equal", [1, 1, 1, None]),
        ("greater", [None, None, None, 1]),
        ("greater-equal", [None, None, None, 1]),
        ("exact", [None, None, None, None]),
    ],
)
def test_breaks_beyond_float32(boundary: Any, expected: list[int | None]) -> None:
    cells = np.array([[-np.inf, 0, np.finfo(np.float32).max, np.inf]], np.float32)
    array = raster(cells, geobox=GeoBox.from_bbox((0, 0, 40, 10), crs="EPSG:32633", resolution=10))
    wanted = [255 if each is None else each for each in expected]
    assert reclassify(array, {1e300: 1}, boundary=boundary).values.tolist() == [wanted]
    mirrored = boundary.replace("less", "?").replace("greater", "less").replace("?", "greater")
    found = reclassify(array * -1, {-1e300: 1}, boundary=mirrored)
    assert found.values.tolist() == [wanted]


def test_one_task_a_block_and_attributes() -> None:
    lazy = HEIGHT.assign_attrs(units="m").chunk(x=2, y=2)
    result = reclassify(lazy, {10: 1})
    assert count_tasks(result) == count_tasks(lazy) + 6
    assert "units" not in result.attrs
    assert reclassify(lazy, {10: 1}, fallback="keep").attrs["units"] == "m"


def test_refused() -> None:
    wrong: Any = "middle"
    with pytest.raises(AlgebraError, match="unknown boundary 'middle'; expected one of less-equal"):
        reclassify(HEIGHT, {1: 2}, boundary=wrong)
    with pytest.raises(AlgebraError, match="unknown fallback 'middle'; expected a number, 'keep'"):
        reclassify(HEIGHT, {1: 2}, fallback=wrong)
    with pytest.raises(AlgebraError, match=r"a table maps breaks .* got \[\]"):
        reclassify(HEIGHT, [])  # type: ignore[arg-type]
    with pytest.raises(AlgebraError, match="a break can't be NaN"):
        reclassify(HEIGHT, {math.nan: 1})
    with pytest.raises(AlgebraError, match="a new value must be a number, got 'a'"):
        reclassify(HEIGHT, {1: "a"})  # type: ignore[dict-item]
    with pytest.raises(CellTypeError, match="uint8ud255 cells can't hold the new value 300"):
        reclassify(HEIGHT, {1: 300}, cell_type="uint8ud255")
    with pytest.raises(CellTypeError, match="is NoData in uint8ud255; make it None"):
        reclassify(HEIGHT, {1: 255}, cell_type="uint8ud255")
    with pytest.raises(CellTypeError, match="uint8raw cells can't be NoData"):
        reclassify(HEIGHT, {1: 2}, cell_type="uint8raw")
    with pytest.raises(CellTypeError, match="cell_type is a cell type or its name, got 8"):
        reclassify(HEIGHT, {1: 2}, cell_type=8)  # type: ignore[arg-type]
