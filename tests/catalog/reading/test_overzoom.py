"""Zooms finer than the finest level, resolutions, and zooms that aren't there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import CatalogError, CellTypeError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.options import set_options
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from xcube_tiles.catalog.model import Catalog
    from xcube_tiles.catalog.reading.target import Overzoom

CUBE = random_cube((2, 21, 35), missing=0.1)
METHODS: list[Overzoom] = ["bilinear", "cubic", "cubic_spline", "lanczos"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    store = MemoryStore()
    to_catalog(CUBE, store, "scene", levels=3, chunk=8, sharded=False)
    to_catalog(CUBE, store, "web", scheme="WebMercatorQuad", levels=2)
    to_catalog(cube_of(np.arange(6).reshape(2, 3), cells="int64raw"), store, "long")
    return open_catalog(store)


def finer(geobox: GeoBox, factor: int) -> GeoBox:
    shape = geobox.shape[0] * factor, geobox.shape[1] * factor
    return GeoBox(shape, geobox.affine * Affine.scale(1 / factor), geobox.crs)


@pytest.mark.parametrize("zoom", [-1, -2, -3])
def test_nearest_repeats_cells(catalog: Catalog, zoom: int) -> None:
    factor = 2**-zoom
    with assert_lazy():
        found = catalog.read("scene", zoom=zoom, overzoom="nearest")
    wanted = CUBE.band.values.repeat(factor, 1).repeat(factor, 2)
    np.testing.assert_array_equal(found.band, wanted)
    assert geobox_of(found) == finer(geobox_of(CUBE), factor)
    assert found.band.dtype == np.int16
    assert found.band.attrs["_FillValue"] == -9999


@given(data=st.data(), chunk=st.sampled_from([8, 32, 1024]))
@settings(max_examples=30, deadline=None)
def test_windows_of_any_method_are_parts_of_the_whole(
    catalog: Catalog, data: st.DataObject, chunk: int
) -> None:
    method = data.draw(st.sampled_from([*METHODS, "nearest"]))
    factor = data.draw(st.sampled_from([2, 4]))
    grid = finer(geobox_of(CUBE), factor)
    whole = warp(CUBE, grid, method).band
    rows, cols = (
        slice(
            *sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
        )
        for size in grid.shape
    )
    with set_options(chunk_size=chunk):
        found = catalog.read(
            "scene",
            zoom=-(factor // 2),
            overzoom=method,
            extent=Extent.from_geobox(grid[rows, cols]),
        )
        np.testing.assert_array_equal(found.band, whole[:, rows, cols])
    assert geobox_of(found) == grid[rows, cols]


@pytest.mark.parametrize("method", METHODS)
def test_a_level_that_is_there_is_read_as_it_is(catalog: Catalog, method: Overzoom) -> None:
    for zoom in (None, 0, 1):
        found = catalog.read("scene", zoom=zoom, overzoom=method)
        np.testing.assert_array_equal(found.band, catalog.read("scene", zoom=zoom).band)


def test_zooms_of_a_scheme_grow(catalog: Catalog) -> None:
    base = catalog["web"].levels[0].zoom
    found = catalog.read("web", zoom=base + 1, overzoom="nearest")
    finest = catalog.read("web").band.values
    np.testing.assert_array_equal(found.band, finest.repeat(2, 1).repeat(2, 2))
    with pytest.raises(CatalogError, match="pass overzoom='nearest' or 'bilinear' for finer"):
        catalog.read("web", zoom=base + 1)
    with pytest.raises(CatalogError, match="for coarser cells read the last of them"):
        catalog.read("web", zoom=base - 2, overzoom="nearest")


def test_a_geometry_is_cut_at_the_finer_cells(catalog: Catalog) -> None:
    grid = finer(geobox_of(CUBE), 4)
    area = Extent.from_geobox(grid[3:33, 5:58])
    found = catalog.read("scene", zoom=-2, overzoom="bilinear", geometry=area)
    np.testing.assert_array_equal(found.band, warp(CUBE, grid, "bilinear").band[:, 3:33, 5:58])


@pytest.mark.parametrize(
    ("resolution", "zoom"), [(10, 0), (19.9, 0), (20, 1), (39, 1), (40, 2), (1e6, 2)]
)
def test_resolutions_choose_a_level(catalog: Catalog, resolution: float, zoom: int) -> None:
    found = catalog.read("scene", resolution=resolution)
    assert geobox_of(found) == geobox_of(catalog.read("scene", zoom=zoom))


@pytest.mark.parametrize(("resolution", "factor"), [(9.9, 2), (5, 2), (4.9, 4), (2.5, 4)])
def test_resolutions_finer_than_the_finest(
    catalog: Catalog, resolution: float, factor: int
) -> None:
    found = catalog.read("scene", resolution=resolution, overzoom="nearest")
    assert geobox_of(found) == finer(geobox_of(CUBE), factor)


def test_long_integers(catalog: Catalog) -> None:
    found = catalog.read("long", zoom=-1, overzoom="nearest")
    assert found.band.values.tolist()[1] == [0, 0, 1, 1, 2, 2]
    with pytest.raises(CellTypeError, match="64-bit integers, which 'bilinear' would"):
        catalog.read("long", zoom=-1, overzoom="bilinear")


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        ({"zoom": -1}, r"zooms 0, 1, 2 \(the finest first\), not -1; pass overzoom='nearest'"),
        ({"zoom": 3, "overzoom": "nearest"}, "not 3; for coarser cells read the last of them"),
        ({"zoom": 1.5}, r"not 1\.5$"),
        ({"zoom": True}, "not True$"),
        ({"zoom": "0"}, "not '0'$"),
        ({"zoom": -40, "overzoom": "nearest"}, "cells can be halved 24 times, 40 were asked for"),
        ({"zoom": -1, "overzoom": "mean"}, "overzoom must be one of nearest, bilinear, .*'mean'"),
        ({"overzoom": "sum"}, "overzoom must be one of nearest"),
        ({"resolution": 5}, r"has no cells of 5, the finest are 10\.0; pass overzoom="),
        ({"resolution": 0}, "resolution must be a positive number, got 0"),
        ({"resolution": float("nan")}, "must be a positive number, got nan"),
        ({"resolution": "10"}, "must be a positive number, got '10'"),
        ({"resolution": 10, "zoom": 0}, "pass zoom or resolution, not both: got 0 and 10"),
    ],
)
def test_what_isnt_there(catalog: Catalog, selection: dict[str, Any], text: str) -> None:
    with pytest.raises(CatalogError, match=text):
        catalog.read("scene", **selection)
