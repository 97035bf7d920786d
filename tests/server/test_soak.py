"""The server under a mix of requests at once, malformed ones among them, and what that showed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import platform
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn

from benchmarks import soak
from benchmarks.cases.soaking import Outcome, memory_rows, rows, soaking
from benchmarks.cases.soaking_client import Answered, Sample, digest
from benchmarks.cases.soaking_data import Served, make
from benchmarks.cases.soaking_malformed import malformed
from benchmarks.cases.soaking_mix import Ask, mixed
from tests.server.client import Client
from xcube_tiles.server import run
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.heads import MOST_HEAD, BoundedHeads
from xcube_tiles.server.operations.process import allow_files, few_arenas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

REQUESTS = 600


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Return layers and rasters of every kind; not to be changed."""
    return make(tmp_path_factory.mktemp("soak"), 512)


@pytest.mark.slow
def test_many_mixed_requests_at_once(served: Served) -> None:
    outcome = soaking(served, REQUESTS)
    assert len(outcome.answers) == REQUESTS
    assert outcome.statuses[200] > 0.8 * REQUESTS
    assert outcome.statuses[304] > 0
    assert [str(each) for each in outcome.refused_badly] == []
    assert [str(each) for each in outcome.unlike] == []
    assert outcome.faults == ()
    assert outcome.failed_inside == 0
    # Each thread that draws opens what it needs once, and keeps it.
    assert outcome.after.threads - outcome.before.threads <= soak.MOST_THREADS
    assert outcome.after.files - outcome.before.files <= soak.MOST_FILES


def test_the_mix_is_the_same_each_time_and_a_tenth_is_malformed(served: Served) -> None:
    first, second = (mixed(served, 500, malformed) for _ in range(2))
    assert [ask.text() for ask in first] == [ask.text() for ask in second]
    assert len(first) == 500
    assert sum(ask.answer != "well" for ask in first) == 50
    assert mixed(served, 500, malformed, seed=1) != first


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a server without layers, with the parser of `xcube-tiles serve`."""
    listener = run.listening("127.0.0.1", 0)
    config = uvicorn.Config(create_app(), http=BoundedHeads, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the connection ends."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_a_head_without_an_end_is_refused(port: int, begin: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(begin + b"a" * (MOST_HEAD + 1 - len(begin)))
        answer = received(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "head-too-large"


def test_each_head_has_the_bound_for_itself_and_bodies_have_none_of_it(port: int) -> None:
    head = f"Host: a\r\nX: {'a' * (MOST_HEAD - 2000)}\r\n".encode()
    body = b'"' + b"a" * 3 * MOST_HEAD + b'"'
    length = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + head + b"\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        post = b"POST /layers/none/statistics HTTP/1.1\r\n" + length + head
        connection.sendall(post + b"Connection: close\r\n\r\n" + body)
        assert received(connection).startswith(b"HTTP/1.1 4")
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + head[:-2])
        connection.sendall(b"a" * 1000 + b"\r\nConnection: close\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200 ")


ARENAS = """
import ctypes, sys, threading
from xcube_tiles.server.operations.process import share_arenas

print(share_arenas(), flush=True)
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.fdopen.restype = ctypes.c_void_p
both = threading.Barrier(17)

def take() -> None:
    libc.malloc(5000)
    both.wait()
    both.wait()

for _ in range(16):
    threading.Thread(target=take, daemon=True).start()
both.wait()
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
both.wait()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries share them anyway")
def test_threads_share_the_places_that_they_take_memory_from() -> None:
    def run(**variables: str) -> tuple[str, int]:
        told = subprocess.run(
            [sys.executable, "-c", ARENAS],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        return told.split()[0], told.count("<heap nr=")

    said, arenas = run()
    assert said == "True"
    assert arenas <= 3  # that of the first thread is made before
    assert few_arenas() == {"MALLOC_ARENA_MAX": "2"}
    # Who has set the variable has chosen.
    said, arenas = run(MALLOC_ARENA_MAX="64")
    assert said == "False"
    assert arenas > 8


def test_as_many_files_as_the_system_allows() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        allowed = allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, before[1])
        assert allowed == min(before[1], 65_536)
        assert allow_files() == allowed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def outcome_of(answers: list[tuple[Ask, Answered]], resident: list[int]) -> Outcome:
    samples = [Sample(number, bytes_, 20, 10) for number, bytes_ in enumerate(resident)]
    return Outcome(
        asks=[ask for ask, _ in answers],
        answers=[answered for _, answered in answers],
        samples=samples,
        seconds=1.0,
        before=samples[0],
        after=samples[-1],
        failed_inside=0,
        faults=(),
        unlike=(),
    )


def test_what_goes_wrong_is_told() -> None:
    good, bad = Ask(kind="tile", target="/a"), Ask(kind="m", target="/b", answer="problem")
    right = Answered(200, digest(b"a"), "image/png", 0.1)
    refused = Answered(404, "", "application/problem+json", 0.1)
    answers = [(good, right), (bad, refused)] * 4
    answers += [(bad, Answered(500, "", "text/plain", 0.1)), (good, refused)]
    found = outcome_of(answers, resident=[10, 20, 20, 20, 20, 20, 20, 20, 20, 20, 30])
    assert [(each.answered.status, each.wanted) for each in found.refused_badly] == [
        (500, "4xx and application/problem+json"),
        (404, "200"),
    ]
    assert (found.tenth(2), found.tenth(10)) == (20, 30)
    failed = {check.claim for check in soak.checks(found) if not check.passed}
    assert failed == {
        "answers of 5xx",
        "requests answered by another status or type",
        "memory, last tenth / second tenth",
    }
    assert rows(found)[1][:3] == ("tile", "5", "200:4 404:1")
    assert memory_rows(found)[1] == ("1", "0 MiB", "20", "10")


@pytest.mark.parametrize("length", [256, 5000])
def test_a_name_that_no_disk_can_hold_is_no_layer(client: Client, length: int) -> None:
    answer = client.get(f"/layers/{'x' * length}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "layer-not-found"


def test_a_body_that_ends_too_early_is_no_fault_of_the_server(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(create_app(rasters=served.pattern))
    sent: list[Message] = []
    parts: list[Message] = [
        {"type": "http.request", "body": b'{"keys": [', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/metadata",
        "raw_path": b"/metadata",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("test", 80),
        "client": None,
        "root_path": "",
    }
    with caplog.at_level(logging.ERROR):
        asyncio.run(client.app(scope, receive, send))
    assert sent[0]["status"] == 400
    assert not caplog.records
    counted = client.get("/metrics").text
    assert 'status="400"' in counted
    assert 'status="500"' not in counted
