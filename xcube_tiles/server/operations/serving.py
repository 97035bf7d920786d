"""Run a server as its settings say: one process or several, until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import os
from inspect import signature
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from xcube_tiles.server import run
from xcube_tiles.server.operations.heads import BoundedHeads
from xcube_tiles.server.operations.logs import configure
from xcube_tiles.server.operations.metrics import FOLDER
from xcube_tiles.server.operations.process import few_arenas, prepare, settle
from xcube_tiles.server.settings import PREFIX, Settings, app_from_settings

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

_FACTORY = f"{app_from_settings.__module__}:app_from_environment"

# A process that doesn't answer for so long is replaced; on a busy machine it loads for longer than
# the 5 seconds of uvicorn, which would then end it again and again.
_STARTING_SECONDS = 60


def serve(settings: Settings, *, announce: Callable[[str], object] = print) -> None:
    """Serve until the process is told to stop (Ctrl+C, SIGTERM); requests in flight finish.

    Parameters
    ----------
    settings
        What is served, where and how.
    announce
        Called with the address of the page, once connections are accepted.

    Raises
    ------
    CatalogError
        There is no catalog at that place.
    OSError
        The port is taken, or there is no such address; the text names it.
    """
    configure(settings.log, settings.level)
    prepare()
    # Made here even if other processes make their own: what can't be served is told at once.
    app = app_from_settings(settings)
    if settings.workers == 1:
        settle()
        run.run(
            app,
            host=settings.host,
            port=settings.port,
            announce=announce,
            shutdown=settings.shutdown,
        )
        return
    with run.listening(settings.host, settings.port) as listener:
        announce(f"http://{run.shown(settings.host)}:{listener.getsockname()[1]}")
        _serve_by_several(settings, listener)


def _serve_by_several(settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        _FACTORY,
        factory=True,
        http=BoundedHeads,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown)),
        **_known_to(uvicorn.Config, timeout_worker_healthcheck=_STARTING_SECONDS),
    )
    # Older versions of uvicorn take what is run in each process from outside.
    options = _known_to(Multiprocess, target=uvicorn.Server(config).run)
    with TemporaryDirectory(prefix="xcube-tiles-metrics-") as folder:
        counted = {FOLDER: os.environ.get(FOLDER) or folder} if settings.metrics else {}
        with _environment(as_variables(settings) | counted | few_arenas()):
            Multiprocess(config, sockets=[listener], **options).run()


def _known_to(made: Callable[..., object], **options: Any) -> dict[str, Any]:
    """Return those options that the installed version takes."""
    return {name: options[name] for name in options if name in signature(made).parameters}


def as_variables(settings: Settings) -> dict[str, str]:
    """Return settings as variables of the environment, which other processes take over.

    Parameters
    ----------
    settings
        From wherever they come.
    """
    values = settings.model_dump(mode="json", exclude_none=True)
    return {
        PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
