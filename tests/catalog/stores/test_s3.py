"""Catalogs in S3, through HTTP on loopback, also if requests fail."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dask import config
from zarr.core.sync import sync

from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores import objects
from xcube_tiles.catalog.stores.store import open_store
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.errors import LayerBusyError, LayerExistsError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from xarray import Dataset

    from tests.catalog.stores.faults import FaultyProxy

IMPATIENT = {"retry_config": {"max_retries": 1, "retry_timeout": timedelta(seconds=3)}}


def cube_with(read: Any, size: int = 600) -> Dataset:
    """Return a cube whose blocks of 256 cells are read by a function."""
    cube = cube_of(np.zeros((size, size)))
    data = from_reader(read, shape=(size, size), chunks=256, dtype="int16", name="f", token=9)
    cube["band"] = cube.band.copy(data=data)
    return cube


def test_the_whole_way(bucket: str, s3: FaultyProxy) -> None:
    url, cube = f"{bucket}/deep/catalog.zarr", random_cube((2, 300, 300))
    to_catalog(cube, url, "one", shard=256)
    catalog = open_catalog(url)
    assert catalog.layers == ("one",)
    np.testing.assert_array_equal(catalog.read("one").band, cube.band)
    old = catalog["one"]
    other = random_cube((2, 300, 300), seed=1)
    to_catalog(other, url, "one", shard=256, overwrite=True)
    np.testing.assert_array_equal(catalog.read("one").band, other.band)
    cells = old.read("band", level=0, rows=slice(0, 300), cols=slice(0, 300))
    np.testing.assert_array_equal(cells, cube.band)
    with pytest.raises(LayerExistsError):
        to_catalog(cube, url, "one")
    catalog.delete("one")
    assert not list(catalog)
    left = objects.keys_below(catalog.store, "")
    assert left == ["zarr.json"]


def test_credentials_and_endpoint_as_options(
    bucket: str, s3: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    options = {
        "access_key_id": "key",
        "secret_access_key": "secret",
        "endpoint": s3.url,
        "region": "us-east-1",
    }
    to_catalog(cube_of([[1, 2]]), f"{bucket}/c", "one", storage_options=options)
    catalog = open_catalog(f"{bucket}/c", storage_options=options)
    assert catalog.read("one").band.values.tolist() == [[1, 2]]


def test_cells_survive_failing_requests(bucket: str, s3: FaultyProxy) -> None:
    cube = random_cube((600, 600))
    s3.fail(0.15)
    to_catalog(cube, f"{bucket}/c", "one", shard=256)
    read = open_catalog(f"{bucket}/c").read("one").band.values
    assert min(s3.faults.values()) > 0, s3.faults
    s3.fail(0)
    np.testing.assert_array_equal(read, cube.band)
    np.testing.assert_array_equal(open_catalog(f"{bucket}/c").read("one").band, cube.band)


@pytest.mark.parametrize("kind", ["slow-down", "error", "drop-before", "truncate"])
def test_a_read_that_fails_is_no_nodata(bucket: str, s3: FaultyProxy, kind: str) -> None:
    to_catalog(random_cube((300, 300)), f"{bucket}/c", "one", shard=256)
    cube = open_catalog(f"{bucket}/c", storage_options=IMPATIENT).read("one")
    s3.fail(1.0, kind, only="/band/c/")
    with pytest.raises(StoreError, match=rf"can't read from {bucket}/c: "):
        cube.band.compute()


def test_a_write_that_fails_is_resumed(bucket: str, s3: FaultyProxy) -> None:
    cells = np.random.default_rng(1).integers(0, 99, (600, 600)).astype("int16")
    reads: list[Any] = []

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        reads.append(index)
        if len(reads) == 6:
            s3.fail(1.0, "slow-down", only="/band/c/")
        return cells[index]

    url, cube = f"{bucket}/c", cube_with(read)
    with config.set(scheduler="synchronous"):
        with pytest.raises(StoreError, match="it is overloaded and didn't recover") as caught:
            to_catalog(cube, url, "one", shard=256, levels=1, storage_options=IMPATIENT)
        assert "the same call with resume=True goes on" in caught.value.__notes__[0]
        s3.fail(0)
        assert open_catalog(url).layers == ()
        before = len(reads)
        to_catalog(cube, url, "one", shard=256, levels=1, resume=True)
    assert len(reads) < before + 9
    np.testing.assert_array_equal(open_catalog(url).read("one").band, cells)


def test_an_answer_that_is_lost_is_no_conflict(bucket: str, s3: FaultyProxy) -> None:
    store = open_store(f"{bucket}/c", read_only=False)
    s3.fail(1.0, "drop-after")
    done: list[bool] = []
    writer = Thread(target=lambda: done.append(objects.create(store, "a", b"mine")))
    writer.start()
    while not s3.faults["drop-after"]:
        pass
    s3.fail(0)
    writer.join()
    assert done == [True]
    assert not objects.create(store, "a", b"other")


def race(calls: list[Any]) -> list[Any]:
    """Run functions at the same time; return what they return or raise."""
    barrier, results = Barrier(len(calls)), []

    def run(call: Any) -> None:
        barrier.wait()
        try:
            results.append(call())
        except Exception as error:  # all of it is looked at
            results.append(error)

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_racing_requests_one_wins(bucket: str, s3: FaultyProxy) -> None:
    store = open_store(f"{bucket}/c", read_only=False)
    calls = [lambda n=n: objects.create(store, "key", f"{n}".encode()) for n in range(8)]
    assert sorted(race(calls)) == [False] * 7 + [True]
    stamp = objects.stamp_of(store, "key")
    calls = [lambda n=n: objects.replace(store, "key", f"r{n}".encode(), stamp) for n in range(8)]
    assert sorted(race(calls)) == [False] * 7 + [True]


def test_of_racing_writers_one_wins(bucket: str, s3: FaultyProxy) -> None:
    url = f"{bucket}/c"
    to_catalog(cube_of([[0]]), url, "other")
    cubes = [cube_of(np.full((300, 300), n)) for n in range(3)]
    results = race([lambda c=c: to_catalog(c, url, "one", shard=256) for c in cubes])
    errors = [result for result in results if isinstance(result, Exception)]
    assert len(errors) == 2
    assert all(isinstance(error, LayerBusyError | LayerExistsError) for error in errors), errors
    values = np.unique(open_catalog(url).read("one").band)
    assert values.size == 1


def test_there_is_no_bucket(s3: FaultyProxy) -> None:
    for call in (open_catalog, lambda url: to_catalog(cube_of([[1]]), url, "one")):
        with pytest.raises(StoreError, match="there is no such bucket: make it first"):
            call("s3://nowhere/c")


def test_there_is_no_server() -> None:
    options = {"endpoint": "http://127.0.0.1:9", "region": "x", "skip_signature": True}
    with pytest.raises(StoreError, match="it can't be reached or doesn't answer"):
        open_catalog("s3://bucket/c", storage_options={**options, **IMPATIENT})


def test_there_is_no_permission(bucket: str, s3: FaultyProxy) -> None:
    to_catalog(cube_of([[1, 2]]), f"{bucket}/c", "one")
    s3.refuse = 403
    with pytest.raises(StoreError, match="there is no permission to do that"):
        to_catalog(cube_of([[3, 4]]), f"{bucket}/c", "one", overwrite=True)
    s3.refuse = 0
    assert open_catalog(f"{bucket}/c").read("one").band.values.tolist() == [[1, 2]]


def test_listing_and_sizes(bucket: str, s3: FaultyProxy) -> None:
    store = open_store(f"{bucket}/c", read_only=False)
    objects.put(store, "a/b", b"123")
    assert objects.keys_below(store, "a") == ["a/b"]
    assert sync(store.getsize("a/b")) == 3
    objects.copy_all(store, [("a/b", "a/c")])
    assert objects.get(store, "a/c") == b"123"
    assert ("PUT", f"/{bucket[5:]}/c/a/c") in s3.requests
