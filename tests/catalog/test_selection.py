"""Parts of a layer: zoom, extent, time, bands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from tests.catalog.cubes import random_cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import extent_of, geobox_of
from xcube_tiles.errors import CatalogError, GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.options import set_options
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from xcube_tiles.catalog.model import Catalog

CUBE = random_cube((40, 30, 51))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    store = MemoryStore()
    cube = CUBE.assign(other=CUBE.band.isel(time=0, drop=True))
    to_catalog(cube, store, "scene", levels=3, chunk=16, sharded=False)
    return open_catalog(store)


def test_bands_in_the_order_wanted(catalog: Catalog) -> None:
    assert list(catalog.read("scene", bands=["other", "band"])) == ["other", "band"]
    assert list(catalog.read("scene", bands="other")) == ["other"]
    assert catalog.read("scene").other.dims == ("y", "x")


def test_an_extent_gives_the_cells_that_it_touches(catalog: Catalog) -> None:
    # From inside column 1 to the right edge of column 3; rows 2 and 3.
    part = catalog.read("scene", extent=(500_015, 5_199_960, 500_040, 5_199_980))
    np.testing.assert_array_equal(part.band, CUBE.band[:, 2:4, 1:4])
    assert geobox_of(part) == geobox_of(CUBE)[2:4, 1:4]


def test_a_point_gives_its_cell(catalog: Catalog) -> None:
    for x, y, row, col in ((500_015, 5_199_985, 1, 1), (500_010, 5_199_990, 1, 1)):
        part = catalog.read("scene", extent=(x, y, x, y))
        np.testing.assert_array_equal(part.band, CUBE.band[:, row : row + 1, col : col + 1])


def test_an_extent_in_another_crs(catalog: Catalog) -> None:
    wanted = Extent(xmin=500_100, ymin=5_199_800, xmax=500_200, ymax=5_199_900, crs="EPSG:32633")
    part = catalog.read("scene", extent=wanted.to_crs("EPSG:4326"))
    assert extent_of(part).contains(wanted)
    assert part.sizes["x"] <= 12


@given(data=st.data())
@settings(max_examples=30)
def test_extents_and_zooms_agree_with_slicing(catalog: Catalog, data: st.DataObject) -> None:
    zoom = data.draw(st.integers(0, 2))
    whole = catalog.read("scene", zoom=zoom)
    rows, cols = (
        slice(
            *sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
        )
        for size in (whole.sizes["y"], whole.sizes["x"])
    )
    wanted = whole.isel(y=rows, x=cols)
    bounds = Extent.from_geobox(geobox_of(whole)[rows, cols])
    found = catalog.read("scene", zoom=zoom, extent=bounds)
    np.testing.assert_array_equal(found.band, wanted.band)
    assert geobox_of(found) == geobox_of(whole)[rows, cols]


def test_coarser_levels_leave_the_padding_out(catalog: Catalog) -> None:
    sizes = [dict(catalog.read("scene", zoom=zoom).sizes) for zoom in range(3)]
    assert [(size["y"], size["x"]) for size in sizes] == [(30, 51), (15, 26), (8, 13)]


@pytest.mark.parametrize(
    ("time", "days"),
    [
        ("2018-05", slice(0, 31)),
        ("2018-06", slice(31, 40)),
        (("2018-05-30", "2018-06-02"), slice(29, 33)),
        (slice("2018-05-30", None), slice(29, 40)),
        ((None, "2018-05-02"), slice(0, 2)),
        (np.datetime64("2018-05-03"), 2),
        (datetime(2018, 5, 3), 2),
    ],
)
def test_times(catalog: Catalog, time: Any, days: slice | int) -> None:
    with assert_lazy():
        found = catalog.read("scene", time=time)
    np.testing.assert_array_equal(found.band, CUBE.band[days])
    np.testing.assert_array_equal(found.other, CUBE.band[0])


def test_blocks_follow_the_option(catalog: Catalog) -> None:
    with set_options(chunk_size=40):
        found = catalog.read("scene")
    assert found.band.chunks is not None
    assert found.band.data.chunksize == (1, 30, 32)


@pytest.mark.parametrize(
    ("selection", "error", "text"),
    [
        ({"zoom": 3}, CatalogError, r"has the zooms 0, 1, 2 \(the finest first\), not 3"),
        ({"bands": ["red"]}, CatalogError, "no band 'red'; it has band, other"),
        ({"extent": (0, 0, 1, 1)}, GridError, "doesn't touch layer 'scene', which covers"),
        ({"time": "2030"}, CatalogError, r"no time '2030'; it has 40 from 2018-05-01T"),
        ({"time": ("2030", "2031")}, CatalogError, r"no time \('2030', '2031'\); it has 40 from"),
        ({"time": ("2018-06", "2018-05")}, CatalogError, r"no time \('2018-06', '2018-05'\)"),
        ({"time": []}, CatalogError, r"no time \[\]"),
        ({"bands": []}, CatalogError, "no bands to read; layer 'scene' has "),
        ({"time": "a day"}, CatalogError, "no time 'a day'"),
    ],
)
def test_what_isnt_there(
    catalog: Catalog, selection: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        catalog.read("scene", **selection)
