"""Keys: who sees which layers, and that nothing a client sends is ever opened."""

from __future__ import annotations

import builtins
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.render.sources import numbered
from tests.server.client import Client
from tests.server.conftest import TILE
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.access import ApiKey, Visitor, hash_of, new_key

if TYPE_CHECKING:
    from pathlib import Path

ALL, SOME = "a-long-random-key", "another-random-key"


@pytest.fixture(scope="module")
def locked() -> Client:
    """Return a client of a server with a public layer and two keys."""
    return Client(create_app(sources=layers(), keys=KEYS, public=["open"], max_age=60))


KEYS = {
    "staff": ApiKey(sha256=hash_of(ALL)),
    "guest": ApiKey(sha256=hash_of(SOME), layers=("ndvi-*",)),
}


def layers() -> dict[str, Any]:
    names = ("open", "ndvi-2023", "ndvi-2024", "secret")
    return {name: numbered((8, 8), "EPSG:3857", left=-2e7, top=2e7, cell=5e6) for name in names}


def seen(client: Client, key: str | None) -> list[str]:
    headers = {"X-API-Key": key} if key else {}
    answer = client.get("/layers", headers=headers)
    assert answer.status_code == 200, answer.text
    return [layer["name"] for layer in answer.json()["layers"]]


def test_each_key_sees_its_layers(locked: Client) -> None:
    assert seen(locked, None) == ["open"]
    assert seen(locked, SOME) == ["ndvi-2023", "ndvi-2024", "open"]
    assert seen(locked, ALL) == ["ndvi-2023", "ndvi-2024", "open", "secret"]


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "/tilejson.json",
        "/point?lon=0&lat=0",
        "/preview.png",
        "/legend.json",
        "/tiles/WebMercatorQuad/0/0/0.png",
    ],
)
def test_other_layers_are_not_there(locked: Client, rest: str) -> None:
    hidden = locked.get(f"/layers/secret{rest}", headers={"X-API-Key": SOME})
    absent = locked.get(f"/layers/absent{rest}", headers={"X-API-Key": SOME})
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("secret", "absent") == absent.text
    assert "'secret'; the layers are: ndvi-2023, ndvi-2024, open" in hidden.json()["detail"]
    assert locked.get(f"/layers/secret{rest}", headers={"X-API-Key": ALL}).status_code == 200


