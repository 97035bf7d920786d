"""The packed chunks of an array in a bucket, or behind a web server: few requests, few bytes.

Zarr asks for the index of a shard each time, then for each chunk by itself. Here an index is kept
as long as the shard is the same, which each answer tells, chunks that lie next to each other come
by one request, and all requests of a window are under way at once.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from zarr.core.sync import sync

from xcube_tiles.catalog.format.parts import (
    Index,
    Indexes,
    NotDirectError,
    index_length,
    nothing,
    spans_of,
)
from xcube_tiles.catalog.stores.checked import Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.catalog.format.parts import Packed
    from xcube_tiles.catalog.stores.checked import Bucket

FRESH = 10.0
"""Seconds for which an index is believed that tells of a chunk which isn't there. Where there is
one the answer tells whether the shard has been replaced; where there is none nothing is asked."""

GAP = 64 * 1024
"""Bytes between two chunks that are worth a request less."""

MOST_AT_ONCE = 16 * 2**20
"""Bytes of one request: what is more comes by several, which run side by side."""

NOWHERE = Version(None, datetime.min, 0)
"""Version of a shard that isn't there."""

Span: TypeAlias = tuple[int, int]
"""Offset and length."""


class Run(NamedTuple):
    """Part of an object that one request asks for."""

    start: int
    """First byte."""

    stop: int
    """First byte behind it."""


class ObjectParts:
    """Chunks in the objects of a bucket.

    Parameters
    ----------
    store
        The bucket.
    path
        Key of the array, without a slash at its end.
    counts
        Chunks of a shard along each dimension; None: each chunk is an object.
    """

    __slots__ = ("_length", "_path", "_store", "indexes")

    waits = True

    def __init__(self, store: Bucket, path: str, counts: tuple[int, ...] | None) -> None:
        self._store, self._path = store, path
        self._length = index_length(counts)
        self.indexes: Indexes[Version] = Indexes()

    def get(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[Packed | None]]:
        """See `ChunkParts.get`."""
        return sync(self._get(wanted))

    async def _get(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[Packed | None]]:
        read = self._of_object if self._length is None else self._of_shard
        found = await asyncio.gather(*(read(*item) for item in wanted.items()))
        return dict(zip(wanted, found, strict=True))

    async def _of_object(self, key: str, numbers: Sequence[int]) -> list[Packed | None]:
        found = await self._store.part(self._key(key), None)
        return [None if found is None else found[0]] * len(numbers)

    async def _of_shard(self, key: str, numbers: Sequence[int]) -> list[Packed | None]:
        # An index that was kept can be one of a shard that has been replaced since; one that was
        # read just now can't, but for a writer at this very moment.
        for fresh in (False, True):
            index = None if fresh else self._kept(key, numbers)
            index = index or await self._read_index(key)
            found = await self._parts(key, index, numbers)
            if found is not None:
                return found
            self.indexes.drop(key)
        raise NotDirectError

    def _kept(self, key: str, numbers: Sequence[int]) -> Index[Version] | None:
        """Return the index that is kept, if it may be believed."""
        index = self.indexes.get(key)
        if index is None or monotonic() - index.read_at < FRESH:
            return index
        gone = any(index.span(number, index.state.size) is None for number in numbers)
        return None if gone else index

    async def _read_index(self, key: str) -> Index[Version]:
        assert self._length is not None
        now = monotonic()
        found = await self._store.part(self._key(key), (-self._length, self._length))
        content, version = (None, NOWHERE) if found is None else found
        if content is not None and len(content) != self._length:
            raise NotDirectError
        spans = nothing(self._length) if content is None else spans_of(content)
        index = Index(state=version, spans=spans, read_at=now)
        self.indexes.put(key, index)
        return index

    async def _parts(
        self, key: str, index: Index[Version], numbers: Sequence[int]
    ) -> list[Packed | None] | None:
        """Return chunks by an index, None if it is that of another shard."""
        spans = [index.span(number, index.state.size) for number in numbers]
        runs = runs_of([span for span in spans if span is not None])
        answers = await asyncio.gather(
            *(self._store.part(self._key(key), (run.start, run.stop - run.start)) for run in runs)
        )
        contents: list[tuple[Run, memoryview]] = []
        for run, answer in zip(runs, answers, strict=True):
            if answer is None or answer[1] != index.state:
                return None
            if len(answer[0]) != run.stop - run.start:
                raise NotDirectError
            contents.append((run, memoryview(answer[0])))
        return [None if span is None else _cut(contents, span) for span in spans]

    def _key(self, key: str) -> str:
        return f"{self._path}/{key}" if self._path else key


def runs_of(spans: Sequence[Span]) -> list[Run]:
    """Return the parts of an object to ask for, so that few requests bring all spans.

    Parameters
    ----------
    spans
        Offset and length of each, in any order.

    Examples
    --------
    >>> runs_of([(100, 50), (0, 90)])
    [Run(start=0, stop=150)]
    >>> runs_of([(0, 90), (1_000_000, 90)])
    [Run(start=0, stop=90), Run(start=1000000, stop=1000090)]
    >>> runs_of([])
    []
    """
    runs: list[Run] = []
    for offset, length in sorted(spans):
        end = offset + length
        near = bool(runs) and offset - runs[-1].stop <= GAP
        if near and max(end, runs[-1].stop) - runs[-1].start <= MOST_AT_ONCE:
            runs[-1] = Run(runs[-1].start, max(end, runs[-1].stop))
        else:
            runs.append(Run(offset, end))
    return runs


def _cut(contents: Sequence[tuple[Run, memoryview]], span: Span) -> memoryview:
    """Return a span out of the run that has it."""
    offset, length = span
    for run, content in contents:
        if run.start <= offset and offset + length <= run.stop:
            return content[offset - run.start : offset - run.start + length]
    raise NotDirectError
