"""Reprojection, and what rims of blocks cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import rasterio
from odc.geo.xr import xr_reproject

from benchmarks.cases.case import FLOOR, OURS, Case, copying
from benchmarks.harness import Check, Table, alternate, at_least
from xcube_tiles.cube.blocks import map_blocks, map_halo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

PEER_IS_EXACT = tuple(map(int, rasterio.__version__.split(".")[:2])) >= (1, 5)
"""Before 1.5 rasterio ignored `tolerance`: the peer misplaced cells, in a tenth of the time."""


def cases(height: xr.DataArray) -> Iterator[Case]:
    """Yield reprojections to Web Mercator that place every cell exactly."""
    target = height.odc.geobox.to_crs("EPSG:3857")
    for method in ("nearest", "bilinear"):
        ours = partial(height.tiles.reproject, target, resampling=method)
        peer = partial(xr_reproject, height, target, resampling=method, tolerance=0)
        yield Case(
            title=f"reproject UTM to 3857, exact, {method}",
            contenders={
                OURS: ours,
                "odc-geo, tolerance=0": peer,
                FLOOR: copying(height.values),
            },
            bounds={"odc-geo, tolerance=0": 4} if PEER_IS_EXACT else {},
        )


def rims(quick: bool) -> tuple[Table, list[Check]]:
    """Measure what rims cost over blocks alone, by our graph and by dask's."""
    edge = 2048 if quick else 8192
    cells = da.ones((edge, edge), chunks=512, dtype=np.float32)
    timings = alternate(
        {
            "map_blocks": lambda: map_blocks(same, cells, name="s", dtype="f4").sum().compute(),
            OURS: lambda: (
                map_halo(inner, cells, depth=(2, 2), name="inner", dtype="f4").sum().compute()
            ),
            "dask map_overlap": lambda: (
                da.map_overlap(same, cells, depth=2, boundary=np.nan, dtype="f4").sum().compute()
            ),
        },
        rounds=3 if quick else 9,
    )
    base = timings["map_blocks"].median
    ratio = (timings["dask map_overlap"].median - base) / max(timings[OURS].median - base, 1e-9)
    table = Table(title="rims of 2 cells, 256 blocks", timings=timings, reference=OURS)
    return table, [at_least("rims: overhead of map_overlap / ours", ratio, 4)]


def same(block: NDArray[Any]) -> NDArray[Any]:
    return block


def inner(window: NDArray[Any], *, margins: tuple[int, int, int, int]) -> NDArray[Any]:
    top, bottom, left, right = margins
    height, width = window.shape[-2:]
    return window[..., top : height - bottom, left : width - right]
