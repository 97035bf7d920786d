"""Sizes of cells: on the ellipsoid, in feet, and where nobody knows."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import CRS

from tests.algebra.terrain.surfaces import COLS, ROWS, dem, rough
from xcube_tiles.algebra.terrain import aspect, curvature, slope
from xcube_tiles.algebra.terrain.cells import cell_sizes
from xcube_tiles.errors import GeoreferenceError

DEGREES = GeoBox((8, 12), Affine(0.001, 0, 10, 0, -0.001, 50), "EPSG:4326")
FEET = GeoBox((8, 12), Affine(10, 0, 900_000, 0, -10, 200_000), "EPSG:2263")


@given(
    north=st.floats(-80, 90),
    step=st.sampled_from([1e-4, 1e-3, 0.01]),
    crs=st.sampled_from(["EPSG:4326", "EPSG:4258", "EPSG:4277"]),
)
def test_sizes_are_those_of_the_geodesic(north: float, step: float, crs: str) -> None:
    """PROJ measures the same cells along their middles, independently."""
    box = GeoBox((5, 4), Affine(2 * step, 0, 10, 0, -step, north), crs)
    sizes = cell_sizes(box, "latitude").of_rows(0, 5)
    geod = CRS(crs).get_geod()
    assert geod is not None
    for row, (height, width) in enumerate(sizes):
        middle = north - (row + 0.5) * step
        upper, lower = middle + step / 2, middle - step / 2
        assert height == pytest.approx(geod.inv(10, upper, 10, lower)[2], rel=1e-6)
        # The geodesic cuts the parallel short, the more the nearer the pole.
        across = geod.inv(10, middle, 10 + 2 * step / 100, middle)[2] * 100
        assert width == pytest.approx(across, rel=1e-4, abs=1e-3)


def test_rows_are_the_same_in_any_part() -> None:
    sizes = cell_sizes(DEGREES, "latitude")
    np.testing.assert_array_equal(sizes.of_rows(0, 8)[3:5], sizes.of_rows(3, 5))
    flat = cell_sizes(DEGREES, 2.0)
    assert flat.of_rows(0, 2).tolist() == [[0.0005, 0.0005]] * 2


def test_a_slope_in_degrees_of_longitude() -> None:
    """A ramp to the east gets steeper northwards, as cells get narrower."""
    ramp = dem(COLS * 10.0, grid=DEGREES)
    rise = slope(ramp, z_factor="latitude", units="percent", edges="extrapolate")[:, 5]
    widths = cell_sizes(DEGREES, "latitude").of_rows(0, 8)[:, 1]
    np.testing.assert_allclose(rise, 1000 / widths, rtol=1e-6)
    assert (np.diff(rise) < 0).all()
    assert widths[0] == pytest.approx(111_320 * 0.001 * np.cos(np.radians(50)), rel=3e-3)
    assert (aspect(ramp, z_factor="latitude")[:, 5] == 270).all()
    assert curvature(ramp, z_factor="latitude").attrs == {"units": "0.01 m-1"}


def test_cells_at_a_latitude_are_not_square() -> None:
    ramp = dem((COLS - ROWS) * 10.0, grid=DEGREES)
    facing = float(aspect(ramp, z_factor="latitude")[3, 5])
    height, width = cell_sizes(DEGREES, "latitude").of_rows(3, 4)[0]
    assert facing == pytest.approx(180 + np.degrees(np.arctan2(1 / width, 1 / height)), rel=1e-6)


def test_degrees_need_a_z_factor() -> None:
    with pytest.raises(GeoreferenceError, match=r"z_factor='latitude'.*or reproject"):
        slope(dem(rough(), grid=DEGREES))
    flat = dem(np.ones((8, 12)), grid=DEGREES)
    assert (slope(flat, z_factor=9e-6) == 0).all()


def test_feet_need_a_z_factor() -> None:
    in_feet, in_metres = dem(COLS * 10.0, grid=FEET), dem(COLS * 10 * 0.3048006096, grid=FEET)
    with pytest.raises(GeoreferenceError, match="US survey foot"):
        slope(in_feet)
    assert slope(in_feet, z_factor=1)[3, 5] == 45
    assert slope(in_metres, z_factor=3.2808333)[3, 5] == pytest.approx(45, rel=1e-6)
