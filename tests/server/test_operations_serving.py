"""Real processes: several of them as one server, and the end of a server that is busy."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn

from tests.render.sources import numbered
from tests.server.conftest import TILE
from xcube_tiles.server import run
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations import metrics, serving
from xcube_tiles.server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 2
TILES = 40


@pytest.fixture(scope="module")
def server(
    catalog: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Return a server of two processes, and its address."""
    config = tmp_path_factory.mktemp("settings") / "server.toml"
    config.write_text(f'catalog = "{catalog}"\nlog = "json"\nport = 0\n')
    command = [sys.executable, "-u", "-m", "xcube_tiles", "serve"]
    process = subprocess.Popen(
        [*command, "--config", str(config), "--workers", str(WORKERS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    found = re.search(r"http://[^\s\x1b]+", process.stdout.readline())
    if found is None:
        pytest.fail(process.communicate()[1])
    yield process, found[0]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def counted(text: str, name: str) -> float:
    """Return the sum of all samples of a metric."""
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


@pytest.mark.slow
def test_several_processes_are_one_server(server: tuple[subprocess.Popen[str], str]) -> None:
    process, address = server

    def ask(number: int) -> int:
        # Each on a connection of its own, which any of the processes may take.
        url = f"{address}/layers/scene/tiles/{TILE}.png?stretch=0,{number + 1}&bands=ndvi"
        return httpx.get(url, timeout=120, trust_env=False).status_code

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(ask, range(TILES))) == {200: TILES}
    # Whichever process is scraped, it tells of all.
    scrapes = [httpx.get(f"{address}/metrics", timeout=60, trust_env=False).text for _ in range(8)]
    rendered = [counted(text, "xcube_tiles_tiles_rendered_total") for text in scrapes]
    assert rendered == [TILES] * 8
    pids = {pid for text in scrapes for pid in re.findall(r'memory_bytes{pid="(\d+)"}', text)}
    assert 1 <= len(pids) <= WORKERS
    assert str(process.pid) not in pids
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    requests = [line for line in log.splitlines() if '"message": "request"' in line]
    assert len(requests) == TILES + 8
    assert "Traceback" not in log


def test_requests_in_flight_finish(catalog: Path) -> None:
    source = numbered((8, 8), "EPSG:3857", left=-2e7, top=2e7, cell=5e6)
    begun, release = threading.Event(), threading.Event()
    read = source.read

    def wait(*args: object, **kwargs: object) -> object:
        begun.set()
        assert release.wait(30)
        return read(*args, **kwargs)  # type: ignore[arg-type]

    source.read = wait  # type: ignore[assignment, method-assign]
    listener = run.listening("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(create_app(sources={"slow": source}), log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"{address}/layers/slow/tiles/WebMercatorQuad/0/0/0.png?stretch=0,1"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, url, timeout=120, trust_env=False)
        assert begun.wait(30)
        server.should_exit = True
        # No new connections, yet the one that is open gets its tile.
        while server.servers and server.servers[0].is_serving():
            time.sleep(0.01)
        assert not answer.done()
        release.set()
        assert answer.result().status_code == 200
    thread.join(30)
    assert not thread.is_alive()
    listener.close()


def test_what_can_not_be_served_is_told_before_processes_start() -> None:
    with pytest.raises(ValueError, match=r"nowhere\.zarr"):
        serving.serve(load_settings(catalog="nowhere.zarr", workers=2))


def test_the_environment_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    class Supervisor:
        def __init__(self, config: uvicorn.Config, sockets: object) -> None:
            self.config = config

        def run(self) -> None:
            seen.update(os.environ)
            assert (self.config.workers, self.config.access_log) == (3, False)

    monkeypatch.setattr(serving, "Multiprocess", Supervisor)
    monkeypatch.setattr(serving, "configure", lambda *args: None)
    before = dict(os.environ)
    serving.serve(load_settings(workers=3, port=0), announce=lambda address: None)
    assert seen["XCUBE_TILES_WORKERS"] == "3"
    assert not Path(seen[metrics.FOLDER]).exists()
    assert dict(os.environ) == before


def test_what_ended_processes_have_is_forgotten(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
        (tmp_path / f"counter_{pid}.db").touch()
    metrics.forget_ended(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"gauge_livesum_{os.getpid()}.db",
        f"counter_{os.getpid()}.db",
        f"counter_{ended.pid}.db",
    }
