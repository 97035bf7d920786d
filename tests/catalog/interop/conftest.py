"""Layers to open with other software: sharded, not sharded, and written anew in a subfolder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalog.interop.scene import CHUNK, scene
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a catalog with the layers of `LAYERS`."""
    path: Path = tmp_path_factory.mktemp("interop") / "catalog.zarr"
    cube = scene()
    for name, sharded in (("sharded", True), ("plain", False), ("again", True)):
        to_catalog(cube, path, name, sharded=sharded, chunk=CHUNK, shard=2 * CHUNK)
    # What is written a second time stands beside the first, in a folder of its own.
    to_catalog(cube, path, "again", overwrite=True, chunk=CHUNK, shard=2 * CHUNK)
    assert open_catalog(path)["again"].levels[0].path == "g2/0"
    return path


@pytest.fixture(scope="session")
def tree() -> xr.DataTree:
    """Return the levels as they were before they were written."""
    return pyramid(scene()).compute()
