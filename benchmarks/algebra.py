"""Map algebra: focal, terrain, zonal and regional operations and reprojection, against peers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import chain

from benchmarks.cases import focal, grids, zonal
from benchmarks.cases.case import elevations
from benchmarks.harness import Report, at_most

FIRST_CALLS = {
    "focal mean": 'height.tiles.focal("mean", xt.Square(2))',
    "focal mean, circle": 'height.tiles.focal("mean", xt.Circle(3))',
    "focal max": 'height.tiles.focal("max", xt.Square(2))',
    "focal median": 'height.tiles.focal("median", xt.Square(2))',
    "slope": "height.tiles.slope()",
    "zonal": 'height.tiles.zonal(zones, ["mean", "sd"])',
    "crosstab": "zones.tiles.crosstab(zones)",
    "regions": "zones.tiles.regions()",
    "reproject": 'height.tiles.reproject("EPSG:3857", resampling="bilinear")',
    "proximity": "zones.tiles.proximity()",
    "viewshed": "height.tiles.viewshed(500_300, 5_499_700)",
}
"""Calls that compile kernels, of which each is made in a fresh process without a cache."""

_FIRST_CALL = """
import time
import xcube_tiles as xt
from benchmarks.cases.case import elevations, on_grid
from benchmarks.cases.zonal import zones_of
height, zones = elevations(64).fillna(0), on_grid(zones_of(64))
start = time.perf_counter()
{call}
print(time.perf_counter() - start)
"""


NOT_EXACT = "rasterio before 1.5 ignores tolerance: odc-geo places 3.7 % of the cells wrongly here."


def run(quick: bool) -> Report:
    """Time every operation beside its peers, and the first calls that compile."""
    height = elevations(256 if quick else 2048)
    measured = [
        case.measure(quick)
        for case in chain(focal.cases(height), zonal.cases(height), grids.cases(height))
    ]
    measured.append(grids.rims(quick))
    first = {} if quick else {name: first_call(call) for name, call in FIRST_CALLS.items()}
    return Report(
        name="algebra",
        setup=f"{height.shape[0]} x {height.shape[1]} float32, 5 % NaN, in UTM zone 33",
        tables=[table for table, _ in measured],
        checks=[
            *chain.from_iterable(checks for _, checks in measured),
            *(at_most(f"first call: {name}, s", took, 3) for name, took in first.items()),
        ],
        peers=["xarray-spatial", "scipy", "flox", "numbagg"],
        notes=[] if grids.PEER_IS_EXACT else [NOT_EXACT],
    )


def first_call(call: str) -> float:
    """Return the seconds that a call takes in a fresh process with an empty cache of kernels."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _FIRST_CALL.format(call=call)],
            env={**os.environ, "NUMBA_CACHE_DIR": cache},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)
