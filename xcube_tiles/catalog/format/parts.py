"""The packed chunks of an array by their places: whole objects, or parts of shards."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from google_crc32c import value as crc32c

from xcube_tiles.catalog.format.shards import CHECKSUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_ABSENT = 2**64 - 1
MOST_INDEXES = 512
"""Shards of one array whose indexes are kept: 1 KiB each at 64 chunks."""

Packed: TypeAlias = bytes | memoryview
"""A chunk as it is stored."""


class NotDirectError(Exception):
    """Zarr has to read this, or to tell what is wrong with it."""


class ChunkParts(Protocol):
    """Where the packed chunks of an array come from."""

    waits: bool
    """Whether each call waits for a server, so that several belong into one."""

    def get(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[Packed | None]]:
        """Return packed chunks by the keys of their objects; None for one that isn't there.

        Parameters
        ----------
        wanted
            Numbers of the chunks in each object, counted along the rows of a shard; 0 where an
            object is a chunk.

        Raises
        ------
        NotDirectError
            Something is damaged, or changes while it is read.
        """
        ...


S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Generic[S]):
    """Where the chunks of a shard are in it."""

    state: S
    """What another object of this key would have differently."""

    spans: NDArray[Any]
    """Offset and length of each chunk, as one row of numbers."""

    read_at: float = 0.0
    """When it was read, in seconds of a monotonic clock."""

    def span(self, number: int, size: int) -> tuple[int, int] | None:
        """Return offset and length of a chunk; None if it isn't there."""
        offset, length = int(self.spans[2 * number]), int(self.spans[2 * number + 1])
        if offset == _ABSENT and length == _ABSENT:
            return None
        if offset + length > size:
            raise NotDirectError
        return offset, length


@dataclass(frozen=True, slots=True)
class Indexes(Generic[S]):
    """The indexes of the shards that were read last."""

    _kept: OrderedDict[str, Index[S]] = field(default_factory=OrderedDict)
    _lock: Any = field(default_factory=Lock)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Index[S] | None:
        """Return the index of a shard, if it is kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: str, index: Index[S]) -> None:
        """Keep the index of a shard; of too many the one that wasn't used for longest goes."""
        with self._lock:
            self._kept[key] = index
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_INDEXES:
                self._kept.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forget the index of a shard."""
        with self._lock:
            self._kept.pop(key, None)


State: TypeAlias = tuple[int, int, int]
"""Inode, time of change and size of a file: another one has another state."""


class FileParts:
    """Chunks in the files of a folder, each opened once a call.

    Parameters
    ----------
    folder
        The array's.
    counts
        Chunks of a shard along each dimension; None: each chunk is a file.
    """

    __slots__ = ("_folder", "_length", "indexes")

    waits = False

    def __init__(self, folder: str, counts: tuple[int, ...] | None) -> None:
        self._folder = folder
        self._length = index_length(counts)
        self.indexes: Indexes[State] = Indexes()

    def get(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[Packed | None]]:
        """See `ChunkParts.get`."""
        return {key: self._of_file(key, numbers) for key, numbers in wanted.items()}

    def _of_file(self, key: str, numbers: Sequence[int]) -> list[Packed | None]:
        try:
            handle = os.open(f"{self._folder}/{key}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return [None] * len(numbers)
        try:
            found = os.fstat(handle)
            size = found.st_size
            if self._length is None:
                return [_part(handle, 0, size)]
            index = self._index(handle, key, (found.st_ino, found.st_mtime_ns, size))
            spans = [index.span(number, size) for number in numbers]
            return [None if span is None else _part(handle, *span) for span in spans]
        finally:
            os.close(handle)

    def _index(self, handle: int, key: str, state: State) -> Index[State]:
        known = self.indexes.get(key)
        if known is not None and known.state == state:
            return known
        assert self._length is not None
        if state[2] < self._length:
            raise NotDirectError
        content = _part(handle, state[2] - self._length, self._length)
        index = Index(state=state, spans=spans_of(content))
        self.indexes.put(key, index)
        return index


def index_length(counts: tuple[int, ...] | None) -> int | None:
    """Return the bytes of the index of a shard, which ends it; None without shards."""
    return None if counts is None else 16 * prod(counts) + CHECKSUM_BYTES


def nothing(length: int) -> NDArray[Any]:
    """Return what the index of a shard without chunks would tell."""
    return np.full((length - CHECKSUM_BYTES) // 8, _ABSENT, "<u8")


def spans_of(content: Packed) -> NDArray[Any]:
    """Return what the bytes of an index tell: offset and length of each chunk."""
    return np.frombuffer(checked(content), "<u8")


def checked(content: Packed) -> memoryview:
    """Return what comes before a checksum.

    Raises
    ------
    NotDirectError
        It isn't the checksum of that.
    """
    body = memoryview(content)[:-CHECKSUM_BYTES]
    # The library takes no memoryview, but an array on the same bytes.
    found = int(crc32c(np.frombuffer(body, np.uint8)))
    if found != int.from_bytes(content[-CHECKSUM_BYTES:], "little"):
        raise NotDirectError
    return body


def _part(handle: int, offset: int, length: int) -> bytes:
    content = os.pread(handle, length, offset)
    if len(content) != length:
        raise NotDirectError
    return content
