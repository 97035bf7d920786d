"""Run the application on a port of this machine."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from xcube_tiles.server.operations.heads import BoundedHeads

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

HOST = "127.0.0.1"
"""Only this machine reaches it: whoever wants more says so."""

PORT = 8000


def run(
    app: FastAPI,
    *,
    host: str = HOST,
    port: int = PORT,
    announce: Callable[[str], object] = print,
    shutdown: float = 2.0,
) -> None:
    """Serve an application until the process is told to stop (Ctrl+C).

    Parameters
    ----------
    app
        What `create_app` has made.
    host
        Address to listen at; `0.0.0.0` for all of this machine's.
    port
        Port to listen at; 0 for any that is free.
    announce
        Called with the address of the page, once connections are accepted.
    shutdown
        Seconds that requests in flight have to finish when the process is told to stop.

    Raises
    ------
    OSError
        The port is taken, or there is no such address; the text names it.
    """
    with listening(host, port) as listener:
        announce(f"http://{shown(host)}:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            app,
            http=BoundedHeads,
            log_config=None,  # the settings say where it goes; else Python shows warnings
            access_log=False,  # the application writes its own
            server_header=False,
            timeout_graceful_shutdown=max(1, round(shutdown)),
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Raises
    ------
    OSError
        The port is taken, or there is no such address; the text names it.
    """
    # Bound here and not by uvicorn: that logs a taken port, and ends the process.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by its number: asyncio switches Nagle's algorithm off only where it reads TCP,
    # and each answer would take 40 ms longer otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"can't listen at {host} port {port}: {reason}. Another port can be given; 0 takes any"
        ) from error
    listener.listen()
    return listener


def shown(host: str) -> str:
    """Return a host as it stands in an address that can be opened on this machine."""
    if host in {"0.0.0.0", "::"}:
        return "localhost"
    return f"[{host}]" if ":" in host else host
