"""The shipped strategies draw what they promise, the awkward cases among them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import canonical, geobox_of
from xcube_tiles.grid.dtypes import DTYPE_NAMES
from xcube_tiles.testing.strategies import (
    CRS_NAMES,
    cell_types,
    cells,
    chunks,
    cubes,
    extents,
    geoboxes,
    layouts,
    space_time_keys,
    tile_keys,
)

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from xcube_tiles.grid.celltype import CellType


@pytest.mark.parametrize("dtype", DTYPE_NAMES)
def test_cell_types_of_a_dtype(dtype: str) -> None:
    policies = ["raw"] if dtype == "bool" else ["raw", "constant", "number"]
    for policy in policies:
        found = find(cell_types([dtype]), partial(has, policy=policy))
        assert found.dtype == np.dtype(dtype)


def has(cell_type: CellType, policy: str) -> bool:
    if cell_type.nodata is None:
        return policy == "raw"
    return policy == ("number" if "ud" in cell_type.name else "constant")


@given(st.data(), cell_types(), st.sampled_from([(), (0,), (3,), (2, 1, 3)]))
def test_cells_are_of_their_type(
    data: st.DataObject, cell_type: CellType, shape: tuple[int, ...]
) -> None:
    values = data.draw(cells(cell_type, shape))
    assert values.shape == shape
    assert values.dtype == cell_type.dtype
    valid = values[~cell_type.is_nodata(values)]
    assert np.isfinite(valid).all()


def test_cells_hold_nodata_and_values() -> None:
    def mixed(drawn: tuple[CellType, Any]) -> bool:
        missing = drawn[0].is_nodata(drawn[1])
        return bool(missing.any() and not missing.all())

    pairs = cell_types().flatmap(lambda drawn: st.tuples(st.just(drawn), cells(drawn)))
    assert find(pairs, mixed)


@given(st.sampled_from(CRS_NAMES), st.data())
def test_extents_and_geoboxes_of_a_crs(crs: str, data: st.DataObject) -> None:
    assert str(data.draw(extents(crs)).crs) == crs
    geobox = data.draw(geoboxes(4, crs))
    assert str(geobox.crs) == crs
    assert max(geobox.shape) <= 4
    assert geobox.affine.a > 0 > geobox.affine.e


@given(st.data(), layouts())
def test_keys_of_a_layout_lie_in_it(data: st.DataObject, layout: Any) -> None:
    assert data.draw(tile_keys(layout)) in layout
    assert data.draw(space_time_keys(layout)) in layout


@given(st.data(), st.lists(st.integers(0, 9), max_size=3))
def test_chunks_sum_to_the_shape(data: st.DataObject, shape: list[int]) -> None:
    pieces = data.draw(chunks(tuple(shape)))
    assert [sum(axis) for axis in pieces] == shape
    assert all(size > 0 for axis in pieces for size in axis if sum(axis))


@given(cubes())
def test_cubes_are_canonical(cube: xr.Dataset) -> None:
    geobox: GeoBox = geobox_of(cube)
    assert canonical(cube).identical(cube)
    assert (cube.sizes["y"], cube.sizes["x"]) == geobox.shape.yx
    assert cube.indexes["time"].is_monotonic_increasing
    for array in cube.data_vars.values():
        assert array.dims == ("time", "y", "x")
        assert cell_type_of(array).dtype == array.dtype


@given(cubes(chunked=True))
def test_chunked_cubes_are_lazy(cube: xr.Dataset) -> None:
    assert all(array.chunks for array in cube.data_vars.values())


@given(cubes(chunked=False, dtypes=["int16"], max_times=1, max_size=2))
def test_cubes_keep_their_limits(cube: xr.Dataset) -> None:
    assert not any(array.chunks for array in cube.data_vars.values())
    assert {array.dtype.name for array in cube.data_vars.values()} == {"int16"}
    assert cube.sizes["time"] == 1
    assert max(cube.sizes["y"], cube.sizes["x"]) <= 2
