"""Schemes over the world of a CRS, floating schemes, and zooms by true distance."""

from __future__ import annotations

import math
from typing import Any

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.grid.scheme import (
    FloatingScheme,
    LocalScheme,
    Scheme,
    ZoomedScheme,
    resolve_scheme,
)
from xcube_tiles.grid.world import period, world_extent
from xcube_tiles.grid.zoom import ground_resolution, wanted_size

WEB = ZoomedScheme("WebMercatorQuad")
RADIUS = 6378137
WRONG: Any = "wrong"


def utm(resolution: float, y: float = 5_200_000) -> GeoBox:
    return GeoBox((100, 100), Affine(resolution, 0, 500_000, 0, -resolution, y), "EPSG:32633")


@pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:32633", "EPSG:2193", "EPSG:3995", "EPSG:6933"])
def test_one_tile_covers_the_world_of_a_crs(crs: str) -> None:
    scheme = ZoomedScheme.from_crs(crs)
    layout, world = scheme.layout(0), world_extent(crs)
    assert layout.layout_shape == (1, 1)
    assert layout.origin == (world.xmin, world.ymax)
    assert layout.extent().buffered(1).contains(world)
    width, height = layout.resolution
    assert width == pytest.approx(height)
    assert width * 256 == pytest.approx(max(world.width, world.height))
    assert scheme.layout(24).resolution[0] == pytest.approx(width / 2**24)
    assert isinstance(scheme, Scheme)


@pytest.mark.parametrize(
    ("crs", "name"), [("EPSG:3857", "WebMercatorQuad"), ("EPSG:4326", "WGS1984Quad")]
)
def test_known_worlds_are_those_of_the_registry(crs: str, name: str) -> None:
    ours, known = ZoomedScheme.from_crs(crs), ZoomedScheme(name)
    for zoom in (0, 1, 7):
        assert ours.layout(zoom).layout_shape == known.layout(zoom).layout_shape
        assert ours.layout(zoom).origin == pytest.approx(known.layout(zoom).origin)
        assert ours.layout(zoom).resolution == pytest.approx(known.layout(zoom).resolution)


def test_a_world_is_found_again_by_its_name() -> None:
    scheme = ZoomedScheme.from_crs("EPSG:3035", tile_size=512)
    assert scheme.name == "world_EPSG_3035"
    assert resolve_scheme(scheme.name, tile_size=512) == scheme
    assert resolve_scheme(scheme.name).layout(3).crs.epsg == 3035


def test_a_given_extent_counts_as_world() -> None:
    extent = Extent(xmin=0, ymin=0, xmax=600, ymax=1000, crs="EPSG:32633")
    layout = ZoomedScheme.from_crs("EPSG:32633", extent=extent, zooms=3).layout(2)
    assert layout.extent().bounds == (0, 0, 1000, 1000)
    assert layout.layout_shape == (4, 4)


def test_worlds() -> None:
    edge = math.pi * RADIUS
    assert world_extent("EPSG:3857").bounds == pytest.approx((-edge, -edge, edge, edge))
    assert world_extent("EPSG:4807").bounds == (-200, -100, 200, 100)  # grads
    # New Zealand lies on both sides of the antimeridian
    assert world_extent("EPSG:2193").width < 2_000_000


@pytest.mark.parametrize(
    ("crs", "length"),
    [
        ("EPSG:4326", 360),
        ("EPSG:4807", 400),
        ("EPSG:3857", 2 * math.pi * RADIUS),
        ("EPSG:3832", 2 * math.pi * RADIUS),  # its middle is at 150 degrees east
        ("EPSG:6933", 2 * math.pi * 34_735_060.89 / (2 * math.pi)),
        ("EPSG:32633", None),
        ("EPSG:3995", None),
    ],
)
def test_once_around(crs: str, length: float | None) -> None:
    assert period(as_crs(crs)) == (length if length is None else pytest.approx(length))


