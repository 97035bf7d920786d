"""Tiles shared through a real Redis, which is killed, halted and full; and counts of drawings."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.redis_server import RedisServer, redis_server, until
from tests.server.client import BASE, Client
from tests.server.conftest import TILE, scene
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import MissingExtraError, SettingsError
from xcube_tiles.render.tile import render_tile
from xcube_tiles.server import fast
from xcube_tiles.server.app import create_app
from xcube_tiles.server.caching import RedisTileCache, TileCaches, redis_cache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = f"/layers/scene/tiles/{TILE}.png?bands=ndvi&stretch=0,1"
PATIENT = 60.0
"""Seconds that a cache waits where it isn't the subject: the machine may be busy."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(autouse=True)
def empty(server: RedisServer) -> None:
    server.client.flushall()


@contextmanager
def cache_of(server: RedisServer, **options: Any) -> Iterator[RedisTileCache]:
    """Yield a cache that has found its server."""
    cache = RedisTileCache(server.url, **{"timeout": PATIENT, "retry": 0.01} | options)
    until(cache.connected)
    yield cache
    cache.close()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what gets longer with each tile that is drawn."""
    times: list[int] = []
    original = render_tile

    def counted(*args: Any, **options: Any) -> bytes:
        times.append(1)
        return original(*args, **options)

    monkeypatch.setattr(fast, "render_tile", counted)
    return times


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log has of Redis."""
    return [record.message for record in caplog.records if "redis" in record.name]


def counts(client: Client) -> dict[str, int]:
    """Return how often something happened at a cache, as `tier event`."""
    lines = client.get("/metrics").text.splitlines()
    found = (line.split('"') for line in lines if line.startswith("xcube_tiles_tile_cache_total{"))
    # Labels are sorted in no order that is promised.
    return {f"{_label(parts, 'tier')} {_label(parts, 'event')}": _value(parts) for parts in found}


def _label(parts: list[str], name: str) -> str:
    return next(parts[i + 1] for i in range(len(parts)) if parts[i].endswith(f"{name}="))


def _value(parts: list[str]) -> int:
    return int(float(parts[-1].split()[-1]))


def test_what_one_draws_another_has(catalog: Path, server: RedisServer, drawn: list[int]) -> None:
    with cache_of(server) as one, cache_of(server) as two:
        first = Client(create_app(catalog, tile_cache_redis=one))
        second = Client(create_app(catalog, tile_cache_redis=two, tile_cache=10**6))
        made = first.get(T)
        assert one.settle(PATIENT)
        kept = [second.get(T) for _ in range(3)]
        assert [answer.headers.get("x-cache") for answer in (made, *kept)] == [
            None, "hit redis", "hit", "hit",
        ]  # fmt: skip
        assert {answer.content for answer in kept} == {made.content}
        assert {answer.headers["etag"] for answer in kept} == {made.headers["etag"]}
        assert {answer.headers["content-type"] for answer in kept} == {"image/png"}
        assert len(drawn) == 1
        assert counts(first) == {"redis miss": 1, "redis stored": 1}
        assert counts(second) == {"memory miss": 1, "redis hit": 1, "memory hit": 2}
        # Another route than that of tiles, and a text that isn't the same.
        legend = "/layers/scene/legend.png?bands=ndvi&stretch=0,1"
        assert "x-cache" not in first.get(legend).headers
        assert one.settle(PATIENT)
        assert second.get(legend).headers["x-cache"] == "hit redis"
        assert "x-cache" not in second.get(f"{T}&colormap=magma").headers
        assert 'xcube_tiles_cache_hits_total{cache="server"} 4.0' in second.get("/metrics").text


def test_a_replaced_layer_is_never_the_old_one(
    tmp_path: Path, server: RedisServer, drawn: list[int]
) -> None:
    path = str(tmp_path / "catalog.zarr")
    to_catalog(scene(), path, "scene", progress=False)
    with cache_of(server) as one, cache_of(server) as two:
        clients = [Client(create_app(path, tile_cache_redis=cache)) for cache in (one, two)]
        old = [client.get(T).content for client in clients for _ in range(2)]
        assert one.settle(PATIENT)
        assert two.settle(PATIENT)
        to_catalog(1 - scene(), path, "scene", progress=False, overwrite=True)
        before = len(drawn)
        new = []
        for client, cache in zip(clients, (one, two), strict=True):
            new.append(client.get(T))
            assert cache.settle(PATIENT)
        assert new[0].content not in old
        assert new[1].content == new[0].content
        assert new[1].headers["x-cache"] == "hit redis"
        assert len(drawn) == before + 1


def test_it_is_killed_and_comes_back(
    catalog: Path, server: RedisServer, drawn: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with cache_of(server) as cache, caplog.at_level(logging.INFO, "xcube_tiles.server"):
        client = Client(create_app(catalog, tile_cache_redis=cache))
        picture = client.get(T).content
        assert client.get("/readyz").json() == {"status": "ok", "layers": 1}
        server.kill()
        answers = [client.get(T) for _ in range(10)]
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, picture)}
        assert len(drawn) == 11
        until(lambda: "redis error" in counts(client))
        ready = client.get("/readyz")
        assert ready.status_code == 200
        degraded = {"status": "degraded", "layers": 1, "degraded": ["tile_cache_redis"]}
        assert ready.json() == degraded
        errors = counts(client)["redis error"]
        until(lambda: counts(client)["redis error"] > errors + 2)  # it is looked for
        (lost,) = told(caplog)
        assert lost.startswith("tiles aren't shared by Redis: ConnectionError")

        server.start()
        until(cache.connected)
        assert "x-cache" not in client.get(T).headers
        assert cache.settle(PATIENT)
        assert client.get(T).headers["x-cache"] == "hit redis"
        assert client.get("/readyz").json()["status"] == "ok"
        assert told(caplog) == [lost, "tiles are shared by Redis again"]


