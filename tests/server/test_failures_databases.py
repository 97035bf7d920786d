"""Database servers that are killed under load, restarted between calls, and asked by many."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import xcube_tiles as xt
from tests.databases import SERVERS, rows
from tests.server.failing import PROBLEM, WAIT_SECONDS, Load, by_path, serving, statuses, until
from tests.server.terracotta import rasters
from xcube_tiles.catalog.index.layers import LayerIndex
from xcube_tiles.errors import DatabaseError, StoreError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.terracotta.shelf import Shelf
from xcube_tiles.sources import sql
from xcube_tiles.sources.terracotta import holds_terracotta

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.databases import Server

pytestmark = pytest.mark.database

KNOWN = [f"/singleband/S2/20180524/B03/{rasters.TILE}?stretch_range=[100,1500]", "/keys"]
NEEDING = ["/datasets", f"/singleband/S2/20180524/new/{rasters.TILE}", "/readyz"]


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Return a server of the tests' own that may be killed."""
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture
def files(server: Server, tmp_path: Path) -> xt.Collection:
    """Return rasters that are stored there."""
    files = xt.scan(rasters.write_rasters(tmp_path))
    files.save(server.url, if_exists="replace")
    return files


def test_a_database_that_is_killed_under_load(server: Server, files: xt.Collection) -> None:
    shelf = Shelf.open(server.url, refresh=0.05)
    paths = [*KNOWN, *NEEDING, "/healthz"]
    with serving(create_app(rasters=shelf)) as address, Load(address, paths) as load:
        right = by_path(load.rounds())
        assert statuses(load.answers)["/datasets"] == {200}
        assert statuses(load.answers)[NEEDING[1]] == {404}
        server.kill()
        load.until(lambda: load.answers[-1].status == 503)
        during = load.rounds()
        for path in [*KNOWN, "/healthz"]:
            assert by_path(during)[path] == right[path]
        for answer in during:
            if answer.path in NEEDING:
                assert (answer.status, answer.kind) == (503, PROBLEM), answer
                assert int(str(answer.retry)) > 0
                told = json.loads(answer.text)
                assert "the database of the rasters doesn't answer" in told["detail"]
                assert "Traceback" not in answer.text
        server.start()
        load.until(lambda: load.answers[-1].path == "/datasets" and load.answers[-1].status == 200)
        load.rounds()
        assert by_path(load.rounds()) == right
        # What is stored now is seen, too.
        files.where(band="B02").save(server.url, if_exists="replace")
        load.until(lambda: '"total":2' in load.answers[-1].text)
    assert {answer.status for answer in load.answers} <= {200, 404, 503}


def test_the_call_after_a_restart_works_at_once(
    server: Server, files: xt.Collection, tmp_path: Path
) -> None:
    index = LayerIndex.open(server.url)
    assert (index.layers, holds_terracotta(server.url)) == ((), False)
    server.kill()
    for call in (lambda: xt.Collection.open(server.url), lambda: holds_terracotta(server.url)):
        with pytest.raises(DatabaseError, match=r"database .*127\.0\.0\.1"):
            call()
    with pytest.raises(StoreError, match=r"database .*127\.0\.0\.1"):
        _ = index.layers
    with pytest.raises(DatabaseError):
        files.save(server.url, if_exists="replace")
    server.start()
    assert list(xt.Collection.open(server.url)) == list(files)
    server.kill()
    server.start()
    assert index.layers == ()
    files.save(server.url, if_exists="update")
    assert list(xt.Collection.open(server.url)) == list(files)
    # None is left open: the one that counts is the only one.
    until(lambda: rows(server.url, server.connections) == [(1,)])


def test_threads_open_no_more_connections_than_allowed(
    server: Server, files: xt.Collection
) -> None:
    inside: list[int] = []
    most: list[int] = []
    release = threading.Event()

    def hold(number: int) -> int:
        with (
            xt.set_options(database_connections=3),
            sql._engine(server.url, create=False) as engine,
            engine.connect() as connection,
        ):
            connection.exec_driver_sql("SELECT 1")
            inside.append(number)
            most.append(len(inside))
            assert release.wait(WAIT_SECONDS)
            inside.remove(number)
            return number

    def counted() -> int:
        [(number,)] = rows(server.url, server.connections)
        return int(str(number)) - 1  # its own

    with ThreadPoolExecutor(8) as pool:
        try:
            held = [pool.submit(hold, number) for number in range(8)]
            # What earlier tests have closed may still be counted for a moment.
            until(lambda: len(inside) == 3 and counted() == 3)
            with xt.set_options(database_connections=4):
                assert len(xt.Collection.open(server.url)) == len(files)
        finally:
            release.set()
        assert sorted(each.result() for each in held) == list(range(8))
    assert max(most) == 3


def test_a_table_of_version_1_is_read_and_migrated(server: Server, files: xt.Collection) -> None:
    rows(server.url, "DROP TABLE xcube_tiles_changes")
    rows(server.url, "UPDATE xcube_tiles_collections SET schema_version = 1")
    versions = "SELECT schema_version FROM xcube_tiles_collections"
    assert list(xt.Collection.open(server.url)) == list(files)
    assert rows(server.url, versions) == [(1,)]  # reading changes nothing
    assert sql.table_version(server.url, name="rasters") is None
    files.where(band="B02").save(server.url, if_exists="update")
    assert rows(server.url, versions) == [(sql.SCHEMA_VERSION,)]
    assert list(xt.Collection.open(server.url).where(band="B03")) == list(files.where(band="B03"))
    assert sql.table_version(server.url, name="rasters")
    rows(
        server.url, f"UPDATE xcube_tiles_collections SET schema_version = {sql.SCHEMA_VERSION + 1}"
    )
    for call in (
        lambda: xt.Collection.open(server.url),
        lambda: files.save(server.url, if_exists="replace"),
    ):
        with pytest.raises(xt.errors.CollectionError, match="install a newer xcube_tiles"):
            call()
    rows(server.url, f"UPDATE xcube_tiles_collections SET schema_version = {sql.SCHEMA_VERSION}")
