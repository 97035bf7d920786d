"""Wrong calls of global map algebra: regions, distances, paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import AlgebraError, GeoreferenceError

COVER = np.array([[1, 1, 0, 2, 2]], "uint8")


def cover() -> Any:
    return raster(COVER).tiles


def bare() -> Any:
    return xr.DataArray(COVER, dims=("y", "x")).tiles


CALLS: list[WrongCall] = [
    WrongCall(
        "ds.tiles.regions",
        lambda: cover().regions(connectivity=6),
        AlgebraError,
        r"connectivity must be 4 \(edges\) or 8 \(edges and corners\), got 6",
    ),
    WrongCall(
        "ds.tiles.regions",
        lambda: cover().regions(connectivity="eight"),
        AlgebraError,
        r"connectivity must be 4 .* got 'eight'",
    ),
    WrongCall(
        "ds.tiles.regions",
        lambda: bare().regions(),
        GeoreferenceError,
        r"the object has no CRS",
    ),
]
