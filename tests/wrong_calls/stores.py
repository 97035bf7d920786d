"""Wrong calls of archives and of states of the past."""

from __future__ import annotations

from typing import Any

from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CatalogError, LayerNotFoundError, StoreError

ONE: Any = "scene"


def catalog() -> xt.Catalog:
    """Return a catalog in memory with one layer."""
    store = MemoryStore()
    cube_of([[1, 2]]).tiles.to_catalog(store, "scene")
    return xt.open_catalog(store)


CALLS = [
    WrongCall(
        "xt.Catalog.pack",
        lambda: catalog().pack("scene.tar"),
        CatalogError,
        r"an archive is named '\*.zip', got 'scene.tar'",
    ),
    WrongCall(
        "xt.Catalog.pack",
        lambda: catalog().pack("scene.zip", layers=["scene", "other"]),
        LayerNotFoundError,
        "no layer 'other' in the catalog .*; it has scene",
    ),
    WrongCall(
        "xt.Catalog.pack",
        lambda: catalog().pack("scene.zip", layers=ONE),
        CatalogError,
        r"layers is a list of names, got 'scene'; pass \['scene'\]",
    ),
    WrongCall(
        "xt.open_catalog",
        lambda: xt.open_catalog(MemoryStore(), at="yesterday"),
        CatalogError,
        "keeps no history, so that there is no state at 'yesterday'; catalogs in an Icechunk",
    ),
    WrongCall(
        "xt.open_catalog",
        lambda: xt.open_catalog("s3://bucket", storage_options={"nonsense": 1}),
        StoreError,
        "can't open 's3://bucket': .*'nonsense' is not valid",
    ),
]
