"""Extents and geometries: windows, lists, chains, and what isn't read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import geometry_mask
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of, random_cube
from tests.catalog.reading.stores import CountingStore
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError, CellTypeError, GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.options import set_options
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.catalog.model import Catalog

CUBE = random_cube((3, 60, 50), missing=0.1)
LEFT, TOP, CELL = 500_000.0, 5_200_000.0, 10.0
NODATA = -9999


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    store = MemoryStore()
    to_catalog(CUBE, store, "scene", chunk=16, sharded=False)
    raw = cube_of(np.arange(100).reshape(10, 10), cells="uint8raw")
    to_catalog(raw, store, "raw")
    return open_catalog(store)


def bounds(left: float, top: float, right: float, bottom: float) -> Extent:
    """Return an extent given in cells from the top left corner."""
    return Extent(
        xmin=LEFT + left * CELL,
        ymin=TOP - bottom * CELL,
        xmax=LEFT + right * CELL,
        ymax=TOP - top * CELL,
        crs="EPSG:32633",
    )


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    return shapely.box(*bounds(left, top, right, bottom).bounds)


def only(inside: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the cells of a mask, cut to its bounding window; the others are NoData."""
    rows, cols = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    part = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    return np.where(inside, CUBE.band.values, np.int16(NODATA))[:, *part]


def test_a_list_of_extents_is_any_of_them(catalog: Catalog) -> None:
    with assert_lazy():
        found = catalog.read("scene", extent=[bounds(2, 3, 5, 7), bounds(20.5, 30, 22, 31)])
    inside = np.zeros((60, 50), bool)
    inside[3:7, 2:5] = inside[30:31, 20:22] = True
    np.testing.assert_array_equal(found.band, only(inside))
    assert geobox_of(found) == geobox_of(CUBE)[3:31, 2:22]


def test_steps_narrow(catalog: Catalog) -> None:
    query = catalog.query("scene").where(extent=[bounds(0, 0, 10, 10), bounds(30, 30, 40, 40)])
    found = query.where(extent=bounds(5, 5, 35, 35)).read()
    inside = np.zeros((60, 50), bool)
    inside[5:10, 5:10] = inside[30:35, 30:35] = True
    np.testing.assert_array_equal(found.band, only(inside))
    # The first query is what it was.
    assert geobox_of(query.read()) == geobox_of(CUBE)[:40, :40]
    one = query.where(extent=bounds(5, 5, 15, 15)).read()
    np.testing.assert_array_equal(one.band, CUBE.band[:, 5:10, 5:10])
    with pytest.raises(GridError, match="no cell of layer 'scene' is left: the extent"):
        query.where(extent=bounds(15, 15, 20, 20)).read()


SPANS = st.tuples(st.integers(0, 118), st.integers(1, 40)).map(lambda p: (p[0] / 2, p[1] / 2))


@given(clauses=st.lists(st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=3), max_size=3))
@settings(max_examples=40)
def test_extents_agree_with_masks(catalog: Catalog, clauses: list[list[Any]]) -> None:
    query, inside = catalog.query("scene"), np.ones((60, 50), bool)
    for clause in clauses:
        extents, union = [], np.zeros((60, 50), bool)
        for (top, height), (left, width) in clause:
            left = min(left, 49.5)  # noqa: PLW2901
            extents.append(bounds(left, top, left + width, top + height))
            rows = slice(int(top), int(np.ceil(top + height)))
            union[rows, int(left) : int(np.ceil(left + width))] = True
        query, inside = query.where(extent=extents), inside & union
    if inside.any():
        np.testing.assert_array_equal(query.read().band, only(inside))
    else:
        with pytest.raises(GridError, match="is left"):
            query.read()


TRIANGLE = shapely.Polygon([(500_031, 5_199_950), (500_402, 5_199_905), (500_200, 5_199_555)])


def test_a_geometry_is_a_mask(catalog: Catalog) -> None:
    with assert_lazy():
        found = catalog.read("scene", geometry=TRIANGLE)
    masked = CUBE.tiles.mask(TRIANGLE).band.sel(y=found.y, x=found.x)
    np.testing.assert_array_equal(found.band, masked)
    # By GDAL, whose rule for centres on the boundary is the only difference.
    outside = geometry_mask([TRIANGLE], (60, 50), geobox_of(CUBE).affine)
    assert (CUBE.tiles.mask(TRIANGLE).band == NODATA).values[:, outside].all()
    rows, cols = (np.flatnonzero(~outside.all(axis)) for axis in (1, 0))
    assert geobox_of(found)[0:1, 0:1].boundingbox.top >= TOP - rows[0] * CELL
    assert found.sizes["x"] >= cols[-1] - cols[0]


