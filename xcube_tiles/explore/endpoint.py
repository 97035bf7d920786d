"""The tile server inside of this process: one port for all maps, there as long as any of them."""

from __future__ import annotations

import secrets
import threading
import weakref
from typing import TYPE_CHECKING

import uvicorn

from xcube_tiles.errors import StoreError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.limits import Limits
from xcube_tiles.server.run import HOST, listening

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.server.served import ServedLayer

_SECONDS_TO_STOP = 5.0
# Blocks of a lazy cube take the time that they take; the map shows a tile whenever it comes.
_LIMITS = Limits(timeout=3600.0)


class Lease:
    """A source that is served; when it is given back or forgotten, it is no longer.

    Parameters
    ----------
    source
        What is drawn.
    name
        Name of the layer, in addresses.
    """

    __slots__ = ("__weakref__", "_app", "_endpoint", "_release", "name", "token")

    def __init__(self, source: TileSource, name: str) -> None:
        self.name = name
        # Whoever can log in to this machine reaches its loopback: the address is the key.
        self.token = secrets.token_urlsafe(16)
        self._app = create_app(sources={name: source}, limits=_LIMITS, origins=(), metrics=False)
        self._endpoint = _Endpoint.take(self.token, self._app)
        self._release = weakref.finalize(self, self._endpoint.drop, self.token)

    @property
    def port(self) -> int:
        """Port on loopback."""
        return self._endpoint.port

    @property
    def layer(self) -> ServedLayer:
        """The layer as the server has it."""
        layer: ServedLayer = self._app.state.library[self.name]
        return layer

    def close(self) -> None:
        """Stop serving the source; the port is free when this was the last."""
        self._release()
        self._endpoint.wait()

    @property
    def is_closed(self) -> bool:
        """Whether it is given back."""
        return not self._release.alive


class _Endpoint:
    """A server on a thread that answers by the application whose token begins the path."""

    running: _Endpoint | None = None
    # A finalizer may run in any thread, at any moment, in one that holds the lock too.
    lock = threading.RLock()

    def __init__(self) -> None:
        self._apps: dict[str, FastAPI] = {}
        listener = listening(HOST, 0)
        self.port: int = listener.getsockname()[1]
        config = uvicorn.Config(
            self.answer,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            interface="asgi3",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listener]},
            name="xcube_tiles.explore",
            daemon=True,
        )
        self._thread.start()

    @classmethod
    def take(cls, token: str, app: FastAPI) -> _Endpoint:
        """Serve an application by the endpoint that runs, or by a new one."""
        with cls.lock:
            running = cls.running
            if running is None or not running._thread.is_alive():
                running = cls.running = cls()
            running._apps[token] = app
            return running

    def drop(self, token: str) -> None:
        """Stop serving an application, and stop with the last; doesn't wait."""
        with self.lock:
            self._apps.pop(token, None)
            if not self._apps:
                self._server.should_exit = True
                if _Endpoint.running is self:
                    _Endpoint.running = None

    def wait(self) -> None:
        """Wait until the port is free, unless other applications are still served."""
        if self._apps or threading.current_thread() is self._thread:
            return
        self._thread.join(_SECONDS_TO_STOP)
        if self._thread.is_alive():
            raise StoreError(f"the tile server on port {self.port} doesn't stop")

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by the application that its path begins with (ASGI)."""
        token = scope["path"].split("/", 2)[1]
        app = self._apps.get(token)
        if app is None:
            await _refuse(send)
            return
        await app({**scope, "root_path": f"/{token}"}, receive, send)


async def _refuse(send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"this map is closed, or there was none\n"})
