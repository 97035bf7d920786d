"""Windows of arrays on a local disk or in a bucket, read without Zarr's pipeline.

Zarr hands each chunk to an event loop in another thread and back, which for a map tile takes
several times as long as to decompress its chunks. Here the index of a shard is read once, and the
chunks that a window touches are read by their places and decompressed in the thread that asks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numcodecs.blosc import decompress
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec
from zarr.core.metadata import ArrayV3Metadata
from zarr.storage import LocalStore

from xcube_tiles.catalog.format.parts import FileParts, NotDirectError, checked
from xcube_tiles.catalog.format.remote import ObjectParts
from xcube_tiles.catalog.format.shards import packing_of
from xcube_tiles.catalog.stores.checked import Bucket
from xcube_tiles.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.catalog.format.parts import ChunkParts, Packed

_BLOSC_HEADER = 16


def direct_reader(array: Any) -> DirectReader | None:
    """Return what reads windows of an array fast, None if Zarr has to.

    Parameters
    ----------
    array
        A Zarr array; one on a local disk, in a bucket or behind a web server, packed as this
        package packs, is read fast.
    """
    if type(array) is not zarr.Array or not isinstance(array.metadata, ArrayV3Metadata):
        return None
    if array.ndim < 2 or array.dtype.kind not in "biuf":
        return None
    packing = packing_of(array)
    if packing is not None:
        chunk, shard, sums = packing.chunk, packing.shard, packing.checksums
    elif array.shards is None and (found := _plain(array)) is not None:
        chunk, shard, sums = tuple(array.chunks), None, found
    else:
        return None
    counts = None if shard is None else tuple(s // c for s, c in zip(shard, chunk, strict=True))
    parts = _parts_of(array, counts)
    if parts is None:
        return None
    return DirectReader(
        array=array,
        parts=parts,
        dtype=array.dtype.newbyteorder("<"),
        chunk=chunk,
        counts=counts,
        checked=sums,
    )


def _parts_of(array: zarr.Array[Any], counts: tuple[int, ...] | None) -> ChunkParts | None:
    """Return where the chunks of an array come from; None: from somewhere that only Zarr knows."""
    place = array.store_path
    if isinstance(place.store, LocalStore):
        if not hasattr(os, "pread"):  # Windows
            return None
        return FileParts(str(place.store.root / place.path), counts)
    # A store that wraps another one, or that nobody but a test knows, has its own way to read.
    if type(place.store) is Bucket:
        return ObjectParts(place.store, place.path, counts)
    return None


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

    parts: ChunkParts
    """Where its chunks come from."""

    dtype: np.dtype[Any]
    """Type of the cells on disk."""

    chunk: tuple[int, ...]
    """Shape of a chunk."""

    counts: tuple[int, ...] | None
    """Chunks of a shard along each dimension; None: each chunk is an object."""

    checked: bool
    """Whether each chunk ends with its checksum."""

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
        What is damaged is left to Zarr too, whose errors are known everywhere. An object that was
        replaced meanwhile is noticed by its state: indexes of old ones are dropped.

        Raises
        ------
        StoreError
            A bucket or a server refuses or fails.
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
        except StoreError:
            raise  # asked again, it would fail again
        except (NotDirectError, OSError, RuntimeError, ValueError):
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
        """Return chunks by their places; each object is asked for once."""
        objects: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for place in places:
            objects.setdefault(self._object_of(place), []).append(place)
        keys = {self.array.metadata.encode_chunk_key(at): its for at, its in objects.items()}
        packed = self.parts.get({key: [*map(self._number, its)] for key, its in keys.items()})
        return {
            place: None if content is None else self._decoded(content)
            for key, its in keys.items()
            for place, content in zip(its, packed[key], strict=True)
        }

    def _object_of(self, place: tuple[int, ...]) -> tuple[int, ...]:
        if self.counts is None:
            return place
        return tuple(at // count for at, count in zip(place, self.counts, strict=True))

    def _number(self, place: tuple[int, ...]) -> int:
        """Return which chunk of its object one is."""
        number = 0
        for at, count in zip(place, self.counts or (), strict=False):
            number = number * count + at % count
        return number

    def _decoded(self, packed: Packed) -> NDArray[Any]:
        content = checked(packed) if self.checked else packed
        cells = np.empty(self.chunk, self.dtype)
        # Blosc believes its header, also where it tells of more bytes than there are.
        sizes = int.from_bytes(content[4:8], "little"), int.from_bytes(content[12:16], "little")
        if len(content) < _BLOSC_HEADER or sizes != (cells.nbytes, len(content)):
            raise NotDirectError
        decompress(content, cells)
        return cells
