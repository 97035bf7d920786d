"""The folders of a catalog: its root and its layers' names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeGuard

import zarr
from zarr.core.sync import sync
from zarr.storage import LocalStore

from xcube_tiles.catalog.building.leftovers import BUILD, Record
from xcube_tiles.catalog.format.conventions import FORMAT_VERSION, PRIVATE, is_layer
from xcube_tiles.catalog.stores.checked import Bucket
from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.catalog.stores.objects import (
    delete,
    delete_all,
    delete_below,
    get_all,
    get_document,
    keys_below,
)
from xcube_tiles.catalog.stores.store import StoreLike, shown
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from zarr.abc.store import Store

HIDDEN = "."
"""Names that begin so are no layers."""


def read_attributes(store: Store, path: str = "") -> dict[str, Any] | None:
    """Return the attributes of the Zarr group at a path; None if there is none."""
    document = get_document(store, f"{path}/zarr.json" if path else "zarr.json")
    if document is None or document.get("node_type") != "group":
        return None
    attributes: dict[str, Any] = document.get("attributes", {})
    return attributes


def open_root(store: Store, url: StoreLike) -> None:
    """Check that a store holds a catalog.

    Raises
    ------
    CatalogError
        There is no Zarr v3 group, or it is a single layer.
    """
    # A local store makes its folder when it is first used: look before.
    with store_failures(url, "read from"):
        absent = isinstance(store, LocalStore) and not store.root.is_dir()
    attributes = None if absent else read_attributes(store)
    if attributes is None:
        if isinstance(store, Bucket) and not store.is_web:
            sync(store.is_empty(""))  # tells of a bucket that isn't there
        raise CatalogError(
            f"no catalog at {shown(url)}: no Zarr v3 group there. Write the first layer with "
            "ds.tiles.to_catalog(url, layer)"
        )
    if is_layer(attributes):
        raise CatalogError(
            f"{shown(url)} is a layer, not a catalog; open the folder above it, or the layer with "
            "xt.open_layer(url)"
        )
    if PRIVATE not in attributes and list(zarr.open_group(store, mode="r").array_keys()):
        raise CatalogError(f"{shown(url)} is a single store; open it with xt.open_layer(url)")


def create_root(store: Store, url: StoreLike) -> None:
    """Make the catalog's group unless it is there.

    Raises
    ------
    CatalogError
        The folder has other contents; or it is a layer.
    """
    if isinstance(store, LocalStore) and store.root.is_file():
        raise CatalogError(f"{shown(url)} is a file; a catalog is a folder")
    if read_attributes(store) is not None:
        return open_root(store, url)
    if not sync(store.is_empty("")):
        raise CatalogError(
            f"{shown(url)} isn't empty and no catalog; choose a folder that doesn't exist yet"
        )
    kind = {"version": FORMAT_VERSION, "kind": "catalog"}
    zarr.create_group(store, attributes={PRIVATE: kind})
    return None


def layer_names(store: Store) -> tuple[str, ...]:
    """Return the names of a catalog's layers, sorted; one document of each is read.

    Raises
    ------
    CatalogError
        The store can't list what it has, as web servers can't.
    """
    if not can_list(store):
        raise CatalogError(
            f"{store!s} can't be listed; open layers by their names, e.g. catalog['ndvi']"
        )
    names = folder_names(store)
    found = get_all(store, [f"{name}/zarr.json" for name in names])
    return tuple(
        name for name, content in zip(names, found, strict=True) if _is_layer_document(content)
    )


def can_list(store: Store) -> bool:
    """Whether a store can tell what it has; web servers can't."""
    return store.supports_listing and not _is_web(store)


def folder_names(store: Store) -> list[str]:
    """Return the names of a catalog's folders, sorted, whether they are layers or not."""
    names = {name.rstrip("/") for name in sync(_folders(store))} - {"zarr.json"}
    return sorted(name for name in names if not name.startswith(HIDDEN))


def may_be_layer(name: object) -> TypeGuard[str]:
    """Whether a layer can have that name."""
    return isinstance(name, str) and bool(name) and not name.startswith(HIDDEN) and "/" not in name


def has_layer(store: Store, name: object) -> bool:
    """Whether a catalog has a layer of that name; one that can't be read is there as well."""
    if not may_be_layer(name):
        return False
    try:
        return is_layer(read_attributes(store, name) or {})
    except CatalogError:
        return True


def _is_layer_document(content: bytes | None) -> bool:
    # One that can't be read is a layer as well: whoever opens it is told what is wrong.
    try:
        document = {} if content is None else json.loads(content)
        return bool(is_layer(document.get("attributes", {})))
    except (ValueError, AttributeError):
        return True


def _is_web(store: Store) -> bool:
    return type(getattr(store, "store", None)).__name__ == "HTTPStore"


async def _folders(store: Store) -> list[str]:
    # obstore begins to list when it is called, which has to be within the loop
    return [name async for name in store.list_dir("")]


def delete_layer(store: Store, name: str) -> None:
    """Delete a layer: it first becomes invisible, then vanishes.

    Of a deletion that is cut off a record stays, by which the rest is found and removed.
    """
    Record(operation="delete", fingerprint="", prefix="", revision=0).write(store, name)
    delete(store, f"{name}/zarr.json")
    record = f"{name}/{BUILD}.json"
    delete_all(store, [key for key in keys_below(store, name) if key != record])
    delete_below(store, name)
