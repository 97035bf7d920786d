"""Shards as we pack them, against what Zarr makes of the same cells."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from xcube_tiles.catalog.format.documents import compressors
from xcube_tiles.catalog.format.shards import WholeShards, whole_shards

SHAPE, SHARD, CHUNK = (2, 40, 23), (1, 16, 16), (1, 4, 4)


def target(
    store: MemoryStore,
    dtype: str,
    fill: Any,
    *,
    shape: Any = SHAPE,
    checksums: bool = True,
    shard: tuple[int, ...] = SHARD,
    chunk: tuple[int, ...] = CHUNK,
) -> Any:
    return zarr.create_array(
        store, shape=shape, dtype=dtype, chunks=chunk, shards=shard, fill_value=fill,
        compressors=compressors(checksums=checksums), overwrite=True,
    )  # fmt: skip


def documents(store: MemoryStore) -> dict[str, bytes]:
    async def keys() -> list[str]:
        return [key async for key in store.list() if "c/" in key]

    found = {}
    for key in sync(keys()):
        buffer = sync(store.get(key, default_buffer_prototype()))
        assert buffer is not None
        found[key] = buffer.to_bytes()
    return found


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("bool", False), ("uint8", 255), ("int16", -9999), ("float32", np.nan), ("float64", 0.0)],
)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from((0.0, 0.9, 1.0)),
    checksums=st.booleans(),
)
def test_the_bytes_are_those_that_zarr_writes(
    dtype: str, fill: Any, seed: int, share: float, checksums: bool
) -> None:
    random = np.random.default_rng(seed)
    cells = random.integers(-3, 4, SHAPE).astype(dtype)
    # Whole chunks and whole shards without cells.
    empty = np.kron(random.random((2, 10, 6)) < share, np.ones((1, 4, 4)))[:, :40, :23] > 0
    cells[empty] = fill
    ours, theirs = MemoryStore(), MemoryStore()
    writer = whole_shards(target(ours, dtype, fill, checksums=checksums))
    plain = target(theirs, dtype, fill, checksums=checksums)
    assert isinstance(writer, WholeShards)
    for time in range(2):
        region = (slice(time, time + 1), slice(0, 40), slice(0, 23))
        writer[region] = cells[region]
        plain[region] = cells[region]
    np.testing.assert_array_equal(writer.array[:], cells)
    assert documents(ours) == documents(theirs)


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize(
    ("shard", "chunk"),
    [
        ((1, 16, 16), (1, 16, 16)),
        ((1, 24, 40), (1, 8, 8)),
        ((1, 56, 8), (1, 8, 8)),
        ((6, 8, 24), (2, 4, 4)),
        ((3, 5, 7), (1, 1, 1)),
    ],
)
def test_chunks_follow_each_other_as_in_zarr(
    shard: tuple[int, ...], chunk: tuple[int, ...], checksums: bool
) -> None:
    cells = np.random.default_rng(1).integers(0, 9, shard).astype("uint16")
    ours, theirs = MemoryStore(), MemoryStore()
    packed: dict[str, Any] = {
        "shape": shard,
        "shard": shard,
        "chunk": chunk,
        "checksums": checksums,
    }
    writer = whole_shards(target(ours, "uint16", 0, **packed))
    assert isinstance(writer, WholeShards)
    region = tuple(slice(0, size) for size in shard)
    writer[region] = cells
    target(theirs, "uint16", 0, **packed)[region] = cells
    assert documents(ours) == documents(theirs)


def test_an_empty_block_removes_what_was_there() -> None:
    store = MemoryStore()
    writer = whole_shards(target(store, "int16", -1, shape=SHARD))
    region = (slice(0, 1), slice(0, 16), slice(0, 16))
    writer[region] = np.ones(SHARD, "int16")
    assert len(documents(store)) == 1
    writer[region] = np.full(SHARD, -1, "int16")
    assert not documents(store)


def test_negative_zeros_arent_nodata() -> None:
    store = MemoryStore()
    writer = whole_shards(target(store, "float32", 0.0, shape=SHARD))
    region = (slice(0, 1), slice(0, 16), slice(0, 16))
    writer[region] = np.full(SHARD, -0.0, "float32")
    assert isinstance(writer, WholeShards)
    assert np.signbit(writer.array[:]).all()


def test_a_part_of_a_shard_is_left_to_zarr() -> None:
    store = MemoryStore()
    writer = whole_shards(target(store, "int16", 0, shape=SHARD))
    assert isinstance(writer, WholeShards)
    writer[slice(0, 1), slice(0, 16), slice(0, 16)] = np.ones(SHARD, "int16")
    writer[slice(0, 1), slice(3, 7), slice(2, 5)] = np.full((1, 4, 3), 5, "int16")
    cells = np.asarray(writer.array[:])
    assert (cells == 5).sum() == 12
    assert (cells == 1).sum() == 256 - 12


def test_other_codecs_are_left_to_zarr() -> None:
    array = zarr.create_array(
        MemoryStore(), shape=(8, 8), dtype="i2", chunks=(4, 4), shards=(8, 8),
        compressors=ZstdCodec(), fill_value=0,
    )  # fmt: skip
    assert whole_shards(array) is array
    for others in ((BloscCodec(), Crc32cCodec(), Crc32cCodec()), (Crc32cCodec(), BloscCodec())):
        array = zarr.create_array(
            MemoryStore(), shape=(8, 8), dtype="i2", chunks=(4, 4), shards=(8, 8),
            compressors=others, fill_value=0,
        )  # fmt: skip
        assert whole_shards(array) is array
    plain = zarr.create_array(MemoryStore(), shape=(8, 8), dtype="i2", chunks=(4, 4), fill_value=0)
    assert whole_shards(plain) is plain


def test_it_pickles(tmp_path: Any) -> None:
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=SHARD, dtype="i2", chunks=CHUNK, shards=SHARD, fill_value=0,
        compressors=BloscCodec(),
    )  # fmt: skip
    writer = pickle.loads(pickle.dumps(whole_shards(array)))
    assert isinstance(writer, WholeShards)
    writer[slice(0, 1), slice(0, 16), slice(0, 16)] = np.full(SHARD, 7, "i2")
    assert (np.asarray(array[:]) == 7).all()
