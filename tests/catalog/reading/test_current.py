"""A lazy cube whose layer is deleted or replaced doesn't show NoData for cells that vanished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of, random_cube
from tests.catalog.reading.stores import CountingStore
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError
from xcube_tiles.options import set_options

if TYPE_CHECKING:
    from pathlib import Path

CUBE = random_cube((2, 40, 40), missing=0.1)
PLACES = ["disk", "memory"]


@pytest.mark.parametrize("place", PLACES)
def test_deleted_while_held(place: str, tmp_path: Path) -> None:
    url = tmp_path / "c.zarr" if place == "disk" else MemoryStore()
    layer = to_catalog(CUBE, url, "scene")
    catalog = open_catalog(url)
    cube = catalog.read("scene")
    overzoomed = catalog.read("scene", zoom=-1, overzoom="bilinear")
    np.testing.assert_array_equal(cube.band, CUBE.band)
    catalog.delete("scene")
    for held in (cube, overzoomed):
        with pytest.raises(CatalogError, match="layer 'scene' was deleted while it was read"):
            held.compute()
    with pytest.raises(CatalogError, match="was deleted while"):
        layer.read("band", level=0, rows=slice(0, 5), cols=slice(0, 5))


@pytest.mark.parametrize("place", PLACES)
def test_replaced_while_held(place: str, tmp_path: Path) -> None:
    url = tmp_path / "c.zarr" if place == "disk" else MemoryStore()
    to_catalog(CUBE, url, "scene")
    catalog = open_catalog(url)
    cube = catalog.read("scene")
    to_catalog(CUBE, url, "scene", overwrite=True)
    # The generation before is kept for those who have it open.
    np.testing.assert_array_equal(cube.band, CUBE.band)
    to_catalog(CUBE, url, "scene", overwrite=True)
    with pytest.raises(CatalogError, match="layer 'scene' was replaced while it was read"):
        cube.compute()
    np.testing.assert_array_equal(catalog.read("scene").band, CUBE.band)


def test_a_part_that_vanished_is_seen_beside_cells_that_are_there(tmp_path: Path) -> None:
    to_catalog(CUBE, tmp_path, "scene", chunk=16, sharded=False)
    with set_options(chunk_size=32):
        cube = open_catalog(tmp_path).read("scene", time="2018-05-01")
    (tmp_path / "scene/0/band/c/0/1/1").unlink()
    # The layer is the one that was opened: nobody but its owner can tell.
    assert (cube.band[16:32, 16:32] == -9999).all()
    (tmp_path / "scene/zarr.json").unlink()
    with pytest.raises(CatalogError, match="deleted while it was read"):
        cube.compute()
    # Chunks that are still there are right.
    np.testing.assert_array_equal(cube.band[:32, 32:], CUBE.band[0, :32, 32:])


def test_nodata_costs_one_request_and_cells_none() -> None:
    store = MemoryStore()
    cells = np.full((2, 20, 20), -9999)
    cells[0, 3, 4] = 7
    to_catalog(cube_of(cells), store, "scene")
    counting = CountingStore(store)
    cube = open_catalog(counting).read("scene")
    counting.got.clear()
    assert cube.band[0].values.max() == 7
    assert counting.got["scene/zarr.json"] == 0
    assert (cube.band[1].values == -9999).all()
    assert counting.got["scene/zarr.json"] == 1


@pytest.mark.parametrize(("cells", "fill"), [("float32", np.nan), ("uint8raw", 0)])
def test_fill_values_of_any_type(cells: str, fill: float) -> None:
    store = MemoryStore()
    to_catalog(cube_of(np.full((4, 4), fill), cells=cells), store, "scene")
    catalog = open_catalog(store)
    cube = catalog.read("scene")
    np.testing.assert_array_equal(cube.band, np.full((4, 4), fill))
    catalog.delete("scene")
    with pytest.raises(CatalogError, match="deleted while it was read"):
        cube.compute()
