"""Catalogs in memory, in object stores and on web servers."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from zarr.storage import MemoryStore, ObjectStore

from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError, LayerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_store_in_memory() -> None:
    store = MemoryStore()
    to_catalog(cube_of([[1, 2]]), store, "one")
    to_catalog(cube_of([[7, 8]]), store, "one", overwrite=True)
    catalog = open_catalog(store)
    assert catalog.read("one").band.values.tolist() == [[7, 8]]
    catalog.delete("one")
    assert catalog.layers == ()


def test_an_object_store() -> None:
    obstore = pytest.importorskip("obstore.store", reason="obstore comes with the cloud extra")
    store = ObjectStore(obstore.MemoryStore())
    cube = random_cube((2, 300, 300))
    to_catalog(cube, store, "one")
    to_catalog(cube, store, "one", overwrite=True)
    catalog = open_catalog(store)
    assert catalog.layers == ("one",)
    np.testing.assert_array_equal(catalog.read("one").band, cube.band)
    catalog.delete("one")
    assert not catalog.layers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """URL of a web server for the folder of the test."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_catalog_on_a_web_server(tmp_path: Path, server: str) -> None:
    pytest.importorskip("obstore.store", reason="obstore comes with the cloud extra")
    cube = random_cube((2, 300, 300))
    to_catalog(cube, tmp_path / "catalog.zarr", "scene")
    catalog = open_catalog(f"{server}/catalog.zarr")
    assert "scene" in catalog
    np.testing.assert_array_equal(catalog.read("scene").band, cube.band)
    with pytest.raises(CatalogError, match="can't be listed"):
        _ = catalog.layers
    with pytest.raises(LayerNotFoundError, match="no layer 'other'"):
        catalog["other"]


def test_urls(tmp_path: Path) -> None:
    to_catalog(cube_of([[1, 2]]), f"file://{tmp_path}/c.zarr", "one")
    assert open_catalog(tmp_path / "c.zarr").layers == ("one",)
    to_catalog(cube_of([[1, 2]]), "memory://tests/c.zarr", "one")
    assert open_catalog("memory://tests/c.zarr").read("one").band.values.tolist() == [[1, 2]]
