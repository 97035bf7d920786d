"""Focal operations and terrain: one pass over windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from scipy import ndimage
from xrspatial import slope
from xrspatial.focal import apply, focal_stats

import xcube_tiles as xt
from benchmarks.cases.case import CHUNK, FLOOR, OURS, Case, copying

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray


def cases(height: xr.DataArray) -> Iterator[Case]:
    """Yield the cases of a raster with NaN."""
    cells = height.values
    floor = copying(cells)
    square, large = xt.Square(2), xt.Square(12)
    yield Case(
        title="focal mean 5 x 5",
        contenders={
            OURS: lambda: height.tiles.focal("mean", square),
            "xarray-spatial": lambda: focal_stats(height, np.ones((5, 5)), ["mean"]),
            "scipy, NaN-aware": lambda: uniform_mean(cells, 5),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 20, "scipy, NaN-aware": 8},
    )
    yield Case(
        title="focal mean 25 x 25",
        contenders={
            OURS: lambda: height.tiles.focal("mean", large),
            "xarray-spatial": lambda: focal_stats(height, np.ones((25, 25)), ["mean"]),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 200},
        slow=True,
    )
    yield Case(
        title="focal max 5 x 5",
        contenders={
            OURS: lambda: height.tiles.focal("max", square),
            "xarray-spatial": lambda: focal_stats(height, np.ones((5, 5)), ["max"]),
            "scipy maximum_filter": lambda: ndimage.maximum_filter(cells, 5),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 15},
    )
    yield Case(
        title="focal median 5 x 5",
        contenders={
            OURS: lambda: height.tiles.focal("median", square),
            "xarray-spatial": lambda: apply(height, np.ones((5, 5)), nanmedian),
            "scipy median_filter": lambda: ndimage.median_filter(cells, 5),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 10, "scipy median_filter": 4},
        slow=True,
    )
    yield Case(
        title="focal mean, circle of radius 10",
        contenders={
            OURS: lambda: height.tiles.focal("mean", xt.Circle(10)),
            "xarray-spatial": lambda: focal_stats(height, xt.Circle(10).mask() * 1.0, ["mean"]),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 20},
        slow=True,
    )
    yield from terrain_cases(height)


def terrain_cases(height: xr.DataArray) -> Iterator[Case]:
    """Yield the slope, eager and with dask."""
    lazy = height.chunk(y=CHUNK, x=CHUNK)
    floor = copying(height.values)
    yield Case(
        title="slope",
        contenders={
            OURS: height.tiles.slope,
            "xarray-spatial": lambda: slope(height),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 2},
    )
    yield Case(
        title="slope, dask",
        contenders={
            OURS: lambda: lazy.tiles.slope().compute(),
            "xarray-spatial": lambda: slope(lazy).compute(),
            FLOOR: floor,
        },
        bounds={"xarray-spatial": 2},
    )


def uniform_mean(cells: NDArray[Any], size: int) -> NDArray[Any]:
    """Mean of the valid cells by two uniform filters, as is usual with scipy."""
    valid = ~np.isnan(cells)
    total = ndimage.uniform_filter(np.where(valid, cells, np.float32(0)), size, mode="constant")
    share = ndimage.uniform_filter(valid.astype(np.float32), size, mode="constant")
    result: NDArray[Any] = total / share
    return result


@njit(nogil=True)
def nanmedian(window: NDArray[Any]) -> float:
    """Median that xarray-spatial is given: it has none of its own."""
    return float(np.nanmedian(window))
