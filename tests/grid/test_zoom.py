"""Native zoom: sizes of cells in another CRS, and the level that keeps them."""

from __future__ import annotations

import math

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError
from xcube_tiles.grid.zoom import level_for, resolution_in
from xcube_tiles.testing.strategies import geoboxes

SIZES = [80.0, 40.0, 20.0, 10.0]


@given(geoboxes(), st.sampled_from(("EPSG:3857", "EPSG:32633", "EPSG:3035")))
def test_sizes_of_cells_are_those_of_odc_geo(geobox: GeoBox, crs: str) -> None:
    # odc-geo takes the mean of width and height where we take the square root of the area
    x, left, top = geobox.affine.a, geobox.affine.c, geobox.affine.f
    square = GeoBox(geobox.shape, Affine(x, 0, left, 0, -x, top), geobox.crs)
    if square.crs is not None and square.crs.projected:
        expected = square.center_pixel.to_crs(crs, resolution="fit").resolution.x
        assert resolution_in(square, crs) == pytest.approx(expected, rel=0.01)


def test_size_of_geographic_cells_by_hand() -> None:
    # Web Mercator stretches both axes by 1 / cos(lat): its cells are a degree of the equator wide
    # and twice as high at 60 degrees north, but for the flattening of the ellipsoid
    cell = GeoBox((1, 1), Affine(0.001, 0, 15, 0, -0.001, 60.0005), "EPSG:4326")
    degree = math.radians(1) * 6378137
    assert resolution_in(cell, 3857) == pytest.approx(math.sqrt(2) * degree / 1000, rel=1e-4)
    assert resolution_in(cell, "OGC:CRS84") == pytest.approx(0.001)


def test_native_zoom_around_a_pole() -> None:
    # the centre is a singular point of Web Mercator, its surroundings aren't
    pole = GeoBox((400, 400), Affine(1e4, 0, -2e6, 0, -1e4, 2e6), "EPSG:3031")
    # 10 km on the ground at 1414 km from the pole, at 77 degrees south
    south = math.pi / 2 - math.hypot(1e6, 1e6) / 6_371_000
    assert resolution_in(pole, 3857) == pytest.approx(1e4 / math.cos(south), rel=0.05)


def test_own_crs_gives_the_smaller_edge() -> None:
    geobox = GeoBox((2, 2), Affine(10, 0, 0, 0, -20, 0), "EPSG:32633")
    assert resolution_in(geobox, "EPSG:32633") == 10


@pytest.mark.parametrize(
    ("wanted", "threshold", "level"),
    [
        (1000, 0.1, 0),
        (80, 0.1, 0),
        # a tenth of the step from 80 to 40 ends at 76
        (76, 0.1, 0),
        (75.9, 0.1, 1),
        (40, 0, 1),
        (40 * (1 - 1e-9), 0, 1),
        (39.9, 0, 2),
        # the whole step: the level that is coarser
        (20.1, 1, 1),
        (20, 1, 1),
        (19.9, 1, 2),
        (1, 1, 3),
        (1, 0, 3),
    ],
)
def test_level_by_hand(wanted: float, threshold: float, level: int) -> None:
    assert level_for(wanted, SIZES, threshold) == level


@given(st.floats(1, 1000), st.floats(0, 1))
def test_level_is_no_coarser_than_the_threshold_allows(wanted: float, threshold: float) -> None:
    level = level_for(wanted, SIZES, threshold)
    if level > 0:
        coarser, size = SIZES[level - 1], SIZES[level]
        assert coarser - wanted > threshold * (coarser - size)
    if level < len(SIZES) - 1:
        size, finer = SIZES[level], SIZES[level + 1]
        assert size - wanted <= threshold * (size - finer) + 1e-6 * size


def test_one_level_and_a_wrong_threshold() -> None:
    assert level_for(3, [10.0], 0.1) == 0
    with pytest.raises(GridError, match=r"threshold must lie between 0 and 1, got -0\.1"):
        level_for(3, SIZES, -0.1)
