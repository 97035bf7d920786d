from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from odc.geo.geobox import GeoBox
from rasterio.warp import transform_bounds
from shapely.geometry import MultiPoint, shape

from tests.sources.rasters import NORTH_UP, UTM33
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.sources.footprint import bounds_wgs84, footprint, hull_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORLD = GeoBox((18, 36), Affine(10, 0, -180, 0, -10, 90), "EPSG:4326")


@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_hull_points_have_the_hull_of_all_corners(valid: NDArray[np.bool_]) -> None:
    corners = [
        (col + 3 + i, row + 2 + j)
        for row, col in np.argwhere(valid)
        for i in (0, 1)
        for j in (0, 1)
    ]
    found = hull_points(valid, row=2, col=3)
    assert (len(found) == 0) == (not corners)
    if corners:
        expected = MultiPoint(corners).convex_hull
        assert MultiPoint(found).convex_hull.equals(expected)


def test_bounds_are_those_of_gdal() -> None:
    geobox = GeoBox((100, 200), NORTH_UP, UTM33)
    expected = transform_bounds(UTM33, "EPSG:4326", *geobox.boundingbox.bbox, densify_pts=21)
    np.testing.assert_allclose(bounds_wgs84(geobox), expected, atol=1e-9)


def test_bounds_across_the_antimeridian_have_west_over_east() -> None:
    geobox = GeoBox((100, 100), Affine(1000, 0, 100_000, 0, -1000, 100_000), "EPSG:32601")
    west, south, east, north = bounds_wgs84(geobox)
    assert (south < 0.5, north > 0.5) == (True, True)
    assert west == pytest.approx(179.4, abs=0.1)
    assert east == pytest.approx(-179.7, abs=0.1)


@pytest.mark.parametrize("left", [-180, 0, 180])
def test_the_whole_world(left: float) -> None:
    geobox = GeoBox((18, 36), Affine(10, 0, left, 0, -10, 90), "EPSG:4326")
    assert bounds_wgs84(geobox) == (-180, -90, 180, 90)


def test_a_pole_inside_reaches_all_longitudes() -> None:
    geobox = GeoBox((200, 200), Affine(10_000, 0, -1e6, 0, -10_000, 1e6), "EPSG:3995")
    west, south, east, north = bounds_wgs84(geobox)
    assert (west, east, north) == (-180, 180, 90)
    assert south == pytest.approx(77.2, abs=0.2)
    valid = np.ones((200, 200), bool)
    geometry = shape(footprint(hull_points(valid, 0, 0), geobox))
    assert geometry.is_valid
    assert geometry.bounds[2] - geometry.bounds[0] == pytest.approx(360)
    assert geometry.contains(shapely.Point(17.0, 89.0))
    assert not geometry.contains(shapely.Point(17.0, 70.0))


def test_a_footprint_by_hand() -> None:
    valid = np.zeros(WORLD.shape, bool)
    valid[3:5, 20:24] = True
    geometry = shape(footprint(hull_points(valid, 0, 0), WORLD))
    assert geometry.equals(shapely.box(20, 40, 60, 60))
    assert len(geometry.exterior.coords) == 5
    assert footprint(hull_points(valid & False, 0, 0), WORLD) is None


def test_a_footprint_across_the_antimeridian_has_two_parts() -> None:
    geobox = GeoBox((2, 4), Affine(1, 0, 178, 0, -1, 1), "EPSG:4326")
    geometry = shape(footprint(hull_points(np.ones((2, 4), bool), 0, 0), geobox))
    assert geometry.geom_type == "MultiPolygon"
    assert geometry.equals(
        shapely.union(shapely.box(178, -1, 180, 1), shapely.box(-180, -1, -178, 1))
    )


def test_a_round_footprint_has_few_corners_and_misses_half_a_cell() -> None:
    row, col = np.mgrid[:500, :500] - 249.5
    valid = row**2 + col**2 < 200**2
    geobox = GeoBox((500, 500), NORTH_UP, UTM33)
    geometry = shape(footprint(hull_points(valid, 0, 0), geobox))
    assert len(geometry.exterior.coords) < 150
    x, y = geobox.affine * (col[valid] + 250, row[valid] + 250)
    lon, lat = as_crs(geobox.crs).transformer_to_crs(as_crs("EPSG:4326"))(x, y)
    inside = shapely.contains_xy(geometry, lon, lat)
    assert inside.mean() > 0.999
