"""Whether the objects of a layer's arrays are there, whole, and can be decoded."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from xcube_tiles.catalog.building.manifest import (
    object_counts,
    object_key,
    object_sizes,
    position_of,
    read_manifest,
    sizes_of,
)
from xcube_tiles.catalog.format.shards import CHECKSUM_BYTES
from xcube_tiles.catalog.stores.objects import AT_ONCE
from xcube_tiles.catalog.verify.checksums import (
    index_length,
    index_problem,
    object_check,
    sharding_of,
)
from xcube_tiles.catalog.verify.report import limited, problem
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import zarr
    from numpy.typing import NDArray
    from zarr.abc.store import ByteRequest, Store

    from xcube_tiles.catalog.verify.checksums import Check
    from xcube_tiles.catalog.verify.report import Problem

THREADS = 4
"""Objects that are decoded at a time: each is held in memory meanwhile."""

_READ_AT_ONCE = 8
"""Objects that are read as a whole at a time."""

_BLOSC_HEADER = 16
_DECODING = (RuntimeError, ValueError, TypeError, KeyError, IndexError, OSError, MemoryError)
# What codecs raise for bytes that they can't make sense of.


def check_objects(
    store: Store,
    name: str,
    root: Mapping[str, Any],
    found: Mapping[str, int] | None,
    *,
    checksums: bool,
) -> Iterator[Problem]:
    """Compare the objects of a layer with its manifest, and their bytes with their checksums.

    Parameters
    ----------
    store, name, root
        The layer and its root document.
    found
        Sizes of all objects in the layer's folder; None if the store can't be listed.
    checksums
        Whether objects whose bytes have checksums are read as a whole. Of all others, only the
        first or last bytes are.
    """
    try:
        manifest = read_manifest(store, name, root)
    except CatalogError as error:
        yield problem(name, "zarr.json", "document", str(error))
        return
    inline = root.get("consolidated_metadata", {}).get("metadata", {})
    arrays = {
        path: counts for path, doc in inline.items() if (counts := object_counts(doc)) is not None
    }
    if manifest is None:
        text = "it has no list of its objects: one that is missing reads as NoData"
        yield problem(name, "", "unchecked", text)
        manifest = {}
    for path, counts in arrays.items():
        expected = manifest.get(path)
        if expected is not None and expected.shape != counts:
            text = f"the list of its objects has the shape {expected.shape}, the array {counts}"
            yield problem(name, path, "document", text)
        elif expected is not None:
            sizes = _listed(store, name, path, expected) if found is None else found
            yield from limited(_compared(name, path, expected, sizes))
    if found is not None:
        yield from _check_unexpected(name, arrays, manifest, found)
    yield from _check_bytes(store, name, inline, manifest, found, checksums=checksums)


def _listed(store: Store, name: str, path: str, expected: NDArray[np.uint64]) -> dict[str, int]:
    keys = [object_key(f"{name}/{path}", index) for index in np.argwhere(expected)]
    return sizes_of(store, keys)


def _compared(
    name: str, path: str, expected: NDArray[np.uint64], sizes: Mapping[str, int]
) -> Iterator[Problem]:
    for index in np.argwhere(expected):
        key, size = object_key(path, index), int(expected[tuple(index)])
        there = sizes.get(f"{name}/{key}")
        if there is None:
            text = f"the object is missing, {size} bytes were written: its cells read as NoData"
            yield problem(name, key, "missing", text)
        elif there != size:
            text = f"the object has {there} bytes, {size} were written"
            yield problem(name, key, "damaged", text)


def _check_unexpected(
    name: str,
    arrays: Mapping[str, tuple[int, ...]],
    manifest: Mapping[str, NDArray[np.uint64]],
    found: Mapping[str, int],
) -> Iterator[Problem]:
    start = f"{name}/"
    for key in sorted(found):
        place = position_of(key.removeprefix(start))
        if place is None or place[0] not in manifest or place[0] not in arrays:
            continue
        path, index = place
        inside = len(index) == len(arrays[path]) and all(
            at < end for at, end in zip(index, arrays[path], strict=True)
        )
        expected = manifest[path]
        if inside and expected.shape == arrays[path] and not expected[index]:
            text = "nobody has noted this object when the layer was written"
            yield problem(name, key.removeprefix(start), "unexpected", text)


def _check_bytes(
    store: Store,
    name: str,
    inline: Mapping[str, dict[str, Any]],
    manifest: Mapping[str, NDArray[np.uint64]],
    found: Mapping[str, int] | None,
    *,
    checksums: bool,
) -> Iterator[Problem]:
    """Check all bytes of each object, or the indexes of shards and the headers of chunks."""
    for path, document in inline.items():
        whole = object_check(document) if checksums else None
        request, check = _parser(document) if whole is None else (None, whole)
        if check is None:
            continue
        if found is not None:
            start = f"{name}/{path}/c"
            sizes = {key: size for key, size in found.items() if f"{key}/".startswith(f"{start}/")}
        else:
            sizes = {
                object_key(f"{name}/{path}", index): int(manifest[path][tuple(index)])
                for index in np.argwhere(manifest.get(path, np.zeros(0)))
            }
        wrong = zip(sizes, sync(_wrong(store, sizes, request, check)), strict=True)
        yield from limited(
            problem(name, key.removeprefix(f"{name}/"), "damaged", text)
            for key, text in wrong
            if text
        )


async def _wrong(
    store: Store, sizes: Mapping[str, int], request: ByteRequest | None, check: Check
) -> list[str]:
    """Return what is wrong with each object; nothing about those that aren't there."""
    gate = asyncio.Semaphore(_READ_AT_ONCE if request is None else AT_ONCE)

    async def one(key: str, size: int) -> str:
        async with gate:
            buffer = await store.get(key, default_buffer_prototype(), request)
            if buffer is None:
                return ""
            return await asyncio.to_thread(check, buffer.to_bytes(), size, key)

    return list(await asyncio.gather(*(one(key, size) for key, size in sizes.items())))


