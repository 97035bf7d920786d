"""Tile layouts: hand-worked keys, morecantile and odc-geo as oracles, round trips."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox, GeoboxTiles

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.grid.geobox import north_up_resolution
from xcube_tiles.grid.keys import TileKey
from xcube_tiles.grid.layout import KeyRange, TileLayout
from xcube_tiles.testing.strategies import geoboxes, layouts, tile_keys

UTM = as_crs("EPSG:32633")
NOTHING = KeyRange(range(0), range(0))
# 4 columns and 3 rows of tiles of 100 x 50 units; x from 0 to 400, y from 0 to 150
PLAIN = TileLayout(
    crs=UTM, origin=(0, 150), resolution=(10, 10), tile_shape=(5, 10), layout_shape=(3, 4)
)


def box(xmin: float, ymin: float, xmax: float, ymax: float) -> Extent:
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=UTM)


@pytest.mark.parametrize(
    ("x", "y", "col", "row"),
    [
        (0, 150, 0, 0),
        (99.9, 100.1, 0, 0),
        # an edge belongs to the tile to its right and below
        (100, 150, 1, 0),
        (0, 100, 0, 1),
        (100, 100, 1, 1),
        (399.9, 0.1, 3, 2),
        # within a millionth of a cell (1e-5 units) of an edge is on the edge
        (100 - 9e-6, 100 + 9e-6, 1, 1),
        (100 - 2e-5, 100 + 2e-5, 0, 0),
        (-9e-6, 150 + 9e-6, 0, 0),
        # but no point of the layout leaves it by that
        (400 - 1e-9, 1e-9, 3, 2),
    ],
)
def test_key_at(x: float, y: float, col: int, row: int) -> None:
    assert PLAIN.key_at(x, y) == TileKey(col, row)


@pytest.mark.parametrize(
    ("x", "y"), [(-0.1, 75), (400, 75), (200, 150.1), (200, 0), (math.nan, 0), (0, math.inf)]
)
def test_points_outside(x: float, y: float) -> None:
    with pytest.raises(GridError, match=r"lies outside the layout|finite coordinates"):
        PLAIN.key_at(x, y)


# the rule of GeoTrellis' MapKeyTransform: north and west inclusive, south and east exclusive
@pytest.mark.parametrize(
    ("edges", "cols", "rows"),
    [
        ((0, 0, 400, 150), range(4), range(3)),
        ((0, 100, 100, 150), range(1), range(1)),
        ((0, 99, 101, 150), range(2), range(2)),
        ((100, 50, 200, 100), range(1, 2), range(1, 2)),
        ((150, 60, 350, 140), range(1, 4), range(2)),
        # a point, on a corner of four tiles and within one
        ((100, 100, 100, 100), range(1, 2), range(1, 2)),
        ((150, 75, 150, 75), range(1, 2), range(1, 2)),
        # lines along an edge of tiles
        ((100, 20, 100, 130), range(1, 2), range(3)),
        ((20, 100, 130, 100), range(2), range(1, 2)),
        # noise at the far edges
        ((0, 100 - 9e-6, 100 + 9e-6, 150), range(1), range(1)),
        ((100 - 9e-6, 50, 200, 100 + 9e-6), range(1, 2), range(1, 2)),
        # clipped to the layout
        ((-500, -500, 50, 30), range(1), range(2, 3)),
        ((-500, -500, 5000, 5000), range(4), range(3)),
    ],
)
def test_key_range(edges: tuple[float, float, float, float], cols: range, rows: range) -> None:
    assert PLAIN.key_range(box(*edges)) == KeyRange(cols, rows)


@pytest.mark.parametrize(
    "edges", [(400, 0, 500, 150), (-100, 0, 0 - 1e-3, 150), (0, 151, 10, 160), (0, -9, 10, 0)]
)
def test_extents_that_touch_nothing(edges: tuple[float, float, float, float]) -> None:
    assert PLAIN.key_range(box(*edges)) == NOTHING
    assert list(PLAIN.keys(box(*edges))) == []


def test_touching_from_the_west_is_not_inside() -> None:
    # the east edge of the extent is exclusive, the west edge of the layout is not reached
    assert PLAIN.key_range(box(-100, 0, 0, 150)) == NOTHING
    assert PLAIN.key_range(box(-100, 0, 1, 150)).cols == range(1)


def test_keys_are_in_row_major_order() -> None:
    keys = [str(key) for key in PLAIN.keys(box(50, 60, 150, 140))]
    assert keys == ["0/0", "1/0", "0/1", "1/1"]
    assert len(list(PLAIN.keys())) == 12
    assert next(iter(PLAIN.keys())) == TileKey(0, 0)


def test_extent_of_a_tile() -> None:
    assert PLAIN.extent(TileKey(1, 2)) == box(100, 0, 200, 50)
    assert PLAIN.extent() == box(0, 0, 400, 150)


def test_geobox_of_a_tile() -> None:
    expected = GeoBox((5, 10), Affine(10, 0, 100, 0, -10, 50), UTM)
    assert PLAIN.geobox(TileKey(1, 2)) == expected
    assert PLAIN.geobox() == GeoBox((15, 40), Affine(10, 0, 0, 0, -10, 150), UTM)


@pytest.mark.parametrize("key", [TileKey(4, 0), TileKey(0, 3), TileKey(-1, 0), TileKey(0, -1)])
def test_keys_outside(key: TileKey) -> None:
    assert key not in PLAIN
    for call in (PLAIN.extent, PLAIN.geobox):
        with pytest.raises(GridError, match="outside the layout, which has 4 columns and 3 rows"):
            call(key)


def test_extents_of_another_crs_are_refused() -> None:
    extent = Extent(xmin=15, ymin=0, xmax=16, ymax=1, crs=4326)
    with pytest.raises(GridError, match=r"in EPSG:4326, the layout in EPSG:32633; .*to_crs\('EPS"):
        PLAIN.key_range(extent)
    with pytest.raises(GridError, match=r"to_crs"):
        PLAIN.keys(extent)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"resolution": (10, -10)}, r"resolution must be positive along x and y, got \(10"),
        ({"resolution": (0, 10)}, "resolution must be positive"),
        ({"resolution": 10}, "resolution must be a pair of numbers, got 10"),
        ({"origin": (math.nan, 0)}, "origin must be two finite numbers"),
        ({"tile_shape": (0, 10)}, "tile_shape must be two positive integers"),
        ({"tile_shape": (2.5, 10)}, "tile_shape must be two positive integers"),
        ({"layout_shape": (1, 2, 3)}, "layout_shape must be a pair of numbers"),
        ({"crs": "nowhere"}, "expected a CRS"),
    ],
)
def test_fields_out_of_range(changes: dict[str, object], text: str) -> None:
    with pytest.raises(GridError, match=text):
        replace(PLAIN, **changes)  # type: ignore[arg-type]


def test_from_geobox_pads_to_the_right_and_bottom() -> None:
    geobox = GeoBox((300, 600), Affine(10, 0, 500, 0, -20, 900), UTM)
    layout = TileLayout.from_geobox(geobox)
    assert layout.layout_shape == (2, 3)
    assert layout.shape == (512, 768)
    assert layout.origin == (500, 900)
    assert layout.resolution == (10, 20)
    assert TileLayout.from_geobox(geobox, (300, 200)).layout_shape == (1, 3)
    assert TileLayout.from_geobox(geobox, (300, 200)).geobox() == geobox


@pytest.mark.parametrize(
    ("affine", "shape", "crs", "text"),
    [
        (Affine(1, 0, 0, 0, 1, 0), (3, 3), UTM, "north-up"),
        (Affine(-1, 0, 0, 0, -1, 0), (3, 3), UTM, "north-up"),
        (Affine(0.8, 0.6, 0, 0.6, -0.8, 0), (3, 3), UTM, "not rotated"),
        (Affine(1, 1e-3, 0, 0, -1, 0), (3, 3), UTM, "not rotated"),
        (Affine(1, 0, 0, 0, -1, 0), (0, 3), UTM, "a geobox with cells"),
        (Affine(1, 0, 0, 0, -1, 0), (3, 3), None, "no CRS"),
    ],
)
def test_geoboxes_that_are_refused(
    affine: Affine, shape: tuple[int, int], crs: object, text: str
) -> None:
    with pytest.raises(GridError, match=text):
        TileLayout.from_geobox(GeoBox(shape, affine, crs))  # type: ignore[arg-type]


def test_a_shear_that_moves_no_cell_is_noise() -> None:
    geobox = GeoBox((3, 3), Affine(10, 1e-12, 0, 0, -10, 0), UTM)
    assert north_up_resolution(geobox) == (10, 10)


@pytest.mark.parametrize("tile_size", [0, -1, 2.5, "256", (256,), (256, 0)])
def test_tile_sizes_that_are_refused(tile_size: int) -> None:
    with pytest.raises(GridError, match="tile_size"):
        TileLayout.from_geobox(PLAIN.geobox(), tile_size)


def test_coarser_and_finer() -> None:
    coarse = PLAIN.coarser()
    assert coarse.resolution == (20, 20)
    assert coarse.layout_shape == (2, 2)
    assert coarse.extent().contains(PLAIN.extent())
    assert PLAIN.finer().coarser() == PLAIN


@given(geoboxes(), st.integers(1, 5), st.integers(1, 5))
def test_tiles_are_those_of_odc_geo(geobox: GeoBox, height: int, width: int) -> None:
    layout = TileLayout.from_geobox(geobox, (height, width))
    tiles = GeoboxTiles(geobox, (height, width))
    assert layout.layout_shape == tiles.shape.yx
    for key in list(layout.keys()):
        expected = tiles[key.row, key.col]
        assert isinstance(expected, GeoBox)
        found = layout.geobox(key)
        assert found.affine.almost_equals(expected.affine, 1e-6 * layout.resolution[0])
        # odc-geo cuts the last tiles off, a layout has equal ones
        assert found[: expected.shape.y, : expected.shape.x].shape == expected.shape


@given(st.data(), layouts())
def test_a_key_and_its_extent(data: st.DataObject, layout: TileLayout) -> None:
    key = data.draw(tile_keys(layout))
    extent = layout.extent(key)
    assert list(layout.keys(extent)) == [key]
    assert layout.key_at(extent.xmin, extent.ymax) == key
    assert layout.key_at(*extent.center) == key
    assert Extent.from_geobox(layout.geobox(key)).bounds == pytest.approx(extent.bounds, rel=1e-12)


@given(layouts())
def test_tiles_share_edges_to_the_bit_and_fill_the_layout(layout: TileLayout) -> None:
    whole = layout.extent()
    for key in list(layout.keys()):
        extent = layout.extent(key)
        assert whole.contains(extent)
        east, south = TileKey(key.col + 1, key.row), TileKey(key.col, key.row + 1)
        if east in layout:
            assert layout.extent(east).xmin == extent.xmax
        if south in layout:
            assert layout.extent(south).ymax == extent.ymin
    last = layout.extent(TileKey(layout.layout_shape[1] - 1, layout.layout_shape[0] - 1))
    assert (last.xmax, last.ymin) == (whole.xmax, whole.ymin)


@given(st.data(), layouts())
def test_noise_of_a_millionth_changes_no_range(data: st.DataObject, layout: TileLayout) -> None:
    one, two = data.draw(tile_keys(layout)), data.draw(tile_keys(layout))
    clean = layout.extent(one).union(layout.extent(two))
    noise = [data.draw(st.floats(-4e-7, 4e-7)) for _ in range(4)]
    (x, y) = layout.resolution
    noisy = Extent(
        xmin=clean.xmin + noise[0] * x,
        ymin=clean.ymin + noise[1] * y,
        xmax=clean.xmax + noise[2] * x,
        ymax=clean.ymax + noise[3] * y,
        crs=clean.crs,
    )
    assert layout.key_range(noisy) == layout.key_range(clean)


@given(st.data(), layouts())
def test_a_tile_of_the_coarser_layout_holds_its_children(
    data: st.DataObject, layout: TileLayout
) -> None:
    key = data.draw(tile_keys(layout))
    coarse, fine = layout.coarser(), layout.finer()
    noise = 1e-6 * min(layout.resolution)
    assert coarse.extent(key.parent()).buffered(noise).contains(layout.extent(key))
    first, *_, last = key.children()
    halves = fine.extent(first).union(fine.extent(last))
    assert halves.bounds == pytest.approx(layout.extent(key).bounds, abs=noise)
