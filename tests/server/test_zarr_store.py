"""A layer's Zarr store over HTTP: byte ranges, what is given and what isn't, real clients."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from zarr.storage import MemoryStore, ObjectStore

from tests.render.sources import numbered
from tests.server.client import Client
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.access import ApiKey, hash_of
from xcube_tiles.server.zarr_store import parse_range
from xcube_tiles.testing.scene import scene_cube

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from xcube_tiles.catalog.model import Catalog

LAYER = "/layers/nir/zarr"
SHARD = f"{LAYER}/0/nir/c/1/0/0"


def cube(seed: int = 0) -> xr.Dataset:
    return scene_cube(size=300, dates=2, seed=seed)[["nir"]]


def write(place: Any, name: str = "nir", **options: Any) -> None:
    # A shard has several chunks, a level several shards.
    to_catalog(cube(), place, name, progress=False, **{"chunk": 64, "shard": 128} | options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stored") / "catalog.zarr"
    write(str(path))
    write(str(path), "plain", sharded=False)
    return path


@pytest.fixture(scope="module")
def client(folder: Path) -> Client:
    return Client(create_app(folder, sources={"files": source()}))


def source() -> Any:
    return numbered((8, 8), "EPSG:3857", left=-2e7, top=2e7, cell=5e6)


def content(folder: Path, key: str) -> bytes:
    return (folder / "nir" / key).read_bytes()


def ranged(client: Client, text: str, **headers: str) -> httpx.Response:
    return client.get(SHARD, headers={"Range": text, "Accept-Encoding": "gzip", **headers})


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-36", -36, None),
        ("bytes=5-99999999", 5, None),
        ("bytes=-99999999", 0, None),
    ],
)
def test_a_part_is_what_the_file_has(
    client: Client, folder: Path, text: str, start: int, stop: int | None
) -> None:
    whole = content(folder, "0/nir/c/1/0/0")
    answer = ranged(client, text)
    assert answer.status_code == 206
    assert answer.content == whole[start:stop]
    first = start % len(whole)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("text", ["bytes=0-1,4-5", "bytes=9-3", "lines=0-1", "bytes=-", "bytes=x-"])
def test_what_is_no_single_range_is_ignored(client: Client, folder: Path, text: str) -> None:
    answer = ranged(client, text)
    assert answer.status_code == 200
    assert answer.content == content(folder, "0/nir/c/1/0/0")
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("text", ["bytes=99999999-", "bytes=-0"])
def test_a_part_that_isnt_there(client: Client, folder: Path, text: str) -> None:
    answer = ranged(client, text)
    assert answer.status_code == 416
    size = len(content(folder, "0/nir/c/1/0/0"))
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert answer.json()["code"] == "bad-range"


def test_parts_of_nothing() -> None:
    assert parse_range("bytes=-5", 0) == (0, 0)
    assert parse_range("bytes=" + "9" * 30 + "-", 10) is None


def test_headers_alone(client: Client, folder: Path) -> None:
    answer = client.head(SHARD, headers={"Range": "bytes=0-1"})
    assert answer.status_code == 200  # a range means GET (RFC 9110)
    assert answer.content == b""
    assert answer.headers["content-length"] == str(len(content(folder, "0/nir/c/1/0/0")))


def test_what_a_client_has_isnt_sent_again(client: Client, folder: Path) -> None:
    first = client.get(SHARD)
    tag = first.headers["etag"]
    again = client.get(SHARD, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert ranged(client, "bytes=0-3", **{"If-Range": tag}).status_code == 206
    whole = ranged(client, "bytes=0-3", **{"If-Range": '"another"'})
    assert (whole.status_code, whole.content) == (200, first.content)
    assert client.get(f"{LAYER}/0/nir/c/0/0/0").headers["etag"] != tag


def test_a_document(client: Client, folder: Path) -> None:
    answer = client.get(f"{LAYER}/zarr.json", headers={"Accept-Encoding": "gzip"})
    assert answer.content == content(folder, "zarr.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in answer.headers


def test_pages_of_other_sites_may_read(client: Client) -> None:
    origin = {"Origin": "https://example.org"}
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "Range"}
    assert client.request("OPTIONS", SHARD, headers=origin | asked).status_code == 200
    shown = ranged(client, "bytes=-4", **origin).headers["access-control-expose-headers"]
    assert {"Content-Range", "Content-Length", "ETag", "Accept-Ranges"} <= set(shown.split(", "))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "0",
        "c/0/0/0",
        "../zarr.json",
        "../plain/zarr.json",
        "%2e%2e/plain/zarr.json",
        "..%2fplain%2fzarr.json",
        "0/../zarr.json",
        "0/nir/c/1/0/%2e%2e/0/0",
        "0//nir/zarr.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "0/nir/c/9/0/0",
        "0/nir/c/1/0/00",
        "0/nir/c/1/0/-1",
        "0/nir/c/1/0",
        "0/nir/c/1/0/0/",
        "0/nir/c/1/0/0%00",
        "0%5cnir%5czarr.json",
        ".build.json",
        ".manifest-0.json",
        "0/nir/c/1/0/.0.tmp",
        "7/zarr.json",
        "notes.txt",
    ],
)
def test_nothing_else_is_given(client: Client, folder: Path, key: str) -> None:
    for name in (".build.json", "notes.txt", "0/nir/c/1/0/.0.tmp"):
        (folder / "nir" / name).write_text("secret")
    status, answer = raw(client, f"{LAYER}/{key}")
    assert status == 404, answer
    assert b"secret" not in answer
    assert b'"code":"not-found"' in answer


def raw(client: Client, path: str) -> tuple[int, bytes]:
    """Send a path as it is, which HTTP libraries would tidy up."""
    import asyncio
    from urllib.parse import unquote

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    asyncio.run(client.app(scope, receive, send))
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])


def test_a_link_out_of_the_catalog_isnt_followed(tmp_path: Path) -> None:
    write(str(tmp_path / "catalog.zarr"))
    secret = tmp_path / "secret"
    secret.write_text("secret")
    chunk = tmp_path / "catalog.zarr/nir/0/nir/c/1/0/0"
    chunk.unlink()
    chunk.symlink_to(secret)
    assert Client(create_app(tmp_path / "catalog.zarr")).get(SHARD).status_code == 404


def test_layers_of_files_have_no_store(client: Client) -> None:
    answer = client.get("/layers/files/zarr/zarr.json")
    assert answer.status_code == 404
    assert "layer 'files' has no Zarr store" in answer.json()["detail"]
    assert "no layer 'nope'" in client.get("/layers/nope/zarr/zarr.json").json()["detail"]


def test_keys_open_their_layers_alone(folder: Path) -> None:
    keys = {"one": ApiKey(sha256=hash_of("a-key"), layers=("nir",))}
    locked = Client(create_app(folder, keys=keys, max_age=60))
    assert locked.get(SHARD).status_code == 404
    answer = locked.get(SHARD, headers={"X-API-Key": "a-key"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert locked.get(f"{SHARD}?key=a-key").status_code == 200
    assert locked.get("/layers/plain/zarr/zarr.json?key=a-key").status_code == 404


def test_layers_tell_their_store(client: Client) -> None:
    links = {link["rel"]: link["href"] for link in client.get("/layers/nir").json()["links"]}
    assert links["zarr"] == "http://test/layers/nir/zarr"
    tilejson = client.get("/layers/nir/tilejson.json").json()
    assert {link["rel"]: link["href"] for link in tilejson["links"]} == links
    assert "zarr" not in str(client.get("/layers/files").json()["links"])


def test_who_has_a_replaced_layer_open_is_told_once_its_cells_are_gone(tmp_path: Path) -> None:
    place = str(tmp_path / "catalog.zarr")
    write(place)
    client = Client(create_app(place))
    before = client.get(SHARD)
    catalog = open_catalog(place)
    catalog.write(cube(seed=1), "nir", overwrite=True, progress=False, chunk=64, shard=128)
    document = client.get(f"{LAYER}/zarr.json").json()
    present = document["attributes"]["multiscales"]["layout"][0]["asset"]
    assert present != "0"
    now = client.get(f"{LAYER}/{present}/nir/c/1/0/0")
    assert now.status_code == 200
    assert now.content != before.content
    # Who opened the layer before reads what it had then.
    assert client.get(SHARD).content == before.content
    assert client.get(f"{LAYER}/0/nir/zarr.json").status_code == 200
    catalog.vacuum()
    gone = client.get(SHARD)
    assert gone.status_code == 410
    assert gone.json()["code"] == "layer-replaced"
    # Of the present level, a missing object is NoData.
    assert client.get(f"{LAYER}/{present}/nir/c/1/0/7").status_code == 404


@pytest.mark.parametrize("kind", ["zip", "memory", "object", "icechunk"])
def test_stores_of_any_kind_give_the_same_bytes(kind: str, folder: Path, tmp_path: Path) -> None:
    catalog = elsewhere(kind, folder, tmp_path)
    client = Client(create_app(catalog))
    whole = client.get(SHARD)
    assert whole.status_code == 200
    assert whole.content == content(folder, "0/nir/c/1/0/0")
    assert ranged(client, "bytes=-36").content == whole.content[-36:]
    assert client.get(SHARD, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert client.get(f"{LAYER}/0/nir/c/1/0/7").status_code == 404
    assert client.get(f"{LAYER}/zarr.json").json()["node_type"] == "group"


def elsewhere(kind: str, folder: Path, tmp_path: Path) -> Catalog:
    if kind == "zip":
        path = tmp_path / "packed.zip"
        open_catalog(folder).pack(str(path))
        return open_catalog(str(path))
    if kind == "memory":
        store: Any = MemoryStore()
    elif kind == "object":
        obstore = pytest.importorskip("obstore.store", reason="obstore comes with cloud")
        store = ObjectStore(obstore.MemoryStore())
    else:
        pytest.importorskip("icechunk", reason="icechunk comes with cloud")
        store = f"icechunk://{tmp_path}/repository"
    write(store)
    return open_catalog(store)


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    uvicorn = pytest.importorskip("uvicorn", reason="the server extra is not installed")
    server = uvicorn.Server(
        uvicorn.Config(create_app(folder), port=0, log_level="warning", ws="none", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


def test_xarray_reads_what_was_written(address: str) -> None:
    obstore = pytest.importorskip("obstore.store", reason="obstore comes with the cloud extra")
    web = obstore.HTTPStore.from_url(
        f"{address}/layers/nir/zarr", client_options={"allow_http": True}
    )
    store = ObjectStore(web, read_only=True)
    with xr.open_zarr(store, group="0") as found:
        np.testing.assert_array_equal(found.nir.fillna(0)[:, :300, :300], cube().nir)
    with xr.open_datatree(store, engine="zarr") as tree:  # type: ignore[arg-type]
        assert set(tree.children) == {"0", "1"}


def test_gdal_reads_what_was_written(address: str) -> None:
    import rasterio

    if tuple(map(int, rasterio.__gdal_version__.split(".")[:2])) < (3, 11):
        pytest.skip(f"GDAL {rasterio.__gdal_version__} doesn't know the codecs of final Zarr v3")
    url = f"/vsicurl/{address}/layers/plain/zarr/0"
    with rasterio.open(f'ZARR:"{url}":/nir:1') as found:
        assert found.crs.to_epsg() == 32633
        np.testing.assert_array_equal(found.read(1)[:300, :300], cube().nir.values[1])


def test_a_large_object_is_read_in_pieces(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xcube_tiles.catalog.reading.stored.PIECE", 1000)
    monkeypatch.setattr("xcube_tiles.server.zarr_store.PIECE", 1000)
    whole = content(folder, "0/nir/c/1/0/0")
    assert len(whole) > 3000
    assert client.get(SHARD).content == whole
    assert ranged(client, "bytes=1500-3600").content == whole[1500:3601]


def test_an_object_written_anew_is_never_half_of_each(tmp_path: Path) -> None:
    from xcube_tiles.catalog.reading.stored import find_object
    from xcube_tiles.errors import StoreError

    write(str(tmp_path))
    found = find_object(open_catalog(str(tmp_path))["nir"], "0/nir/c/1/0/0")
    assert found is not None
    path = tmp_path / "nir/0/nir/c/1/0/0"
    other = tmp_path / "other"
    other.write_bytes(bytes(found.size))
    os.replace(other, path)
    with pytest.raises(StoreError, match="written anew"):
        list(found.pieces())
