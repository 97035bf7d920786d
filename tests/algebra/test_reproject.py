"""Targets of a reprojection, and crops to whole cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.reproject import crop, reproject
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    import xarray as xr

FIELD = raster(np.arange(20.0).reshape(4, 5))


def test_to_a_crs_covers_the_cube() -> None:
    result = reproject(FIELD, "EPSG:3857")
    box = Extent.from_geobox(geobox_of(result))
    own = Extent.from_geobox(UTM).to_crs("EPSG:3857")
    assert box.xmin <= own.xmin + 1e-6
    assert box.ymax >= own.ymax - 1e-6
    assert not np.isnan(result).all()


def test_to_a_crs_at_a_resolution() -> None:
    assert geobox_of(reproject(FIELD, 3857, resolution=25)).affine.a == 25


def test_to_grids_of_all_kinds() -> None:
    target = UTM.zoom_out(2)
    like = reproject(FIELD, target)
    assert geobox_of(like) == target
    assert geobox_of(reproject(FIELD, like)) == target
    layout = TileLayout.from_geobox(UTM, 2)
    assert geobox_of(reproject(FIELD, layout)).shape == (4, 6)


def test_to_its_own_crs_is_itself() -> None:
    assert np.shares_memory(reproject(FIELD, 32633).values, FIELD.values)


def test_crop_keeps_touched_cells() -> None:
    np.testing.assert_array_equal(crop(FIELD, (300_011, 5_000_011, 300_029, 5_000_019)), [[11, 12]])
    aligned = crop(FIELD, (300_010, 5_000_010, 300_030, 5_000_030))
    assert aligned.shape == (2, 2)
    assert geobox_of(aligned) == UTM[1:3, 1:3]


@given(
    left=st.floats(0, 49),
    width=st.floats(0.001, 50),
    top=st.floats(0, 39),
    height=st.floats(0.001, 40),
)
def test_crop_covers_what_was_asked_for(
    left: float, width: float, top: float, height: float
) -> None:
    wanted = Extent(
        xmin=300_000 + left,
        xmax=300_000 + left + width,
        ymin=5_000_040 - top - height,
        ymax=5_000_040 - top,
        crs="EPSG:32633",
    )
    got = Extent.from_geobox(geobox_of(crop(FIELD, wanted)))
    whole = Extent.from_geobox(UTM)
    assert got.xmin <= max(wanted.xmin, whole.xmin) + 1e-4
    assert got.xmax >= min(wanted.xmax, whole.xmax) - 1e-4
    assert got.width <= width + 20.001


def test_crop_in_another_crs() -> None:
    lonlat = Extent.from_geobox(UTM[1:3, 1:3]).to_crs("EPSG:4326")
    assert crop(FIELD, lonlat).sizes["x"] in {2, 3, 4}


def test_refused() -> None:
    with pytest.raises(GridError, match="doesn't touch"):
        crop(FIELD, (0, 0, 1, 1))
    with pytest.raises(GridError, match="positive"):
        reproject(FIELD, 3857, resolution=-1)
    with pytest.raises(GridError, match="of its own"):
        reproject(FIELD, UTM, resolution=10)
    with pytest.raises(GridError):
        reproject(FIELD, "EPSG:nonsense")


def globe(first: float) -> xr.DataArray:
    grid = GeoBox((18, 36), Affine(10, 0, first, 0, -10, 90), "EPSG:4326")
    return raster(np.arange(36)[None] * 1.0, geobox=grid)


def test_crop_finds_longitudes_a_turn_away() -> None:
    west = crop(globe(0), Extent(xmin=-100, ymin=0, xmax=-80, ymax=10, crs="EPSG:4326"))
    assert list(west.x.values) == [265, 275]
    assert list(crop(globe(-180), (260, 0, 280, 10)).x.values) == [-95, -85]
    assert crop(globe(0), (-180, -90, 180, 90)).sizes["x"] == 36


def test_crop_refuses_what_lies_at_both_ends() -> None:
    with pytest.raises(GridError, match="west and the east end"):
        crop(globe(0), (-10, 0, 10, 10))


def test_the_same_place_under_another_name_of_the_crs() -> None:
    assert reproject(globe(-180), "OGC:CRS84").shape == (18, 36)
    with pytest.raises(GridError, match="positive"):
        reproject(FIELD, 3857, resolution=float("inf"))
