"""Wrong calls of the tile server."""

from __future__ import annotations

from typing import Any

import numpy as np
from zarr.storage import MemoryStore

from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CatalogError, CollectionError
from xcube_tiles.server.app import create_app
from xcube_tiles.sources.collection import Collection

# what a type checker refuses, a user of a notebook may still pass
ARRAY: Any = np.zeros((2, 2))
STORE: Any = MemoryStore()

CALLS = [
    WrongCall("create_app", lambda: create_app("no/such/catalog.zarr"), CatalogError, "no/such"),
    WrongCall("create_app", lambda: create_app(tile_cache=-1), ValueError, "0 bytes or more"),
    WrongCall("create_app", lambda: create_app(STORE), CatalogError, "to_catalog"),
    WrongCall("create_app", lambda: create_app(sources={"a": ARRAY}), TypeError, "no TileSource"),
    WrongCall(
        "create_app",
        lambda: create_app(collections={"a": ARRAY}),
        TypeError,
        "collection 'a' is no Collection",
    ),
    WrongCall(
        "create_app",
        lambda: create_app(collections={"a": Collection()}),
        CollectionError,
        "no rasters",
    ),
]
