from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
import uvicorn

from tests.render.sources import numbered
from tests.server.client import Client
from tests.server.conftest import TILE, scene
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError
from xcube_tiles.server import viewer
from xcube_tiles.server.app import create_app
from xcube_tiles.sources.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = f"/layers/scene/tiles/{TILE}.png?bands=ndvi&stretch=0,1"


def test_a_known_tile_is_not_drawn_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get(T)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    monkeypatch.setattr("xcube_tiles.server.fast.render_tile", lambda *a, **k: pytest.fail("drawn"))
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(T, headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag


def test_tags_differ_by_what_is_asked_not_by_the_order(client: Client) -> None:
    def tag(path: str) -> str:
        return client.get(path).headers["etag"]

    path = f"/layers/scene/tiles/{TILE}.png"
    assert tag(f"{path}?bands=ndvi&stretch=0,1") == tag(f"{path}?stretch=0,1&bands=ndvi")
    assert tag(f"{path}?bands=ndvi&stretch=0,1") != tag(f"{path}?bands=ndvi&stretch=0,2")
    assert tag(f"{path}?bands=ndvi") != tag("/layers/scene/preview.png?bands=ndvi")


def test_changed_layers_have_new_tags_and_new_tiles(tmp_path: Path) -> None:
    where = str(tmp_path / "c.zarr")
    to_catalog(scene(), where, "scene", progress=False)
    client = Client(create_app(where, refresh=0.0))
    before = client.get(T)
    to_catalog(scene() * 0 + 1, where, "scene", overwrite=True, progress=False)
    after = client.get(T, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert after.content != before.content


def test_new_and_deleted_layers_are_noticed(tmp_path: Path) -> None:
    where = str(tmp_path / "c.zarr")
    to_catalog(scene(), where, "scene", progress=False)
    client = Client(create_app(where, refresh=0.0))
    assert client.get("/layers/second").status_code == 404
    to_catalog(scene(), where, "second", progress=False)
    assert client.get("/layers/second").status_code == 200
    assert [one["name"] for one in client.get("/layers").json()["layers"]] == ["scene", "second"]
    open_catalog(where).delete("scene")
    assert client.get("/layers/scene").status_code == 404


def test_opened_layers_are_kept_while_they_are_fresh(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(create_app(catalog, refresh=60.0))
    assert client.get(T).status_code == 200
    monkeypatch.setattr(
        "xcube_tiles.catalog.model.Catalog.__getitem__", lambda *a: pytest.fail("opened again")
    )
    assert client.get(T).status_code == 200


def test_browsers_may_be_told_to_keep_tiles(catalog: Path) -> None:
    client = Client(create_app(catalog, max_age=60))
    assert client.get(T).headers["cache-control"] == "public, max-age=60"


def test_pages_of_other_sites_may_ask(client: Client) -> None:
    answer = client.get("/layers", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    one = Client(create_app(origins=["https://mine.example"]))
    answer = one.get("/layers", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_json_is_compressed_and_pictures_are_not(client: Client) -> None:
    headers = {"Accept-Encoding": "gzip"}
    assert client.get("/layers/scene", headers=headers).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get(T, headers=headers).headers


def test_sources_are_served_by_name() -> None:
    source = numbered((64, 64), "EPSG:3857", left=-2e7, top=2e7, cell=625_000)
    client = Client(create_app(sources={"b c": source, "a": source}))
    assert [one["name"] for one in client.get("/layers").json()["layers"]] == ["a", "b c"]
    assert client.get("/layers/b%20c/tiles/WebMercatorQuad/0/0/0.png").status_code == 200
    (link,) = [x for x in client.get("/layers/b%20c").json()["links"] if x["rel"] == "preview"]
    assert client.get(link["href"]).status_code == 200


def test_collections_are_served_as_they_are(tmp_path: Path) -> None:
    import rasterio

    files = Collection()
    for day in (1, 2):
        path = tmp_path / f"{day}.tif"
        profile = {"driver": "GTiff", "width": 128, "height": 128, "count": 1, "dtype": "uint8"}
        transform = rasterio.transform.from_origin(500_000, 5_600_000, 100, 100)
        with rasterio.open(
            path, "w", **profile, crs="EPSG:32633", transform=transform, nodata=0
        ) as file:
            file.write(np.full((1, 128, 128), 10 * day, np.uint8))
        files = files.add(str(path), date=f"2018050{day}", band="B04")
    client = Client(create_app(collections={"files": files}))
    info = client.get("/layers/files").json()
    assert [one["name"] for one in info["variables"]] == ["B04"]
    for day in (1, 2):
        answer = client.get(f"/layers/files/point?lon=15.05&lat=50.5&time=2018-05-0{day}")
        assert answer.json()["values"] == {"B04": 10 * day}
    assert client.get("/layers/files/preview.png").status_code == 200


def test_changed_files_have_new_tags(tmp_path: Path) -> None:
    from xcube_tiles.server.library import version_of_files

    path = tmp_path / "a.tif"
    versions = {version_of_files([str(path)]), version_of_files(["s3://bucket/a.tif"])}
    path.write_bytes(b"1")
    versions.add(version_of_files([str(path)]))
    path.write_bytes(b"22")
    versions.add(version_of_files([str(path)]))
    assert len(versions) == 4
    assert version_of_files([str(path)]) in versions
    versions.add(version_of_files(["s3://bucket/b.tif"]))
    assert len(versions) == 5


def test_a_broken_layer_does_not_hide_the_others(tmp_path: Path) -> None:
    where = tmp_path / "c.zarr"
    to_catalog(scene(), str(where), "scene", progress=False)
    to_catalog(scene(), str(where), "broken", progress=False)
    document = where / "broken" / "zarr.json"
    document.write_text(document.read_text().replace('"spatial:transform"', '"lost"'))
    client = Client(create_app(where))
    found = client.get("/layers").json()
    assert [one["name"] for one in found["layers"]] == ["scene"]
    assert [one["name"] for one in found["unreadable"]] == ["broken"]


def test_what_can_not_be_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        create_app(tmp_path / "nothing.zarr")
    with pytest.raises(TypeError, match="collection 'a' is no Collection: got 3"):
        create_app(collections={"a": 3})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="source 'a' is no TileSource: got 'x'"):
        create_app(sources={"a": "x"})  # type: ignore[dict-item]


def test_without_a_build_the_page_says_how_to_build_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(viewer, "STATIC", tmp_path)
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "npm run build" in answer.text
    assert 'src="layers/scene/preview.png?size=256"' in answer.text
    empty = Client(create_app())
    assert "There are no layers yet" in empty.get("/").text


def test_the_build_is_served(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<p>the map</p>")
    (static / "assets" / "index-1.js").write_text("let x")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(viewer, "STATIC", static)
    assert client.get("/").text == "<p>the map</p>"
    assert client.get("/").headers["cache-control"] == "no-cache"
    script = client.get("/assets/index-1.js")
    assert script.text == "let x"
    assert "immutable" in script.headers["cache-control"]
    for path in ("/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/assets", "/no.js"):
        assert client.get(path).status_code == 404, path


def test_names_are_escaped_on_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(viewer, "STATIC", tmp_path)
    source = numbered((8, 8), "EPSG:3857", left=0, top=0, cell=1)
    page = Client(create_app(sources={"<b>&": source})).get("/").text
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page


def test_hundreds_of_requests_at_a_time(catalog: Path) -> None:
    app = create_app(catalog)

    async def ask_all() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            paths = [
                f"/layers/scene/tiles/WebMercatorQuad/9/{275 + i % 3}/{173 + i % 2}.png"
                f"?bands=ndvi&stretch=0,{1 + i % 5}"
                for i in range(300)
            ]
            return await asyncio.gather(*map(client.get, paths))

    answers = asyncio.run(ask_all())
    assert {answer.status_code for answer in answers} == {200}
    by_tag: dict[str, set[bytes]] = {}
    for answer in answers:
        by_tag.setdefault(answer.headers["etag"], set()).add(answer.content)
    assert len(by_tag) == 30
    assert all(len(bodies) == 1 for bodies in by_tag.values())


@pytest.fixture
def address(catalog: Path) -> Iterator[str]:
    """Return the address of a real server on loopback."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(catalog), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def test_a_real_server_answers_many_clients(address: str) -> None:
    with httpx.Client(base_url=address, trust_env=False) as client:
        expected = client.get(T).content
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.get(T), range(64)))
        assert all(answer.content == expected for answer in answers)
        assert client.get("/layers").json()["layers"][0]["links"][0]["href"].startswith(address)
