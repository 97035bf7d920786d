"""Positions: every cell found is the one that pyproj gives, whatever part is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from xcube_tiles.cube.footprint import touched
from xcube_tiles.cube.positions import exact, positions
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent

UTM = GeoBox((700, 800), Affine(10, 0, 399_960, 0, -10, 5_300_040), "EPSG:32633")
WORLD = GeoBox.from_bbox((-180, -90, 180, 90), crs="EPSG:4326", resolution=0.25)
PACIFIC = GeoBox.from_bbox((100, -60, 300, 60), crs="EPSG:4326", resolution=0.1)
EUROPE = GeoBox.from_bbox((2e6, 1e6, 7e6, 6e6), crs="EPSG:3035", resolution=1000)


def box(crs: str, bounds: tuple[float, float, float, float], resolution: float) -> GeoBox:
    return GeoBox.from_bbox(bounds, crs=crs, resolution=resolution)


PAIRS = {
    "utm to mercator": (UTM, UTM.to_crs("EPSG:3857")),
    "utm to longitudes": (UTM, UTM.to_crs("EPSG:4326")),
    "utm to equal area": (UTM, UTM.to_crs("EPSG:3035")),
    "utm to the next zone": (UTM, UTM.to_crs("EPSG:32632")),
    "utm to coarse": (UTM, UTM.to_crs("EPSG:3857").zoom_out(17)),
    "equal area to longitudes": (EUROPE, box("EPSG:4326", (-10, 35, 40, 65), 0.11)),
    "longitudes to equal area": (WORLD, box("EPSG:3035", (2e6, 1e6, 7e6, 6e6), 13_000)),
    "north pole": (WORLD, box("EPSG:3413", (-4e6, -4e6, 4e6, 4e6), 17_000)),
    "south pole": (WORLD, box("EPSG:3031", (-4e6, -4e6, 4e6, 4e6), 17_000)),
    "whole mercator": (WORLD, box("EPSG:3857", (-2e7, -2e7, 2e7, 2e7), 90_000)),
    "antimeridian": (WORLD, box("EPSG:3832", (-3e6, -3e6, 3e6, 3e6), 11_000)),
    "beyond 180 degrees": (PACIFIC, box("EPSG:3832", (-3e6, -3e6, 3e6, 3e6), 11_000)),
    "disc": (WORLD, box("+proj=ortho +lat_0=41 +lon_0=17", (-7e6, -7e6, 7e6, 7e6), 30_000)),
    "interrupted": (WORLD, box("+proj=igh", (-2e7, -8e6, 2e7, 8e6), 90_000)),
}


def by_pyproj(source: GeoBox, target: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Project each cell's centre; longitudes are moved next to the source's middle."""
    to, back = target.affine, ~source.affine
    col, row = np.meshgrid(np.arange(target.shape[1]) + 0.5, np.arange(target.shape[0]) + 0.5)
    transform = Transformer.from_crs(str(target.crs), str(source.crs), always_xy=True).transform
    x, y = transform(to.c + col * to.a, to.f + row * to.e)
    x, y = np.where(np.isfinite(x), x, np.nan), np.where(np.isfinite(y), y, np.nan)
    if source.crs is not None and source.crs.geographic:
        middle = back.a and source.boundingbox.left + source.boundingbox.span_x / 2
        x = x - 360 * np.floor((x - middle) / 360 + 0.5)
    return back.f + y * back.e, back.c + x * back.a


@pytest.mark.parametrize("name", PAIRS)
def test_every_cell_is_the_right_one(name: str) -> None:
    source, target = PAIRS[name]
    expected = by_pyproj(source, target)
    found = positions(source, target, *((0, size) for size in target.shape), corners=False)
    for ours, theirs in zip(found, expected, strict=True):
        there = np.isfinite(theirs)
        np.testing.assert_array_equal(np.isfinite(ours), there)
        np.testing.assert_allclose(ours[there], theirs[there], rtol=0, atol=1e-5)
        # The cell that holds a position; on an edge (here by construction never) either would do.
        np.testing.assert_array_equal(np.floor(ours[there]), np.floor(theirs[there]))


