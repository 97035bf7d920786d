"""Catalogs in Icechunk repositories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dask import config
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.icechunk.building import AwayArray, start_build
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import get_document, put
from xcube_tiles.catalog.stores.store import open_store
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.errors import CatalogError, LayerBusyError, LayerExistsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from xarray import Dataset

pytest.importorskip("icechunk", reason="icechunk comes with the cloud extra")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"icechunk://{tmp_path}/repository"


def read_by(call: Callable[[], Any], size: int = 4) -> Dataset:
    """Return a cube of ones that calls a function when it is read."""

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        call()
        return np.ones([part.stop - part.start for part in index], "int16")

    cube = cube_of(np.zeros((size, size)))
    data = from_reader(read, shape=(size, size), chunks=256, dtype="int16", name="f", token=3)
    cube["band"] = cube.band.copy(data=data)
    return cube


def test_the_whole_way(url: str) -> None:
    cube, other = random_cube((600, 700)), random_cube((300, 300), seed=1)
    to_catalog(cube, url, "one", shard=256)
    catalog = open_catalog(url)
    assert catalog.layers == ("one",)
    old = catalog["one"]
    np.testing.assert_array_equal(catalog.read("one").band, cube.band)
    to_catalog(other, url, "one", shard=256, overwrite=True)
    np.testing.assert_array_equal(catalog.read("one").band, other.band)
    with pytest.raises(LayerExistsError):
        to_catalog(cube, url, "one")
    catalog.delete("one")
    assert not list(catalog)
    # who has it open reads on
    old.check_current()
    cells = old.read("band", level=0, rows=slice(0, 600), cols=slice(0, 700))
    np.testing.assert_array_equal(cells, cube.band)


def test_history_and_the_past(url: str) -> None:
    to_catalog(cube_of([[1, 2]]), url, "one")
    to_catalog(cube_of([[3, 4]]), url, "one", overwrite=True)
    catalog = open_catalog(url)
    states = catalog.history()
    assert [state.message for state in states] == ["write one", "write one", "make the catalog"]
    assert [state.metadata.get("revision") for state in states] == [2, 1, None]
    assert datetime.now(UTC) - states[0].when < timedelta(hours=1)
    assert len(catalog["one"].metadata["history"]) == 2
    for at in (states[1].id, states[1].when + (states[0].when - states[1].when) / 2):
        past = open_catalog(url, at=at)
        assert past.read("one").band.values.tolist() == [[1, 2]]
        with pytest.raises(StoreError, match="a state of the past can't be changed"):
            past.delete("one")
    assert open_catalog(url, at=states[2].id).layers == ()
    catalog.store.repository().create_tag("first", states[1].id)  # type: ignore[attr-defined]
    assert open_catalog(url, at="first").read("one").band.values.tolist() == [[1, 2]]
    naive = datetime(2000, 1, 1)
    for at in ("nothing", naive):
        with pytest.raises(CatalogError, match=r"has no state at .*; catalog.history\(\) lists"):
            open_catalog(url, at=at)


def test_nothing_is_seen_of_what_failed(url: str) -> None:
    to_catalog(cube_of([[1, 2]]), url, "old")
    count = len(open_catalog(url).history())

    def fail() -> None:
        assert open_catalog(url).layers == ("old",)
        raise OSError("cut off")

    with config.set(scheduler="synchronous"):
        for name in ("new", "old"):
            with pytest.raises(OSError, match="cut off"):
                to_catalog(read_by(fail, 300), url, name, overwrite=True)
    catalog = open_catalog(url)
    assert catalog.layers == ("old",)
    assert catalog.read("old").band.values.tolist() == [[1, 2]]
    assert len(catalog.history()) == count
    with pytest.raises(CatalogError, match="there is nothing to resume"):
        to_catalog(cube_of([[1, 2]]), url, "new", resume=True)


def test_of_two_writers_the_first_to_end_wins(url: str) -> None:
    to_catalog(cube_of([[0]]), url, "layer")

    def write(name: str, *, overwrite: bool) -> Callable[[], None]:
        return lambda: void(to_catalog(cube_of([[7]]), url, name, overwrite=overwrite))

    with pytest.raises(LayerBusyError, match="was changed by somebody else"):
        to_catalog(read_by(write("layer", overwrite=True)), url, "layer", overwrite=True)
    with pytest.raises(LayerExistsError):
        to_catalog(read_by(write("new", overwrite=False)), url, "new")
    # another layer is no conflict
    to_catalog(read_by(write("beside", overwrite=False)), url, "third")
    catalog = open_catalog(url)
    assert catalog.layers == ("beside", "layer", "new", "third")
    assert catalog.read("layer").band.values.tolist() == [[7]]
    assert catalog.read("new").band.values.tolist() == [[7]]
    assert (catalog.read("third").band == 1).all()


def void(_: object) -> None:
    """Return nothing."""


def test_a_lock_is_a_transaction(url: str) -> None:
    to_catalog(cube_of([[0]]), url, "layer")
    store = open_store(url, read_only=False)
    document = b'{"zarr_format": 3, "node_type": "group", "attributes": {"a": 1}}'

    def fail() -> None:
        with Lock(store, "layer"):
            put(store, "x/zarr.json", document)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert get_document(store, "x/zarr.json") is None
    with Lock(store, "layer"):
        put(store, "x/zarr.json", document)
        put(store, "layer/.build.json", b"dropped")
        assert get_document(store, "x/zarr.json") is not None
        assert get_document(open_store(url + "/", read_only=False), "x/zarr.json") is None
    found = get_document(store, "x/zarr.json")
    assert found is not None
    assert found["attributes"] == {"a": 1}
    assert get_document(store, "layer/.build.json") is None


def test_blocks_written_by_other_processes(url: str) -> None:
    """Pickled as a cluster would, without one."""
    import pickle

    import zarr

    to_catalog(cube_of([[0]]), url, "other")
    store = open_store(url, read_only=False)
    build = start_build(store, "layer", operation="write", fingerprint="", exists=False)
    with build:
        array = zarr.create_array(
            build.draft, name="0/band", shape=(4, 4), chunks=(2, 2), dtype="int16"
        )
        targets = [pickle.loads(pickle.dumps(build.bound(array))) for _ in range(2)]
        assert all(isinstance(target, AwayArray) for target in targets)
        with pytest.raises(CatalogError, match="whose reports are missing"):
            build.commit({})
        reports = [
            target.store_block((slice(2 * n, 2 * n + 2), slice(0, 4)), np.full((2, 4), n + 1))
            for n, target in enumerate(targets)
        ]
        build.collect(reports)
        np.testing.assert_array_equal(build.bound(array)[:, 0], [1, 1, 2, 2])
        build.commit({})
    snapshot = store.snapshot()  # type: ignore[attr-defined]
    found = zarr.open_array(snapshot, path="layer/0/band", mode="r")
    np.testing.assert_array_equal(found[:, 3], [1, 1, 2, 2])


def test_it_grows(url: str) -> None:
    cube, patch = random_cube((3, 300, 300)), random_cube((1, 300, 300), seed=5)
    to_catalog(cube.isel(time=slice(0, 2)), url, "one", shard=256)
    catalog = open_catalog(url)
    old = catalog["one"]
    catalog.append("one", cube.isel(time=[2]))
    np.testing.assert_array_equal(catalog.read("one").band, cube.band)
    window = patch.isel(y=slice(100, 200), x=slice(50, 270))
    catalog.update("one", window)
    want = cube.band.values.copy()
    want[0, 100:200, 50:270] = window.band.values[0]
    np.testing.assert_array_equal(catalog.read("one").band, want)
    assert old.times is not None
    assert len(old.times) == 2
    before = open_catalog(url, at=catalog.history()[1].id)
    np.testing.assert_array_equal(before.read("one").band, cube.band)


def test_wrong_urls(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no catalog at"):
        open_catalog(f"icechunk://{tmp_path}/nothing")
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(StoreError, match="repositories are at icechunk://folder"):
        open_catalog("icechunk+ftp://somewhere")
    with pytest.raises(StoreError, match=r"can't open .* with \['nonsense'\]"):
        open_catalog(f"icechunk://{tmp_path}/x", storage_options={"nonsense": 1})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(CatalogError, match="isn't empty and no catalog"):
        to_catalog(cube_of([[1]]), f"icechunk://{tmp_path}/full", "one")


def test_other_stores_keep_no_history(tmp_path: Path) -> None:
    to_catalog(cube_of([[1, 2]]), tmp_path / "c", "one")
    for place in (tmp_path / "c", MemoryStore()):
        with pytest.raises(CatalogError, match=r"keeps no history.*Icechunk"):
            open_catalog(place, at="x")
    with pytest.raises(CatalogError, match="keeps no history; catalogs in an Icechunk"):
        open_catalog(tmp_path / "c").history()


@pytest.mark.slow
def test_a_repository_in_s3(bucket: str) -> None:
    url = f"{bucket.replace('s3://', 'icechunk+s3://')}/repository"
    to_catalog(cube_of([[1, 2]]), url, "one")
    catalog = open_catalog(url)
    assert catalog.read("one").band.values.tolist() == [[1, 2]]
    assert len(catalog.history()) == 2
