"""From URLs to stores, and who may write: no network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores import lock, objects
from xcube_tiles.catalog.stores.checked import Bucket, Folder
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.store import open_store
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError, LayerBusyError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import Store

obstore = pytest.importorskip("obstore.store", reason="obstore comes with the cloud extra")


@pytest.mark.parametrize(
    ("url", "kind", "prefix", "options"),
    [
        ("s3://bucket/a/b", "S3Store", "a/b", {}),
        ("https://bucket.s3.eu-central-1.amazonaws.com/a", "S3Store", "a", {}),
        ("gs://bucket/a", "GCSStore", "a", {}),
        ("az://container/a", "AzureStore", "a", {"account_name": "me"}),
        ("abfs://container@me.dfs.core.windows.net/a", "AzureStore", "a", {}),
        ("https://me.blob.core.windows.net/container/a", "AzureStore", "a", {}),
        ("https://example.org/a", "HTTPStore", None, {}),
    ],
)
def test_urls_of_object_stores(
    url: str, kind: str, prefix: str | None, options: dict[str, Any]
) -> None:
    store = open_store(url, read_only=False, storage_options=options)
    assert isinstance(store, Bucket)
    assert type(store.store).__name__ == kind
    assert getattr(store.store, "prefix", None) == prefix
    assert str(store) == url
    assert store.read_only == store.is_web == (kind == "HTTPStore")
    assert not isinstance(open_store(url, read_only=True, storage_options=options), Folder)


def test_options_reach_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"client_options": {"timeout": "7s"}, "retry_config": {"max_retries": 1}}
    store: Any = open_store("s3://bucket", read_only=False, storage_options=given)
    assert store.store.client_options["timeout"] == "7s"
    assert store.store.retry_config["max_retries"] == 1
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "me")
    store = open_store("az://container/a", read_only=False)
    assert store.store.config["account_name"] == "me"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = open_store("s3://bucket", read_only=False)
    assert str(store.store.client_options["allow_http"]).lower() == "true"
    with pytest.raises(StoreError, match=r"can't open 's3://bucket': .*nonsense"):
        open_store("s3://bucket", read_only=False, storage_options={"nonsense": 1})


def test_a_web_server_cant_be_written_to() -> None:
    for call in (
        lambda: objects.put(open_store("http://127.0.0.1:9/c", read_only=False), "a", b""),
        lambda: objects.create(open_store("http://127.0.0.1:9/c", read_only=False), "a", b""),
    ):
        with pytest.raises(StoreError, match="a web server can't be written to"):
            call()


def test_memory_is_shared_within_the_process() -> None:
    to_catalog(cube_of([[1, 2]]), "memory://stores/shared", "one")
    assert open_catalog("memory://stores/shared").layers == ("one",)
    with pytest.raises(CatalogError, match="no catalog at 'memory://stores/other'"):
        open_catalog("memory://stores/other")


def places(tmp_path: Path) -> list[Store]:
    return [
        MemoryStore(),
        Bucket(obstore.MemoryStore()),
        Folder(tmp_path),
        open_store("memory://stores/places", read_only=False),
    ]


@pytest.mark.parametrize("number", range(4))
def test_exclusive_and_conditional_writes(tmp_path: Path, number: int) -> None:
    store = places(tmp_path)[number]
    assert objects.create(store, "a", b"1")
    assert not objects.create(store, "a", b"2")
    stamp = objects.stamp_of(store, "a")
    assert objects.replace(store, "a", b"3", stamp)
    assert not objects.replace(store, "a", b"4", stamp)
    assert objects.get(store, "a") == b"3"
    assert objects.get_stamped(store, "b") == (None, None)
    objects.delete(store, "a")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "RENEWED_EVERY", 0.05)


def lease_of(store: Store) -> dict[str, Any]:
    document = objects.get_document(store, ".lock-layer")
    assert document is not None
    return document


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("number", [0, 1])
def test_a_lease_is_renewed(tmp_path: Path, number: int) -> None:
    store = places(tmp_path)[number]
    with Lock(store, "layer") as held:
        first = lease_of(store)
        while lease_of(store)["renewed"] == first["renewed"]:
            pass
        assert lease_of(store)["owner"] == first["owner"]
        with pytest.raises(LayerBusyError, match=r"being written by process \d+ on "):
            Lock(store, "layer").__enter__()
        held.check()
    assert objects.get(store, ".lock-layer") is None


@pytest.mark.parametrize("number", [0, 1])
def test_a_stale_lease_is_taken_by_one(tmp_path: Path, number: int) -> None:
    store = places(tmp_path)[number]
    with Lock(store, "layer") as held:
        old = datetime.now(UTC) - timedelta(seconds=2 * lock.STALE_AFTER)
        stale = {**lease_of(store), "renewed": old.isoformat()}
        objects.put(store, ".lock-layer", objects.as_document(stale))
        found, stamp = objects.get_stamped(store, ".lock-layer")
        assert found is not None
        with Lock(store, "layer") as taker:
            # who saw the same stale lease comes too late
            assert not objects.replace(store, ".lock-layer", b"{}", stamp)
            taker.check()
            with pytest.raises(LayerBusyError):
                held.check()
            with pytest.raises(LayerBusyError):
                Lock(store, "layer").__enter__()
    assert objects.get(store, ".lock-layer") is None
