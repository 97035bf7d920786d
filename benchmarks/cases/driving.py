"""Servers in processes of their own, and what drives them: wrk, or a client of ours without it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST, CONNECTIONS = "127.0.0.1", 4
START_SECONDS = 300  # on a machine that does other things, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A server, and the addresses that it is asked for."""

    name: str
    """Name in the tables."""

    port: int
    """Port on this machine."""

    paths: tuple[str, ...]
    """Path and query of each tile, in the order that all contenders have."""

    def fetch(self, path: str) -> bytes:
        """Return the answer of one address."""
        with urllib.request.urlopen(f"http://{HOST}:{self.port}{path}", timeout=120) as answer:
            content: bytes = answer.read()
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a server did under load for some seconds."""

    requests: int
    """Answered requests."""

    seconds: float
    """Seconds that passed."""

    errors: int
    """Answers of status 400 and more, and connections that failed."""

    p50: float
    """Median of the answers' times, in seconds."""

    p99: float
    """Ninety-ninth percentile."""

    @property
    def seconds_each(self) -> float:
        """Seconds per request."""
        return self.seconds / max(self.requests, 1)


class Running(NamedTuple):
    """A server's process."""

    pid: int
    log: IO[str]

    def written(self) -> str:
        """Return all that it wrote so far."""
        # Reading by position leaves the place where the process writes on as it is: they share it.
        return os.pread(self.log.fileno(), 2**30, 0).decode(errors="replace")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def running(command: Sequence[str], port: int, *, path: str) -> Iterator[Running]:
    """Start a server, wait until it answers `path`, and end it afterwards.

    Raises
    ------
    RuntimeError
        It ended, or it doesn't answer well; the text has the end of what it wrote.
    """
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            failed = _wait(server, port, path)
            if failed is not None:
                log.seek(0)
                raise RuntimeError(f"{failed}; {' '.join(log.read().split())[-300:]}")
            yield Running(server.pid, log)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, path: str) -> str | None:
    """Wait until a server answers; return why it doesn't."""
    until = time.monotonic() + START_SECONDS
    why = "no answer"
    while time.monotonic() < until:
        if server.poll() is not None:
            return f"the server ended with {server.returncode}"
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=60):
                return None
        except urllib.error.HTTPError as error:
            return f"status {error.code}: {error.read()[:200]!r}"
        except OSError as error:
            why = str(error)
        time.sleep(0.2)
    return why


def drive(contender: Contender, *, seconds: float, start: int) -> Load:
    """Ask a contender for its tiles, by as many connections as it goes, for some seconds."""
    if shutil.which("wrk") is None:
        return asyncio.run(_drive(contender, seconds, start))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(contender.paths))
        file.flush()
        script = Path(__file__).with_name("serving.lua")
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
        answer = subprocess.run(
            ["wrk", *options, "-s", str(script), f"http://{HOST}:{contender.port}"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "URLS": file.name, "START": str(start)},
        )
    found: dict[str, Any] = json.loads(answer.stdout.partition("FOUND ")[2])
    return Load(**found)


async def _drive(contender: Contender, seconds: float, start: int) -> Load:
    """Do what wrk does; its own work takes a share of the processor that wrk doesn't."""
    times: list[float] = []
    errors = 0
    begin = time.perf_counter()
    places = iter(range(start, 10**9))

    async def connection() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(HOST, contender.port)
        while time.perf_counter() - begin < seconds:
            path = contender.paths[next(places) % len(contender.paths)]
            sent = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            times.append(time.perf_counter() - sent)
            errors += int(head.split(b" ", 2)[1]) >= 400
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    p50, p99 = np.percentile(times, [50, 99])
    passed = time.perf_counter() - begin
    return Load(requests=len(times), seconds=passed, errors=errors, p50=float(p50), p99=float(p99))
