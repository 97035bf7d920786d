"""The server on a port; requests and the end by Ctrl+C are tested with the command."""

from __future__ import annotations

import socket

import pytest
import uvicorn

from xcube_tiles.server.app import create_app
from xcube_tiles.server.run import run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Return the sockets with which a server would have been started."""
    sockets: list[socket.socket] = []

    def instead(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        seen.extend(sockets)

    seen = sockets
    monkeypatch.setattr(uvicorn.Server, "run", instead)
    return sockets


def announced(**options: object) -> str:
    addresses: list[str] = []
    run(create_app(), announce=addresses.append, **options)  # type: ignore[arg-type]
    [address] = addresses
    return address


def test_port_zero_is_announced_as_the_one_taken(started: list[socket.socket]) -> None:
    address = announced(port=0)
    assert address.startswith("http://127.0.0.1:")
    assert 0 < int(address.rpartition(":")[2]) < 65536
    [listener] = started
    assert listener.fileno() == -1  # closed in the end


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "http://localhost:"), ("::1", "http://[::1]:")]
)
def test_address_can_be_opened(started: list[socket.socket], host: str, shown: str) -> None:
    try:
        address = announced(host=host, port=0)
    except OSError as error:  # no IPv6 on this machine
        pytest.skip(str(error))
    assert address.startswith(shown)


def test_a_taken_port(started: list[socket.socket]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1 port {port}: .*Another port"):
            run(create_app(), port=port)
    assert not started


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("no.such.host.invalid", 0)])
def test_an_address_that_is_none(host: str, port: int) -> None:
    with pytest.raises(OSError, match=f"can't listen at {host} port {port}"):
        run(create_app(), host=host, port=port)
