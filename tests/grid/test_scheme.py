"""Schemes: morecantile's tiles as oracle, zoom levels by hand."""

from __future__ import annotations

import math
import pickle

import dask
import morecantile
import pytest
from affine import Affine
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.grid.keys import TileKey
from xcube_tiles.grid.matrixset import tms_names
from xcube_tiles.grid.scheme import LocalScheme, Scheme, ZoomedScheme, resolve_scheme
from xcube_tiles.testing.strategies import geoboxes

REGULAR = tms_names()
WEB = ZoomedScheme("WebMercatorQuad")
GRID = GeoBox((1000, 700), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")


def utm(resolution: float, y: float = 0, size: int = 2) -> GeoBox:
    """Return a grid on the central meridian of UTM zone 33, where its scale is 0.9996."""
    left = 500_000 - size * resolution / 2
    return GeoBox((size, size), Affine(resolution, 0, left, 0, -resolution, y), "EPSG:32633")


@pytest.mark.parametrize("name", REGULAR)
def test_tiles_are_those_of_morecantile(name: str) -> None:
    tms = morecantile.tms.get(name)
    scheme = ZoomedScheme(name)
    assert scheme.zooms == range(tms.minzoom, tms.maxzoom + 1)
    for zoom in scheme.zooms:
        layout, matrix = scheme.layout(zoom), tms.matrix(zoom)
        assert layout.layout_shape == (matrix.matrixHeight, matrix.matrixWidth)
        assert layout.tile_shape == (matrix.tileHeight, matrix.tileWidth)
        rows, cols = layout.layout_shape
        for key in (TileKey(0, 0), TileKey(cols - 1, rows - 1), TileKey(cols // 2, rows // 3)):
            expected = tms.xy_bounds(morecantile.Tile(key.col, key.row, zoom))
            noise = 1e-6 * matrix.cellSize
            assert layout.extent(key).bounds == pytest.approx(tuple(expected), abs=noise)
            assert layout.key_at(*layout.extent(key).center) == key


@given(st.sampled_from(REGULAR), st.data())
def test_points_are_in_the_tile_that_morecantile_names(name: str, data: st.DataObject) -> None:
    tms, scheme = morecantile.tms.get(name), ZoomedScheme(name)
    zoom = data.draw(st.integers(scheme.zooms.start, min(scheme.zooms.stop, 18) - 1))
    left, bottom, right, top = scheme.layout(zoom).extent().bounds
    share = st.floats(0.01, 0.99)
    x, y = left + data.draw(share) * (right - left), bottom + data.draw(share) * (top - bottom)
    tile = tms._tile(x, y, zoom)
    key = scheme.layout(zoom).key_at(x, y)
    near = scheme.layout(zoom).extent(key).buffered(-1e-5 * scheme.layout(zoom).resolution[0])
    # on an edge the two may round differently
    if near.xmin < x < near.xmax and near.ymin < y < near.ymax:
        assert key == TileKey(tile.x, tile.y)


def test_web_mercator_by_hand() -> None:
    # https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames
    lon, lat, tiles = 14.5069, 46.0499, 2**12
    col = int((lon + 180) / 360 * tiles)
    row = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * tiles)
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    assert WEB.layout(12).key_at(x, y) == TileKey(col, row)
    assert WEB.layout(0).layout_shape == (1, 1)
    assert WEB.layout(10).resolution == pytest.approx((152.8740565703525,) * 2)
    assert WEB.crs.epsg == 3857
    assert WEB.name == "WebMercatorQuad"


def test_world_crs84_is_two_tiles_wide_and_x_before_y() -> None:
    scheme = ZoomedScheme("WorldCRS84Quad")
    assert scheme.layout(0).layout_shape == (1, 2)
    assert scheme.layout(0).extent(TileKey(0, 0)).bounds == (-180, -90, 0, 90)
    assert str(scheme.crs) == "OGC:CRS84"
    # WGS1984Quad is the same with the axes of EPSG:4326, which say y before x
    other = ZoomedScheme("WGS1984Quad").layout(3)
    assert other.extent().bounds == scheme.layout(3).extent().bounds
    extent = other.extent(TileKey(9, 2))
    assert list(scheme.layout(3).keys(extent)) == [TileKey(9, 2)]


def test_tile_size_halves_cells_and_keeps_tiles() -> None:
    large = ZoomedScheme("WebMercatorQuad", tile_size=512).layout(7)
    plain = WEB.layout(7)
    assert large.tile_shape == (512, 512)
    assert large.resolution == pytest.approx(WEB.layout(8).resolution)
    key = TileKey(70, 40)
    assert large.extent(key).bounds == pytest.approx(plain.extent(key).bounds)


def test_a_tms_of_ones_own() -> None:
    tms = morecantile.TileMatrixSet.custom(
        [300_000, 5_000_000, 700_000, 5_400_000], CRS("EPSG:32633"), id="Slovenia", maxzoom=5
    )
    scheme = ZoomedScheme(tms)
    assert scheme.name == "Slovenia"
    assert scheme.layout(1).extent(TileKey(1, 0)).bounds == pytest.approx(
        (500_000, 5_200_000, 700_000, 5_400_000)
    )
    assert scheme.crs == as_crs("EPSG:32633")


def test_schemes_are_values() -> None:
    again = pickle.loads(pickle.dumps(WEB))
    assert again == WEB == ZoomedScheme(morecantile.tms.get("WebMercatorQuad"))
    assert hash(again) == hash(WEB)
    assert ZoomedScheme("WebMercatorQuad", tile_size=512) != WEB
    assert pickle.loads(pickle.dumps(LocalScheme(GRID))) == LocalScheme(GRID)


@pytest.mark.parametrize("scheme", [WEB, LocalScheme(GRID), WEB.layout(3)])
def test_dask_names_equal_values_equally(scheme: object) -> None:
    with dask.config.set({"tokenize.ensure-deterministic": True}):
        assert tokenize(scheme) == tokenize(pickle.loads(pickle.dumps(scheme)))
    assert tokenize(scheme) != tokenize(ZoomedScheme("WebMercatorQuad", tile_size=512))


# Web Mercator's cells measure 19.1093 at zoom 13, 9.5546 at 14, 4.7773 at 15; a tenth of the step
# from 14 to 15 ends at 9.0769, and 1 of UTM is 1.0000 to 1.0067 of Web Mercator at the equator
@pytest.mark.parametrize(
    ("resolution", "zoom"),
    [(19.2, 13), (18.3, 13), (17.5, 14), (10, 14), (9.5, 14), (9.1, 14), (8.9, 15), (4.7, 15)],
)
def test_native_zoom_by_hand(resolution: float, zoom: int) -> None:
    assert WEB.zoom_for(utm(resolution)) == zoom


def test_native_zoom_measures_in_the_crs_of_the_scheme() -> None:
    # at 60 degrees north 10 m on the ground are 20 in Web Mercator: one zoom level less
    assert WEB.zoom_for(utm(10, 6_651_411)) == 13
    assert ZoomedScheme("WorldCRS84Quad").zoom_for(utm(10)) == 13
    world = GeoBox((1800, 3600), Affine(0.1, 0, -180, 0, -0.1, 90), "EPSG:4326")
    assert WEB.zoom_for(world) == 4
    assert ZoomedScheme("WorldCRS84Quad").zoom_for(world) == 3


@pytest.mark.parametrize("name", REGULAR)
def test_native_zoom_of_a_level_is_the_level(name: str) -> None:
    scheme = ZoomedScheme(name)
    for zoom in scheme.zooms:
        layout = scheme.layout(zoom)
        geobox = layout.geobox(TileKey(layout.layout_shape[1] // 2, 0))
        assert scheme.zoom_for(geobox) == zoom
        assert scheme.zoom_for(geobox, threshold=0) == zoom


def test_native_zoom_at_the_ends() -> None:
    assert WEB.zoom_for(utm(1e-4)) == 24
    assert WEB.zoom_for(utm(1_000_000)) == 0
    assert WEB.zoom_for(utm(9.1), threshold=0) == 15
    assert WEB.zoom_for(utm(4.8), threshold=1) == 14
    with pytest.raises(GridError, match=r"threshold must lie between 0 and 1, got 1\.5"):
        WEB.zoom_for(utm(10), threshold=1.5)


def test_cells_without_a_place() -> None:
    nowhere = GeoBox((4, 4), Affine(10, 0, 1e12, 0, -10, 1e12), "EPSG:32633")
    with pytest.raises(GridError, match=r"the cells of GeoBox[\s\S]* have no place in EPSG:3857"):
        WEB.zoom_for(nowhere)


def test_zoom_in_and_out() -> None:
    assert (WEB.zoom_in(3), WEB.zoom_out(3)) == (4, 2)
    for call, zoom in ((WEB.zoom_in, 24), (WEB.zoom_out, 0), (WEB.layout, 25), (WEB.layout, -1)):
        with pytest.raises(GridError, match=r"WebMercatorQuad has no zoom level -?\d+; .* 0 to 24"):
            call(zoom)
    local = LocalScheme(GRID)
    assert (local.zoom_in(3), local.zoom_out(3)) == (2, 4)
    with pytest.raises(GridError, match=r"levels 0 \(finest\), 1, 2 ..., got -1"):
        local.zoom_in(0)


def test_local_levels_by_hand() -> None:
    scheme = LocalScheme(GRID)
    assert scheme.zooms == range(3)
    assert [scheme.layout(level).layout_shape for level in range(4)] == [
        (4, 3),
        (2, 2),
        (1, 1),
        (1, 1),
    ]
    assert scheme.layout(2).resolution == (40, 40)
    assert scheme.layout(2).origin == (0, 0)
    assert scheme.name == "local"
    assert LocalScheme(GRID, tile_size=1000).zooms == range(1)
    assert LocalScheme(GRID, tile_size=500).zooms == range(2)


@given(geoboxes(), st.integers(1, 5))
def test_local_levels_are_layouts_twice_as_coarse(geobox: GeoBox, tile_size: int) -> None:
    scheme = LocalScheme(geobox, tile_size=tile_size)
    layout = scheme.layout(0)
    for level in scheme.zooms:
        assert scheme.layout(level) == layout
        assert (max(layout.layout_shape) == 1) == (level == scheme.zooms[-1])
        assert scheme.zoom_for(layout.geobox()) == level
        layout = layout.coarser()


def test_local_schemes_that_are_refused() -> None:
    with pytest.raises(GridError, match="north-up"):
        LocalScheme(GRID.flipy())
    with pytest.raises(GridError, match="tile_size"):
        LocalScheme(GRID, tile_size=0)


def test_resolve_scheme() -> None:
    assert resolve_scheme("local", GRID) == LocalScheme(GRID)
    assert resolve_scheme("local", GRID, tile_size=64) == LocalScheme(GRID, tile_size=64)
    assert resolve_scheme("WebMercatorQuad") == WEB
    assert resolve_scheme(morecantile.tms.get("WebMercatorQuad"), tile_size=512).layout(
        0
    ).tile_shape == (512, 512)
    assert resolve_scheme(WEB) is WEB
    schemes: list[Scheme] = [WEB, LocalScheme(GRID)]
    assert all(isinstance(scheme, Scheme) for scheme in schemes)


def test_schemes_that_do_not_exist() -> None:
    with pytest.raises(GridError, match=r"unknown TileMatrixSet 'Quad'; the names are .*WebMer"):
        resolve_scheme("Quad")
    with pytest.raises(GridError, match="needs the grid of its finest level"):
        resolve_scheme("local")
    with pytest.raises(GridError, match="got 5; the names are local, floating, Can"):
        resolve_scheme(5)  # type: ignore[arg-type]
    with pytest.raises(GridError, match="expected a TileMatrixSet or the name of one, got 5"):
        ZoomedScheme(5)  # type: ignore[arg-type]
    with pytest.raises(GridError, match="tile_size must be a positive integer or None, got 0"):
        ZoomedScheme("WebMercatorQuad", tile_size=0)
