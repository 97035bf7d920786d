from __future__ import annotations

import socket

import pytest
from fastapi import FastAPI

from xcube_tiles.server.run import run


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port}"):
            run(FastAPI(), port=port, announce=lambda _: pytest.fail("it listens"))


def test_an_impossible_address_is_named() -> None:
    with pytest.raises(OSError, match=r"can't listen at .* port 70000"):
        run(FastAPI(), port=70_000)


def test_answers_wait_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: made.extend(sockets))
    addresses: list[str] = []
    run(FastAPI(), port=0, announce=addresses.append)
    # By this asyncio recognises TCP, and switches Nagle's algorithm off.
    assert made[0].proto == socket.IPPROTO_TCP
    assert addresses[0].startswith("http://127.0.0.1:")
