"""Tiles kept in the memory of one process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class TileCache:
    """Pictures by their entity tags, the last used; none outlives the version it was made of.

    Parameters
    ----------
    most
        Bytes that they may have together.

    Raises
    ------
    ValueError
        Less than nothing.

    Examples
    --------
    >>> cache = TileCache(10)
    >>> for tag in "abc":
    ...     cache.put(tag, b"1234")
    >>> cache.get("a"), cache.get("c"), cache.bytes
    (None, b'1234', 8)
    """

    __slots__ = ("_kept", "_lock", "bytes", "most")

    def __init__(self, most: int) -> None:
        if most < 0:
            raise ValueError(f"a cache of tiles has 0 bytes or more, got tile_cache={most!r}")
        self.most = most
        self.bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, tag: str) -> bytes | None:
        """Return a picture, None if it isn't kept."""
        with self._lock:
            body = self._kept.get(tag)
            if body is not None:
                self._kept.move_to_end(tag)
            return body

    def put(self, tag: str, body: bytes) -> None:
        """Keep a picture; those not used for longest make room. One larger than all isn't kept."""
        if len(body) > self.most:
            return
        with self._lock:
            self.bytes += len(body) - len(self._kept.pop(tag, b""))
            self._kept[tag] = body
            while self.bytes > self.most:
                self.bytes -= len(self._kept.popitem(last=False)[1])
