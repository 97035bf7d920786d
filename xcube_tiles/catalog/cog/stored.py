"""The document of a virtual layer in a catalog: all of it is one group without arrays."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zarr
from zarr.storage import LocalStore

from xcube_tiles.catalog.cog.table import table_from_json, table_to_json
from xcube_tiles.catalog.cog.virtual import make_virtual
from xcube_tiles.catalog.folders import has_layer, read_attributes
from xcube_tiles.catalog.format.conventions import FORMAT_VERSION, PRIVATE, VIRTUAL, is_virtual
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import delete_all, keys_below, put
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zarr.abc.store import Store

    from xcube_tiles.catalog.cog.table import CogTable
    from xcube_tiles.catalog.cog.virtual import VirtualLayer


def write_virtual(
    store: Store, name: str, table: CogTable, private: Mapping[str, Any]
) -> VirtualLayer:
    """Write the document of a layer; a layer of that name is replaced.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.
    table
        What stands in which file.
    private
        What is known beside.

    Raises
    ------
    LayerBusyError
        Somebody is writing to a layer of that name.
    """
    own = {"version": FORMAT_VERSION, "kind": VIRTUAL, **private}
    shown = _with_paths(table, lambda path: _relative(store, path))
    document = {
        "zarr_format": 3,
        "node_type": "group",
        # No `multiscales`: other programs would look for arrays, and there are none.
        "attributes": {PRIVATE: {**own, "table": table_to_json(shown)}},
    }
    content = json.dumps(document, indent=1, allow_nan=False).encode()
    with Lock(store, name):
        replaces = has_layer(store, name) and not is_virtual(read_attributes(store, name) or {})
        put(store, f"{name}/zarr.json", content)
        if replaces:  # cells of Zarr arrays, which the new document doesn't name
            delete_all(store, set(keys_below(store, name)) - {f"{name}/zarr.json"})
    return make_virtual(name, table, own, zarr.open_group(store, path=name, mode="r"))


def virtual_layer(store: Store, name: str) -> VirtualLayer:
    """Open a layer whose cells stand in files; no file is looked at.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.

    Raises
    ------
    CatalogError
        There is no such layer, or its document can't be read.
    """
    attributes = read_attributes(store, name) or {}
    if not is_virtual(attributes):
        raise CatalogError(f"{name!r} is no layer whose cells stand in files")
    private = dict(attributes[PRIVATE])
    table = table_from_json(private.pop("table", {}))
    found = _with_paths(table, lambda path: _absolute(store, path))
    return make_virtual(name, found, private, zarr.open_group(store, path=name, mode="r"))


def _with_paths(table: CogTable, change: Callable[[str], str]) -> CogTable:
    files = tuple(replace(row, path=change(row.path)) for row in table.files)
    return replace(table, files=files)


def _relative(store: Store, path: str) -> str:
    """Return a path below the catalog's folder relative to that, any other as it is."""
    if not isinstance(store, LocalStore) or not Path(path).is_absolute():
        return path
    root = Path(os.path.abspath(store.root))
    return Path(path).relative_to(root).as_posix() if root in Path(path).parents else path


def _absolute(store: Store, path: str) -> str:
    if "://" in path or Path(path).is_absolute():
        return path
    if not isinstance(store, LocalStore):
        raise CatalogError(f"{path!r} is relative to a catalog that isn't on a local disk")
    return os.path.join(os.path.abspath(store.root), path)
