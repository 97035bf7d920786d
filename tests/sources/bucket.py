"""A bucket on loopback: just enough of S3 to list objects and to read ranges of them."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODIFIED = "2018-05-24T10:06:06.000Z"


@contextmanager
def serve_bucket(name: str, objects: Mapping[str, bytes]) -> Iterator[str]:
    """Serve objects under a bucket's name; gives the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            url = urlsplit(self.path)
            key = url.path.removeprefix(f"/{name}").strip("/")
            if key in objects:
                self.send(objects[key], body=body)
            elif key == "" and "list-type" in url.query:
                query = parse_qs(url.query)
                listed = listing(name, objects, query.get("prefix", [""])[0])
                self.send(listed.encode(), body=body)
            else:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def send(self, content: bytes, *, body: bool) -> None:
            wanted = self.headers.get("Range")
            start, stop = 0, len(content)
            if wanted:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(int(last or stop - 1) + 1, stop)
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(stop - start))
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
            self.send_header("Last-Modified", "Thu, 24 May 2018 10:06:06 GMT")
            self.send_header("ETag", '"1"')
            self.end_headers()
            if body:
                self.wfile.write(content[start:stop])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listing(name: str, objects: Mapping[str, bytes], prefix: str) -> str:
    """Return the XML of ListObjectsV2 with the delimiter `/`."""
    under = [key for key in sorted(objects) if key.startswith(prefix)]
    here = [key for key in under if "/" not in key.removeprefix(prefix)]
    folders = {prefix + key.removeprefix(prefix).split("/")[0] + "/" for key in under} - {
        f"{key}/" for key in here
    }
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>{MODIFIED}</LastModified><ETag>1</ETag>"
        f"<Size>{len(objects[key])}</Size></Contents>"
        for key in here
    )
    prefixes = "".join(
        f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in sorted(folders)
    )
    return (
        f'<?xml version="1.0"?><ListBucketResult><Name>{name}</Name><Prefix>{prefix}</Prefix>'
        f"<KeyCount>{len(here)}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
        f"{contents}{prefixes}</ListBucketResult>"
    )