def test_it_hangs(catalog: Path, server: RedisServer, drawn: list[int]) -> None:
    # Left alone for so long that only the request itself has failed.
    with cache_of(server, timeout=0.2, retry=3600.0) as cache:
        client = Client(create_app(catalog, tile_cache_redis=cache))
        with server.halted():
            assert [client.get(T).status_code for _ in range(20)] == [200] * 20
        found = counts(client)
        assert len(drawn) == 20
        # One has waited for it; nobody after that.
        assert found["redis error"] == 1
        assert found["redis skipped"] == 19
        assert "redis stored" not in found


def test_nobody_else_waits_for_it(catalog: Path, server: RedisServer) -> None:
    async def ask(app: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            await client.get(T)  # the next one is answered without its route
            with server.halted():
                waiting = asyncio.create_task(client.get(T))
                for _ in range(20):
                    assert (await client.get("/healthz")).status_code == 200
                assert not waiting.done()
            return await waiting

    with cache_of(server) as cache:
        app = create_app(catalog, tile_cache_redis=cache)
        assert asyncio.run(ask(app)).status_code == 200


def test_it_is_full(
    catalog: Path, server: RedisServer, caplog: pytest.LogCaptureFixture, drawn: list[int]
) -> None:
    with cache_of(server) as cache, caplog.at_level(logging.INFO, "xcube_tiles.server"):
        client = Client(create_app(catalog, tile_cache_redis=cache))
        client.get(T)
        assert cache.settle(PATIENT)
        server.client.config_set("maxmemory", "1")
        for i in range(3):
            assert client.get(f"{T}&colormap=magma&i={i}").status_code == 200
            assert cache.settle(PATIENT)
        assert client.get("/readyz").json()["degraded"] == ["tile_cache_redis"]
        # What it has is of use still.
        assert client.get(T).headers["x-cache"] == "hit redis"
        assert len(drawn) == 4
        (lost,) = told(caplog)
        assert lost.startswith("tiles aren't shared by Redis: OutOfMemory")
        server.client.config_set("maxmemory", "0")

        def stored() -> bool:
            cache.put("more", b"a picture")
            assert cache.settle(PATIENT)
            return cache.is_well()

        until(stored)
        assert cache.get("more") == b"a picture"


def test_entries_end(server: RedisServer) -> None:
    with cache_of(server, ttl=1000, prefix="maps") as cache:
        cache.put('"tag"', b"a picture")
        assert cache.settle(PATIENT)
        key: Any
        (key,) = server.client.keys()
        assert key.startswith(b"maps:1:")
        assert key.endswith(b':"tag"')
        assert 0 < server.client.ttl(key) <= 1000
        assert server.client.get(key) == b"a picture"
    with cache_of(server, prefix="others") as cache:
        assert cache.get('"tag"') is None


def test_other_releases_share_nothing(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with cache_of(server) as cache:
        cache.put("tag", b"a picture")
        assert cache.settle(PATIENT)
    monkeypatch.setattr(redis_cache, "__version__", "999")
    with cache_of(server) as cache:
        assert cache.get("tag") is None


def test_what_is_stored_is_bounded(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with cache_of(server) as cache:
        events: Counter[str] = Counter()
        cache.counted_by(lambda event: events.update([event]))
        cache.put("large", bytes(redis_cache.LARGEST + 1))
        cache.put("largest", bytes(redis_cache.LARGEST))
        assert cache.settle(PATIENT)
        monkeypatch.setattr(redis_cache, "MOST_WAITING", 10)
        cache.put("much", bytes(11))
        cache.put("some", bytes(10))
        assert cache.settle(PATIENT)
        assert events == {"stored": 2, "dropped": 1}
        assert server.client.dbsize() == 2


def test_it_is_not_there_at_first(catalog: Path, server: RedisServer) -> None:
    server.kill()
    cache = RedisTileCache(server.url, timeout=PATIENT, retry=0.01)
    client = Client(create_app(catalog, tile_cache_redis=cache))
    assert client.get(T).status_code == 200
    until(lambda: client.get("/readyz").json()["status"] == "degraded")
    server.start()
    until(lambda: client.get("/readyz").json()["status"] == "ok")
    assert cache.connected()
    cache.close()
    assert not cache.connected()
    assert client.get(T).status_code == 200


def test_an_address_is_enough(catalog: Path, server: RedisServer) -> None:
    client = Client(create_app(catalog, tile_cache_redis=server.url))
    until(lambda: client.get(T).headers.get("x-cache") == "hit redis")
    client.app.state.tile_caches.close()


def test_a_failing_drawing_is_not_kept() -> None:
    caches = TileCaches(memory=100)

    def fail() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        caches.found_or_made("tag", fail)
    assert caches.in_memory("tag") is None


@pytest.mark.parametrize("url", ["http://:secret@host", "host:6379", "redis://:secret@host:port"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(SettingsError, match="redis://host:6379/0") as caught:
        create_app(tile_cache_redis=url)
    assert "secret" not in str(caught.value)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'xcube_tiles\[redis\]'"):
        RedisTileCache("redis://127.0.0.1")