def test_a_floating_scheme_is_one_level() -> None:
    geobox = GeoBox((1000, 700), Affine(10, 0, 5, 0, -10, 7), "EPSG:32633")
    scheme = FloatingScheme(geobox)
    assert isinstance(scheme, Scheme)
    assert scheme == resolve_scheme("floating", geobox)
    assert (scheme.name, scheme.crs.epsg, scheme.zooms) == ("floating", 32633, range(1))
    assert scheme.layout(0) == LocalScheme(geobox).layout(0)
    assert scheme.layout(0).shape == (1024, 768)
    assert scheme.zoom_for(utm(1)) == scheme.zoom_for(utm(1000)) == 0


# GeoTrellis' formula, for cells that measure `dist` metres on the ground
def geotrellis_zoom(dist: float, threshold: float = 0.1, tile: int = 256) -> int:
    around = 2 * math.pi * RADIUS
    z = int(math.log2(around / (dist * tile)))
    this = around / (2**z * tile)
    return z + 1 if (this - dist) / (this - this / 2) > threshold else z


@pytest.mark.parametrize("y", [100_000, 5_200_000, 6_651_411, 8_800_000])
@given(resolution=st.floats(0.3, 3000), threshold=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_zooms_by_true_distance_are_those_of_geotrellis(
    y: float, resolution: float, threshold: float
) -> None:
    geobox = utm(resolution, y)
    found = WEB.zoom_for(geobox, threshold=threshold, measure="ground")
    # on its central meridian UTM is 0.04 % short
    dist = ground_resolution(geobox)
    assert dist == pytest.approx(resolution / 0.9996, rel=2e-3)
    near = {geotrellis_zoom(dist * (1 + noise), threshold) for noise in (-1e-5, 0, 1e-5)}
    assert found in near


def test_measures_differ_away_from_the_equator() -> None:
    assert WEB.zoom_for(utm(10, 6_651_411)) == 13
    assert WEB.zoom_for(utm(10, 6_651_411), measure="ground") == 14
    web = GeoBox((2, 2), Affine(9.5, 0, 0, 0, -9.5, 8_399_738), "EPSG:3857")
    assert WEB.zoom_for(web) == 14
    assert WEB.zoom_for(web, measure="ground") == 15
    equator = GeoBox((2, 2), Affine(9.5, 0, 0, 0, -9.5, 10), "EPSG:3857")
    assert WEB.zoom_for(equator) == WEB.zoom_for(equator, measure="ground") == 14


def test_ground_lengths_in_degrees() -> None:
    degrees = GeoBox((2, 2), Affine(0.001, 0, 15, 0, -0.001, 60), "EPSG:4326")
    # the longer edge is that along the meridian: 111.4 km a degree
    assert ground_resolution(degrees) == pytest.approx(111.41, abs=0.01)
    assert wanted_size(degrees, "EPSG:4326", "ground") == pytest.approx(0.001, rel=2e-3)


def test_local_schemes_measure_too() -> None:
    scheme = LocalScheme(utm(10, 6_651_411))
    assert scheme.zoom_for(utm(10, 6_651_411), measure="ground") == 0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: FloatingScheme(utm(1)).layout(1), "has the level 0 only, got 1"),
        (lambda: FloatingScheme(utm(1)).zoom_in(0), "level 0 only, got 1"),
        (lambda: FloatingScheme(utm(1)).zoom_out(0), "level 0 only, got -1"),
        (lambda: FloatingScheme(utm(1)).zoom_in(WRONG), "level 0 only, got 'wrong'"),
        (lambda: FloatingScheme(WRONG), "expected a GeoBox"),
        (lambda: FloatingScheme(utm(1), tile_size=0), "tile_size must be a positive integer"),
        (lambda: resolve_scheme("floating"), "a floating scheme needs the grid"),
        (lambda: resolve_scheme("world_EPSG_0"), "expected a CRS .* got 'EPSG:0'"),
        (lambda: world_extent("+proj=laea +lat_0=50"), "states no area of use: pass the extent"),
        (lambda: WEB.zoom_for(utm(1), measure=WRONG), "unknown measure 'wrong'; .* cells, ground"),
    ],
)
def test_wrong_calls(call: Any, text: str) -> None:
    with pytest.raises(GridError, match=text):
        call()
