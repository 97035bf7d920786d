"""Routes for those who run the server: is it alive, is it ready, what does it do."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from threading import Lock, Thread
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from xcube_tiles.errors import DatabaseError
from xcube_tiles.server.errors import problem
from xcube_tiles.server.operations.metrics import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcube_tiles.server.library import Library

READY_SECONDS = 5.0
"""After which a catalog that doesn't answer counts as one that can't be reached."""

router = APIRouter(tags=["operations"])
_LOG = logging.getLogger("xcube_tiles.server.health")


class Alive(BaseModel):
    """That a server answers."""

    status: str


class Ready(BaseModel):
    """That a server can do its work."""

    status: str
    """`ok`, or `degraded`: all is answered, but something that helps is missing."""

    layers: int
    degraded: list[str] | None = None
    """Settings of what is missing."""


class Readiness:
    """Looks whether the layers can be listed, in one thread however often it is asked.

    Threads that draw may all be busy, and a look may hang for as long as a store does: nobody
    begins a second one beside it.

    Parameters
    ----------
    library
        The layers.
    reopen
        Fails if there is no catalog anymore: one that was opened and lost lists no layers.
    """

    def __init__(self, library: Library, reopen: Callable[[], object]) -> None:
        self._library = library
        self._reopen = reopen
        self._looking: Future[int] | None = None
        self._lock = Lock()

    async def look(self) -> int:
        """Return how many layers there are.

        Raises
        ------
        Exception
            What the library raises.
        """
        with self._lock:
            if self._looking is None or self._looking.done():
                self._looking = Future()
                Thread(target=self._run, args=(self._looking,), daemon=True).start()
            looking = self._looking
        return await asyncio.shield(asyncio.wrap_future(looking))

    def _run(self, looking: Future[int]) -> None:
        try:
            self._reopen()
            looking.set_result(len(self._library.names()))
        except Exception as error:  # passed on to whoever waits
            looking.set_exception(error)


@router.get("/healthz")
async def alive() -> Alive:
    """Say that the process answers; nothing is looked at, so that this never waits."""
    return Alive(status="ok")


@router.get("/readyz", response_model=Ready, response_model_exclude_none=True)
async def ready(request: Request) -> Ready | Response:
    """Say whether the catalog can be reached and the collections are open; 503 if not."""
    try:
        layers = await asyncio.wait_for(request.app.state.readiness.look(), READY_SECONDS)
    except TimeoutError:
        return _not_ready(f"the catalog didn't answer within {READY_SECONDS:g} seconds")
    except DatabaseError as error:
        _LOG.warning("not ready: %s", error)
        return _not_ready(str(error))
    except Exception as error:  # whatever a store, a database or a file may raise
        _LOG.warning("not ready: %s", error, exc_info=error)
        return _not_ready("the catalog or a collection can't be read; the log says why")
    degraded = request.app.state.tile_caches.degraded()
    if degraded:
        return Ready(status="degraded", layers=layers, degraded=degraded)
    return Ready(status="ok", layers=layers)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Return the counts of this server for Prometheus; of all its processes, if it has several."""
    counts = request.app.state.metrics
    if counts is None:
        return problem(404, "this server counts nothing: metrics are switched off in its settings")
    return Response(
        counts.text(), headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    )


def _not_ready(why: str) -> Response:
    return problem(503, why, code="not-ready", headers={"Retry-After": "5"})
