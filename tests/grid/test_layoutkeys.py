"""Keys of layouts: many at once, orders, neighbours, the antimeridian and the poles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.curves import order
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey, as_instant
from xcube_tiles.grid.layout import KeyRange, TileLayout
from xcube_tiles.grid.scheme import ZoomedScheme
from xcube_tiles.grid.world import world_extent

if TYPE_CHECKING:
    from xcube_tiles.grid.curves import Order

WEB, LONLAT = ZoomedScheme("WebMercatorQuad").layout(3), ZoomedScheme("WGS1984Quad").layout(2)
LAYOUT = TileLayout(
    crs="EPSG:32633",  # type: ignore[arg-type]
    origin=(500_000.5, 5_200_000.25),
    resolution=(10, 7),
    tile_shape=(200, 256),
    layout_shape=(5, 6),
)


def box(xmin: float, ymin: float, xmax: float, ymax: float, crs: str = "EPSG:4326") -> Extent:
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs)


@given(st.integers(0, 2**32 - 1))
def test_many_points_as_one(seed: int) -> None:
    generator = np.random.default_rng(seed)
    around = LAYOUT.extent()
    x = generator.uniform(around.xmin - 1000, around.xmax + 1000, 50)
    y = generator.uniform(around.ymin - 1000, around.ymax + 1000, 50)
    # corners of tiles, and points less than a millionth of a cell beside them
    x[:20] = around.xmin + generator.integers(0, 7, 20) * 2560 + generator.uniform(-1e-6, 1e-6, 20)
    y[:20] = around.ymax - generator.integers(0, 6, 20) * 1400
    found = LAYOUT.keys_at(x, y, outside="mark")
    for place, (col, row) in enumerate(zip(*found, strict=True)):
        if col < 0:
            assert row < 0
            with pytest.raises(GridError, match="outside"):
                LAYOUT.key_at(x[place], y[place])
        else:
            assert LAYOUT.key_at(x[place], y[place]) == TileKey(int(col), int(row))


def test_many_extents_as_one() -> None:
    keys = list(LAYOUT.keys())
    found = LAYOUT.extents([key.col for key in keys], [key.row for key in keys])
    assert [tuple(edges) for edges in found.tolist()] == [LAYOUT.extent(key).bounds for key in keys]
    assert LAYOUT.extents(np.arange(6), np.arange(5)[:, np.newaxis]).shape == (5, 6, 4)


def test_a_million_points() -> None:
    fine = ZoomedScheme("WebMercatorQuad").layout(20)
    generator = np.random.default_rng(0)
    cols, rows = (generator.integers(0, 2**20, 10**6) for _ in range(2))
    edges = fine.extents(cols, rows)
    # the north-west corner is the tile's, the south-east corner is not
    back = fine.keys_at(edges[:, 0], edges[:, 3])
    assert np.array_equal(back.cols, cols)
    assert np.array_equal(back.rows, rows)
    beyond = fine.keys_at(edges[:, 2], edges[:, 1], outside="mark")
    inside = (cols < 2**20 - 1) & (rows < 2**20 - 1)
    assert np.array_equal(beyond.cols, np.where(inside, cols + 1, -1))


def test_points_that_are_no_numbers_lie_outside() -> None:
    nan, inf = float("nan"), float("inf")
    assert LAYOUT.keys_at([nan, inf, -inf], 5_199_000, outside="mark").cols.tolist() == [-1] * 3


@pytest.mark.parametrize("by", ["rowmajor", "hilbert", "zorder"])
def test_keys_in_the_order_of_a_curve(by: Order) -> None:
    around = box(502_000, 5_194_000, 508_000, 5_199_000, "EPSG:32633")
    cols, rows = LAYOUT.key_range(around)
    expected = [
        TileKey(cols[col], rows[row]) for row, col in order(len(rows), len(cols), by=by).tolist()
    ]
    assert list(LAYOUT.keys(around, order=by)) == expected
    assert sorted(LAYOUT.keys(order=by)) == sorted(LAYOUT.keys())
    outside = box(0, 0, 1, 1, "EPSG:32633")
    assert list(LAYOUT.keys(outside, order=by)) == []


def test_bounds_and_parts() -> None:
    assert LAYOUT.bounds == KeyBounds(TileKey(0, 0), TileKey(5, 4))
    part = LAYOUT.part(KeyBounds(TileKey(2, 1), TileKey(4, 3)))
    assert part.layout_shape == (3, 3)
    assert part.extent(TileKey(0, 0)) == LAYOUT.extent(TileKey(2, 1))
    assert part.extent(TileKey(2, 2)) == LAYOUT.extent(TileKey(4, 3))


def test_a_layout_for_an_extent() -> None:
    around = box(10, 20, 10 + 600, 20 + 256.0000001, "EPSG:32633")
    found = TileLayout.from_extent(around, 1)
    assert found.layout_shape == (1, 3)
    assert found.origin == (10, 276.0000001)
    assert TileLayout.from_extent(around, (2, 1), (100, 50)).layout_shape == (3, 6)
    assert TileLayout.from_extent(around, 1000).layout_shape == (1, 1)


def test_neighbours_in_a_layout() -> None:
    corner = [str(key) for key in LAYOUT.neighbours(TileKey(0, 0))]
    assert corner == ["1/0", "0/1", "1/1"]
    assert len(LAYOUT.neighbours(TileKey(2, 2))) == 8
    instant = as_instant("2018-05-24")
    assert SpaceTimeKey(1, 1, instant) in LAYOUT.neighbours(SpaceTimeKey(0, 0, instant))


@pytest.mark.parametrize("layout", [WEB, LONLAT])
def test_neighbours_across_the_antimeridian(layout: TileLayout) -> None:
    last = layout.layout_shape[1] - 1
    assert layout.goes_round
    found = [str(key) for key in layout.neighbours(TileKey(last, 1))]
    assert found == [
        *(f"{last - 1}/0", f"{last}/0", "0/0"),
        *(f"{last - 1}/1", "0/1"),
        *(f"{last - 1}/2", f"{last}/2", "0/2"),
    ]
    # nothing lies beyond a pole
    assert len(layout.neighbours(TileKey(last, 0))) == 5


def test_neighbours_are_named_once() -> None:
    world = ZoomedScheme("WebMercatorQuad")
    assert world.layout(0).neighbours(TileKey(0, 0)) == ()
    assert [str(key) for key in world.layout(1).neighbours(TileKey(0, 0))] == ["1/0", "1/1", "0/1"]


def test_parts_of_the_world_do_not_go_round() -> None:
    assert not LAYOUT.goes_round
    assert not LONLAT.part(KeyBounds(TileKey(0, 0), TileKey(3, 3))).goes_round
    assert len(LONLAT.part(KeyBounds(TileKey(0, 0), TileKey(3, 3))).neighbours(TileKey(0, 1))) == 5


@pytest.mark.parametrize(
    ("layout", "extent", "expected"),
    [
        (LONLAT, box(170, -5, 190, 5), [(range(1), range(1, 3)), (range(7, 8), range(1, 3))]),
        (LONLAT, box(-190, -5, -170, 5), [(range(1), range(1, 3)), (range(7, 8), range(1, 3))]),
        (LONLAT, box(350, 1, 370, 5), [(range(3, 5), range(1, 2))]),
        (LONLAT, box(180, 1, 190, 5), [(range(1), range(1, 2))]),
        (LONLAT, box(-180, -90, 180, 90), [(range(8), range(4))]),
        (LONLAT, box(0, 0, 360, 90), [(range(8), range(2))]),
        (LONLAT, box(10, 20, 10, 20), [(range(4, 5), range(1, 2))]),
        (WEB, box(170, -5, 190, 5), [(range(1), range(3, 5)), (range(7, 8), range(3, 5))]),
        (WEB, box(-180, -90, 180, 90), [(range(8), range(8))]),
        (WEB, box(1, 80, 2, 90), [(range(4, 5), range(1))]),
        (WEB, box(1, 86, 2, 90), []),
    ],
)
def test_ranges_round_the_world(
    layout: TileLayout, extent: Extent, expected: list[tuple[range, range]]
) -> None:
    assert layout.key_ranges(extent) == tuple(KeyRange(*ranges) for ranges in expected)


@pytest.mark.parametrize("layout", [WEB, LONLAT])
def test_an_extent_of_utm_across_the_antimeridian(layout: TileLayout) -> None:
    # zone 60 ends at 180 degrees east: 900 km of it reach beyond
    found = layout.key_ranges(box(700_000, 1_000_000, 1_000_000, 1_100_000, "EPSG:32660"))
    assert [ranges.cols for ranges in found] == [range(1), range(7, 8)]


def test_an_extent_around_a_pole() -> None:
    polar = world_extent("EPSG:3995")
    rows = {row for ranges in LONLAT.key_ranges(polar) for row in ranges.rows}
    cols = {col for ranges in LONLAT.key_ranges(polar) for col in ranges.cols}
    assert rows == {0}
    assert cols == set(range(8))
    arctic = TileLayout.from_extent(polar, 10_000)
    assert arctic.key_ranges(box(-180, 85, 180, 90)) == arctic.key_ranges(
        box(-180, 85, 180, 90).to_crs("EPSG:3995")
    )


@given(st.floats(-180, 179), st.floats(-80, 79), st.floats(0.001, 170), st.floats(0.001, 20))
def test_ranges_hold_every_point(lon: float, lat: float, width: float, height: float) -> None:
    extent = box(lon, lat, lon + width, min(lat + height, 84))
    assert extent.height > 0
    found = WEB.key_ranges(extent)
    lons = np.linspace(extent.xmin, extent.xmax, 40)[1:-1]
    lons = np.where(lons > 180, lons - 360, lons)
    middle = (extent.ymin + extent.ymax) / 2
    x, y = extent.crs.transformer(WEB.crs).transform(lons, np.full_like(lons, middle))
    keys = WEB.keys_at(x, y)
    for col, row in zip(keys.cols.tolist(), keys.rows.tolist(), strict=True):
        assert any(col in ranges.cols and row in ranges.rows for ranges in found)
    held = sum(len(ranges.cols) for ranges in found)
    assert held <= width / 45 + 2
