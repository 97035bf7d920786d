"""Layers as a whole: copied, renamed, deleted, and cleared of what is no longer needed."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zarr.storage import LocalStore

from xcube_tiles.catalog.building.changing import switch_root
from xcube_tiles.catalog.building.leftovers import Record, leftover_keys, restore_documents
from xcube_tiles.catalog.building.manifest import object_sizes
from xcube_tiles.catalog.cubes import checked_name
from xcube_tiles.catalog.folders import delete_layer, folder_names
from xcube_tiles.catalog.format.conventions import PRIVATE, is_layer, is_virtual
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import (
    copy_across,
    copy_all,
    create,
    delete,
    delete_all,
    delete_below,
    get,
    get_document,
)
from xcube_tiles.errors import CatalogError, LayerBusyError, LayerExistsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from zarr.abc.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What `Catalog.vacuum` has removed."""

    objects: int
    """Number of objects."""

    bytes: int
    """Their size."""

    layers: tuple[str, ...]
    """Layers of which something was removed."""

    busy: tuple[str, ...]
    """Layers that were left as somebody is writing to them."""


def copy_layer(source: Store, name: str, target: Store, new: str) -> None:
    """Copy a layer; it is there when all of it is.

    Only what readers see now is copied: neither unfinished changes nor earlier levels.

    Raises
    ------
    LayerExistsError
        There is a layer of the new name.
    LayerBusyError
        Somebody is writing to one of both; or the layer was changed while it was copied from a
        store that can't be locked.
    CatalogError
        A name that isn't possible; an object that can't be copied; a layer of linked files, to
        another catalog.
    """
    checked_name(new)
    _refuse_taken(target, new)
    # Where nobody may write, the root document tells whether somebody did after all.
    held: AbstractContextManager[object] = nullcontext() if source.read_only else Lock(source, name)
    with held, Lock(target, new) as lock:
        _copy(source, name, target, new, lock)


def _copy(source: Store, name: str, target: Store, new: str, lock: Lock) -> None:
    _refuse_taken(target, new)
    root = get(source, f"{name}/zarr.json")
    document = get_document(source, f"{name}/zarr.json")
    if root is None or document is None:
        raise CatalogError(
            f"layer {name!r} has no root document that could be copied; read it and write the cube"
        )
    if source != target and is_virtual(document.get("attributes", {})):
        raise CatalogError(
            f"layer {name!r} stands in files outside of its catalog: link them in the other one, "
            "catalog.link(files, name)"
        )
    delete_below(target, new)
    Record(operation="copy", fingerprint=name, prefix="", revision=0).write(target, new)
    try:
        _copy_objects(source, name, document, target, new)
        if get(source, f"{name}/zarr.json") != root:
            _refuse_changed(name)
        lock.check()
        if not create(target, f"{new}/zarr.json", root):
            _refuse_taken(target, new)
    except BaseException:
        if get(target, f"{new}/zarr.json") is None:
            delete_below(target, new)
        raise
    delete(target, f"{new}/.build.json")


def _copy_objects(
    source: Store, name: str, root: Mapping[str, Any], target: Store, new: str
) -> None:
    sizes = current_objects(source, name, root)
    pairs = {key: f"{new}/{key.removeprefix(f'{name}/')}" for key in sizes}
    if source == target:
        copy_all(target, pairs.items())
    else:
        copy_across(source, target, pairs.items())
    copied = object_sizes(target, new)
    lost = [key for key, to in pairs.items() if copied.get(to) != sizes[key]]
    if lost:
        raise CatalogError(f"{len(lost)} objects can't be copied, the first is {lost[0]!r}")


def current_objects(store: Store, name: str, root: Mapping[str, Any]) -> dict[str, int]:
    """Return the keys of what readers of a layer need, its root document left out, with sizes."""
    sizes = object_sizes(store, name)
    retired = root.get("attributes", {}).get(PRIVATE, {}).get("retired", ())
    unneeded = {f"{name}/zarr.json", *leftover_keys(store, name, root, sizes)}
    return {
        key: size
        for key, size in sizes.items()
        if key not in unneeded and not _is_below(key.removeprefix(f"{name}/"), retired)
    }


