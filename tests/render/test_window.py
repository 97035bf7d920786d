from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from tests.render.sources import ArraySource, grid, numbered
from xcube_tiles.errors import GeoreferenceError, SizeLimitError
from xcube_tiles.render import window as window_module
from xcube_tiles.render.sample import sample
from xcube_tiles.render.tms import named_tms, tile_geobox
from xcube_tiles.render.window import find_window, nearest_level

Cells: TypeAlias = NDArray[np.int32]

SOURCES = {
    "EPSG:4326": numbered((500, 700), "EPSG:4326", left=10.0, top=50.0, cell=0.01),
    "EPSG:32633": numbered((600, 500), "EPSG:32633", left=400_000, top=5_600_000, cell=900.0),
    "EPSG:3413": numbered((500, 500), "EPSG:3413", left=-701_234, top=-600_000, cell=4000.0),
    "EPSG:3857": numbered((400, 400), "EPSG:3857", left=1_000_000, top=6_400_000, cell=1500.0),
}
TILES = {
    "EPSG:4326": [("WebMercatorQuad", z, *xy) for z, xy in {7: (68, 43), 9: (275, 176)}.items()],
    "EPSG:32633": [
        ("WebMercatorQuad", 7, 69, 43),
        ("WebMercatorQuad", 9, 276, 176),
        ("EuropeanETRS89_LAEAQuad", 5, 18, 17),
        ("WorldCRS84Quad", 7, 138, 28),
    ],
    "EPSG:3413": [
        ("WebMercatorQuad", 4, 5, 2),
        ("WebMercatorQuad", 6, 20, 13),
        ("UPSArcticWGS84Quad", 4, 7, 8),
        ("WorldCRS84Quad", 3, 5, 0),
    ],
    "EPSG:3857": [("WebMercatorQuad", 7, 68, 44), ("WorldCRS84Quad", 6, 68, 15)],
}
CASES = [(crs, tile) for crs, tiles in TILES.items() for tile in tiles]


def _cells_by_gdal(source: ArraySource, target: GeoBox) -> Cells:
    """Return the source's cells on a target grid by GDAL's exact nearest neighbour."""
    height, width = source.geoboxes[0].shape
    profile = {
        "driver": "GTiff",
        "count": 1,
        "dtype": "int32",
        "height": height,
        "width": width,
        "crs": str(source.crs),
        "transform": source.geoboxes[0].affine,
        "nodata": -1,
    }
    assert target.crs is not None
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(source.arrays["index"][0], 1)
        with (
            memory.open() as file,
            WarpedVRT(
                file,
                crs=target.crs.to_wkt(),
                transform=target.affine,
                height=target.shape[0],
                width=target.shape[1],
                resampling=Resampling.nearest,
                tolerance=1e-7,  # rasterio 1.4 can't make one with 0
            ) as warped,
        ):
            return np.asarray(warped.read(1))


def _cells_by_us(source: ArraySource, target: GeoBox, tolerance: float) -> Cells:
    found = sample(source, target, ("index",), tolerance=tolerance)
    if found is None:
        return np.full(target.shape, -1, dtype=np.int32)
    cells = found.values["index"].copy()
    if found.outside is not None:
        cells[found.outside] = -1
    return cells


@pytest.mark.parametrize(("crs", "tile"), CASES)
def test_exact_positions_are_those_of_gdal(crs: str, tile: tuple[str, int, int, int]) -> None:
    source, target = SOURCES[crs], tile_geobox(tile)
    expected = _cells_by_gdal(source, target)
    assert (expected >= 0).mean() > 0.05, "the case shows too little"
    np.testing.assert_array_equal(_cells_by_us(source, target, 0.0), expected)


@pytest.mark.parametrize(("crs", "tile"), CASES)
def test_interpolated_positions_are_near_enough(crs: str, tile: tuple[str, int, int, int]) -> None:
    source, target = SOURCES[crs], tile_geobox(tile)
    cells = _cells_by_us(source, target, 0.125)
    col, row = _exact_positions(source, target)
    height, width = source.geoboxes[0].shape
    inside = (row >= 0.125) & (row < height - 0.125) & (col >= 0.125) & (col < width - 0.125)
    far = (row < -0.125) | (row > height + 0.125) | (col < -0.125) | (col > width + 0.125)
    assert (cells[inside] >= 0).all()
    assert (cells[far | ~np.isfinite(row)] == -1).all()
    shown = cells >= 0
    found_row, found_col = np.divmod(cells[shown], width)
    assert np.abs(row[shown] - (found_row + 0.5)).max() <= 0.5 + 0.125
    assert np.abs(col[shown] - (found_col + 0.5)).max() <= 0.5 + 0.125