def test_geometries_of_all_kinds(catalog: Catalog) -> None:
    expected = catalog.read("scene", geometry=[box(2, 2, 6, 6), box(20, 20, 30, 25)])
    inside = np.zeros((60, 50), bool)
    inside[2:6, 2:6] = inside[20:25, 20:30] = True
    np.testing.assert_array_equal(expected.band, only(inside))
    both = shapely.union(box(2, 2, 6, 6), box(20, 20, 30, 25))
    np.testing.assert_array_equal(catalog.read("scene", geometry=both).band, expected.band)
    plain = shapely.geometry.mapping(both)
    found = catalog.read("scene", geometry=plain, crs="EPSG:32633")
    np.testing.assert_array_equal(found.band, expected.band)
    by_extents = catalog.read("scene", geometry=[bounds(2, 2, 6, 6), bounds(20, 20, 30, 25)])
    np.testing.assert_array_equal(by_extents.band, expected.band)


def test_geojson_is_in_degrees(catalog: Catalog) -> None:
    part = bounds(10, 10, 30, 30).to_crs("EPSG:4326")
    found = catalog.read("scene", geometry=shapely.geometry.mapping(shapely.box(*part.bounds)))
    wanted = CUBE.tiles.mask(shapely.geometry.mapping(shapely.box(*part.bounds)))
    np.testing.assert_array_equal(found.band, wanted.band.sel(y=found.y, x=found.x))
    assert (
        found.band[0, 12:15, 12:15] == CUBE.band.sel(y=found.y, x=found.x)[0, 12:15, 12:15]
    ).all()


def test_extent_and_geometry_together(catalog: Catalog) -> None:
    found = catalog.read("scene", extent=bounds(10, 10, 25, 25), geometry=TRIANGLE)
    wanted = CUBE.tiles.mask(TRIANGLE).band[:, 10:25, 10:25]
    np.testing.assert_array_equal(found.band, wanted.sel(y=found.y, x=found.x))
    chained = catalog.query("scene").where(geometry=TRIANGLE).where(extent=bounds(10, 10, 25, 25))
    np.testing.assert_array_equal(chained.read().band, found.band)
    twice = catalog.query("scene").where(geometry=TRIANGLE).where(geometry=box(10, 10, 25, 25))
    np.testing.assert_array_equal(twice.read().band, found.band)


@given(
    points=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), min_size=3, max_size=6),
    zoom=st.integers(0, 0),
)
@settings(max_examples=30)
def test_geometries_agree_with_tiles_mask(
    catalog: Catalog, points: list[tuple[int, int]], zoom: int
) -> None:
    hull = shapely.MultiPoint([(LEFT + x * CELL, TOP - y * CELL) for x, y in points]).convex_hull
    if not hull.area:
        with pytest.raises(GridError, match="without area"):
            catalog.read("scene", geometry=hull)
        return
    with set_options(chunk_size=16):
        found = catalog.read("scene", geometry=hull, zoom=zoom)
        masked = CUBE.tiles.mask(hull).band
        np.testing.assert_array_equal(found.band, masked.sel(y=found.y, x=found.x))
        assert (masked != NODATA).sum() == (found.band != NODATA).sum()


def test_chunks_outside_arent_read(catalog: Catalog) -> None:
    store = CountingStore(catalog.store)
    with set_options(chunk_size=16):
        cube = open_catalog(store).read("scene", geometry=[box(1, 1, 5, 5), box(40, 50, 45, 55)])
        cube.isel(time=1).compute()
    assert {key for key in store.chunks if key.startswith("1/")} == {"1/0/0", "1/3/2"}


def test_a_block_reads_no_more_than_it_needs(catalog: Catalog) -> None:
    store = CountingStore(catalog.store)
    open_catalog(store).read("scene", geometry=box(1, 1, 5, 5), time="2018-05-02").compute()
    assert {key for key in store.chunks if key.count("/") == 2} == {"1/0/0"}


