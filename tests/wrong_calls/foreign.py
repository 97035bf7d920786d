"""Wrong calls of layers that others made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import random_cube
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CatalogError, GeoreferenceError

if TYPE_CHECKING:
    import xarray as xr

NUMBER: Any = 5


def stored(cube: xr.Dataset) -> MemoryStore:
    """Return a plain Zarr store of a cube."""
    store = MemoryStore()
    cube.to_zarr(store, consolidated=False)
    return store


def catalog() -> MemoryStore:
    store = MemoryStore()
    random_cube((4, 5)).tiles.to_catalog(store, "scene")
    return store


CALLS = [
    WrongCall(
        "xt.open_layer",
        lambda: xt.open_layer(NUMBER),
        CatalogError,
        "expected a path, a URL or a Zarr store, got 5",
    ),
    WrongCall(
        "xt.open_layer",
        lambda: xt.open_layer("/no/such.zarr"),
        CatalogError,
        r"no layer at /no/such.zarr: no Zarr group there, and no folder of levels \('.zlevels'\)",
    ),
    WrongCall(
        "xt.open_layer",
        lambda: xt.open_layer(catalog()),
        CatalogError,
        r"is a catalog, not a layer; use xt.open_catalog\(url\)\[name\]",
    ),
    WrongCall(
        "xt.open_layer",
        lambda: xt.open_layer(stored(random_cube((4, 5)).rename(y="row", x="col"))),
        CatalogError,
        "no variable at .* has spatial dimensions: its arrays are .*'row', 'col'",
    ),
    WrongCall(
        "xt.open_layer",
        lambda: xt.open_layer(stored(random_cube((4, 5)).drop_vars("spatial_ref"))),
        GeoreferenceError,
        "has no CRS: .* Add the attribute 'proj:code' to its group",
    ),
]
