"""Outlines of sources in degrees."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from tests.render.sources import numbered
from xcube_tiles.render.bounds import OUTLINE_POINTS, wgs84_bounds, wgs84_outline


def test_edges_are_curved_as_in_the_sources_own_crs() -> None:
    source = numbered((100, 200), "EPSG:32633", left=300_000, top=5_600_000, cell=2_000)
    ring = np.array(wgs84_outline(source))
    assert ring.shape == (4 * OUTLINE_POINTS + 1, 2)
    x, y = Transformer.from_crs(4326, 32633, always_xy=True).transform(*ring.T)
    left, bottom, right, top = 300_000, 5_400_000, 700_000, 5_600_000
    on_edge = np.minimum(np.abs(x - left), np.abs(x - right)) < 0.2
    on_edge |= np.minimum(np.abs(y - bottom), np.abs(y - top)) < 0.2
    assert on_edge.all()
    polygon = shapely.Polygon(ring)
    assert polygon.is_valid
    assert polygon.exterior.is_ccw
    # The box around it is wider: the edges lean.
    assert polygon.area < 0.97 * shapely.box(*wgs84_bounds(source)).area


@pytest.mark.parametrize(
    ("crs", "left", "top", "cell"),
    [
        ("EPSG:4326", 10, 50, 1),
        ("EPSG:32660", 600_000, 5_600_000, 2_000),
        ("EPSG:3413", -4e5, 4e5, 1e5),
    ],
)
def test_plain_grids_poles_and_the_antimeridian_have_a_box(
    crs: str, left: float, top: float, cell: float
) -> None:
    source = numbered(
        (8, 8) if crs != "EPSG:32660" else (100, 100), crs, left=left, top=top, cell=cell
    )
    west, south, east, north = (round(end, 6) for end in wgs84_bounds(source))
    box = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    assert wgs84_outline(source) == box
