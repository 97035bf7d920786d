"""STAC APIs on loopback: `rustac serve`, and stac-fastapi with pgstac."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.postgres import WAIT_SECONDS, free_port, has_postgis, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.sources.stac.data import Json


@contextmanager
def rustac_api(folder: Path, collection: Json, items: Sequence[Json]) -> Iterator[str]:
    """Yield the URL of `rustac serve` over some items; it knows no filter extension."""
    command = _script("rustac")
    if command is None:
        pytest.skip("the command rustac is not installed (pip install rustac)")
    (folder / "collection.json").write_text(json.dumps(collection))
    (folder / "items.json").write_text(
        json.dumps({"type": "FeatureCollection", "features": list(items)})
    )
    port = free_port()
    files = [str(folder / name) for name in ("collection.json", "items.json")]
    arguments = [command, "serve", "--addr", f"127.0.0.1:{port}", *files]
    with _running(arguments, f"http://127.0.0.1:{port}", {}) as url:
        yield url


@contextmanager
def pgstac_api(folder: Path, collection: Json, items: Sequence[Json]) -> Iterator[str]:
    """Yield the URL of stac-fastapi over pgstac; it filters by CQL2."""
    for module in ("stac_fastapi.pgstac", "pypgstac", "psycopg", "uvicorn"):
        if not _installed(module):
            pytest.skip(f"the Python module {module} is not installed")
    if not has_postgis():
        pytest.skip("PostGIS is not installed beside PostgreSQL (Debian: postgresql-15-postgis-3)")
    with postgres_server() as database:
        _fill(database, folder, collection, items)
        port = free_port()
        server = ["-m", "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app"]
        server += ["--port", str(port)]
        address = f"http://127.0.0.1:{port}"
        with _running([sys.executable, *server], address, _pg_variables(database)) as url:
            yield url


def _fill(database: str, folder: Path, collection: Json, items: Sequence[Json]) -> None:
    (folder / "collections.ndjson").write_text(json.dumps(collection))
    (folder / "items.ndjson").write_text("\n".join(map(json.dumps, items)))
    command = _script("pypgstac") or "pypgstac"
    for step in (
        ["migrate"],
        ["load", "collections", str(folder / "collections.ndjson")],
        ["load", "items", str(folder / "items.ndjson")],
    ):
        subprocess.run([command, *step, "--dsn", database], check=True, capture_output=True)


def _pg_variables(database: str) -> dict[str, str]:
    parts = urlsplit(database)
    return {
        "PGUSER": parts.username or "",
        # The server wants one; loopback with trust doesn't look at it.
        "PGPASSWORD": parts.password or "none",
        "PGHOST": parts.hostname or "127.0.0.1",
        "PGPORT": str(parts.port or 5432),
        "PGDATABASE": parts.path.lstrip("/"),
    }


def _script(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def _running(arguments: Sequence[str], url: str, variables: Mapping[str, str]) -> Iterator[str]:
    process = subprocess.Popen(
        arguments,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait(process, url)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_SECONDS)


def _wait(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(url, timeout=5).close()
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    process.terminate()
    raise RuntimeError(f"{process.args!r} doesn't answer: {process.communicate()[1]}")
