"""Layers in shards have checksums: no reader takes damaged bytes for cells, `verify` names them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
import zarr
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st
from zarr.codecs import BloscCodec
from zarr.core.sync import sync
from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import random_cube
from xcube_tiles.catalog.format import documents
from xcube_tiles.catalog.format.documents import Encoding
from xcube_tiles.catalog.format.shards import WholeShards, whole_shards
from xcube_tiles.catalog.stores.objects import get, get_document, put
from xcube_tiles.catalog.verify.checksums import object_check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL: Any = {"chunk": 4, "shard": 8}


def objects(store: Any) -> dict[str, bytes]:
    """Return the objects of all arrays, cells and coordinates."""

    async def keys() -> list[str]:
        return [key async for key in store.list() if "/c" in key and not key.endswith(".json")]

    return {key: get(store, key) or b"" for key in sorted(sync(keys()))}


def codecs(store: Any, layer: str = "a") -> Iterator[tuple[str, list[str]]]:
    """Yield each array of a layer and the names of the codecs of its chunks."""
    for path, node in zarr.open_group(store, path=layer, mode="r").members(max_depth=None):
        document: Any = node.metadata.to_dict()
        if document["node_type"] == "array":
            found = document["codecs"]
            if found[0]["name"] == "sharding_indexed":
                assert len(found) == 1
                found = found[0]["configuration"]["codecs"]
            yield path, [codec["name"] for codec in found]


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    """A store with a layer in the default form, some of its levels being smaller than a shard."""
    store = MemoryStore()
    random_cube((2, 18, 13)).tiles.to_catalog(store, "a", levels=3, **SMALL)
    return store


def test_layers_in_shards_have_checksums_everywhere(store: MemoryStore) -> None:
    arrays = dict(codecs(store))
    assert {"0/band", "2/band", "0/time", "1/x", "2/spatial_ref"} <= set(arrays)
    assert set(map(tuple, arrays.values())) == {("bytes", "blosc", "crc32c")}
    assert xt.open_catalog(store).verify(deep=True).without_checksums == ()


def test_layers_without_shards_have_none() -> None:
    store = MemoryStore()
    random_cube((2, 18, 13)).tiles.to_catalog(store, "a", sharded=False, **SMALL)
    assert not any("crc32c" in found for _, found in codecs(store))
    assert xt.open_catalog(store).verify().without_checksums == ("a",)


def read_with_ours(store: Any, level: str, name: str) -> None:
    """Read what an array is read for; our reader takes coordinates from level 0 and its grid."""
    layer = xt.open_catalog(store)["a"]
    if name == "band":
        rows, cols = layer.levels[int(level)].shape
        layer.read("band", level=int(level), rows=slice(0, rows), cols=slice(0, cols))
    elif (level, name) == ("0", "time"):
        _ = layer.times
    else:
        _ = np.asarray(layer.group[f"{level}/{name}"][...])  # type: ignore[index]


def check_flip(store: Any, key: str, bit: int) -> None:
    """Flip a bit of an object; nobody may read it, and `verify` names it."""
    content = get(store, key) or b""
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    put(store, key, bytes(flipped))
    try:
        report = xt.open_catalog(store).verify()
        assert (key, "damaged") in {(each.path, each.kind) for each in report.problems}, report
        with pytest.raises(ValueError, match="checksum"):
            _ = zarr.open_array(store, path=key.partition("/c/")[0], mode="r")[...]
        with pytest.raises(ValueError, match="checksum"):
            read_with_ours(store, *key.split("/")[1:3])
    finally:
        put(store, key, content)


def test_flips_of_first_and_last_bytes_are_found(store: MemoryStore) -> None:
    for key, content in objects(store).items():
        for bit in (0, len(content) * 8 - 1):
            check_flip(store, key, bit)
    assert xt.open_catalog(store).verify().problems == ()


@given(data=st.data())
def test_any_flip_is_found(store: MemoryStore, data: st.DataObject) -> None:
    """There is no padding: chunks follow each other, then comes the index, then its checksum."""
    found = objects(store)
    key = data.draw(st.sampled_from(list(found)))
    check_flip(store, key, data.draw(st.integers(0, len(found[key]) * 8 - 1)))


@pytest.mark.parametrize("key", ["a/0/band/c/1/2/1", "a/2/band/c/0/0/0", "a/1/y/c/0"])
def test_every_flip_is_found(store: MemoryStore, key: str) -> None:
    """All bits of a shard at the edge, of a chunk without shard, of a coordinate."""
    path, content = key.partition("/c/")[0], get(store, key) or b""
    document = get_document(store, f"{path}/zarr.json")
    check = object_check(document or {})
    assert check is not None
    assert check(content, len(content), key) == ""
    for bit in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        assert check(bytes(flipped), len(content), key)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.999])
def test_zarrs_refuses_damaged_bytes(tmp_path: Path, share: float) -> None:
    # zarrs 0.2 compares no checksums where it reads a part of a chunk or shard, as of `0/time`.
    pytest.importorskip("zarrs")
    random_cube((2, 18, 13)).tiles.to_catalog(tmp_path, "a", levels=3, **SMALL)
    whole = xt.open_catalog(tmp_path).read("a").compute()
    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        xr.testing.assert_identical(xt.open_catalog(tmp_path).read("a").compute(), whole)
        for key in ("a/0/band/c/1/0/0", "a/2/band/c/0/0/0", "a/1/x/c/0"):
            content = (tmp_path / key).read_bytes()
            flipped = bytearray(content)
            flipped[int(len(content) * share)] ^= 1
            (tmp_path / key).write_bytes(flipped)
            array = zarr.open_array(tmp_path / key.partition("/c/")[0], mode="r")
            with pytest.raises((RuntimeError, ValueError), match=r"(?i)checksum"):
                _ = array[...]
            (tmp_path / key).write_bytes(content)


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> xt.Catalog:
    """A catalog with a layer as versions without checksums wrote it."""

    def without(*, checksums: bool) -> tuple[BloscCodec]:
        return (BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),)

    with monkeypatch.context() as patch:
        patch.setattr(documents, "compressors", without)
        random_cube((2, 18, 13)).tiles.to_catalog(tmp_path / "c", "a", levels=3, **SMALL)
    catalog = xt.open_catalog(tmp_path / "c")
    assert not any("crc32c" in found for _, found in codecs(catalog.store))
    return catalog


def scene(day: int, seed: int) -> xr.Dataset:
    """Return the cube of another day."""
    cube = random_cube((1, 18, 13), seed=seed)
    return cube.assign_coords(time=cube.time + np.timedelta64(day, "D"))


@pytest.mark.parametrize("insert", [False, True])
@pytest.mark.parametrize("summed", [False, True])
def test_layers_grow_in_the_form_they_have(
    earlier: xt.Catalog, tmp_path: Path, insert: bool, summed: bool
) -> None:
    if summed:
        shutil.rmtree(tmp_path / "c/a")
        random_cube((2, 18, 13)).tiles.to_catalog(tmp_path / "c", "a", levels=3, **SMALL)
    before = earlier.read("a").compute()
    new = scene(-3 if insert else 5, 1)
    earlier.append("a", new, insert=insert)
    other = random_cube((2, 18, 13), seed=2)
    changed = other.isel(time=[1], y=slice(3, 9), x=slice(2, 12))
    earlier.update("a", changed)
    expected = xr.concat([before, new], "time").sortby("time").compute()
    expected.band.loc[{"time": changed.time, "y": changed.y, "x": changed.x}] = changed.band
    np.testing.assert_array_equal(earlier.read("a").band, expected.band)
    layer = earlier["a"]
    form = ["bytes", "blosc", "crc32c"] if summed else ["bytes", "blosc"]
    inside = tuple(f"{level.path}/" for level in layer.levels)
    arrays = {path: found for path, found in codecs(earlier.store) if path.startswith(inside)}
    assert list(arrays.values()) == [form] * 15
    report = earlier.verify(deep=True)
    assert report.ok
    assert report.without_checksums == (() if summed else ("a",))


def test_earlier_layers_are_still_packed_fast(earlier: xt.Catalog) -> None:
    path = f"a/{earlier['a'].levels[0].path}/band"
    array = zarr.open_array(earlier.store, path=path, mode="r+")
    cells = np.asarray(array[:])
    writer = whole_shards(array)
    assert isinstance(writer, WholeShards)
    assert not writer.packing.checksums
    before = objects(earlier.store)
    writer[slice(0, 2), slice(0, cells.shape[1]), slice(0, cells.shape[2])] = cells
    assert objects(earlier.store) == before


def test_packing_anew_gives_checksums_and_takes_them(earlier: xt.Catalog) -> None:
    before = earlier.read("a").compute()
    for sharded in (True, False, True):
        layer = earlier.reindex("a", sharded=sharded, **SMALL)
        earlier.vacuum()
        names = ["bytes", "blosc", "crc32c"] if sharded else ["bytes", "blosc"]
        assert [found for _, found in codecs(earlier.store)] == [names] * 15
        report = earlier.verify(deep=True)
        assert report.problems == ()
        assert report.without_checksums == (() if sharded else ("a",))
        xr.testing.assert_identical(earlier.read("a").compute(), before)
        assert len(layer.levels) == 3


def test_what_was_begun_without_checksums_isnt_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoding = Encoding(sharded=True, chunk=4, shard=8)
    now = tokenize(encoding)
    assert now == tokenize(Encoding(sharded=True, chunk=4, shard=8))
    assert now != tokenize(Encoding(sharded=True, chunk=4, shard=16))
    monkeypatch.setattr(documents, "compressors", lambda *, checksums: (BloscCodec(),))
    assert tokenize(encoding) != now
