"""Extents: set operations by hand, reprojection against a dense outline."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Bounds, Extent, as_crs, same_crs
from xcube_tiles.testing.strategies import CRS_NAMES, extents

UTM = "EPSG:32633"


def box(xmin: float, ymin: float, xmax: float, ymax: float, crs: str = UTM) -> Extent:
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs)


def test_fields_and_sizes() -> None:
    extent = box(1, 2, 4, 8)
    assert extent.bounds == Bounds(1.0, 2.0, 4.0, 8.0)
    assert isinstance(extent.xmin, float)
    assert (extent.width, extent.height, extent.center) == (3.0, 6.0, (2.5, 5.0))
    assert extent == Extent.from_bounds((1, 2, 4, 8), 32633)
    assert len({extent, Extent.from_bounds((1, 2, 4, 8), 32633)}) == 1


@pytest.mark.parametrize("crs", [4326, "EPSG:4326", CRS("EPSG:4326"), pyproj.CRS(4326)])
def test_any_name_of_a_crs(crs: CRS) -> None:
    assert box(0, 0, 1, 1, crs).crs.epsg == 4326  # type: ignore[arg-type]


@pytest.mark.parametrize("crs", ["EPSG:99999", "nowhere", "utm", "UTM 33", "", None, 1.5, object()])
def test_what_is_no_crs(crs: object) -> None:
    with pytest.raises(GridError, match=r"expected a CRS .* got "):
        as_crs(crs)


@pytest.mark.parametrize(
    ("edges", "text"),
    [
        ((1, 0, 0, 1), "needs xmin <= xmax"),
        ((0, 1, 1, 0), "needs xmin <= xmax and ymin <= ymax"),
        ((math.nan, 0, 1, 1), "xmin .* must be a finite number, got nan"),
        ((0, 0, 1, math.inf), "ymax .* must be a finite number, got inf"),
    ],
)
def test_edges_that_are_refused(edges: tuple[float, float, float, float], text: str) -> None:
    with pytest.raises(GridError, match=text):
        box(*edges)


def test_a_point_is_an_extent() -> None:
    point = box(3, 4, 3, 4)
    assert (point.width, point.height) == (0, 0)
    assert box(0, 0, 5, 5).contains(point)


def test_set_operations() -> None:
    one, two, far = box(0, 0, 4, 4), box(2, 1, 6, 3), box(10, 10, 11, 11)
    assert one.intersection(two) == box(2, 1, 4, 3)
    assert one.union(two) == box(0, 0, 6, 4)
    assert one.intersection(far) is None
    assert not one.intersects(far)
    assert one.contains(box(0, 0, 4, 4))
    assert not one.contains(two)
    # an edge is shared: the intersection has no width
    assert one.intersection(box(4, 0, 5, 4)) == box(4, 0, 4, 4)


def test_buffered() -> None:
    extent = box(0, 0, 4, 2)
    assert extent.buffered(1) == box(-1, -1, 5, 3)
    assert extent.buffered(1, 0) == box(-1, 0, 5, 2)
    assert extent.buffered(-2, -1) == box(2, 1, 2, 1)
    with pytest.raises(GridError, match="needs xmin <= xmax"):
        extent.buffered(-3)


@pytest.mark.parametrize("name", ["intersects", "intersection", "union", "contains"])
def test_different_crss_do_not_mix(name: str) -> None:
    with pytest.raises(GridError, match=r"EPSG:32633 and EPSG:4326; .* to_crs\(\)"):
        getattr(box(0, 0, 1, 1), name)(box(0, 0, 1, 1, "EPSG:4326"))


def test_axis_order_of_a_crs_does_not_count() -> None:
    geographic = box(10, 50, 11, 51, "EPSG:4326")
    crs84 = geographic.to_crs("OGC:CRS84")
    assert crs84.bounds == geographic.bounds
    assert geographic.contains(crs84)
    assert same_crs(as_crs(3857), as_crs("EPSG:3857"))
    assert not same_crs(as_crs(3857), as_crs(3395))


def test_from_geobox() -> None:
    geobox = GeoBox((3, 4), Affine(10, 0, 100, 0, -20, 500), UTM)
    assert Extent.from_geobox(geobox) == box(100, 440, 140, 500)
    with pytest.raises(GridError, match="expected a CRS"):
        Extent.from_geobox(GeoBox((3, 4), Affine(10, 0, 100, 0, -20, 500), None))
    with pytest.raises(GridError, match=r"expected \(xmin, ymin, xmax, ymax\)"):
        Extent.from_bounds((1, 2, 3), UTM)  # type: ignore[arg-type]


def outline(extent: Extent, crs: str, points: int = 400) -> Bounds:
    """Bounds of a densely sampled outline, by pyproj's plain transform."""
    transform = pyproj.Transformer.from_crs(extent.crs.proj, crs, always_xy=True).transform
    share = np.linspace(0, 1, points)
    x, y = extent.xmin + share * extent.width, extent.ymin + share * extent.height
    xs = np.concatenate([x, x, np.full(points, extent.xmin), np.full(points, extent.xmax)])
    ys = np.concatenate([np.full(points, extent.ymin), np.full(points, extent.ymax), y, y])
    xs, ys = transform(xs, ys)
    return Bounds(xs.min(), ys.min(), xs.max(), ys.max())


@given(extents(), st.sampled_from(CRS_NAMES))
def test_reprojected_around_the_outline(extent: Extent, crs: str) -> None:
    there = extent.to_crs(crs)
    assert there.crs.epsg == as_crs(crs).epsg
    expected = outline(extent, crs)
    size = max(there.width, there.height)
    for found, wanted in zip(there.bounds, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-3 * size, rel=1e-9)


@given(extents(), st.sampled_from(CRS_NAMES))
def test_reprojected_and_back_is_no_smaller(extent: Extent, crs: str) -> None:
    back = extent.to_crs(crs).to_crs(extent.crs)
    noise = 1e-3 * max(extent.width, extent.height) + 1e-9 * max(map(abs, extent.bounds))
    assert back.buffered(noise).contains(extent)


def test_web_mercator_world() -> None:
    world = box(-180, -85.0511287798066, 180, 85.0511287798066, "EPSG:4326")
    edge = math.pi * 6378137
    assert world.to_crs(3857).bounds == pytest.approx((-edge, -edge, edge, edge))


def test_poles_and_antimeridian() -> None:
    pole = box(-1e6, -1e6, 1e6, 1e6, "EPSG:3031").to_crs(4326)
    assert pole.bounds[:3] == pytest.approx((-180, -90, 180))
    # UTM zone 1 begins at 180 degrees west
    across = box(100_000, 0, 400_000, 1000, "EPSG:32601").to_crs(4326)
    assert (across.xmin, across.xmax) == (-180, 180)
    # a grid from 0 to 360 degrees
    edge = math.pi * 6378137
    assert box(0, 0, 360, 1, "EPSG:4326").to_crs(3857).bounds[::2] == pytest.approx((-edge, edge))
    assert box(179, 0, 181, 1, "EPSG:4326").to_crs(3857).bounds[::2] == pytest.approx((-edge, edge))
    moved = box(190, 0, 200, 1, "EPSG:4326").to_crs(3857)
    assert moved.xmin == pytest.approx(-170 / 180 * edge)


def test_no_place_in_the_other_crs() -> None:
    with pytest.raises(GridError, match="has no place in EPSG:4326"):
        box(1e12, 1e12, 2e12, 2e12).to_crs(4326)
