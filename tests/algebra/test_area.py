"""Masks by areas: the cells whose centres lie in them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from pyproj import Transformer

from tests.cube.rasters import raster
from xcube_tiles.algebra.mask import mask
from xcube_tiles.cube.georef import extent_of
from xcube_tiles.errors import CellTypeError, GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

FIELD = raster(np.arange(20.0).reshape(4, 5))
GRID = GeoBox.from_bbox((300_000, 5_000_000, 300_600, 5_000_400), crs="EPSG:32633", resolution=10)


def kept(result: xr.DataArray) -> list[float]:
    return [value for value in result.values.ravel() if not np.isnan(value)]


def test_an_extent_by_hand() -> None:
    # Centres are at 5, 15, ...: the first lies on the west edge, which belongs to the extent.
    extent = Extent.from_bounds((300_005, 5_000_015, 300_025, 5_000_030), "EPSG:32633")
    assert kept(mask(FIELD, extent)) == [5, 6]
    assert len(kept(mask(FIELD, extent, inverse=True))) == 18


def test_an_extent_in_another_crs() -> None:
    extent = extent_of(FIELD).to_crs("EPSG:4326")
    assert len(kept(mask(FIELD, extent))) == 20
    narrow = Extent.from_bounds((extent.xmin, extent.ymin, extent.center[0], extent.ymax), 4326)
    x, y = np.meshgrid(FIELD.x, FIELD.y)
    lon, _ = Transformer.from_crs(32633, 4326, always_xy=True).transform(x, y)
    np.testing.assert_array_equal(~np.isnan(mask(FIELD, narrow)), lon < narrow.xmax)


def test_an_extent_without_width_holds_no_centre() -> None:
    line = Extent.from_bounds((300_005, 5_000_000, 300_005, 5_000_040), "EPSG:32633")
    assert kept(mask(FIELD, line)) == []


def test_a_polygon_with_a_hole() -> None:
    ring = shapely.box(300_000, 5_000_000, 300_050, 5_000_040).difference(
        shapely.box(300_010, 5_000_010, 300_040, 5_000_030)
    )
    inside = np.zeros((4, 5), bool)
    inside[1:3, 1:4] = True
    np.testing.assert_array_equal(np.isnan(mask(FIELD, ring)), inside)
    np.testing.assert_array_equal(np.isnan(mask(FIELD, ring, inverse=True)), ~inside)


def test_the_boundary_belongs_to_a_geometry() -> None:
    box = shapely.box(300_005, 5_000_005, 300_015, 5_000_015)  # its corners are cell centres
    assert kept(mask(FIELD, box)) == [10, 11, 15, 16]


@settings(max_examples=15)
@given(data=st.data())
def test_agrees_with_shapely_cell_by_cell(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    points = rng.integers(-5, 65, (data.draw(st.integers(3, 9)), 2)) * 10 + rng.choice([0, 5, 3.3])
    polygon = shapely.make_valid(shapely.Polygon(np.add(points, (300_000, 5_000_000)))).buffer(0)
    if polygon.is_empty:
        return
    cube = raster(np.ones(GRID.shape), geobox=GRID)
    x, y = np.meshgrid(cube.x, cube.y)
    expected = shapely.intersects_xy(polygon, x.ravel(), y.ravel()).reshape(x.shape)
    np.testing.assert_array_equal(~np.isnan(mask(cube, polygon)), expected)
    edge = data.draw(st.integers(8, 30))
    with assert_lazy():
        lazy = mask(cube.chunk(y=edge, x=edge), polygon)
    np.testing.assert_array_equal(~np.isnan(lazy.compute(scheduler="sync")), expected)


def test_geojson_is_in_longitude_and_latitude() -> None:
    polygon = shapely.box(300_001, 5_000_001, 300_029, 5_000_039)
    globe = Geometry(polygon, "EPSG:32633").to_crs("EPSG:4326", resolution=1)
    geojson = shapely.geometry.mapping(globe.geom)
    feature = {"type": "Feature", "geometry": geojson, "properties": {}}
    expected = mask(FIELD, polygon)
    assert len(kept(expected)) == 12
    for area in (geojson, feature, {"type": "FeatureCollection", "features": [feature]}):
        xr.testing.assert_identical(mask(FIELD, area), expected)
    own = mask(FIELD, shapely.geometry.mapping(polygon), crs="EPSG:32633")
    xr.testing.assert_identical(own, expected)
    xr.testing.assert_identical(mask(FIELD, globe.geom, crs=4326), expected)


def test_lazy_and_pickled() -> None:
    cube = raster(np.ones((2, *GRID.shape)), geobox=GRID, times=["2024-01-01", "2024-01-02"])
    both = cube.to_dataset(name="a").assign(b=(cube * 2).astype(np.float32)).chunk(y=13, x=20)
    area = shapely.Point(300_300, 5_000_200).buffer(150)
    with assert_lazy():
        lazy = mask(both, area)
        again = mask(both, area)
    assert lazy["a"].data.name == again["a"].data.name
    assert count_tasks(lazy["a"]) - count_tasks(both["a"]) <= 2 * lazy["a"].data.npartitions
    xr.testing.assert_identical(
        pickle.loads(pickle.dumps(lazy)).compute(), mask(both.compute(), area)
    )


def test_far_away() -> None:
    assert kept(mask(FIELD, shapely.box(0, 0, 1, 1))) == []
    assert len(kept(mask(FIELD, shapely.box(0, 0, 1, 1), inverse=True))) == 20


def test_integers_and_raw_ones() -> None:
    bytes_ = raster(np.uint8(7), nodata=255)
    result = mask(bytes_, shapely.box(300_000, 5_000_000, 300_010, 5_000_040))
    assert (result == 255).sum() == 16
    assert result.dtype == np.uint8
    with pytest.raises(CellTypeError, match="no NoData value"):
        mask(raster(np.uint8(7)), shapely.box(0, 0, 1, 1))


def test_a_crs_beside_a_mask() -> None:
    with pytest.raises(GridError, match="no meaning"):
        mask(FIELD, FIELD > 3, crs=4326)
