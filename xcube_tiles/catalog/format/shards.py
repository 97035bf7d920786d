"""Whole shards, packed in the task that has their cells.

Zarr's pipeline hands each chunk of a shard to another thread and back: for the chunks of a map tile
that takes as long as to compress them. Here a block becomes the bytes of a shard in one go, the
same that Zarr would write.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import zarr
from google_crc32c import value as crc32c
from numcodecs.blosc import Blosc
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec
from zarr.core.buffer import cpu
from zarr.core.metadata import ArrayV3Metadata
from zarr.core.sync import sync

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ABSENT = 2**64 - 1
"""Offset and length of a chunk without cells, as the specification of shards has it."""

CHECKSUM_BYTES = 4
"""Length of a CRC-32C, which follows what it is of."""

_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}

Region: TypeAlias = "tuple[slice, ...]"


def whole_shards(array: Any) -> Any:
    """Return what writes whole shards of an array fast, or the array if it isn't packed so.

    Parameters
    ----------
    array
        A Zarr array opened for writing, or something else that takes blocks.

    Returns
    -------
    WholeShards
        Takes ``target[region] = block`` as the array does; `array` itself if it isn't packed as
        this package packs.
    """
    # Those of a subclass have their own way of writing.
    packing = packing_of(array) if type(array) is zarr.Array else None
    return array if packing is None else WholeShards(array=array, packing=packing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How the chunks of an array become a shard."""

    shard: tuple[int, ...]
    """Shape of a shard in cells."""

    chunk: tuple[int, ...]
    """Shape of a chunk in cells."""

    compressor: dict[str, Any]
    """Configuration of a `numcodecs.Blosc`."""

    checksums: bool
    """Whether each chunk ends with its checksum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeShards:
    """A Zarr array whose shards are written one by one, each with the cells of a block."""

    array: zarr.Array[Any]
    """The array on disk."""

    packing: Packing
    """How its shards are made."""

    def __setitem__(self, region: Region, block: NDArray[Any]) -> None:
        """Write a block; one that isn't made of whole shards is left to Zarr."""
        starts = [part.start for part in region]
        steps = self.packing.shard
        ends = [part.stop for part in region]
        whole = all(
            start % step == 0 and (end % step == 0 or end == size)
            for start, end, step, size in zip(starts, ends, steps, self.array.shape, strict=True)
        )
        if not whole:
            self.array[region] = block
            return
        counts = [
            -(-(end - start) // step) for start, end, step in zip(starts, ends, steps, strict=True)
        ]
        for at in product(*(range(count) for count in counts)):
            place = tuple(
                start // step + i for start, step, i in zip(starts, steps, at, strict=True)
            )
            part = tuple(slice(i * step, (i + 1) * step) for i, step in zip(at, steps, strict=True))
            self._write(place, block[part])

    def _write(self, place: tuple[int, ...], cells: NDArray[Any]) -> None:
        path = self.array.store_path
        key = f"{path.path}/{self.array.metadata.encode_chunk_key(place)}".lstrip("/")
        packed = packed_shard(cells, self.packing, self.array.fill_value, self.array.dtype)
        if packed is None:
            sync(path.store.delete(key))
        else:
            sync(path.store.set(key, cpu.Buffer.from_bytes(packed)))


def packed_shard(
    cells: NDArray[Any], packing: Packing, fill: Any, dtype: np.dtype[Any]
) -> bytes | None:
    """Return the bytes of a shard, or None if no cell differs from the fill value.

    Parameters
    ----------
    cells
        A shard's cells; at the end of the array less than a shard.
    packing
        Of the array.
    fill, dtype
        The array's.
    """
    compressor = Blosc(**packing.compressor)
    grid = tuple(s // c for s, c in zip(packing.shard, packing.chunk, strict=True))
    index = np.full((*grid, 2), _ABSENT, "<u8")
    parts, offset = [], 0
    for at in morton_order(grid):
        window = tuple(slice(i * c, (i + 1) * c) for i, c in zip(at, packing.chunk, strict=True))
        chunk = np.ascontiguousarray(cells[window], dtype)
        if not chunk.size or _is_filled(chunk, fill):
            continue
        if chunk.shape != packing.chunk:
            whole = np.full(packing.chunk, fill, dtype)
            whole[tuple(slice(size) for size in chunk.shape)] = chunk
            chunk = whole
        packed = compressor.encode(chunk)
        parts += [packed, _checksum(packed)] if packing.checksums else [packed]
        length = len(packed) + (CHECKSUM_BYTES if packing.checksums else 0)
        index[at] = offset, length
        offset += length
    if not parts:
        return None
    table = index.tobytes()
    return b"".join([*parts, table, _checksum(table)])


def _checksum(content: bytes) -> bytes:
    return int(crc32c(content)).to_bytes(CHECKSUM_BYTES, "little")


@cache
def morton_order(counts: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the places of chunks in a shard in the order in which Zarr writes them.

    The bits of their coordinates are interleaved, the first axis being the fastest; each axis takes
    part with as many bits as its count has.
    """
    bits = [(count - 1).bit_length() for count in counts]
    turns = [
        (axis, bit)
        for bit in range(max(bits, default=0))
        for axis in range(len(counts))
        if bit < bits[axis]
    ]

    def code(at: tuple[int, ...]) -> int:
        return sum((at[axis] >> bit & 1) << place for place, (axis, bit) in enumerate(turns))

    return tuple(sorted(np.ndindex(*counts), key=code))


def _is_filled(chunk: NDArray[Any], fill: Any) -> bool:
    # Most chunks differ in their first cell, which spares a pass over the others. The bits are
    # compared: -0.0 isn't 0.0, and NaN equals itself.
    bits = f"u{chunk.dtype.itemsize}" if chunk.dtype.kind != "b" else "u1"
    wanted = np.asarray(fill, chunk.dtype).view(bits)
    numbers = chunk.view(bits)
    return bool(numbers.flat[0] == wanted and (numbers == wanted).all())


def _text(option: object) -> Any:
    """Return an option of a codec as text, which it is since zarr 3.2 and was in enums before."""
    return getattr(option, "value", option)


def packing_of(array: zarr.Array[Any]) -> Packing | None:
    """Return how an array is packed if it is as this package packs: little endian and blosc.

    Chunks may lack the checksum at their end: earlier versions wrote none.
    """
    metadata = array.metadata
    codecs = metadata.codecs if isinstance(metadata, ArrayV3Metadata) else ()
    if len(codecs) != 1 or not isinstance(codecs[0], ShardingCodec) or array.shards is None:
        return None
    sharding = codecs[0]
    at_end = _text(sharding.index_location) == "end"
    checked = [type(codec) for codec in sharding.index_codecs] == [BytesCodec, Crc32cCodec]
    if not at_end or not checked or len(sharding.codecs) not in (2, 3):
        return None
    first, second, *sums = sharding.codecs
    if any(not isinstance(codec, Crc32cCodec) for codec in sums):
        return None
    if not isinstance(first, BytesCodec) or _text(first.endian) not in (None, "little"):
        return None
    if not isinstance(second, BloscCodec) or array.dtype.byteorder == ">":
        return None
    compressor = {
        "cname": _text(second.cname),
        "clevel": second.clevel,
        "shuffle": _SHUFFLES[_text(second.shuffle)],
        "blocksize": second.blocksize,
    }
    return Packing(
        shard=tuple(array.shards),
        chunk=tuple(array.chunks),
        compressor=compressor,
        checksums=bool(sums),
    )