@pytest.mark.parametrize("name", ["utm to mercator", "north pole", "antimeridian", "disc"])
@settings(max_examples=10)
@given(data=st.data())
def test_any_part_has_the_same_positions(name: str, data: st.DataObject) -> None:
    source, target = PAIRS[name]
    corners = data.draw(st.booleans())
    (top, bottom), (left, right) = (
        sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
        for size in target.shape
    )
    rows, cols = (top, bottom), (left, right)
    whole = positions(source, target, *((0, size) for size in target.shape), corners=corners)
    part = positions(source, target, rows, cols, corners=corners)
    more = int(corners)
    for ours, all_of_them in zip(part, whole, strict=True):
        expected = all_of_them[rows[0] : rows[1] + more, cols[0] : cols[1] + more]
        np.testing.assert_array_equal(ours, expected)


def test_positions_less_an_integer_are_exact() -> None:
    rows, _ = positions(UTM, PAIRS["utm to mercator"][1], (0, 50), (0, 50), corners=False)
    for offset in (1, 517, 100_003):
        np.testing.assert_array_equal((rows - offset) + offset, rows)


def test_corners_lie_between_centres() -> None:
    source, target = PAIRS["utm to equal area"]
    centres = positions(source, target, (300, 420), (17, 40), corners=False)
    corners = positions(source, target, (300, 420), (17, 40), corners=True)
    for centre, corner in zip(centres, corners, strict=True):
        assert corner.shape == (121, 24)
        mean = (corner[1:, 1:] + corner[:-1, 1:] + corner[1:, :-1] + corner[:-1, :-1]) / 4
        np.testing.assert_allclose(centre, mean, atol=1e-4)


def test_one_plane_needs_no_projection() -> None:
    half = GeoBox((4, 6), UTM.affine * Affine.scale(0.5), "EPSG:32633")
    rows, cols = positions(UTM, half, (1, 3), (0, 6), corners=False)
    np.testing.assert_array_equal(rows[:, 0], [0.75, 1.25])
    np.testing.assert_array_equal(cols[1], [0.25, 0.75, 1.25, 1.75, 2.25, 2.75])


def test_on_an_edge_by_rounding_is_on_the_edge() -> None:
    shifted = GeoBox(UTM.shape, UTM.affine * Affine.translation(0.5 - 1e-11, 0), "EPSG:32633")
    _, cols = positions(UTM, shifted, (0, 3), (0, 3), corners=False)
    np.testing.assert_array_equal(cols[0], [1, 2, 3])


def test_a_single_point() -> None:
    row, col = exact(UTM, UTM.zoom_out(2), np.array([1.0]), np.array([1.5]))
    assert (row.item(), col.item()) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((399_965, 5_300_025, 399_985, 5_300_035), ((0, 2), (0, 3))),
        ((399_970, 5_300_020, 399_980, 5_300_030), ((1, 2), (1, 2))),
        ((399_975, 5_300_025, 399_975, 5_300_025), ((1, 2), (1, 2))),
        ((399_970, 5_300_030, 399_970, 5_300_030), ((1, 2), (1, 2))),
        ((0, 5_300_020, 1, 5_300_030), ((1, 2), (0, 0))),
    ],
)
def test_cells_touched(
    bounds: tuple[float, float, float, float], expected: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    rows, cols = touched(UTM, Extent.from_bounds(bounds, "EPSG:32633"))
    assert ((rows.start, rows.stop), (cols.start, cols.stop)) == expected


def test_both_ends_touched() -> None:
    pacific = Extent.from_bounds((90, 0, 110, 10), "EPSG:4326")
    with pytest.raises(GridError, match="west and the east end"):
        touched(GeoBox.from_bbox((100, -10, 459, 10), crs="EPSG:4326", resolution=1), pacific)
