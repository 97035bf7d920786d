"""Which objects a layer's arrays consist of, noted when written: absent ones read as NoData.

Notes
-----
A manifest is one JSON document or a few beside the layer's root document, which names them. Each
holds, for some positions along the first dimension of arrays, the sizes of their objects: an append
adds a document for what it has written, and the documents are joined when there are many.
"""

from __future__ import annotations

import asyncio
import base64
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.core.sync import sync
from zarr.storage import LocalStore

from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.stores.checked import Bucket
from xcube_tiles.catalog.stores.objects import (
    AT_ONCE,
    as_document,
    delete_all,
    get_document,
    keys_below,
    put,
)
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from zarr.abc.store import Store

MOST_PARTS = 16
"""Documents of a manifest; at more they are joined."""

Documents = dict[str, dict[str, Any]]
"""Zarr documents by their path below the layer."""


def object_counts(document: Mapping[str, Any] | None) -> tuple[int, ...] | None:
    """Return the number of objects along each dimension of an array, by its document."""
    if document is None or document.get("chunk_grid", {}).get("name") != "regular":
        return None
    sizes = document["chunk_grid"]["configuration"]["chunk_shape"]
    return tuple(-(-int(n) // int(size)) for n, size in zip(document["shape"], sizes, strict=True))


def object_key(path: str, index: Iterable[int]) -> str:
    """Return the key of an array's object."""
    return "/".join([path, "c", *(str(int(at)) for at in index)])


def position_of(key: str) -> tuple[str, tuple[int, ...]] | None:
    """Return the array and the index of an object's key; None for a document."""
    path, cut, index = f"{key}/".partition("/c/")
    parts = [part for part in index.split("/") if part]
    if not cut or not all(part.isdigit() for part in parts):
        return None
    return path, tuple(int(part) for part in parts)


def object_sizes(store: Store, path: str) -> dict[str, int]:
    """Return the keys of all objects in a folder and its folders, with their sizes in bytes."""
    if isinstance(store, LocalStore):
        files = (file for file in Path(store.root / path).rglob("*") if file.is_file())
        return {file.relative_to(store.root).as_posix(): file.stat().st_size for file in files}
    if isinstance(store, Bucket):
        return sync(store.sizes(f"{path}/"))
    keys = keys_below(store, path)
    return dict(zip(keys, sync(_sizes(store, keys)), strict=True))


def sizes_of(store: Store, keys: Iterable[str]) -> dict[str, int]:
    """Return the sizes of those of some objects that are there, where a store can't be listed."""
    wanted = list(keys)
    sizes = sync(_sizes(store, wanted))
    return {key: size for key, size in zip(wanted, sizes, strict=True) if size}


async def _sizes(store: Store, keys: list[str]) -> list[int]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(key: str) -> int:
        async with gate:
            try:
                return int(await store.getsize(key))
            except FileNotFoundError:
                return 0

    return list(await asyncio.gather(*(one(key) for key in keys)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Objects of an array at some positions along its first dimension."""

    first: int
    """The first of the positions, counted in objects."""

    sizes: NDArray[np.uint64]
    """Their sizes in bytes, by position; 0 where there is none."""

    def as_json(self) -> dict[str, Any]:
        packed = zlib.compress(self.sizes.astype("<u8").tobytes())
        return {
            "first": self.first,
            "counts": list(self.sizes.shape),
            "sizes": base64.standard_b64encode(packed).decode(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> _Part:
        packed = base64.standard_b64decode(document["sizes"])
        sizes = np.frombuffer(zlib.decompress(packed), "<u8").astype(np.uint64)
        return cls(first=int(document["first"]), sizes=sizes.reshape(document["counts"]))


def read_manifest(
    store: Store, name: str, root: Mapping[str, Any]
) -> dict[str, NDArray[np.uint64]] | None:
    """Return the sizes of the objects of each array by position; None if there is no manifest.

    Raises
    ------
    CatalogError
        A document of the manifest is absent or can't be read.
    """
    parts = _read_parts(store, name, _part_names(root))
    if parts is None:
        return None
    return {path: _joined(found).sizes for path, found in parts.items()}


def _part_names(root: Mapping[str, Any] | None) -> list[str]:
    private = {} if root is None else root.get("attributes", {}).get(PRIVATE, {})
    return [str(part) for part in private.get("manifest", [])]


def _read_parts(store: Store, name: str, names: list[str]) -> dict[str, list[_Part]] | None:
    if not names:
        return None
    parts: dict[str, list[_Part]] = {}
    for part in names:
        key = f"{name}/{part}"
        try:
            document = get_document(store, key)
            if document is None:
                raise CatalogError(f"{key} is absent, though the layer's root document names it")
            for path, found in document["arrays"].items():
                parts.setdefault(path, []).append(_Part.from_json(found))
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
            if isinstance(error, CatalogError):
                raise
            raise CatalogError(f"{key} isn't the manifest that it should be: {error}") from error
    return parts


def _joined(parts: list[_Part]) -> _Part:
    """Join parts, the oldest first; one that begins at 0 replaces those before it."""
    last = max(at for at, part in enumerate(parts) if not part.first)
    sizes = [part.sizes for part in parts[last:]]
    return _Part(first=0, sizes=sizes[0] if len(sizes) == 1 else np.concatenate(sizes))


def write_manifest(
    store: Store,
    name: str,
    documents: Documents,
    root: Mapping[str, Any] | None,
    *,
    revision: int,
    prefix: str,
) -> list[str]:
    """Note the objects of what was written; return the names of the manifest's documents.

    Parameters
    ----------
    store, name
        The layer.
    documents
        Zarr documents that it is about to have.
    root
        The root document that it has; None if there is none.
    revision
        Number of the change.
    prefix
        Where the levels are: if they are in a new place, nothing of the old manifest holds.
    """
    if not keeps_manifest(store):
        return []
    arrays = {path: found for path, found in documents.items() if found["node_type"] == "array"}
    before = [] if prefix else _part_names(root)
    firsts = _firsts(arrays, root) if before else None
    if firsts is None:
        before = []
        found = object_sizes(store, f"{name}/{prefix}".rstrip("/"))
        new = {path: _part(found, name, path, document, 0) for path, document in arrays.items()}
    else:
        new = {
            path: _part(
                _listed(store, f"{name}/{path}", document, first), name, path, document, first
            )
            for path, document in arrays.items()
            if (first := firsts[path]) is not None
        }
    if len(before) >= MOST_PARTS:
        parts = _read_parts(store, name, before) or {}
        for path, part in new.items():
            parts.setdefault(path, []).append(part)
        before, new = [], {path: _joined(found) for path, found in parts.items() if path in arrays}
    own = f".manifest-{revision}.json"
    content = {"arrays": {path: part.as_json() for path, part in new.items()}}
    put(store, f"{name}/{own}", as_document(content))
    return [*before, own]


def keeps_manifest(store: Store) -> bool:
    """Whether layers in a store have manifests: icechunk has its own, and takes no other keys."""
    return "icechunk" not in type(store).__module__


def drop_manifests(store: Store, name: str, names: Iterable[str], kept: Iterable[str]) -> None:
    """Delete the documents of a manifest that are no longer part of it."""
    delete_all(store, (f"{name}/{old}" for old in set(names) - set(kept)))


def _firsts(arrays: Documents, root: Mapping[str, Any] | None) -> dict[str, int | None] | None:
    """Return from which position on each array is new, None where none is.

    All of it is None if cells have changed otherwise than by growing along the first dimension.
    """
    old = {} if root is None else root.get("consolidated_metadata", {}).get("metadata", {})
    firsts: dict[str, int | None] = {}
    for path, document in arrays.items():
        counts, before = object_counts(document), object_counts(old.get(path))
        if counts is None or len(counts) < 2:
            firsts[path] = 0  # coordinates are written anew
        elif counts == before:
            firsts[path] = None
        elif before is None or counts[1:] != before[1:] or counts[0] < before[0]:
            return None
        else:
            firsts[path] = before[0]
    return firsts


def _listed(
    store: Store, path: str, document: Mapping[str, Any], first: int | None
) -> dict[str, int]:
    """Return the objects of an array from a position on, with as little listing as can be."""
    counts = object_counts(document) or ()
    if not counts:
        return sizes_of(store, [f"{path}/c"])
    if len(counts) == 1:
        return sizes_of(store, (f"{path}/c/{at}" for at in range(first or 0, counts[0])))
    found: dict[str, int] = {}
    for at in range(first or 0, counts[0]):
        found |= object_sizes(store, f"{path}/c/{at}")
    return found


def _part(
    found: Mapping[str, int], name: str, path: str, document: Mapping[str, Any], first: int | None
) -> _Part:
    counts = object_counts(document) or ()
    first = first or 0
    sizes = np.zeros((counts[0] - first, *counts[1:]) if counts else (), np.uint64)
    start = f"{name}/{path}/c"
    if not counts:
        sizes[()] = found.get(start, 0)
    for index in np.ndindex(sizes.shape if counts else (0,)):
        at = (index[0] + first, *index[1:])
        sizes[index] = found.get(f"{start}/{'/'.join(map(str, at))}", 0)
    return _Part(first=first, sizes=sizes)
