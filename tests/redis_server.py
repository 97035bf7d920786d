"""A Redis server of the tests' own, which they may stop, kill and start again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT_SECONDS = 60.0
"""How long something may take on a busy machine."""


def until(holds: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.005)


class RedisServer:
    """A server that listens at a socket in a folder: there is no port that others could take."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/redis.sock"
        self.client = Redis.from_url(self.url)

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        command = ["redis-server", "--port", "0", "--unixsocket", f"{self._folder}/redis.sock"]
        quiet = ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen([*command, *quiet], stdout=subprocess.DEVNULL)
        until(self.answers)

    def answers(self) -> bool:
        """Return whether it answers."""
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Let it answer nothing inside of the block: what is asked is answered afterwards."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Yield a server that runs until the block ends; skips the test where none is installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server is installed")
    # Not the folder of the test: names of sockets have about a hundred characters at most.
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        server.client.close()
        shutil.rmtree(folder, ignore_errors=True)
