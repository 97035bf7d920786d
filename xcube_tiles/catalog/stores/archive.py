"""Catalogs in zip archives."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from xcube_tiles.catalog.building.leftovers import leftover_keys
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.catalog.stores.objects import get, get_document, keys_below
from xcube_tiles.catalog.stores.store import pinned
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zarr.abc.store import Store


def pack(
    store: Store, layers: Iterable[str], path: str | os.PathLike[str], *, overwrite: bool
) -> None:
    """Write layers to a zip archive, which is there when it is complete.

    Parameters
    ----------
    store
        The catalog's store.
    layers
        Names of the layers.
    path
        Path of the archive, ``*.zip``.
    overwrite
        Whether one that is there is replaced.

    Raises
    ------
    CatalogError
        A path that isn't that of an archive, or is taken.
    StoreError
        The disk is full, or doesn't allow it.
    """
    target = Path(path)
    if target.suffix != ".zip" or target.is_dir():
        raise CatalogError(f"an archive is named '*.zip', got {os.fspath(path)!r}")
    if target.exists() and not overwrite:
        raise CatalogError(f"{str(target)!r} exists already; pass overwrite=True to replace it")
    unfinished = target.with_name(f".{target.name}-{uuid4().hex}")
    source = pinned(store)
    try:
        with store_failures(target, "write to"):
            # Cells are compressed already: as they are, readers fetch parts of them.
            with zipfile.ZipFile(unfinished, "x", zipfile.ZIP_STORED, allowZip64=True) as archive:
                for key in ("zarr.json", *_keys(source, layers)):
                    content = get(source, key)
                    if content is not None:
                        archive.writestr(key, content)
            unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _keys(store: Store, layers: Iterable[str]) -> Iterator[str]:
    for name in layers:
        keys = keys_below(store, name)
        root = get_document(store, f"{name}/zarr.json") or {}
        left = set(leftover_keys(store, name, root, keys))
        # Levels that were replaced are for those who have them open.
        retired = root.get("attributes", {}).get(PRIVATE, {}).get("retired", [])
        old = tuple(f"{name}/{path}/" for path in retired)
        yield from (key for key in keys if key not in left and not key.startswith(old))
