"""The objects of a store by their keys: read, written, listed, copied and deleted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

from zarr.core.buffer import cpu, default_buffer_prototype

# The stores are asynchronous and belong to the loop that zarr runs for them: only its own `sync`
# may wait for them.
from zarr.core.sync import sync
from zarr.storage import LocalStore, ObjectStore

from xcube_tiles.catalog.stores.checked import Bucket
from xcube_tiles.catalog.stores.failures import PAUSES, store_failures, was_cut_off
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from zarr.abc.store import Store

AT_ONCE = 32
"""Requests that are under way at a time."""

_ALONE = threading.Lock()


def get(store: Store, key: str) -> bytes | None:
    """Return an object; None if there is none."""
    buffer = sync(store.get(key, default_buffer_prototype()))
    return None if buffer is None else buffer.to_bytes()


def get_all(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    """Return objects, several requests at a time; None for one that isn't there."""
    found: dict[str, bytes] = {}

    async def one(key: str) -> None:
        buffer = await store.get(key, default_buffer_prototype())
        if buffer is not None:
            found[key] = buffer.to_bytes()

    sync(_each(keys, one))
    return [found.get(key) for key in keys]


def get_document(store: Store, key: str) -> dict[str, Any] | None:
    """Return a JSON object; None if there is none.

    Raises
    ------
    CatalogError
        There is something else.
    """
    content = get(store, key)
    if content is None:
        return None
    try:
        document = json.loads(content)
    except ValueError as error:
        raise _no_document(key, f"it isn't JSON: {error}") from error
    if not isinstance(document, dict):
        raise _no_document(key, f"it holds {str(document)[:40]!r} and no JSON object")
    return document


def _no_document(key: str, why: str) -> CatalogError:
    return CatalogError(
        f"{key!r} is broken, {why}. catalog.verify() tells what else is; restore it from a copy, "
        "or delete the layer and write it again"
    )


def put(store: Store, key: str, content: bytes) -> None:
    """Write an object; who reads it sees the old one or the new one."""
    sync(store.set(key, cpu.Buffer.from_bytes(content)))


def put_all(store: Store, contents: Iterable[tuple[str, bytes]]) -> None:
    """Write objects, several at a time, in no order."""
    sync(_each(contents, lambda item: store.set(item[0], cpu.Buffer.from_bytes(item[1]))))


def as_document(document: dict[str, Any]) -> bytes:
    """Return a JSON object as it is stored."""
    return json.dumps(document, indent=1, allow_nan=False).encode()


def create(store: Store, key: str, content: bytes) -> bool:
    """Write an object unless there is one; return whether it was written.

    `content` must differ from whatever others write, as the stores don't tell who won.

    Of two that come together one wins: on disks, in memory and in object stores with conditional
    requests. Other stores look before they write.
    """
    if isinstance(store, ObjectStore):
        written = _put_if(store, key, content, "create")
        if written is not None:
            return written
    with _ALONE:
        sync(store.set_if_not_exists(key, cpu.Buffer.from_bytes(content)))
        return get(store, key) == content


def replace(store: Store, key: str, content: bytes, stamp: object) -> bool:
    """Write an object if it hasn't changed since it had a stamp; return whether it was written.

    Of two that come together one wins: in object stores with conditional requests, and of the
    threads of a process everywhere. Elsewhere a lock has to keep others off.
    """
    if isinstance(stamp, str) and isinstance(store, ObjectStore):
        written = _put_if(store, key, content, {"e_tag": stamp})
        if written is not None:
            return written
    with _ALONE:
        if isinstance(stamp, bytes) and get(store, key) != stamp:
            return False
        put(store, key, content)
        return True


def get_stamped(store: Store, key: str) -> tuple[bytes | None, object]:
    """Return an object and its stamp, which changes when it is written; None if there is none."""
    if not isinstance(store, ObjectStore):
        content = get(store, key)
        return content, content
    with store_failures(store, "read from"):
        for pause in (*PAUSES, None):
            try:
                found = store.store.get(key)
                content = bytes(found.bytes())
            except FileNotFoundError:
                break
            except Exception as error:
                if pause is None or not was_cut_off(error):
                    raise
                time.sleep(pause)
            else:
                return content, found.meta["e_tag"] or content
    return None, None


def stamp_of(store: Store, key: str) -> object:
    """Return what changes when an object is written; None if there is none."""
    return get_stamped(store, key)[1]


def _put_if(store: ObjectStore, key: str, content: bytes, mode: Any) -> bool | None:  # type: ignore[type-arg]
    """Write an object on a condition; None if the store knows no conditions.

    Such requests aren't repeated by obstore, as one that got through without an answer would then
    be refused. Here what was refused is read: it may be what was to be written.
    """
    from obstore.exceptions import (
        AlreadyExistsError,
        GenericError,
        NotSupportedError,
        PreconditionError,
    )

    store._check_writable()
    with store_failures(store, "write to"):
        for pause in (*PAUSES, None):
            try:
                store.store.put(key, content, mode=mode)
            except (AlreadyExistsError, PreconditionError):
                return get(store, key) == content
            except (NotSupportedError, NotImplementedError):
                return None
            except GenericError:
                if pause is None:
                    raise
                time.sleep(pause)
            else:
                return True
    return None


def delete(store: Store, key: str) -> None:
    """Delete an object; nothing happens if there is none."""
    sync(store.delete(key))


def delete_all(store: Store, keys: Iterable[str]) -> None:
    """Delete objects, several at a time."""
    sync(_each(keys, store.delete))


def delete_below(store: Store, path: str) -> None:
    """Delete a folder and all in it; nothing happens if there is none."""
    if isinstance(store, LocalStore):
        store._check_writable()
        shutil.rmtree(store.root / path, ignore_errors=True)
    else:
        sync(store.delete_dir(path))


def keys_below(store: Store, path: str) -> list[str]:
    """Return the keys of all objects in a folder and its folders, sorted."""
    return sorted(sync(_listed(store, f"{path}/" if path else "")))


def copy_all(store: Store, pairs: Iterable[tuple[str, str]]) -> None:
    """Copy objects within a store, each to a key that is free: without moving bytes where it can.

    On a local disk a copy is a second name of the same file, which is safe as files are replaced
    and never changed; object stores copy by themselves.
    """
    pairs = [(source, target) for source, target in pairs if source != target]
    if isinstance(store, LocalStore):
        with store_failures(store.root, "write to"):
            for source, target in pairs:
                _link(store.root / source, store.root / target)
    elif isinstance(store, Bucket):
        sync(_each(pairs, lambda pair: store.copy(*pair)))
    else:
        copy_across(store, store, pairs)


def copy_across(source: Store, target: Store, pairs: Iterable[tuple[str, str]]) -> None:
    """Copy objects from one store to another."""

    async def copy(pair: tuple[str, str]) -> None:
        buffer = await source.get(pair[0], default_buffer_prototype())
        if buffer is not None:
            await target.set(pair[1], buffer)

    sync(_each(pairs, copy))


def _link(source: Any, target: Any) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # what was interrupted may have left it
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


async def _listed(store: Store, prefix: str) -> list[str]:
    # obstore begins to list when it is called, which has to be within the loop
    return [key async for key in store.list_prefix(prefix)]


async def _each(items: Iterable[Any], call: Callable[[Any], Awaitable[object]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Any) -> None:
        async with gate:
            await call(item)

    await asyncio.gather(*(one(item) for item in items))
