"""Few tiles at a time, in the order of their requests."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE = 0.02
"""Seconds for which a tile keeps its turn: a slow one holds up nobody for longer."""


class Turns:
    """Runs functions in threads, about as many at a time as there are processors.

    More threads draw nothing sooner: they take the interpreter from each other in the middle of
    their tiles, so that all of them take longer, and some far longer than others.

    Parameters
    ----------
    count
        How many have a turn at once; None: as many as there are processors, at least two.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = max(2, os.cpu_count() or 1) if count is None else count
        # What waits belongs to its loop, and tests run one application in several.
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def run(self, call: Callable[[], T]) -> T:
        """Return what a function returns, which is called in a thread when its turn has come."""
        loop = asyncio.get_running_loop()
        free = self._free.get(loop)
        if free is None:
            free = self._free[loop] = asyncio.Semaphore(self._count)
        await free.acquire()
        kept = True

        def release() -> None:
            nonlocal kept
            if kept:
                kept = False
                free.release()

        timer = loop.call_later(PATIENCE, release)
        try:
            return await to_thread.run_sync(call)
        finally:
            timer.cancel()
            release()
