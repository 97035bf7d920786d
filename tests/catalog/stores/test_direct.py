"""How many requests a window of a bucket takes, and that it is what Zarr reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec
from zarr.core.sync import sync

from tests.catalog.cubes import random_cube
from xcube_tiles.catalog.format import remote
from xcube_tiles.catalog.format.direct import direct_reader
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores.checked import Bucket
from xcube_tiles.catalog.stores.store import open_store
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import StoreError

if TYPE_CHECKING:
    from tests.catalog.stores.faults import FaultyProxy
    from xcube_tiles.catalog.format.direct import DirectReader

CHUNK, SHARD, EDGE = 128, 512, 1024
"""Random 64-bit cells: a chunk of 128 KiB, so that what lies between two isn't worth reading."""


def make(url: str, *, shards: bool = True) -> zarr.Array[Any]:
    """Return an array of 2 x 2 shards of 4 x 4 chunks.

    The shard to the upper right isn't there, nor is the third chunk of the first.
    """
    codecs = (BytesCodec(), BloscCodec(cname="zstd", clevel=1), Crc32cCodec())
    packed: Any = (ShardingCodec(chunk_shape=(CHUNK, CHUNK), codecs=codecs),) if shards else codecs
    array = zarr.create(
        store=open_store(url, read_only=False),
        shape=(EDGE, EDGE),
        chunks=(SHARD, SHARD) if shards else (CHUNK, CHUNK),
        dtype="int64",
        codecs=packed,
        fill_value=-1,
        zarr_format=3,
    )
    cells = np.random.default_rng(5).integers(0, 2**62, (EDGE, EDGE))
    cells[:SHARD, SHARD:] = -1
    cells[:CHUNK, 2 * CHUNK : 3 * CHUNK] = -1
    array[...] = cells
    return zarr.open_array(store=open_store(url, read_only=True), mode="r")


def reader_of(array: zarr.Array[Any]) -> DirectReader:
    reader = direct_reader(array)
    assert reader is not None
    return reader


def asked(s3: FaultyProxy) -> int:
    """Return how many requests there were since the last call."""
    count = len(s3.requests)
    s3.requests.clear()
    return count


def check(reader: DirectReader, s3: FaultyProxy, rows: slice, cols: slice) -> int:
    """Compare a window with what Zarr reads; return the requests it took."""
    s3.requests.clear()
    found = reader.read((), rows, cols)
    count = asked(s3)
    np.testing.assert_array_equal(found, reader.array[rows, cols])
    s3.requests.clear()
    return count


def test_a_window_takes_the_index_once_and_then_a_request_for_each_run(
    bucket: str, s3: FaultyProxy
) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    tile = slice(CHUNK, 2 * CHUNK)
    assert check(reader, s3, tile, tile) == 2, "the index and a chunk"
    assert check(reader, s3, tile, tile) == 1, "the chunk"
    # Chunks lie in a shard along a Z-order curve, whose first step is one row down.
    assert check(reader, s3, slice(300, 400), slice(140, 250)) == 1, "two in a column"
    assert check(reader, s3, slice(130, 250), slice(140, 300)) == 2, "two in a row"
    assert check(reader, s3, slice(300, 400), slice(100, 200)) == 1, "a square of four"
    assert check(reader, s3, slice(0, SHARD), slice(0, SHARD)) == 1, "a shard"


def test_what_is_not_there_takes_no_request(bucket: str, s3: FaultyProxy) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    assert check(reader, s3, slice(10, 20), slice(140, 150)) == 2
    assert check(reader, s3, slice(10, 20), slice(300, 310)) == 0, "no chunk in a shard"
    assert check(reader, s3, slice(10, 20), slice(250, 310)) == 1, "one of two chunks"
    assert check(reader, s3, slice(10, 20), slice(800, 810)) == 1, "no shard"
    assert check(reader, s3, slice(10, 20), slice(800, 810)) == 0


def test_a_window_over_four_shards(bucket: str, s3: FaultyProxy) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    middle = slice(SHARD - 20, SHARD + 20)
    assert check(reader, s3, middle, middle) == 4 + 3, "indexes, of which one isn't there; chunks"
    assert check(reader, s3, middle, middle) == 3


def test_requests_beside_those_of_zarr(bucket: str, s3: FaultyProxy) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    window = slice(200, 500)
    check(reader, s3, window, window)
    ours = check(reader, s3, window, window)
    reader.array[window, window]
    assert ours == 3
    # The index every time, and nine chunks; Zarr 3.4 asks for these at once.
    assert asked(s3) in (1 + 9, 1 + 1)


