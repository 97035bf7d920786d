"""What was computed of a lazy cube, kept for the next tile and the next look."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

MOST_BYTES = 512 * 2**20
"""Bytes of cells that one map keeps."""

AT_ONCE = 4
"""Computations at a time: each is parallel by itself, and takes memory."""


class BlockCache:
    """Arrays by key, the last used ones; each is made once however many threads ask for it.

    Parameters
    ----------
    most_bytes
        Bytes that are kept; an array that is larger is made but not kept.
    """

    __slots__ = ("_bytes", "_kept", "_lock", "_making", "_most", "_slots")

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._making: dict[Hashable, Future[NDArray[Any]]] = {}
        self._lock = Lock()
        self._slots = BoundedSemaphore(AT_ONCE)

    def get(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return what is kept under a key, else what `make` returns; what fails isn't kept."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
            made = self._making.get(key)
            mine = made is None
            if made is None:
                made = self._making[key] = Future()
        if not mine:
            return made.result()
        try:
            with self._slots:
                found = make()
        except BaseException as error:
            made.set_exception(error)
            raise
        else:
            self._keep(key, found)
            made.set_result(found)
            return found
        finally:
            with self._lock:
                del self._making[key]

    def _keep(self, key: Hashable, found: NDArray[Any]) -> None:
        found.flags.writeable = False
        with self._lock:
            self._kept[key] = found
            self._bytes += found.nbytes
            while self._bytes > self._most:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.nbytes
