"""Region groups of cubes: numbers don't depend on chunks, layers are on their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skimage.measure
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cube.rasters import raster
from xcube_tiles.algebra.regions import regions
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, GeoreferenceError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import chunks, cubes

COVER = np.array([[7, 7, 5, 5, 9], [5, 5, 7, 255, 9], [5, 7, 7, 255, 9], [5, 5, 5, 5, 5]], "uint8")


def test_by_hand() -> None:
    result = regions(raster(COVER, nodata=255))
    expected = [[1, 1, 2, 2, 3], [4, 4, 5, 0, 3], [4, 5, 5, 0, 3], [4, 4, 4, 4, 4]]
    np.testing.assert_array_equal(result, expected)
    assert cell_type_of(result).name == "int32ud0"
    assert result.name == "a"


def test_a_cell_alone_and_nothing_at_all() -> None:
    one = raster(COVER, nodata=255).isel(y=[3], x=[3])
    np.testing.assert_array_equal(regions(one), [[1]])
    assert not regions(raster(np.nan)).any()
    assert (regions(raster(np.True_)) == 1).all()


def test_a_cube_of_no_date() -> None:
    none = raster(COVER, nodata=255, times=["2024-01-01"]).isel(time=slice(0, 0))
    with assert_lazy():
        lazy = regions(none.chunk(y=2))
    xr.testing.assert_identical(lazy.compute(), regions(none))


def test_every_layer_has_numbers_of_its_own() -> None:
    stack = raster(COVER, nodata=255, times=["2024-01-01", "2024-01-02"])
    stack[1] = 3
    result = regions(stack.chunk(time=2, x=2))
    np.testing.assert_array_equal(result[0], regions(stack[0]))
    assert (result[1] == 1).all()


def test_a_dataset_keeps_what_is_no_raster() -> None:
    cube = raster(COVER, nodata=255).to_dataset().assign(when=("t", [1.5]))
    result = regions(cube)
    xr.testing.assert_identical(result["a"], regions(cube["a"]))
    xr.testing.assert_identical(result["when"], cube["when"])


@settings(max_examples=60)
@given(cube=cubes(chunked=False), eight=st.booleans(), data=st.data())
def test_no_seams(cube: xr.Dataset, eight: bool, data: st.DataObject) -> None:
    connectivity: Any = 8 if eight else 4
    # few classes, so that regions grow beyond blocks
    red = (cube["red"] // 64).astype(cube["red"].dtype).assign_attrs(cube["red"].attrs)
    lazy = red.chunk(dict(zip(red.dims, data.draw(chunks(red.shape)), strict=True)))
    with assert_lazy():
        result = regions(lazy, connectivity=connectivity)
    xr.testing.assert_identical(result.compute(), regions(red, connectivity=connectivity))


def test_bands_on_many_cores_as_scikit_image() -> None:
    rng = np.random.default_rng(1)
    cells = (rng.random((400, 300)).cumsum(1).astype(int) // 3 % 4).astype(np.int32)
    theirs = skimage.measure.label(cells, background=0, connectivity=2)
    array = xr.DataArray(
        cells,
        dims=("y", "x"),
        coords={"y": np.arange(400, 0, -1.0), "x": np.arange(300.0)},
        attrs={"_FillValue": np.int32(0)},
    ).tiles.set_crs("EPSG:32633")
    np.testing.assert_array_equal(regions(array, connectivity=8), theirs)
    np.testing.assert_array_equal(regions(array.chunk(y=64, x=50), connectivity=8), theirs)


def test_tasks_and_names() -> None:
    lazy = raster(COVER, nodata=255).chunk(y=2, x=2)
    assert count_tasks(regions(lazy)) - count_tasks(lazy) <= 3 * lazy.data.npartitions + 1
    assert regions(lazy).data.name == regions(lazy).data.name
    assert regions(lazy).chunks == lazy.chunks
    assert regions(lazy, connectivity=8).data.name != regions(lazy).data.name


def test_refused() -> None:
    with pytest.raises(AlgebraError, match=r"4 \(edges\) or 8"):
        regions(raster(COVER), connectivity=6)  # type: ignore[arg-type]
    with pytest.raises(GeoreferenceError, match="spatial dimensions"):
        regions(xr.DataArray(COVER))
