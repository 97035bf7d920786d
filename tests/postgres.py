"""A PostgreSQL server of the tests' own, thrown away afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRONMENT = "XCUBE_TILES_TEST_POSTGRES"
"""Name of the variable that may hold the URL of a server to use instead."""

WAIT_SECONDS = 60.0
"""How long a server may take to answer; machines of CI are slow."""


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, newest version first, or None."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def has_postgis() -> bool:
    """Return whether the extension PostGIS is installed beside the server."""
    if os.environ.get(ENVIRONMENT):
        return True
    folder = binaries()
    if folder is None:
        return False
    prefix = folder.parent
    shares = (
        Path("/usr/share/postgresql") / prefix.name,
        prefix / "share",
        prefix / "share" / "postgresql",
    )
    return any((share / "extension" / "postgis.control").exists() for share in shares)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the URL of an empty database on a server that runs until the block ends.

    Skips the test where no server is installed and none is named by `XCUBE_TILES_TEST_POSTGRES`.
    """
    given = os.environ.get(ENVIRONMENT)
    folder = binaries()
    if given:
        yield given
    elif folder is None:
        pytest.skip(f"no PostgreSQL is installed, and {ENVIRONMENT} isn't set")
    else:
        with _cluster(folder) as url:
            yield url


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    # The server refuses to run as root: Debian's package brings the user that it runs as.
    user = "postgres" if os.geteuid() == 0 else None
    data = Path(tempfile.mkdtemp(prefix="xcube-tiles-postgres-"))
    port = free_port()
    name = pwd.getpwuid(os.geteuid()).pw_name
    try:
        if user:
            shutil.chown(data, user, user)
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", name, "--auth=trust", "--no-sync",
             "--encoding=UTF8", "--locale=C.UTF-8"],
            check=True, capture_output=True, user=user, group=user, cwd="/",
        )  # fmt: skip
        server = subprocess.Popen(
            [folder / "postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off"],
            stderr=subprocess.DEVNULL, user=user, group=user, cwd="/",
        )  # fmt: skip
        try:
            url = f"postgresql://{name}@127.0.0.1:{port}/postgres"
            _wait(url, server)
            yield url
        finally:
            # A fast shutdown: clients that are still connected are cut off.
            server.send_signal(signal.SIGINT)
            server.wait(WAIT_SECONDS)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + WAIT_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL doesn't answer at {url}; exit status {server.poll()}")