def _parser(document: Mapping[str, Any]) -> tuple[ByteRequest | None, Check | None]:
    """Return which bytes of an array's objects tell something, and how to check them."""
    counts = object_counts(document)
    codecs = document.get("codecs", [])
    if counts is None or len(counts) < 2 or not codecs:
        return None, None
    sharding = sharding_of(document)
    if sharding is not None:
        length = index_length(document, sharding)
        if length is None:
            return None, None
        return SuffixByteRequest(length), lambda tail, size, _: index_problem(tail, size, length)
    names = [codec.get("name") for codec in codecs]
    if "blosc" not in names or names[names.index("blosc") + 1 :] not in ([], ["crc32c"]):
        return None, None
    extra = CHECKSUM_BYTES * (names[-1] == "crc32c")

    def check(head: bytes, size: int, key: str) -> str:
        if len(head) < _BLOSC_HEADER:
            return f"the object has only {size} bytes"
        stated = int.from_bytes(head[12:16], "little") + extra
        return "" if stated == size else f"it says that it has {stated} bytes, and has {size}"

    return RangeByteRequest(0, _BLOSC_HEADER), check


def check_decoding(
    name: str,
    path: str,
    array: zarr.Array[Any],
    sizes: Mapping[str, int] | None,
    known: Collection[str],
) -> Iterator[Problem]:
    """Decode the objects of an array, except those that are known to be broken."""
    edges = array.shards or array.chunks
    counts = tuple(-(-n // edge) for n, edge in zip(array.shape, edges, strict=True))
    keys = {index: object_key(path, index) for index in np.ndindex(counts)}
    there = {
        index: key
        for index, key in keys.items()
        if (sizes is None or f"{name}/{key}" in sizes) and f"{name}/{key}" not in known
    }

    def decode(index: tuple[int, ...]) -> str:
        region = tuple(
            slice(at * edge, (at + 1) * edge) for at, edge in zip(index, edges, strict=True)
        )
        try:
            array[region]
        except _DECODING as error:
            return f"it can't be decoded: {error!s}" if str(error) else f"{error!r}"
        return ""

    with ThreadPoolExecutor(THREADS) as pool:
        yield from limited(
            problem(name, key, "damaged", wrong)
            for key, wrong in zip(there.values(), pool.map(decode, there), strict=True)
            if wrong
        )


def layer_sizes(store: Store, name: str) -> dict[str, int] | None:
    """Return the sizes of all objects in a layer's folder; None if the store can't be listed."""
    web = type(getattr(store, "store", None)).__name__ == "HTTPStore"
    return None if web or not store.supports_listing else object_sizes(store, name)
