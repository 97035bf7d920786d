"""The tile endpoint beside titiler, rio-tiler, xpublish-tiles and Terracotta.

The peers live in an environment of their own, which is made in a cache folder (``$XDG_CACHE_HOME``
or ``~/.cache``) and kept; ``BENCHMARK_PEERS`` names another folder. `--quick` measures those that
are there and installs none.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from benchmarks.cases import serving_peers
from benchmarks.cases.driving import CONNECTIONS
from benchmarks.cases.serving import serving
from benchmarks.harness import Report


def run(quick: bool) -> Report:
    """Measure tiles per second of ours and of the peers."""
    python, missing = serving_peers.environment(_folder(), install=not quick)
    with tempfile.TemporaryDirectory() as folder:
        found = serving(Path(folder), quick=quick, python=python, missing=missing)
    driver = "wrk" if shutil.which("wrk") else "a client of ours (there is no wrk here)"
    edge, count = (2048, 40) if quick else (8192, 400)
    there = serving_peers.versions(python) if python is not None else {}
    shown = ", ".join(f"{name} {version}" for name, version in there.items()) or "none"
    return Report(
        name="server",
        setup=f"{edge}² uint16 with NoData, {count} tiles of 256² over 3 zooms, one server "
        f"process, {CONNECTIONS} connections, no cache of tiles, driven by {driver}",
        tables=found.tables,
        checks=found.checks,
        peers=["fastapi", "uvicorn", "uvloop", "httptools", "imagecodecs"],
        notes=[*found.notes, f"peers: {shown}"],
    )


def _folder() -> Path:
    given = os.environ.get("BENCHMARK_PEERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else cache / "xcube_tiles" / "peers"
