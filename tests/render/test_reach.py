"""How far sources reach in other CRSs, and which tiles show them."""

from __future__ import annotations

import math

import morecantile
import numpy as np
import pytest
from odc.geo.crs import CRS
from pyproj import Transformer

from tests.render.sources import ArraySource, numbered
from xcube_tiles.errors import GridError
from xcube_tiles.render.bounds import wgs84_bounds
from xcube_tiles.render.reach import bounds_in, tile_limits
from xcube_tiles.render.sample import sample
from xcube_tiles.render.tms import tile_geobox, tms_names

UTM = numbered((600, 600), "EPSG:32633", left=400_000, top=5_650_000, cell=200)
EUROPE = numbered((120, 200), "EPSG:4326", left=-10, top=70, cell=0.25)
WORLD = numbered((180, 360), "EPSG:4326", left=-180, top=90, cell=1)
FIJI = numbered((40, 40), "EPSG:4326", left=170, top=-5, cell=0.5)
FIJI_UTM = numbered((100, 100), "EPSG:32701", left=0, top=8_200_000, cell=10_000)
ARCTIC = numbered((100, 100), "EPSG:3413", left=-1e6, top=1e6, cell=20_000)
SOURCES = {
    "utm": UTM, "europe": EUROPE, "world": WORLD, "fiji": FIJI, "fiji-utm": FIJI_UTM,
    "arctic": ARCTIC,
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:3035", "EPSG:3413"])
def test_every_cell_lies_within(name: str, crs: str) -> None:
    source = SOURCES[name]
    west, south, east, north = bounds_in(source, CRS(crs))
    box = source.geoboxes[0]
    x, y = np.meshgrid(
        np.linspace(box.boundingbox.left, box.boundingbox.right, 301),
        np.linspace(box.boundingbox.bottom, box.boundingbox.top, 301),
    )
    to_crs = Transformer.from_crs(source.crs.to_wkt(), crs, always_xy=True)
    x, y = to_crs.transform(x, y)
    if crs == "EPSG:3857":
        square = 20_037_508.342789244
        inside = (np.abs(x) <= square) & (np.abs(y) <= square)
        x, y = x[inside], y[inside]
    if crs == "EPSG:4326":
        x = (x + 180) % 360 - 180
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    # A thousandth of what is covered: the extremes between the points are an estimate.
    rim = 1e-3 * max(float(np.ptp(x)), float(np.ptp(y)))
    assert west - rim <= x.min()
    assert x.max() <= east + rim
    assert south - rim <= y.min()
    assert y.max() <= north + rim


def test_the_own_crs_is_exact() -> None:
    assert bounds_in(UTM, CRS("EPSG:32633")) == (400_000, 5_530_000, 520_000, 5_650_000)


def test_no_more_than_needed() -> None:
    found, known = bounds_in(UTM, CRS("EPSG:4326")), wgs84_bounds(UTM)
    assert np.allclose(found, known, atol=1e-3)


@pytest.mark.parametrize("source", [FIJI, FIJI_UTM])
def test_across_the_antimeridian(source: ArraySource) -> None:
    west, _, east, _ = bounds_in(source, CRS("EPSG:4326"))
    assert (west, east) == (-180, 180)
    west, _, east, _ = bounds_in(source, CRS("EPSG:3857"))
    assert (west, east) == (-20_037_508.342789244, 20_037_508.342789244)


def test_a_pole_lies_within() -> None:
    assert bounds_in(ARCTIC, CRS("EPSG:4326"))[3] == 90
    assert bounds_in(ARCTIC, CRS("EPSG:3857"))[3] == 20_037_508.342789244


def test_what_the_crs_does_not_have_is_infinite_at_most() -> None:
    assert not any(map(math.isnan, bounds_in(WORLD, CRS("EPSG:32633"))))


@pytest.mark.parametrize("source", [EUROPE, WORLD])
def test_tiles_are_those_of_morecantile(source: ArraySource) -> None:
    tms = morecantile.tms.get("WebMercatorQuad")
    west, south, east, north = wgs84_bounds(source)
    for limits in tile_limits(source, "WebMercatorQuad"):
        tiles = list(tms.tiles(west, south, east, north, zooms=[limits.z]))
        assert limits.min_col == min(tile.x for tile in tiles)
        assert limits.max_col == max(tile.x for tile in tiles)
        assert limits.min_row == min(tile.y for tile in tiles)
        assert limits.max_row == max(tile.y for tile in tiles)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("tms", tms_names())
def test_other_tiles_show_nothing(name: str, tms: str) -> None:
    source = SOURCES[name]
    found = tile_limits(source, tms)
    matrices = morecantile.tms.get(tms)
    for limits in found[:4]:
        matrix = matrices.matrix(limits.z)
        if matrix.matrixWidth * matrix.matrixHeight > 300:
            continue
        for row in range(matrix.matrixHeight):
            for col in range(matrix.matrixWidth):
                if (
                    limits.min_col <= col <= limits.max_col
                    and limits.min_row <= row <= limits.max_row
                ):
                    continue
                shown = sample(source, tile_geobox((tms, limits.z, col, row), 16), ("index",))
                assert shown is None or (shown.outside is not None and shown.outside.all())


def test_zooms_go_as_far_as_the_cells() -> None:
    found = tile_limits(UTM, "WebMercatorQuad")
    assert [limits.z for limits in found] == list(range(10))


def test_a_set_elsewhere_has_no_tiles() -> None:
    assert tile_limits(UTM, "NZTM2000Quad") == ()
    assert tile_limits(EUROPE, "UPSAntarcticWGS84Quad") == ()


def test_an_unknown_set() -> None:
    with pytest.raises(GridError, match="unknown tile matrix set 'Flat'"):
        tile_limits(UTM, "Flat")
