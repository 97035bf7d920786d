"""Georeference: canonical form, and what contradicts itself is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import rioxarray
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import ODCExtension

from tests.cube.rasters import UTM, raster
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import (
    assign_geobox,
    canonical,
    crs_of,
    extent_of,
    geobox_of,
    set_crs,
)
from xcube_tiles.errors import GeoreferenceError
from xcube_tiles.testing.asserts import assert_lazy
from xcube_tiles.testing.strategies import geoboxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lonlat(name_y: str = "lat", name_x: str = "lon") -> xr.DataArray:
    coords = {name_y: [50.1, 50.2, 50.3], name_x: [10.0, 10.1, 10.2, 10.3]}
    return xr.DataArray(np.arange(12).reshape(3, 4), coords, (name_y, name_x))


@given(geobox=geoboxes())
def test_grid_round_trip(geobox: GeoBox) -> None:
    array = assign_geobox(xr.DataArray(np.zeros(geobox.shape), dims=("y", "x")), geobox)
    assert geobox_of(array) == geobox
    assert geobox_of(array.isel(y=slice(None, None, -1))) == geobox


@given(geobox=geoboxes(), data=st.data())
def test_indexing_leaves_the_part(geobox: GeoBox, data: st.DataObject) -> None:
    array = assign_geobox(xr.DataArray(np.zeros(geobox.shape), dims=("y", "x")), geobox)
    top = data.draw(st.integers(0, geobox.shape[0] - 1))
    left = data.draw(st.integers(0, geobox.shape[1] - 1))
    part = geobox_of(array.isel(y=slice(top, None), x=slice(left, None)))
    assert part.shape == geobox[top:, left:].shape
    assert tuple(part.affine) == pytest.approx(tuple(geobox[top:, left:].affine), rel=1e-12)


def test_others_read_what_we_write() -> None:
    array = raster(1)
    assert array.rio.crs.to_epsg() == 32633
    assert array.rio.transform() == UTM.affine
    assert ODCExtension.__name__  # registering odc's accessor is what the import above is for
    assert array.odc.geobox == UTM


def test_south_up_is_flipped_without_copying() -> None:
    north = raster(np.arange(20).reshape(4, 5))
    south = north.isel(y=slice(None, None, -1))
    result = canonical(south)
    assert result.y[0] > result.y[-1]
    np.testing.assert_array_equal(result, north)
    assert np.shares_memory(result.values, north.values)


def test_descending_x_is_flipped() -> None:
    array = raster(np.arange(20).reshape(4, 5))
    np.testing.assert_array_equal(canonical(array.isel(x=slice(None, None, -1))), array)


@pytest.mark.parametrize("names", [("lat", "lon"), ("latitude", "longitude")])
def test_latitude_and_longitude(names: tuple[str, str]) -> None:
    result = canonical(lonlat(*names))
    assert result.dims == ("y", "x")
    assert crs_of(result).epsg == 4326
    np.testing.assert_allclose(result.y, [50.3, 50.2, 50.1])
    np.testing.assert_array_equal(result[0], [8, 9, 10, 11])
    assert tuple(extent_of(result).bounds) == pytest.approx((9.95, 50.05, 10.35, 50.35))


def test_dimensions_go_last() -> None:
    array = raster(1, times=["2024-01-01"]).transpose("x", "time", "y")
    assert canonical(array).dims == ("time", "y", "x")


def test_stride_is_a_coarser_grid() -> None:
    part = geobox_of(raster(1).isel(x=slice(None, None, 2)))
    assert part.affine == Affine(20, 0, 299_995, 0, -10, 5_000_040)


def test_one_cell_keeps_its_size() -> None:
    assert geobox_of(raster(1).isel(x=[2], y=[1])) == UTM[1:2, 2:3]


def test_float32_coordinates_are_regular_enough() -> None:
    lon = np.linspace(-179.95, 179.95, 3600, dtype=np.float32)
    array = xr.DataArray(np.zeros((2, 3600)), {"lat": [0.0, 0.1], "lon": lon}, ("lat", "lon"))
    assert geobox_of(array).affine.a == pytest.approx(0.1, rel=1e-6)


def test_crs_from_cf_parameters() -> None:
    array = raster(1)
    attrs = {
        key: value
        for key, value in array.spatial_ref.attrs.items()
        if key not in {"crs_wkt", "spatial_ref"}
    }
    bare = array.assign_coords(spatial_ref=xr.Variable((), 0, attrs))
    assert crs_of(bare).proj.is_projected


def test_grid_mapping_of_another_name() -> None:
    array = raster(1).rename(spatial_ref="utm33")
    array.encoding = {"grid_mapping": "utm33"}
    result = canonical(array)
    assert "utm33" not in result.coords
    assert geobox_of(result) == UTM


def test_set_crs_recomputes_the_transform() -> None:
    shifted = raster(1).assign_coords(x=raster(1).x + 5)
    assert geobox_of(set_crs(shifted, 32634)).affine.c == 300_005


def test_input_is_left_alone() -> None:
    array = raster(1, nodata=0).assign_attrs(note="kept")
    before = (dict(array.attrs), dict(array.encoding), list(array.coords), array.dims)
    canonical(array.isel(y=slice(None, None, -1)))
    set_crs(array, 32634)
    assert before == (dict(array.attrs), dict(array.encoding), list(array.coords), array.dims)


def test_lazy_stays_lazy() -> None:
    array = raster(1).chunk(x=2)
    with assert_lazy():
        canonical(array.isel(y=slice(None, None, -1)))


REFUSED: list[tuple[Callable[[], xr.DataArray], str]] = [
    (lambda: raster(1).assign_coords(x=raster(1).x + 5), r"disagree by 0\.5 cells"),
    (lambda: raster(1).coarsen(x=2, boundary="trim").mean(), "set_crs"),
    (lambda: raster(1).drop_vars("spatial_ref"), "no CRS"),
    (lambda: raster(1).rename(y="rows"), r"no spatial dimensions among \('rows', 'x'\)"),
    (lambda: raster(1).isel(x=[0, 1, 3]), "disagree"),
    (lambda: lonlat().isel(lat=[0]), "doesn't tell its size"),
    (lambda: lonlat().assign_coords(lon=[0.0, 1.0, 2.0, 4.0]), "isn't regular"),
    (lambda: lonlat().assign_coords(lon=[0.0, 1.0, np.nan, 3.0]), "aren't finite"),
    (lambda: lonlat().drop_vars("lon"), "has no coordinates"),
    (lambda: raster(1).isel(x=slice(0, 0)), "without cells"),
    (lambda: lonlat().rename(lat="latitude", lon="longitude").assign_coords(x=1), "taken"),
    (lambda: with_transform("0 1 0.5 0 0 -1"), "rotated"),
    (lambda: with_transform("0 1 0"), "six numbers"),
]


def with_transform(text: str) -> xr.DataArray:
    array = raster(1)
    attrs = {**array.spatial_ref.attrs, "GeoTransform": text}
    return array.assign_coords(spatial_ref=xr.Variable((), 0, attrs))


@pytest.mark.parametrize(("make", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_refused(make: Callable[[], xr.DataArray], text: str) -> None:
    with pytest.raises(GeoreferenceError, match=text):
        canonical(make())


def test_a_grid_mapping_that_is_a_variable() -> None:
    # As xr.open_dataset and xr.open_zarr leave it without decode_coords="all".
    cube = raster(np.arange(20.0).reshape(4, 5)).rename(spatial_ref="crs").to_dataset()
    cube = cube.reset_coords("crs")
    cube["a"].attrs["grid_mapping"] = "crs"
    cube["a"].encoding = {}
    result = canonical(cube)
    assert list(result.data_vars) == ["a"]
    assert geobox_of(result) == geobox_of(cube) == UTM
    assert list(set_crs(cube, 32634).data_vars) == ["a"]


def test_a_foreign_store_opens_right(tmp_path: Path) -> None:
    cube = raster(np.array([1, 2, 3, 4, -1], np.int16), nodata=-1).to_dataset()
    cube.to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=True)
    for decode in (True, "all"):
        for masked in (True, False):
            opened = xr.open_zarr(tmp_path / "a.zarr", decode_coords=decode, mask_and_scale=masked)
            assert geobox_of(opened) == UTM
            wanted = "float32" if masked else "int16ud-1"
            assert cell_type_of(canonical(opened)["a"]).name == wanted


@pytest.mark.parametrize("masked", [True, False])
def test_rioxarray_with_and_without_mask(tmp_path: Path, masked: bool) -> None:
    cells = raster(np.array([1, 2, 3, 4, 255], np.uint8), nodata=255)
    cells.rio.to_raster(tmp_path / "a.tif")
    opened = rioxarray.open_rasterio(tmp_path / "a.tif", masked=masked)
    assert isinstance(opened, xr.DataArray)
    assert geobox_of(opened) == UTM
    cell_type = cell_type_of(opened)
    assert cell_type.name == ("float32" if masked else "uint8ud255")
    assert int(cell_type.is_nodata(opened.values).sum()) == 4


def test_names_and_units() -> None:
    named = raster(1.0).rename(y="yc", x="xc")
    assert geobox_of(named) == UTM
    feet = set_crs(raster(1.0), 2263)
    assert feet.x.attrs["units"] == "US_survey_foot"
    assert set_crs(raster(1.0), "EPSG:3413").y.attrs["units"] == "metre"


def test_longitudes_from_0_to_360_are_kept() -> None:
    grid = GeoBox((2, 4), Affine(90, 0, 0, 0, -90, 90), "EPSG:4326")
    assert list(canonical(raster(1.0, geobox=grid)).x.values) == [45, 135, 225, 315]


def test_results_align_with_what_they_were_made_of() -> None:
    # 20480 / 288 isn't a float: coordinates by other arithmetic differ in their last bit
    step = 20480 / 288
    x = 500_000 + step / 2 + step * np.arange(288)
    cube = xr.DataArray(
        np.zeros((2, 288)), {"y": [x[1] + 5e6, x[0] + 5e6], "x": x}, ("y", "x")
    ).tiles.set_crs("EPSG:32633")
    assert (cube.x.values == x).all()
    part = cube.isel(x=slice(13, None, 3))
    for one in (cube, part):
        assert (one - canonical(one)).sizes == one.sizes
        assert (one.x.values == canonical(one).x.values).all()


def test_rounded_coordinates_become_those_of_the_grid() -> None:
    lon = np.linspace(10, 11, 301, dtype=np.float32)
    cube = xr.DataArray(
        np.zeros((2, 301)), {"latitude": [50.5, 50.0], "longitude": lon}, ("latitude", "longitude")
    )
    steps = np.diff(canonical(cube).x.values)
    assert np.ptp(steps) < 1e-12
    assert np.ptp(np.diff(lon.astype(float))) > 1e-7


def test_canonical_objects_stay_as_they_are() -> None:
    cube = canonical(raster(1.5))
    assert canonical(cube) is cube
    assert canonical(cube[::-1]) is not cube