def test_across_the_antimeridian() -> None:
    store = MemoryStore()
    cells = np.arange(18 * 36).reshape(18, 36)
    world = cube_of(cells, crs="EPSG:4326", corner=Affine(10, 0, -180, 0, -10, 90))
    to_catalog(world, store, "world")
    to_catalog(
        cube_of(cells, crs="EPSG:4326", corner=Affine(10, 0, 0, 0, -10, 90)), store, "pacific"
    )
    catalog = open_catalog(store)
    east = shapely.box(182, 0, 198, 20)
    west = shapely.box(-178, 0, -162, 20)
    for layer, cols in (("world", slice(0, 2)), ("pacific", slice(18, 20))):
        for geometry in (east, west):
            found = catalog.read(layer, geometry=geometry)
            np.testing.assert_array_equal(found.band, cells[7:9, cols])
            extent = Extent.from_bounds(geometry.bounds, "EPSG:4326")
            np.testing.assert_array_equal(catalog.read(layer, extent=extent).band, cells[7:9, cols])
    # Parts at both ends: the window around them is the whole width.
    across = catalog.read("world", geometry=shapely.box(170, 0, 190, 10)).band
    assert across.shape == (1, 36)
    np.testing.assert_array_equal(np.flatnonzero(across != NODATA), [0, 35])
    np.testing.assert_array_equal(
        catalog.read("pacific", geometry=shapely.box(170, 0, 190, 10)).band, cells[8:9, 17:19]
    )
    with pytest.raises(GridError, match="touches the west and the east end"):
        catalog.read("world", extent=(170, 0, 190, 10))
    np.testing.assert_array_equal(
        catalog.read("world", extent=[(170, 0, 180, 10), (-180, 0, -170, 10)]).band, across
    )


def test_to_the_pole() -> None:
    store = MemoryStore()
    cells = np.arange(18 * 36).reshape(18, 36)
    to_catalog(
        cube_of(cells, crs="EPSG:4326", corner=Affine(10, 0, -180, 0, -10, 90)), store, "world"
    )
    cap = Extent(xmin=-5e5, ymin=-5e5, xmax=5e5, ymax=5e5, crs="EPSG:3413")
    found = open_catalog(store).read("world", extent=cap)
    np.testing.assert_array_equal(found.band, cells[:1])


@pytest.mark.parametrize(
    ("selection", "error", "text"),
    [
        ({"geometry": shapely.Point(500_100, 5_199_900)}, GridError, "got Point without area"),
        ({"geometry": box(100, 100, 110, 110)}, GridError, "doesn't touch layer 'scene'"),
        ({"geometry": [box(0, 0, 1, 1), box(99, 0, 100, 1)]}, GridError, "doesn't touch layer"),
        ({"geometry": "POLYGON"}, GridError, "a geometry must be one of shapely, .*got 'P'"),
        ({"geometry": []}, GridError, "no geometry to read of layer 'scene': the list is empty"),
        ({"extent": []}, GridError, "no extent to read of layer 'scene': the list is empty"),
        ({"extent": "all"}, GridError, r"must be an Extent or \(xmin, .*got 'all'"),
        ({"extent": [bounds(0, 0, 1, 1), (0, 0, 1, 1)]}, GridError, "doesn't touch layer"),
        ({"extent": (1, 2, 3)}, GridError, "got 1"),
        ({"crs": "EPSG:4326"}, CatalogError, "is that of a geometry, and there is none"),
        ({"extent": bounds(0, 0, 1, 1), "crs": 4326}, CatalogError, "has a CRS of its own"),
    ],
)
def test_what_cant_be_read(
    catalog: Catalog, selection: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        catalog.read("scene", **selection)


def test_cells_that_cant_be_nodata(catalog: Catalog) -> None:
    assert catalog.read("raw", extent=bounds(0, 0, 2, 2)).band.values.tolist() == [[0, 1], [10, 11]]
    for wanted in (
        {"geometry": box(0, 0, 5, 5)},
        {"extent": [bounds(0, 0, 1, 1), bounds(3, 3, 4, 4)]},
    ):
        with pytest.raises(CellTypeError, match=r"'band' of layer 'raw' has no NoData value \(ui"):
            catalog.read("raw", **wanted)
