"""Another cell size: which grid it gives, and that the extent stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.resample import resample
from xcube_tiles.cube.georef import extent_of, geobox_of
from xcube_tiles.errors import CellTypeError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

FIELD = raster(np.arange(20.0).reshape(4, 5))


def test_twice_as_large_by_hand() -> None:
    result = resample(FIELD, factor=2, resampling="average")
    np.testing.assert_allclose(result, [[3, 5, 6.5], [13, 15, 16.5]])
    # The last column reaches beyond the cube: it is the mean of the cells that there are.
    assert extent_of(result).xmax == extent_of(FIELD).xmax + 10
    assert geobox_of(result).affine.a == 20


def test_half_as_large_by_hand() -> None:
    result = resample(FIELD, factor=0.5)
    np.testing.assert_array_equal(result, FIELD.values.repeat(2, 0).repeat(2, 1))


def test_a_shape_keeps_all_edges() -> None:
    result = resample(FIELD, shape=(3, 7))
    assert result.shape == (3, 7)
    assert extent_of(result).bounds == pytest.approx(extent_of(FIELD).bounds)


def test_a_resolution_each_way() -> None:
    result = resample(FIELD, resolution=(5, 20))
    assert result.shape == (2, 10)
    assert result.tiles.resolution == (5, 20)
    assert geobox_of(resample(FIELD, factor=(0.5, 2))) == geobox_of(result)


def test_its_own_size_is_itself() -> None:
    assert np.shares_memory(resample(FIELD, resolution=10).values, FIELD.values)


@given(size=st.floats(0.7, 70))
def test_the_cube_is_covered(size: float) -> None:
    own, result = extent_of(FIELD), extent_of(resample(FIELD, resolution=size))
    assert (result.xmin, result.ymax) == (own.xmin, own.ymax)
    assert own.xmax - 1e-4 <= result.xmax < own.xmax + size
    assert result.ymin <= own.ymin + 1e-4


def test_no_seams_from_10_to_5_metres() -> None:
    # 256 chunks; interpolation reaches into the neighbours.
    values = np.random.default_rng(5).random((160, 160), np.float32)
    values[values < 0.03] = np.nan
    cube = raster(values, geobox=UTM.pad(0).expand((160, 160)))
    for method in ("bilinear", "cubic", "lanczos"):
        with assert_lazy():
            lazy = resample(cube.chunk(y=10, x=10), factor=0.5, resampling=method)
        np.testing.assert_array_equal(
            lazy.compute().values, resample(cube, factor=0.5, resampling=method).values
        )


def test_one_task_a_block() -> None:
    cube = FIELD.chunk(y=2, x=2)
    result = resample(cube, factor=0.5, resampling="cubic")
    assert count_tasks(result) - count_tasks(cube) == result.data.npartitions


def test_raw_integers_stay_inside() -> None:
    raw = raster(np.arange(20, dtype=np.uint8).reshape(4, 5))
    assert resample(raw, shape=(2, 2)).dtype == np.uint8
    assert int(resample(raw, shape=(8, 10)).max()) == 19
    with pytest.raises(CellTypeError, match="no NoData value"):
        resample(raw, factor=0.3).compute()


def test_each_variable_its_way() -> None:
    both = FIELD.to_dataset(name="a").assign(b=raster(np.uint8(3), nodata=0))
    result = resample(both, factor=2, resampling={"a": "sum"})
    assert float(result["a"][0, 0]) == 12
    assert result["b"].dtype == np.uint8
