"""Warping any small cube to any grid by any method: chunks change no bit, NoData stays NoData."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from tests.cube.rasters import UTM, raster
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import CellTypeError
from xcube_tiles.testing.asserts import assert_lazy, assert_same_cells
from xcube_tiles.testing.strategies import CRS_NAMES, cubes
from xcube_tiles.typing import ResamplingName

METHODS: tuple[ResamplingName, ...] = get_args(ResamplingName)


@settings(max_examples=40)
@given(data=st.data(), crs=st.sampled_from(CRS_NAMES), method=st.sampled_from(METHODS))
def test_chunks_change_no_bit(data: st.DataObject, crs: str, method: ResamplingName) -> None:
    cube = data.draw(cubes(dtypes=("uint8", "int16", "float32", "float64"), chunked=True))
    cube = cube[["red"]]
    own = geobox_of(cube)
    target = own.to_crs(crs) if crs != str(own.crs) else own.zoom_out(data.draw(st.floats(0.4, 3)))
    edge = data.draw(st.integers(1, 9))
    try:
        with assert_lazy():
            lazy = warp(cube, target, method, chunk_size=edge)["red"]
        eager = warp(cube.compute(), target, method)["red"]
        computed = lazy.compute(scheduler="sync")
    except CellTypeError as error:
        assert cell_type_of(cube["red"]).nodata is None, error  # noqa: PT017
        return
    assert_same_cells(computed, eager)


@pytest.mark.parametrize("method", METHODS)
def test_one_cell(method: ResamplingName) -> None:
    # The kernels are wider than the raster.
    cell = GeoBox((1, 1), UTM.affine, UTM.crs)
    one = raster([[5.0]], geobox=cell)
    fine = GeoBox((2, 2), cell.affine * Affine.scale(0.5), cell.crs)
    share = 0.25 if method == "sum" else 1.0
    np.testing.assert_allclose(warp(one, fine, method), 5 * share)
    wide = warp(one, cell.pad(2), method)
    assert int(wide.count()) == 1
    assert float(wide[2, 2]) == 5


@pytest.mark.parametrize("method", METHODS)
def test_all_nodata(method: ResamplingName) -> None:
    empty = raster(np.full((4, 5), 9, np.int16), nodata=9)
    result = warp(empty, UTM.zoom_out(0.7), method)
    assert cell_type_of(result).is_nodata(result.values).all()