def test_the_page_lists_no_other_layers(
    locked: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from xcube_tiles.server import viewer

    monkeypatch.setattr(viewer, "STATIC", tmp_path)
    page = locked.get("/").text
    assert "open" in page
    assert "secret" not in page
    assert "secret" in locked.get(f"/?key={ALL}").text


def test_a_key_may_stand_in_the_query(locked: Client) -> None:
    assert locked.get(f"/layers/secret?key={ALL}").status_code == 200
    # The header counts: a proxy may set it, and a query is what others pass on.
    answer = locked.get(f"/layers/secret?key={ALL}", headers={"X-API-Key": SOME})
    assert answer.status_code == 404
    tiles = locked.get(f"/layers/secret/tilejson.json?key={ALL}").json()["tiles"]
    assert tiles[0].endswith(f"?key={ALL}")


@pytest.mark.parametrize("key", ["nope", "", "ä", KEYS["staff"].sha256, ALL.upper(), f"{ALL} "])
def test_an_unknown_key_is_refused(locked: Client, key: str) -> None:
    answer = locked.get("/layers", params={"key": key})
    assert answer.status_code == 401
    assert answer.json()["code"] == "unknown-key"
    assert answer.headers["www-authenticate"] == "ApiKey"
    assert not key or key not in answer.text.replace("a key", "")


def test_health_needs_no_key(locked: Client) -> None:
    for path in ("/healthz", "/readyz"):
        assert locked.get(path, headers={"X-API-Key": "nope"}).status_code == 200


def test_shared_caches_keep_what_is_public_alone(locked: Client) -> None:
    tile = "/tiles/WebMercatorQuad/0/0/0.png"
    public = locked.get(f"/layers/open{tile}")
    assert public.headers["cache-control"] == "public, max-age=60"
    secret = locked.get(f"/layers/secret{tile}", headers={"X-API-Key": ALL})
    assert secret.headers["cache-control"] == "private, max-age=60"
    assert "X-API-Key" in public.headers["vary"]
    assert "X-API-Key" in secret.headers["vary"]


def test_pages_of_other_sites_may_send_a_key(locked: Client) -> None:
    headers = {
        "Origin": "https://maps.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-api-key",
    }
    assert locked.request("OPTIONS", "/layers", headers=headers).status_code == 200
    refused = locked.get("/layers?key=nope", headers={"Origin": "https://maps.example"})
    assert refused.headers["access-control-allow-origin"] == "*"


def test_without_keys_all_is_public_and_with_keys_nothing() -> None:
    assert len(seen(Client(create_app(sources=layers())), None)) == 4
    assert seen(Client(create_app(sources=layers(), keys=KEYS)), None) == []
    assert seen(Client(create_app(sources=layers(), public=["n*"])), None) == [
        "ndvi-2023",
        "ndvi-2024",
    ]


def test_new_keys() -> None:
    key, hashed = new_key()
    assert len(key) >= 40
    assert hashed == hash_of(key) != hash_of(new_key()[0])


def test_patterns_of_names_are_not_those_of_paths() -> None:
    visitor = Visitor(name=None, layers=("a?", "b*"))
    assert [visitor.sees(name) for name in ("a1", "a", "A1", "b", "b/c", "cb")] == [
        True, False, False, True, True, False,
    ]  # fmt: skip


# What a careless server would open, as a file or at another host.
PLACES = [
    "../secret",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "https://elsewhere.example/catalog.zarr",
    "s3://bucket/catalog.zarr",
    "/vsicurl/http://elsewhere.example/a.tif",
    "sqlite:////etc/passwd",
    "memory://a",
    "C:\\windows\\win.ini",
    "a\x00b",
]


@pytest.fixture
def nothing_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what was opened, looked at or connected to, but files of the page."""
    import rasterio

    from xcube_tiles.catalog import reader
    from xcube_tiles.server import viewer

    opened: list[str] = []

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def watched(first: Any, *args: Any, **kwargs: Any) -> Any:
            text = os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else ""
            suspicious = any(mark in text for mark in ("passwd", "secret", "win.ini", "elsewhere"))
            if suspicious and not text.startswith(str(viewer.STATIC)):
                opened.append(text)
            return original(first, *args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    for owner, name in ((builtins, "open"), (os, "open"), (os, "stat"), (rasterio, "open")):
        watch(owner, name)
    watch(reader, "open_catalog")

    def connect(self: socket.socket, address: Any) -> None:
        opened.append(str(address))
        raise OSError("no")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return opened


def parameters(client: Client) -> list[tuple[str, str]]:
    """Return every route that is read by GET, and each parameter of it."""
    return [
        (path, parameter["name"])
        for path, operations in client.get("/openapi.json").json()["paths"].items()
        for parameter in operations.get("get", {}).get("parameters", [])
    ]


FILLED = {
    "layer": "scene", "tms": "WebMercatorQuad", "z": "9", "x": "276", "y": "172", "format": "png",
    "lon": "14", "lat": "50", "bands": "ndvi",
}  # fmt: skip


def test_nothing_that_a_client_names_is_opened(client: Client, nothing_opened: list[str]) -> None:
    asked = parameters(client)
    assert len({path for path, _ in asked}) >= 7
    for path, name in asked:
        for place in PLACES:
            target, query = path, {}
            for known, value in (FILLED | {name: place}).items():
                if f"{{{known}}}" in target:
                    shown = value.replace("?", "%3F").replace("\x00", "%00")
                    target = target.replace(f"{{{known}}}", shown)
                elif known == name:
                    query[known] = value
            answer = client.get(target, params=query or None)
            assert answer.status_code < 500, (target, query, answer.text)
            assert "root:" not in answer.text
    assert nothing_opened == []


@pytest.mark.parametrize("place", PLACES)
def test_paths_and_headers_are_not_opened(
    client: Client, nothing_opened: list[str], place: str
) -> None:
    target = place.replace("\x00", "%00").replace("\\", "%5C")
    for path in (f"/{target}", f"/layers/{target}", f"/assets/{target}"):
        assert client.get(path).status_code in (400, 404, 422), path
    for name in ("X-Request-ID", "X-API-Key", "Origin", "If-None-Match", "Referer"):
        header = {name: place.replace("\x00", "")}
        assert client.get(f"/layers/scene/tiles/{TILE}.png", headers=header).status_code == 200
    assert nothing_opened == []
