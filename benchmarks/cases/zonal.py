"""Zonal statistics, crosstabs and region groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import xrspatial.zonal as peer
from flox.xarray import xarray_reduce

from benchmarks.cases.case import CHUNK, FLOOR, OURS, Case, copying, on_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ZONES, CLASSES = 1000, 10
STATISTICS = ["count", "mean", "min", "max", "sd"]


def cases(height: xr.DataArray) -> Iterator[Case]:
    """Yield the cases of a raster with NaN."""
    edge = height.sizes["y"]
    zones, classes = on_grid(zones_of(edge)), on_grid(classes_of(edge))
    lazy, lazy_zones = (array.chunk(y=CHUNK, x=CHUNK) for array in (height, zones))
    yield Case(
        title="zonal, 5 statistics of 1000 zones, dask",
        contenders={
            OURS: lambda: lazy.tiles.zonal(lazy_zones, STATISTICS).compute(),
            "xarray-spatial": lambda: peer_statistics(lazy_zones, lazy),
            "flox": lambda: grouped(lazy, lazy_zones),
            FLOOR: copying(height.values),
        },
        bounds={"xarray-spatial": 20, "flox": 4},
        slow=True,
    )
    yield Case(
        title="crosstab 1000 x 10",
        contenders={
            OURS: lambda: classes.tiles.crosstab(zones),
            "xarray-spatial": lambda: peer.crosstab(zones, classes),
            FLOOR: copying(classes.values, np.int32),
        },
        bounds={"xarray-spatial": 10},
    )
    yield Case(
        title="region groups",
        contenders={
            OURS: classes.tiles.regions,
            "xarray-spatial": lambda: peer.regions(classes),
            FLOOR: copying(classes.values, np.int32),
        },
        bounds={"xarray-spatial": 1.5},
    )


def zones_of(edge: int) -> NDArray[np.int32]:
    """Return rectangles, as many as there are zones in 2048 cells."""
    rows, cols = np.arange(edge) * 25 // edge, np.arange(edge) * 40 // edge
    return (rows[:, None] * 40 + cols + 1).astype(np.int32)


def classes_of(edge: int) -> NDArray[np.int32]:
    """Return patches of ten classes: some thousand regions, of one cell to thousands."""
    generator = np.random.default_rng(7)
    coarse = generator.integers(0, CLASSES, (edge // 8, edge // 8))
    fine = np.repeat(np.repeat(coarse, 8, 0), 8, 1)
    noise = generator.random(fine.shape) < 0.005
    fine[noise] = generator.integers(0, CLASSES, noise.sum())
    result: NDArray[np.int32] = fine.astype(np.int32)
    return result


def peer_statistics(zones: xr.DataArray, values: xr.DataArray) -> Any:
    """Return xarray-spatial's table, which is a dask dataframe."""
    table = peer.stats(zones, values, stats_funcs=["count", "mean", "min", "max", "std"])
    return table.compute() if hasattr(table, "compute") else table


def grouped(values: xr.DataArray, zones: xr.DataArray) -> Any:
    """Return the statistics by flox, computed together."""
    funcs = ("count", "nanmean", "nanmin", "nanmax", "nanstd")
    expected = np.arange(1, ZONES + 1)
    parts = {f: xarray_reduce(values, zones, func=f, expected_groups=expected) for f in funcs}
    return xr.Dataset(parts).compute()
