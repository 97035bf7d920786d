"""Windows of arrays on a local disk, read without Zarr's pipeline.

Zarr hands each chunk to an event loop in another thread and back, which for a map tile takes
several times as long as to decompress its chunks. Here the index of a shard is read once, and the
chunks that a window touches are read by their places and decompressed in the thread that asks.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import product
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import zarr
from google_crc32c import value as crc32c
from numcodecs.blosc import decompress
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec
from zarr.core.metadata import ArrayV3Metadata
from zarr.storage import LocalStore

from xcube_tiles.catalog.format.shards import CHECKSUM_BYTES, packing_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_ABSENT = 2**64 - 1
_BLOSC_HEADER = 16
MOST_INDEXES = 512
"""Shards of one array whose indexes are kept: 1 KiB each at 64 chunks."""

State: TypeAlias = tuple[int, int, int]
"""Inode, time of change and size of a file: another one has another state."""


class _NotDirectError(Exception):
    """Zarr has to read this, or to tell what is wrong with it."""


def direct_reader(array: Any) -> DirectReader | None:
    """Return what reads windows of an array fast, None if Zarr has to.

    Parameters
    ----------
    array
        A Zarr array; one on a local disk, packed as this package packs, is read fast.
    """
    if not hasattr(os, "pread"):  # Windows
        return None
    if type(array) is not zarr.Array or not isinstance(array.metadata, ArrayV3Metadata):
        return None
    place = array.store_path
    if not isinstance(place.store, LocalStore) or array.ndim < 2 or array.dtype.kind not in "biuf":
        return None
    packing = packing_of(array)
    if packing is not None:
        chunk, shard, checked = packing.chunk, packing.shard, packing.checksums
    elif array.shards is None and (found := _plain(array)) is not None:
        chunk, shard, checked = tuple(array.chunks), None, found
    else:
        return None
    return DirectReader(
        array=array,
        folder=place.store.root / place.path,
        dtype=array.dtype.newbyteorder("<"),
        chunk=chunk,
        shard=shard,
        checked=checked,
    )


def _plain(array: zarr.Array[Any]) -> bool | None:
    """Return whether chunks outside of shards have checksums; None if they are packed otherwise."""
    codecs: Sequence[Any] = array.metadata.codecs  # type: ignore[union-attr]
    kinds = [type(codec) for codec in codecs]
    if kinds not in ([BytesCodec, BloscCodec], [BytesCodec, BloscCodec, Crc32cCodec]):
        return None
    endian = codecs[0].endian
    if getattr(endian, "value", endian) not in (None, "little") or array.dtype.byteorder == ">":
        return None
    return len(kinds) == 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectReader:
    """The chunks of an array, by their places in files."""

    array: zarr.Array[Any]
    """The array."""

    folder: Path
    """Where its files are."""

    dtype: np.dtype[Any]
    """Type of the cells on disk."""

    chunk: tuple[int, ...]
    """Shape of a chunk."""

    shard: tuple[int, ...] | None
    """Shape of a shard; None: each chunk is a file."""

    checked: bool
    """Whether each chunk ends with its checksum."""

    _indexes: OrderedDict[str, tuple[State, NDArray[Any]]] = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=Lock)

    def __reduce__(self) -> tuple[Any, ...]:
        # Locks stay in their process, and what is kept is soon read again.
        return direct_reader, (self.array,)

    def read(self, lead: tuple[int, ...], rows: slice, cols: slice) -> NDArray[Any] | None:
        """Return the cells of a window, None if Zarr has to read them.

        Parameters
        ----------
        lead
            Position along each dimension before y and x.
        rows, cols
            Spans inside the array, of step 1.

        Notes
        -----
        What is damaged is left to Zarr too, whose errors are known everywhere. A file that was
        replaced meanwhile is noticed by its state: indexes of old ones are dropped.
        """
        spans = [
            part.indices(size)
            for part, size in zip((rows, cols), self.array.shape[-2:], strict=True)
        ]
        if len(lead) != len(self.chunk) - 2 or any(step != 1 for _, _, step in spans):
            return None
        (top, bottom, _), (left, right, _) = spans
        if bottom <= top or right <= left:
            return None
        try:
            return self._window(lead, (top, bottom), (left, right))
        except (_NotDirectError, OSError, RuntimeError, ValueError):
            return None

    def _window(
        self, lead: tuple[int, ...], rows: tuple[int, int], cols: tuple[int, int]
    ) -> NDArray[Any]:
        height, width = self.chunk[-2:]
        before = tuple(at // size for at, size in zip(lead, self.chunk, strict=False))
        inside: Any = tuple(at % size for at, size in zip(lead, self.chunk, strict=False))
        downs = range(rows[0] // height, (rows[1] - 1) // height + 1)
        acrosses = range(cols[0] // width, (cols[1] - 1) // width + 1)
        places = [(*before, down, across) for down, across in product(downs, acrosses)]
        found = self._chunks(places)
        if len(places) == 1 and (only := found[places[0]]) is not None:
            top, left = downs[0] * height, acrosses[0] * width
            window = only[(*inside, slice(rows[0] - top, rows[1] - top))]
            return window[:, cols[0] - left : cols[1] - left]
        out = np.empty((rows[1] - rows[0], cols[1] - cols[0]), self.dtype)
        for place in places:
            top, left = place[-2] * height, place[-1] * width
            first, last = max(rows[0], top), min(rows[1], top + height)
            begin, end = max(cols[0], left), min(cols[1], left + width)
            target = out[first - rows[0] : last - rows[0], begin - cols[0] : end - cols[0]]
            cells = found[place]
            if cells is None:
                target[...] = self.array.fill_value
            else:
                target[...] = cells[(*inside, slice(first - top, last - top))][
                    :, begin - left : end - left
                ]
        return out

    def _chunks(self, places: list[tuple[int, ...]]) -> dict[tuple[int, ...], NDArray[Any] | None]:
        """Return chunks by their places; each file is opened once."""
        files: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for place in places:
            files.setdefault(self._file_of(place), []).append(place)
        found: dict[tuple[int, ...], NDArray[Any] | None] = {}
        for file, its in files.items():
            key = self.array.metadata.encode_chunk_key(file)
            try:
                handle = os.open(self.folder / key, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except FileNotFoundError:
                found |= dict.fromkeys(its)
                continue
            try:
                for place in its:
                    packed = self._packed(handle, key, place)
                    found[place] = None if packed is None else self._decoded(packed)
            finally:
                os.close(handle)
        return found

    def _file_of(self, place: tuple[int, ...]) -> tuple[int, ...]:
        if self.shard is None:
            return place
        return tuple(
            at * chunk // shard
            for at, chunk, shard in zip(place, self.chunk, self.shard, strict=True)
        )

    def _packed(self, handle: int, key: str, place: tuple[int, ...]) -> bytes | None:
        """Return the bytes of a chunk; None if it isn't there."""
        state = os.fstat(handle)
        if self.shard is None:
            return _part(handle, 0, state.st_size)
        counts = tuple(s // c for s, c in zip(self.shard, self.chunk, strict=True))
        at = 0
        for count, number in zip(counts, place, strict=True):
            at = at * count + number % count
        index = self._index(handle, key, (state.st_ino, state.st_mtime_ns, state.st_size), counts)
        offset, length = int(index[2 * at]), int(index[2 * at + 1])
        if offset == _ABSENT and length == _ABSENT:
            return None
        if offset + length > state.st_size:
            raise _NotDirectError
        return _part(handle, offset, length)

    def _index(self, handle: int, key: str, state: State, counts: tuple[int, ...]) -> NDArray[Any]:
        """Return offset and length of each chunk of a shard, as one row of numbers."""
        with self._lock:
            known = self._indexes.get(key)
            if known is not None and known[0] == state:
                self._indexes.move_to_end(key)
                return known[1]
        length = 16 * prod(counts) + CHECKSUM_BYTES
        if state[2] < length:
            raise _NotDirectError
        content = _checked(_part(handle, state[2] - length, length))
        index = np.frombuffer(content, "<u8")
        with self._lock:
            self._indexes[key] = state, index
            while len(self._indexes) > MOST_INDEXES:
                self._indexes.popitem(last=False)
        return index

    def _decoded(self, packed: bytes) -> NDArray[Any]:
        content = _checked(packed) if self.checked else packed
        cells = np.empty(self.chunk, self.dtype)
        # Blosc believes its header, also where it tells of more bytes than there are.
        sizes = int.from_bytes(content[4:8], "little"), int.from_bytes(content[12:16], "little")
        if len(content) < _BLOSC_HEADER or sizes != (cells.nbytes, len(content)):
            raise _NotDirectError
        decompress(content, cells)
        return cells


def _part(handle: int, offset: int, length: int) -> bytes:
    content = os.pread(handle, length, offset)
    if len(content) != length:
        raise _NotDirectError
    return content


def _checked(content: bytes) -> memoryview:
    """Return what comes before a checksum."""
    body = memoryview(content)[:-CHECKSUM_BYTES]
    # The library takes no memoryview, but an array on the same bytes.
    found = int(crc32c(np.frombuffer(body, np.uint8)))
    if found != int.from_bytes(content[-CHECKSUM_BYTES:], "little"):
        raise _NotDirectError
    return body
