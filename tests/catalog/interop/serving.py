"""Folders served over HTTP on loopback, with the requests for parts of files that shards need."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = folder / self.path.split("?")[0].strip("/")
            if not path.is_file():
                self._send(404, b"", {}, with_body=with_body)
                return
            content = path.read_bytes()
            asked = _RANGE.fullmatch(self.headers.get("Range", ""))
            if asked is None:
                self._send(200, content, {}, with_body=with_body)
                return
            start, stop = _span(asked, len(content))
            headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
            self._send(206, content[start:stop], headers, with_body=with_body)

        def _send(
            self, status: int, content: bytes, headers: dict[str, str], *, with_body: bool
        ) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _span(asked: re.Match[str], size: int) -> tuple[int, int]:
    first, last = asked.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)
