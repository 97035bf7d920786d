"""HTTP whose heads have a bound: addresses and headers are kept before any of ours sees them."""

from __future__ import annotations

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 65_536
"""Bytes that the first line and the headers of a request may have, as in uvicorn's other parser."""

_TEXT = {
    "type": "about:blank",
    "title": "Request Header Fields Too Large",
    "status": 431,
    "detail": f"the address and the headers of a request may have {MOST_HEAD} bytes",
    "code": "head-too-large",
}


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol by httptools, which by itself keeps whatever comes without an end.

    A connection that sends more than `MOST_HEAD` bytes before the end of the headers is answered
    by 431 and closed.
    """

    _coming = 0  # bytes of a head that hasn't ended
    _in_head = True

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._coming, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the head of a request."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._coming += len(data)
        if self._coming > MOST_HEAD:
            self._refuse()

    def _refuse(self) -> None:
        # In the middle of another answer there is no place for this one.
        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps(_TEXT).encode()
            lines = (
                "HTTP/1.1 431 Request Header Fields Too Large",
                "content-type: application/problem+json",
                f"content-length: {len(body)}",
                "connection: close",
            )
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()