def _exact_positions(
    source: ArraySource, target: GeoBox
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    height, width = target.shape
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    assert target.crs is not None
    transform = Transformer.from_crs(target.crs.to_wkt(), source.crs.to_wkt(), always_xy=True)
    x = target.affine.c + target.affine.a * cols
    y = target.affine.f + target.affine.e * rows
    x, y = transform.transform(x, y)
    affine = source.geoboxes[0].affine
    return (x - affine.c) / affine.a, (y - affine.f) / affine.e


def test_a_picture_off_the_source_reads_nothing() -> None:
    source = numbered((50, 50), "EPSG:32633", left=400_000, top=5_600_000, cell=100.0)
    assert find_window(source, tile_geobox(("WebMercatorQuad", 5, 2, 20))) is None
    assert sample(source, tile_geobox(("WebMercatorQuad", 5, 2, 20)), ("index",)) is None
    assert source.reads == []


def test_a_source_smaller_than_the_space_between_nodes_is_found() -> None:
    source = numbered((4, 4), "EPSG:32633", left=500_000, top=5_550_000, cell=20_000.0)
    cells = _cells_by_us(source, tile_geobox(("WebMercatorQuad", 2, 2, 1)), 0.125)
    assert (cells >= 0).any()


@pytest.mark.parametrize(
    ("scale", "level"), [(0.1, 0), (1.0, 0), (1.4, 0), (1.42, 1), (2.8, 1), (2.9, 2), (99, 2)]
)
def test_levels_are_nearest_on_a_logarithmic_scale(scale: float, level: int) -> None:
    boxes = tuple(
        grid((size, size), "EPSG:3857", left=0, top=0, cell=2048 / size)
        for size in (1024, 512, 256)
    )
    assert nearest_level(boxes, scale) == level


def test_zooming_out_reads_coarser_levels() -> None:
    levels = [np.zeros((size, size), np.float32) for size in (4096, 2048, 1024, 512)]
    box = grid((4096, 4096), "EPSG:3857", left=0.0, top=5_009_377.0, cell=76.43702828517625)
    source = ArraySource({"v": levels}, box)
    for z, level in {13: 0, 11: 0, 10: 1, 9: 2, 8: 3, 3: 3}.items():
        tile = named_tms("WebMercatorQuad").tile(1.4, 40.0, z)
        found = find_window(source, tile_geobox(("WebMercatorQuad", z, tile.x, tile.y)))
        assert found is not None
        assert found.level == level, z


def test_longitudes_wrap() -> None:
    west = numbered((18, 36), "EPSG:4326", left=-180.0, top=90.0, cell=10.0)
    east = numbered((18, 36), "EPSG:4326", left=0.0, top=90.0, cell=10.0)
    for tile in [(0, 0, 0), (2, 0, 1), (2, 3, 2), (3, 4, 3)]:
        target = tile_geobox(("WebMercatorQuad", *tile))
        theirs, ours = _cells_by_us(west, target, 0.125), _cells_by_us(east, target, 0.125)
        assert (theirs >= 0).all()
        moved = theirs // 36 * 36 + (theirs % 36 + 18) % 36
        np.testing.assert_array_equal(ours, moved)


def test_a_source_across_the_antimeridian_shows_on_both_sides() -> None:
    source = numbered((20, 20), "EPSG:4326", left=170.0, top=10.0, cell=1.0)
    assert (_cells_by_us(source, tile_geobox(("WebMercatorQuad", 3, 7, 3)), 0.125) % 20 < 10).any()
    left = _cells_by_us(source, tile_geobox(("WebMercatorQuad", 3, 0, 3)), 0.125)
    assert (left[left >= 0] % 20 >= 10).all()
    assert (left >= 0).any()
    utm = numbered((100, 100), "EPSG:32601", left=0.0, top=100_000.0, cell=2000.0)
    for x in (0, 31):
        assert (_cells_by_us(utm, tile_geobox(("WebMercatorQuad", 5, x, 15)), 0.125) >= 0).any()


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3413", "EPSG:3031", "EPSG:32660", "ESRI:54008"])
@pytest.mark.parametrize(
    "tms", ["WebMercatorQuad", "WorldCRS84Quad", "UPSArcticWGS84Quad", "UPSAntarcticWGS84Quad"]
)
def test_the_whole_world_in_any_projection_draws(crs: str, tms: str) -> None:
    cell = 1.0 if crs == "EPSG:4326" else 60_000.0
    source = numbered((180, 360), crs, left=-180 * cell, top=90 * cell, cell=cell)
    for tile in [(0, 0, 0), (1, 0, 0), (1, 1, 0), (3, 3, 3), (3, 7, 0)]:
        cells = _cells_by_us(source, tile_geobox((tms, *tile)), 0.125)
        assert cells.shape == (256, 256)


def test_rotated_grids_are_refused() -> None:
    from affine import Affine

    box = GeoBox((4, 4), Affine(1.0, 0.5, 0.0, 0.0, -1.0, 0.0), "EPSG:3857")
    source = ArraySource({"v": [np.zeros((4, 4))]}, box)
    source._geoboxes = (box,)
    with pytest.raises(GeoreferenceError, match="rotated"):
        find_window(source, tile_geobox(("WebMercatorQuad", 0, 0, 0)))


def test_too_many_cells_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MOST_CELLS", 10_000)
    source = SOURCES["EPSG:3857"]
    source.reads.clear()
    with pytest.raises(SizeLimitError, match="coarser levels"):
        sample(source, tile_geobox(("WebMercatorQuad", 0, 0, 0)), ("index",))
    assert source.reads == []


def test_a_window_too_large_is_read_from_a_coarser_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MOST_CELLS", 5000)
    levels = [np.zeros((size, size)) for size in (128, 64)]
    source = ArraySource({"v": levels}, grid((128, 128), "EPSG:3857", left=0, top=0, cell=2_000.0))
    target = grid((128, 128), "EPSG:3857", left=0, top=0, cell=2_000.0)
    found = find_window(source, target)
    assert found is not None
    assert found.level == 1


@given(st.data())
def test_pixels_in_the_same_crs_get_the_cell_that_holds_their_centre(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    source = numbered(shape, "EPSG:32633", left=0.0, top=0.0, cell=8.0)
    size = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    # A third off: no centre falls on the edge of a cell, where rounding would decide.
    left, top = (data.draw(st.integers(-60, 60)) + 1 / 3 for _ in "xy")
    cell = data.draw(st.sampled_from([1.0, 3.0, 8.0, 20.0]))
    target = grid(size, "EPSG:32633", left=left, top=top, cell=cell)
    expected = np.full(size, -1)
    for i in range(size[0]):
        for j in range(size[1]):
            row = math.floor((cell * (i + 0.5) - top) / 8.0)
            col = math.floor((left + cell * (j + 0.5)) / 8.0)
            if 0 <= row < shape[0] and 0 <= col < shape[1]:
                expected[i, j] = row * shape[1] + col
    np.testing.assert_array_equal(_cells_by_us(source, target, 0.125), expected)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32633", "EPSG:3413"])
def test_four_tiles_are_the_picture_of_their_parent(crs: str) -> None:
    source = SOURCES[crs]
    _, z, x, y = TILES[crs][0]
    parent = _cells_by_us(source, tile_geobox(("WebMercatorQuad", z, x, y), 512), 0.0)
    rows = [
        np.hstack(
            [
                _cells_by_us(
                    source,
                    tile_geobox(("WebMercatorQuad", z + 1, 2 * x + right, 2 * y + down)),
                    0.0,
                )
                for right in (0, 1)
            ]
        )
        for down in (0, 1)
    ]
    np.testing.assert_array_equal(np.vstack(rows), parent)


@pytest.mark.parametrize("tile", TILES["EPSG:32633"])
def test_no_more_is_read_than_the_pixels_need(tile: tuple[str, int, int, int]) -> None:
    source = SOURCES["EPSG:32633"]
    source.reads.clear()
    cells = _cells_by_us(source, tile_geobox(tile), 0.125)
    rows, cols = np.divmod(cells[cells >= 0], source.geoboxes[0].shape[1])
    (read,) = source.reads
    assert (read.rows.start, read.rows.stop) == (rows.min(), rows.max() + 1)
    assert (read.cols.start, read.cols.stop) == (cols.min(), cols.max() + 1)
