"""A proxy on loopback that answers as overloaded, broken and cut-off servers do."""

from __future__ import annotations

import socket
import struct
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

KINDS: tuple[str, ...] = ("slow-down", "error", "drop-before", "drop-after", "truncate")
"""503 SlowDown; 500; the connection is cut before or after the request got through; half a body."""

SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate</Message></Error>"
)
INNER = b"<Error><Code>InternalError</Code><Message>We encountered an error</Message></Error>"


class FaultyProxy:
    """Passes requests to a server; a share of them fails.

    Parameters
    ----------
    host, port
        The server.

    Notes
    -----
    Conditional requests are passed on one after another: S3 decides in one step, moto in two.
    """

    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self.share, self.kinds = 0.0, KINDS
        self.only: str | None = None
        self.refuse = 0
        self.faults: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.requests: list[tuple[str, str]] = []
        self._random = np.random.default_rng(7)
        self._lock = Lock()
        self.in_turn = Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.proxy = self
        self._thread = Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def fail(self, share: float, *kinds: str, only: str | None = None) -> None:
        """Let a share of the requests fail from now on; `only` restricts it to some keys."""
        self.share, self.kinds, self.only = share, kinds or KINDS, only

    def chosen(self, method: str, path: str) -> str | None:
        """Return how a request fails, if it does."""
        with self._lock:
            self.requests.append((method, path))
            if (self.only is not None and self.only not in path) or (
                self._random.random() >= self.share
            ):
                return None
            kind = self.kinds[int(self._random.integers(len(self.kinds)))]
            self.faults[kind] += 1
            return kind


class _Server(ThreadingHTTPServer):
    proxy: FaultyProxy
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent: clients that hang up are expected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = proxy.chosen(self.command, self.path)
        if proxy.refuse and self.command == "PUT":
            return self._answer(proxy.refuse, {}, b"<Error><Code>AccessDenied</Code></Error>")
        if kind == "slow-down":
            return self._answer(503, {}, SLOW_DOWN)
        if kind == "error":
            return self._answer(500, {}, INNER)
        if kind == "drop-before":
            return self._drop()
        if "If-Match" in self.headers or "If-None-Match" in self.headers:
            with proxy.in_turn:
                status, headers, content = self._ask(body)
        else:
            status, headers, content = self._ask(body)
        if kind == "drop-after":
            return self._drop()
        return self._answer(status, headers, content, cut=kind == "truncate")

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(*self.server.proxy.server, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        headers = dict(answer.getheaders())
        connection.close()
        return answer.status, headers, content

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length", str(len(content)))
        kept = {
            key: value
            for key, value in headers.items()
            if key.lower() not in ("content-length", "connection", "transfer-encoding")
        }
        for key, value in {**kept, "Content-Length": length}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut and content:
            self.wfile.write(content[: len(content) // 2])
            self._drop()
        else:
            self.wfile.write(content)

    def _drop(self) -> None:
        """Reset the connection, as servers do that die."""
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True
