"""Rescaling, normalising and clipping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.algebra.local.oracle import SHAPE, cube, each, values_of
from tests.cube.rasters import raster
from xcube_tiles.algebra.local.scaling import clip, normalize, rescale
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

BYTES = raster(np.array([10, 20, 30, 255, 15], np.uint8), nodata=255)


def test_rescale_by_hand() -> None:
    np.testing.assert_array_equal(rescale(BYTES, 0, 1)[0], [0, 0.5, 1, np.nan, 0.25])
    np.testing.assert_array_equal(rescale(BYTES, 1, 0)[0], [1, 0.5, 0, np.nan, 0.75])
    given_range = rescale(BYTES, 0, 100, old_min=0, old_max=20)
    np.testing.assert_array_equal(given_range[0], [50, 100, 150, np.nan, 75])
    assert given_range.dtype == np.float32
    np.testing.assert_array_equal(rescale(BYTES, 0, 1, old_min=-10)[0, :3], [0.5, 0.75, 1])
    one = rescale(raster(np.array([7, 7, 255, 7, 7], np.uint8), nodata=255), 3, 4)
    np.testing.assert_array_equal(one[0], [3, 3, np.nan, 3, 3])


def test_normalize_by_hand() -> None:
    np.testing.assert_array_equal(normalize(BYTES)[0], [0, 0.5, 1, np.nan, 0.25])
    scores = normalize(BYTES, method="z-score")
    valid = np.array([10, 20, 30, 15])
    expected = (valid - valid.mean()) / valid.std()
    np.testing.assert_allclose(scores[0, [0, 1, 2, 4]], expected, rtol=1e-6)
    assert np.isnan(scores[0, 3])
    empty = raster(np.float32(np.nan))
    assert np.isnan(normalize(empty)).all()
    assert np.isnan(normalize(empty, method="z-score")).all()
    assert not normalize(raster(5.0), method="z-score").any()


def test_over_all_dimensions() -> None:
    dates = raster(0.0, times=["2024-01-01", "2024-01-02"]).copy()
    dates[1] = 4
    np.testing.assert_array_equal(normalize(dates)[:, 0, 0], [0, 1])
    both = xr.Dataset({"a": BYTES, "b": dates.rename("b")})
    xr.testing.assert_identical(normalize(both)["a"], normalize(BYTES))


@given(data=st.data())
def test_chunks_change_nothing(data: st.DataObject) -> None:
    source = data.draw(cell_types(("bool", "uint8", "int16", "float32")))
    assume(source.nodata != 1)  # cells can't be clipped to their NoData
    array = cube(data.draw(cells(source, (2, *SHAPE))), source, "level")
    pieces = dict(zip(array.dims, data.draw(chunks(array.shape)), strict=True))
    with assert_lazy():
        lazy, scores = (
            rescale(array.chunk(pieces), -1, 1),
            normalize(array.chunk(pieces), method="z-score"),
        )
        clipped = clip(array.chunk(pieces), high=1)
    xr.testing.assert_identical(lazy.compute(), rescale(array, -1, 1))
    xr.testing.assert_identical(scores.compute(), normalize(array, method="z-score"))
    xr.testing.assert_identical(clipped.compute(), clip(array, high=1))
    valid = [value for value in values_of(lazy.values, cell_type_of(lazy)) if value is not None]
    if source.dtype.kind != "f":
        assert all(-1 <= value <= 1 for value in valid)


def test_clip_by_hand() -> None:
    np.testing.assert_array_equal(clip(BYTES, 12, 25)[0], [12, 20, 25, 255, 15])
    assert cell_type_of(clip(BYTES, 12, 25)).name == "uint8ud255"
    np.testing.assert_array_equal(clip(BYTES, high=12)[0], [10, 12, 12, 255, 12])
    np.testing.assert_array_equal(clip(BYTES, -5, 1000), BYTES)
    floats = raster(np.array([-1.5, np.nan, 2.5, 9.0, 0.0], np.float32))
    np.testing.assert_array_equal(clip(floats, 0, 2.25)[0], [0, np.nan, 2.25, 2.25, 0])
    assert clip(BYTES.assign_attrs(units="K"), 12).attrs["units"] == "K"


@given(data=st.data(), low=st.integers(-200, 200), wide=st.integers(0, 300))
def test_clip_against_a_plain_loop(data: st.DataObject, low: int, wide: int) -> None:
    source = data.draw(cell_types(("uint8", "int8", "int16", "int64", "float64")))
    block = data.draw(cells(source, SHAPE))
    try:
        result = clip(cube(block, source), low, low + wide)
    except CellTypeError:
        return
    expected = each(lambda value: min(max(value, low), low + wide), values_of(block, source))
    assert values_of(result.values, source) == expected


def test_tasks() -> None:
    lazy = BYTES.chunk(x=2, y=2)
    assert count_tasks(clip(lazy, 0)) == count_tasks(lazy) + 6
    # one summary a block, one of all, one result a block
    assert count_tasks(rescale(lazy, 0, 1)) <= count_tasks(lazy) + 6 + 1 + 6


def test_refused() -> None:
    wrong: Any = "sd"
    with pytest.raises(AlgebraError, match="old_min must be less than old_max, got 2 and 2"):
        rescale(BYTES, 0, 1, old_min=2, old_max=2)
    with pytest.raises(AlgebraError, match="new_max must be finite, got inf"):
        rescale(BYTES, 0, math.inf)
    with pytest.raises(AlgebraError, match="new_min must be a number, got 'sd'"):
        rescale(BYTES, wrong, 1)
    with pytest.raises(AlgebraError, match="unknown method 'sd'; expected one of range, z-score"):
        normalize(BYTES, method=wrong)
    with pytest.raises(AlgebraError, match="clip needs a limit"):
        clip(BYTES)
    with pytest.raises(AlgebraError, match="low must not be above high, got 3 and 2"):
        clip(BYTES, 3, 2)
    with pytest.raises(AlgebraError, match="limits can't be NaN"):
        clip(BYTES, math.nan)
    with pytest.raises(CellTypeError, match=r"can't be clipped to 12\.5; expected a whole number"):
        clip(BYTES, 12.5)
    with pytest.raises(
        CellTypeError, match="clipped to 300; expected a whole number from 0 to 255"
    ):
        clip(BYTES, 300)
    with pytest.raises(CellTypeError, match=r"clipped to 1e\+300, which is beyond them"):
        clip(raster(np.float32(1)), 0, 1e300)
    with pytest.raises(CellTypeError, match="clipped to 7, which is their NoData value"):
        clip(raster(np.uint8(1), nodata=7), 7)
