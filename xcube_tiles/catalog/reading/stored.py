"""A layer's objects as they lie in its store: what other readers of Zarr ask for, nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zarr.abc.store import RangeByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import LocalStore

from xcube_tiles.catalog.building.leftovers import level_paths
from xcube_tiles.catalog.building.manifest import object_counts, object_key, position_of
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.layer import Layer
from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.catalog.stores.objects import get, get_document
from xcube_tiles.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.abc.store import Store

ROOT = "zarr.json"
"""Key of a layer's own document."""

PIECE = 2**20
"""Bytes that are read at a time."""

# What the documents of a level of before would name; the present ones name their objects.
_NAME = r"[^/\\.\0][^/\\\0]*"
_BELOW = re.compile(rf"(?:zarr\.json|{_NAME}/(?:zarr\.json|c(?:/[0-9]+)*))")
_CELLS = re.compile(rf"(?P<level>(?:g[0-9]+/)?[0-9]+)/{_NAME}/c(?:/[0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object of a layer."""

    size: int
    """Bytes."""

    version: str
    """Text that differs once its bytes do."""

    _read: Callable[[int, int], bytes] = field(repr=False)

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Read the object, or some of it, in pieces of at most `PIECE` bytes.

        Parameters
        ----------
        start, stop
            First byte, and the one behind the last; None: all that follow.

        Raises
        ------
        StoreError
            It can't be read, or was written anew meanwhile: what was read before is of no use.
        """
        end = self.size if stop is None else stop
        for at in range(start, end, PIECE):
            until = min(at + PIECE, end)
            piece = self._read(at, until)
            if len(piece) != until - at:
                raise StoreError("an object was written anew while it was read: read it again")
            yield piece


def is_stored(layer: object) -> bool:
    """Whether a layer's cells are Zarr arrays that this package wrote."""
    # Layers of other files and other programs are subclasses.
    return type(layer) is Layer


def find_object(layer: Layer, key: str, *, version: str = "") -> StoredObject | None:
    """Return an object of a layer; None if the layer has none of that key.

    The documents of the layer say which keys there are, its own and those of its levels: whatever
    else lies in the store is as if it weren't there. Levels of before are still read by those who
    have them open, and are there until `catalog.vacuum` or the next replacement.

    Parameters
    ----------
    layer
        A layer of a catalog.
    key
        Key below the layer, such as ``0/ndvi/c/0/0/0``.
    version
        Text that changes with the layer: stores that don't tell when an object was written take it
        for the object's.

    Raises
    ------
    StoreError
        The store doesn't answer.
    """
    place = layer.group.store_path
    if not (_is_present(layer, key) or _is_of_before(layer, key)):
        return None
    whole = f"{place.path}/{key}" if place.path else key
    if isinstance(place.store, LocalStore):
        return _file(place.store, whole)
    if key.rpartition("/")[2] == ROOT:
        return _document(place.store, whole)
    return _remote(place.store, whole, version)


def was_replaced(layer: Layer, key: str) -> bool:
    """Whether a key is that of cells which the layer doesn't have any more.

    To those who read Zarr, an object that isn't there is NoData: of a level that is gone, that
    would be wrong.
    """
    found = _CELLS.fullmatch(key)
    if found is None:
        return False
    place = layer.group.store_path
    root = get_document(place.store, f"{place.path}/{ROOT}" if place.path else ROOT)
    private = {} if root is None else root.get("attributes", {}).get(PRIVATE, {})
    return found["level"] not in (*level_paths(root), *private.get("retired", ()))


def _is_present(layer: Layer, key: str) -> bool:
    """Whether the layer's document names an object."""
    if key == ROOT:
        return True
    folder, _, name = key.rpartition("/")
    if name == ROOT:
        return _document_of(layer, folder) is not None
    position = position_of(key)
    if position is None or key != object_key(*position):
        return False
    counts = object_counts(_document_of(layer, position[0]))
    return counts is not None and (
        len(counts) == len(position[1])
        and all(at < count for at, count in zip(position[1], counts, strict=True))
    )


def _document_of(layer: Layer, path: str) -> dict[str, Any] | None:
    """Return the document of a level or of one of its arrays."""
    inline = layer.group.metadata.consolidated_metadata
    if inline is not None:
        known = inline.flattened_metadata.get(path)
        return None if known is None else known.to_dict()
    # Icechunk's repositories have no copies of documents: what is there is asked for.
    for level in layer.levels:
        if path == level.path or re.fullmatch(rf"{re.escape(level.path)}/{_NAME}", path):
            found = layer.group.get(path)
            return None if found is None else found.metadata.to_dict()
    return None


def _is_of_before(layer: Layer, key: str) -> bool:
    levels = (f"{level}/" for level in layer.metadata.get("retired", ()))
    return any(
        key.startswith(level) and _BELOW.fullmatch(key.removeprefix(level)) is not None
        for level in levels
    )


def _file(store: LocalStore, key: str) -> StoredObject | None:
    """Return a file of a folder; one that a link puts outside of it isn't there."""
    root = os.path.realpath(store.root)
    path = os.path.realpath(os.path.join(root, key))
    if not Path(path).is_relative_to(root):
        return None
    with store_failures(store.root, "read from"):
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
    if not stat.S_ISREG(found.st_mode):
        return None
    state = (found.st_ino, found.st_mtime_ns, found.st_size)

    def read(start: int, stop: int) -> bytes:
        with store_failures(store.root, "read from"), open(path, "rb") as file:
            now = os.fstat(file.fileno())
            if (now.st_ino, now.st_mtime_ns, now.st_size) != state:
                return b""
            file.seek(start)
            return file.read(stop - start)

    return StoredObject(size=found.st_size, version=repr(state), _read=read)


def _document(store: Store, key: str) -> StoredObject | None:
    content = get(store, key)
    if content is None:
        return None
    version = hashlib.blake2b(content, digest_size=12).hexdigest()
    return StoredObject(
        size=len(content), version=version, _read=lambda start, stop: content[start:stop]
    )


def _remote(store: Store, key: str, version: str) -> StoredObject | None:
    with store_failures(store, "read from"):
        try:
            size = sync(store.getsize(key))
        except FileNotFoundError:
            return None

    def read(start: int, stop: int) -> bytes:
        part = store.get(key, default_buffer_prototype(), RangeByteRequest(start, stop))
        with store_failures(store, "read from"):
            buffer = sync(part)
        return b"" if buffer is None else buffer.to_bytes()

    return StoredObject(size=size, version=f"{version} {size}", _read=read)