def rename_layer(store: Store, name: str, new: str) -> None:
    """Give a layer another name.

    On a local disk that is one step; elsewhere the layer is copied and then deleted.

    Raises
    ------
    LayerExistsError
        There is a layer of the new name.
    LayerBusyError
        Somebody is writing to one of both.
    CatalogError
        A name that isn't possible.
    """
    checked_name(new)
    _refuse_taken(store, new)
    with Lock(store, name), Lock(store, new) as lock:
        if isinstance(store, LocalStore):
            _refuse_taken(store, new)
            delete_below(store, new)
            lock.check()
            os.rename(store.root / name, store.root / new)
        else:
            _copy(store, name, store, new, lock)
            delete_layer(store, name)


def vacuum_layers(store: Store, name: str | None) -> Removed:
    """Remove what neither readers nor writers need; see `Catalog.vacuum`."""
    removed: dict[str, int] = {}
    touched, busy = [], []
    for each in folder_names(store) if name is None else [name]:
        if name is None and not _may_be_layer(store, each):
            continue
        try:
            with Lock(store, each) as lock:
                sizes = _vacuum(store, each, lock)
        except LayerBusyError:
            if name is not None:
                raise
            busy.append(each)
            continue
        if sizes:
            touched.append(each)
            removed |= sizes
    return Removed(
        objects=len(removed), bytes=sum(removed.values()), layers=tuple(touched), busy=tuple(busy)
    )


def _may_be_layer(store: Store, name: str) -> bool:
    try:
        root = get_document(store, f"{name}/zarr.json")
        return is_layer((root or {}).get("attributes", {})) or Record.read(store, name) is not None
    except (ValueError, TypeError, AttributeError):
        return False  # broken, and for `verify` to name


def _vacuum(store: Store, name: str, lock: Lock) -> dict[str, int]:
    """Clear one layer; return what was removed."""
    sizes = object_sizes(store, name)
    root = get_document(store, f"{name}/zarr.json")
    if root is None:
        delete_below(store, name)
        return sizes
    restore_documents(store, name, root)
    attributes = root.get("attributes", {})
    retired = attributes.get(PRIVATE, {}).get("retired", ())
    # Nobody who has the earlier levels open may take what vanishes for NoData.
    if retired:
        switch_root(store, name, lock, _without_retired)
    unneeded = set(leftover_keys(store, name, root, sizes))
    unneeded |= {key for key in sizes if _is_below(key.removeprefix(f"{name}/"), retired)}
    above = {path.rpartition("/")[0] for path in retired if "/" in path}
    unneeded |= {f"{name}/{path}/zarr.json" for path in above} & set(sizes)
    delete_all(store, unneeded)
    for folder in {*above, *retired, ".build"}:  # of a local disk: they are empty
        if not any(key.startswith(f"{name}/{folder}/") for key in set(sizes) - unneeded):
            delete_below(store, f"{name}/{folder}")
    return {key: sizes[key] for key in unneeded}


def _without_retired(attributes: dict[str, Any]) -> dict[str, Any]:
    return {**attributes, PRIVATE: {**attributes[PRIVATE], "retired": []}}


def _is_below(inner: str, paths: tuple[str, ...] | list[str]) -> bool:
    return any(inner.startswith(f"{path}/") for path in paths)


def _refuse_taken(store: Store, name: str) -> None:
    if get(store, f"{name}/zarr.json") is not None:
        raise LayerExistsError(
            f"layer {name!r} is in the catalog already; delete it first or choose another name"
        )


def _refuse_changed(name: str) -> None:
    raise LayerBusyError(f"layer {name!r} was changed while it was copied; try again")
