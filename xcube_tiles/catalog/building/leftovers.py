"""What an unfinished build leaves, and how it is told from the layer."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from xcube_tiles._version import __version__
from xcube_tiles.catalog.building.manifest import object_counts, position_of
from xcube_tiles.catalog.format.conventions import PRIVATE, is_virtual
from xcube_tiles.catalog.stores.objects import (
    as_document,
    delete_all,
    delete_below,
    get,
    get_document,
    keys_below,
    put,
)
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zarr.abc.store import Store

BUILD = ".build"
"""Folder, in that of the layer, with a mark for each finished block; the record is beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is being built."""

    operation: str
    """What changes the layer."""

    fingerprint: str
    """What tells this change from others."""

    prefix: str
    """Where new levels are, below the layer."""

    revision: int
    """The layer's revision before the change."""

    software: str = f"xcube_tiles {__version__}"
    """What wrote it: another version might place blocks otherwise."""

    @classmethod
    def read(cls, store: Store, name: str) -> Record | None:
        """Return the record of a layer's unfinished build; None if there is none."""
        document = get_document(store, f"{name}/{BUILD}.json")
        return None if document is None else cls(**document)

    def write(self, store: Store, name: str) -> None:
        """Write it before anything else of the build."""
        put(store, f"{name}/{BUILD}.json", as_document(asdict(self)))


def has_record(store: Store, name: str) -> bool:
    """Whether there is an unfinished build of a layer."""
    key = f"{name}/{BUILD}.json"
    return bool(name) and "/" not in name and get(store, key) is not None


def level_paths(root: Mapping[str, Any] | None) -> list[str]:
    """Return the places of a layer's levels by its root document."""
    multiscales = {} if root is None else root.get("attributes", {}).get("multiscales", {})
    try:
        return [str(entry["asset"]) for entry in multiscales.get("layout", [])]
    except KeyError as error:
        raise CatalogError("the multiscales layout has an entry without 'asset'") from error


def leftover_keys(
    store: Store, name: str, root: Mapping[str, Any] | None, keys: Iterable[str] | None = None
) -> list[str]:
    """Return the keys in a layer's folder that don't belong to it.

    Those are the record and the marks of an unfinished build, levels that neither the root document
    nor its list of retired ones names, chunks beyond the end of an array, and manifests of earlier
    revisions. What no build makes is left alone: it is somebody else's.

    Parameters
    ----------
    store, name, root
        The layer and its root document.
    keys
        All keys in the layer's folder; listed if not given.

    Raises
    ------
    CatalogError
        The root document names no levels: none can be told from what doesn't belong to them.
    """
    keys = keys_below(store, name) if keys is None else sorted(keys)
    if root is None:
        return keys
    attributes = root.get("attributes", {})
    private = attributes.get(PRIVATE, {})
    kept = (*level_paths(root), *private.get("retired", ()))
    manifest = private.get("manifest", ())
    # Whatever is there might be its levels; a layer of linked files has none.
    if not level_paths(root) and not is_virtual(attributes):
        raise CatalogError(f"layer {name!r} has lost its layout: catalog.verify() tells more")
    own = _OWN if PRIVATE in attributes else _OWN_BESIDE_OTHERS
    arrays = root.get("consolidated_metadata", {}).get("metadata", {})
    ends = {f"{name}/{path}": object_counts(document) for path, document in arrays.items()}
    found = []
    for key in keys:
        inner = key.removeprefix(f"{name}/")
        if inner in manifest or _is_above(inner, kept) or not own.match(inner):
            continue
        if not any(inner.startswith(f"{level}/") for level in kept) or _is_beyond(key, ends):
            found.append(key)
    return found


_OWN = re.compile(r"\.build[./]|\.manifest-\d+\.json$|(g\d+/)?\d+/|g\d+/zarr\.json$")
_OWN_BESIDE_OTHERS = re.compile(r"\.build[./]|\.manifest-\d+\.json$|g\d+/")


def _is_above(inner: str, kept: tuple[str, ...]) -> bool:
    """Whether a key is the document of a group above a level."""
    return inner in {f"{path.rpartition('/')[0]}/zarr.json" for path in kept if "/" in path}


def _is_beyond(key: str, ends: Mapping[str, tuple[int, ...] | None]) -> bool:
    """Whether a key is that of an object beyond the end of an array."""
    found = position_of(key)
    counts = None if found is None else ends.get(found[0])
    if found is None or counts is None or len(counts) != len(found[1]):
        return False
    return any(at >= end for at, end in zip(found[1], counts, strict=True))


def clear_leftovers(store: Store, name: str, root: Mapping[str, Any] | None) -> None:
    """Delete what an unfinished build has left; the layer itself stays as it is."""
    if root is None:
        delete_below(store, name)
    else:
        restore_documents(store, name, root)
        delete_all(store, leftover_keys(store, name, root))
        delete_below(store, f"{name}/{BUILD}")


def restore_documents(store: Store, name: str, root: Mapping[str, Any]) -> None:
    """Bring the documents of levels in line with the root document, which holds them as well.

    Those of a longer layer may be there already if its writer was killed just before the root
    document came; who opens a level by itself would find slices without cells.
    """
    documents = root.get("consolidated_metadata", {}).get("metadata", {})
    for path, document in documents.items():
        is_group = document["node_type"] == "group"
        wanted = consolidated(documents, path) if is_group else document
        if get_document(store, f"{name}/{path}/zarr.json") != wanted:
            put(store, f"{name}/{path}/zarr.json", as_document(wanted))


def consolidated(documents: Mapping[str, dict[str, Any]], path: str) -> dict[str, Any]:
    """Return the document of a group with the metadata of all that is below it."""
    start = f"{path}/" if path else ""
    below = {
        key.removeprefix(start): document
        for key, document in documents.items()
        if key.startswith(start) and key != path
    }
    inline = {"kind": "inline", "must_understand": False, "metadata": below}
    return {**documents[path], "consolidated_metadata": inline}
