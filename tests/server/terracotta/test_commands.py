"""`xcube-tiles ingest`, `serve` and `connect`."""

from __future__ import annotations

import contextlib
import threading
import webbrowser
from typing import TYPE_CHECKING

import pytest
import uvicorn
from typer.testing import CliRunner

from tests.server.terracotta.rasters import cells, metadata_row, write_database
from xcube_tiles.cli.app import app
from xcube_tiles.server.app import create_app
from xcube_tiles.server.run import listening
from xcube_tiles.sources.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def output(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def trouble(*arguments: object, code: int = 1) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_files_are_ingested_with_their_statistics(pattern: str, tmp_path: Path) -> None:
    base = tmp_path / "rasters.sqlite"
    assert f"6 rasters put into {base}" in output("ingest", pattern, base)
    files = Collection.open(base)
    assert files.keys == ("sensor", "date", "band")
    assert all(raster.statistics is not None for raster in files)
    assert "0 rasters put into" in output("ingest", pattern, "-o", base, "--skip-existing")
    assert list(Collection.open(base)) == list(files)


def test_statistics_may_wait_and_another_key_may_be_the_last(pattern: str, tmp_path: Path) -> None:
    base = tmp_path / "rasters.sqlite"
    assert output("ingest", pattern, base, "--skip-metadata", "--rgb-key", "date", "-q") == ""
    files = Collection.open(base)
    assert files.keys == ("sensor", "band", "date")
    assert all(raster.statistics is None for raster in files)


def test_wrong_keys_and_foreign_databases_are_refused(pattern: str, tmp_path: Path) -> None:
    base = tmp_path / "rasters.sqlite"
    output("ingest", pattern, base, "-q", "--skip-metadata")
    before = base.read_bytes()
    other = pattern.replace("{sensor}", "{satellite}")
    assert "has the keys sensor, date, band; these" in trouble("ingest", other, base, "-q")
    assert base.read_bytes() == before
    foreign = write_database(tmp_path / "tc.sqlite", {})
    assert "is a database of Terracotta" in trouble("ingest", pattern, foreign, "-q")
    assert "give a database once" in trouble("ingest", pattern, code=2)
    assert "matches no file" in trouble("ingest", "no/{such}.tif", base)


def test_a_database_of_terracotta_is_moved(pattern: str, tmp_path: Path) -> None:
    texts = ("S2", "20180506", "B02")
    path = pattern.format(sensor="S2", date="20180506", band="B02")
    rows = {texts: metadata_row(cells("20180506", "B02"))}
    foreign = write_database(tmp_path / "tc.sqlite", {texts: path}, metadata=rows)
    output("ingest", foreign, tmp_path / "ours.sqlite", "-q")
    assert list(Collection.open(tmp_path / "ours.sqlite")) == list(Collection.open(foreign))


@pytest.fixture
def address(pattern: str) -> Iterator[str]:
    """Run a server in a thread; return its address."""
    listener = listening("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(rasters=pattern), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    with contextlib.suppress(OSError):
        listener.close()


def test_connecting_shows_what_a_server_has(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    text = output("connect", address)
    assert "6 rasters by the keys\n  sensor\n  date\n  band\nS2/20180506/B02\n" in text
    assert "1 layer: S2" in text
    assert opened == [f"http://{address}"]
    output("connect", f"http://{address}/", "--no-browser")
    assert len(opened) == 1


def test_connecting_to_nothing_says_so() -> None:
    listener = listening("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    assert f"no server answers at http://127.0.0.1:{port}/keys" in trouble(
        "connect", f"127.0.0.1:{port}"
    )


def test_serving_needs_something_to_serve(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TC_DRIVER_PATH", raising=False)
    assert "give a catalog, --collection, --raster-pattern" in trouble("serve", code=2)
    assert "choose one of both" in trouble("serve", "-r", pattern, "-d", "a.sqlite", code=2)
    assert "matches no file" in trouble("serve", "-r", "no/{such}.tif")
    assert "no key 'x'" in trouble("serve", "-r", pattern, "--rgb-key", "x")
