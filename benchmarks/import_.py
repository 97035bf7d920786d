"""What `import xcube_tiles` costs beyond the two libraries that it stands on."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from benchmarks.harness import Report, Table, alternate, at_most

OURS = "import xcube_tiles"
BASE = "import xarray, dask.array"
# xarray imports numbagg, and with it numba, where it is installed, as it is with the `bench` group:
# that would hide a second of ours behind one of xarray's. None makes the import fail.
WITHOUT_NUMBAGG = "import sys; sys.modules['numbagg'] = None; "


# What a serverless function does before it can answer: the first tile of a layer in memory.
FIRST_TILE = """
import asyncio, numpy, xarray
from xcube_tiles.cube.georef import set_crs
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.server.app import create_app

axis = numpy.linspace(-1.9e7, 1.9e7, 256)
cells = numpy.arange(65536, dtype="float32").reshape(256, 256)
array = xarray.DataArray(cells, coords={"y": axis[::-1], "x": axis}, dims=("y", "x"), name="a")
app = create_app(sources={"a": CubeSource(set_crs(array, "EPSG:3857"))}, metrics=False)
path = "/layers/a/tiles/WebMercatorQuad/0/0/0.png"
scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
         "raw_path": path.encode(), "query_string": b"stretch=0,65536", "root_path": "",
         "headers": [], "server": ("localhost", 80), "client": ("127.0.0.1", 1)}
sent = []
async def receive(): return {"type": "http.request"}
async def send(message): sent.append(message)
asyncio.run(app(scope, receive, send))
assert sent[0]["status"] == 200, sent
"""


def run(quick: bool) -> Report:
    """Time whole interpreters, from start to exit, each in a process of its own."""
    timings = alternate(
        {statement: partial(_interpreter, statement) for statement in (OURS, BASE, "pass")},
        rounds=5 if quick else 25,
    )
    cold = alternate(
        {"first tile": partial(_interpreter, FIRST_TILE), OURS: partial(_interpreter, OURS)},
        rounds=3 if quick else 9,
    )
    return Report(
        name="import",
        setup="a whole Python process, started and ended, with a warm page cache",
        tables=[
            Table(title="python -c", timings=timings, reference=BASE),
            Table(title="from start to the first tile of a server", timings=cold, reference=OURS),
        ],
        checks=[
            at_most(f"{OURS!r} / {BASE!r}", timings[OURS].ratio_to(timings[BASE]), 1.2),
        ],
    )


def _interpreter(statement: str) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_NUMBAGG + statement], check=True)
