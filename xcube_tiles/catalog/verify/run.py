"""Check the layers of a catalog, one after the other."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from xcube_tiles.catalog.building.leftovers import BUILD, Record, leftover_keys
from xcube_tiles.catalog.cog.handles import is_unchanged
from xcube_tiles.catalog.cog.stored import virtual_layer
from xcube_tiles.catalog.folders import folder_names
from xcube_tiles.catalog.foreign.opening import layer_in
from xcube_tiles.catalog.format.conventions import PRIVATE, is_layer, is_virtual
from xcube_tiles.catalog.layer import open_layer
from xcube_tiles.catalog.stores.objects import get, get_document
from xcube_tiles.catalog.verify.checksums import lacks_checksums
from xcube_tiles.catalog.verify.documents import (
    check_coordinates,
    check_copies,
    check_level,
    check_root,
)
from xcube_tiles.catalog.verify.levels import check_cells
from xcube_tiles.catalog.verify.objects import check_decoding, check_objects, layer_sizes
from xcube_tiles.catalog.verify.report import ACTIONS, Problem, Report, problem
from xcube_tiles.errors import CatalogError, XcubeTilesError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from zarr.abc.store import Store

    from xcube_tiles.catalog.layer import Layer

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError)
# What zarr raises for documents that don't describe what it knows.

_TRIES = 3
"""Times that a layer is looked at while others change it."""


def verify_layers(
    store: Store, url: str, name: str | None, *, deep: bool, checksums: bool
) -> Report:
    """Check one layer, or all; see `Catalog.verify`."""
    names = [] if name is None else [name]
    if name is None:
        names = [each for each in folder_names(store) if _concerns_us(store, each)]
    found: list[Problem] = []
    for each in names:
        found += _check_unchanged(store, each, url, deep=deep, checksums=checksums)
    return Report(
        catalog=url,
        layers=tuple(names),
        deep=deep,
        checksums=checksums,
        without_checksums=tuple(each for each in names if _lacks_checksums(store, each)),
        problems=tuple(found),
    )


def _lacks_checksums(store: Store, name: str) -> bool:
    try:
        return lacks_checksums(get_document(store, f"{name}/zarr.json") or {})
    except (CatalogError, *_UNREADABLE):  # a document that is broken is named already
        return False


def _concerns_us(store: Store, name: str) -> bool:
    """Whether a folder is a layer, was one, or is to become one."""
    try:
        root = get_document(store, f"{name}/zarr.json")
    except CatalogError:
        return True
    if root is not None:
        return is_layer(root.get("attributes", {}))
    return get(store, f"{name}/{BUILD}.json") is not None or _has_level(store, name)


def _has_level(store: Store, name: str) -> bool:
    return any(get(store, f"{name}/{path}/zarr.json") is not None for path in ("0", "g2"))


def _check_unchanged(
    store: Store, name: str, url: str, *, deep: bool, checksums: bool
) -> list[Problem]:
    """Check a layer; once more if somebody has changed it meanwhile."""
    found: list[Problem] = []
    for _ in range(_TRIES):
        before = get(store, f"{name}/zarr.json")
        found = list(_check(store, name, url, deep=deep, checksums=checksums))
        if get(store, f"{name}/zarr.json") == before:
            break
    return found


def _check(store: Store, name: str, url: str, *, deep: bool, checksums: bool) -> Iterator[Problem]:
    yield from _check_lock(store, name)
    try:
        root = get_document(store, f"{name}/zarr.json")
    except CatalogError as error:
        yield problem(name, "zarr.json", "document", str(error))
        return
    if root is None:
        yield from _check_rootless(store, name)
        return
    if PRIVATE not in root.get("attributes", {}):
        yield from _check_foreign(store, name, url)
        return
    if is_virtual(root["attributes"]):
        yield from _check_files(store, name)
        return
    sizes = layer_sizes(store, name)
    yield from check_root(name, root)
    yield from check_copies(store, name, root)
    with suppress(CatalogError):  # a layout that is broken is named already
        yield from _check_extras(store, name, root, sizes)
    wrong = list(check_objects(store, name, root, sizes, checksums=checksums))
    yield from wrong
    try:
        layer = open_layer(store, name)
        yield from [found for level in layer.levels for found in check_level(layer, level)]
        yield from [found for level in layer.levels for found in check_coordinates(layer, level)]
    except _UNREADABLE as error:
        text = f"its arrays can't be opened: {str(error) or repr(error)}"
        yield problem(name, "zarr.json", "document", text)
        return
    if deep:
        broken = {each.path for each in wrong if each.is_broken}
        yield from _check_deeply(layer, sizes, broken)


def _check_files(store: Store, name: str) -> Iterator[Problem]:
    """Check that the files of a linked layer are there, and are those that were linked."""
    try:
        files = virtual_layer(store, name).table.files
    except (CatalogError, *_UNREADABLE) as error:
        yield problem(name, "zarr.json", "document", f"it can't be read: {error}")
        return
    for row in files:
        try:
            same = is_unchanged(row.path, row.version)
        except CatalogError as error:
            yield problem(name, row.path, "missing", str(error))
        else:
            if not same:
                yield problem(name, row.path, "damaged", "the file has changed since it was linked")


def _check_deeply(
    layer: Layer, sizes: Mapping[str, int] | None, broken: Collection[str]
) -> Iterator[Problem]:
    wrong = [
        found
        for level in layer.levels
        for name in layer.variables
        for found in check_decoding(
            layer.name, f"{level.path}/{name}", layer.array(name, level.number), sizes, broken
        )
    ]
    yield from wrong
    if not broken and not wrong:
        yield from check_cells(layer)


def _check_lock(store: Store, name: str) -> Iterator[Problem]:
    key = f".lock-{name}"
    if get(store, key) is None:
        return
    try:
        holder = get_document(store, key) or {}
    except CatalogError:  # it is just being written
        holder = {}
    by = f"by process {holder.get('process')} on {holder.get('host')} since {holder.get('since')}"
    text = f"the layer is being written {by}" if holder else "the layer is being written"
    yield Problem(layer=name, path=key, kind="busy", text=text, action=ACTIONS["busy"])


def _check_rootless(store: Store, name: str) -> Iterator[Problem]:
    """Tell what a folder without a root document is."""
    record = _record(store, name)
    if record is None:
        text = "levels without the layer's root document: nobody sees the layer"
        yield problem(name, "zarr.json", "document", text)
    elif record.operation == "delete":
        yield problem(name, "", "replaced", "its deletion was cut off")
    else:
        text = f"an unfinished layer ({record.operation}), which nobody sees"
        yield problem(name, f"{BUILD}.json", "unfinished", text)


def _check_extras(
    store: Store, name: str, root: Mapping[str, Any], sizes: Mapping[str, int] | None
) -> Iterator[Problem]:
    """Tell what is beside the layer: an unfinished change, and levels that were replaced."""
    if sizes is None:
        return
    extra = leftover_keys(store, name, root, sizes)
    record = _record(store, name)
    if record is not None:
        text = f"an unfinished change ({record.operation}), {len(extra)} objects"
        yield problem(name, f"{BUILD}.json", "unfinished", text)
    elif extra:
        text = f"{len(extra)} objects that belong to no level, the first of them this"
        yield problem(name, extra[0].removeprefix(f"{name}/"), "replaced", text)
    retired = root["attributes"][PRIVATE].get("retired", ())
    old = [key for key in sizes if key.startswith(tuple(f"{name}/{path}/" for path in retired))]
    if old and retired:
        text = f"{len(old)} objects of levels that were replaced, kept for who reads them"
        yield problem(name, str(retired[0]), "replaced", text)


def _record(store: Store, name: str) -> Record | None:
    try:
        return Record.read(store, name)
    except (CatalogError, TypeError):  # broken, or of another version
        return Record(operation="unreadable", fingerprint="", prefix="", revision=0)


def _check_foreign(store: Store, name: str, url: str) -> Iterator[Problem]:
    """Check that a layer that others made can be opened, which is all that is known of it."""
    try:
        layer = layer_in(store, name, url)
    except (XcubeTilesError, *_UNREADABLE) as error:
        yield problem(name, "", "document", f"it can't be opened: {error}")
        return
    text = f"another program made it: {layer!r} can be opened, nothing else is checked"
    yield problem(name, "", "unchecked", text)