def test_chunks_that_are_objects(bucket: str, s3: FaultyProxy) -> None:
    reader = reader_of(make(f"{bucket}/a", shards=False))
    assert check(reader, s3, slice(100, 200), slice(10, 20)) == 2
    assert check(reader, s3, slice(10, 20), slice(300, 310)) == 1, "it isn't there"


def test_a_replaced_shard_is_noticed(bucket: str, s3: FaultyProxy) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    window = slice(0, 200)
    check(reader, s3, window, window)
    writable = zarr.open_array(store=open_store(f"{bucket}/a", read_only=False), mode="a")
    writable[:SHARD, :SHARD] = np.arange(SHARD * SHARD).reshape(SHARD, SHARD)
    check(reader, s3, window, window)


def test_a_chunk_that_comes_later_is_found_soon(
    bucket: str, s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    window = slice(0, 10), slice(300, 310)
    check(reader, s3, *window)
    writable = zarr.open_array(store=open_store(f"{bucket}/a", read_only=False), mode="a")
    writable[:SHARD, :SHARD] = np.arange(SHARD * SHARD).reshape(SHARD, SHARD)
    monkeypatch.setattr(remote, "FRESH", 0.0)
    assert check(reader, s3, *window) == 2


def test_a_tile_of_a_layer(bucket: str, s3: FaultyProxy) -> None:
    cube = random_cube((600, 600))
    to_catalog(cube, f"{bucket}/c", "one", shard=512)
    layer = open_catalog(f"{bucket}/c")["one"]
    window = slice(10, 200)
    layer.read("band", level=0, rows=window, cols=window)
    s3.requests.clear()
    found = layer.read("band", level=0, rows=window, cols=window)
    assert asked(s3) == 1
    np.testing.assert_array_equal(found, cube.band[10:200, 10:200])


def test_cells_are_read_while_requests_fail(bucket: str, s3: FaultyProxy) -> None:
    reader = reader_of(make(f"{bucket}/a"))
    s3.fail(0.3)
    found = reader.read((), slice(0, EDGE), slice(0, EDGE))
    s3.fail(0)
    np.testing.assert_array_equal(found, reader.array[...])


def test_a_refusal_is_told_at_once(bucket: str, s3: FaultyProxy) -> None:
    make(f"{bucket}/a")
    s3.fail(1.0, "error", only="/c/")
    retries = {"max_retries": 0}
    store = open_store(f"{bucket}/a", read_only=True, storage_options={"retry_config": retries})
    impatient = reader_of(zarr.open_array(store=store, mode="r"))
    s3.requests.clear()
    with pytest.raises(StoreError, match="can't read from"):
        impatient.read((), slice(0, 10), slice(0, 10))
    assert asked(s3) == 1, "Zarr isn't asked as well"


def test_damage_is_left_to_zarr_to_tell(bucket: str, s3: FaultyProxy) -> None:
    array = make(f"{bucket}/a")
    store = open_store(f"{bucket}/a", read_only=False)
    assert isinstance(store, Bucket)
    found = sync(store.part("c/1/1", None))
    assert found is not None
    content = bytearray(found[0])
    content[1000] ^= 0xFF
    store.store.put("c/1/1", bytes(content))
    assert reader_of(array).read((), slice(700, 710), slice(700, 710)) is not None
    assert reader_of(array).read((), slice(520, 530), slice(520, 530)) is None
    store.store.put("c/1/1", b"short")
    assert reader_of(array).read((), slice(700, 710), slice(700, 710)) is None


def test_servers_that_do_not_count_from_the_end(bucket: str, s3: FaultyProxy) -> None:
    from obstore.exceptions import NotSupportedError

    store = open_store(f"{bucket}/a", read_only=False)
    assert isinstance(store, Bucket)
    store.store.put("object", b"0123456789")
    store.store = _LikeAzure(store.store, NotSupportedError)
    found = sync(store.part("object", (-3, 3)))
    assert found is not None
    assert (bytes(found[0]), found[1].size) == (b"789", 10)
    assert sync(store.part("absent", (-3, 3))) is None


class _LikeAzure:
    """A store that refuses ranges counted from the end, as Azure does."""

    def __init__(self, store: Any, error: type[Exception]) -> None:
        self._store, self._error = store, error
        self.head_async = store.head_async

    async def get_async(self, key: str, *, options: dict[str, Any]) -> Any:
        if "suffix" in options.get("range", ()):
            raise self._error("suffix ranges aren't supported")
        return await self._store.get_async(key, options=options)
