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


def degrees() -> Any:
    cells = np.ones((3, 3), "uint8")
    coords = {"lat": [52.0, 51.0, 50.0], "lon": [10.0, 11.0, 12.0]}
    return xr.DataArray(cells, coords, ("lat", "lon")).tiles


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
    WrongCall(
        "ds.tiles.proximity",
        lambda: degrees().proximity(),
        GeoreferenceError,
        r"the cells are in degrees .* reproject to a projected CRS first",
    ),
    WrongCall(
        "ds.tiles.proximity",
        lambda: cover().proximity([999]),
        AlgebraError,
        r"a cell of type 'uint8raw' can't be the target 999",
    ),
    WrongCall(
        "ds.tiles.proximity",
        lambda: cover().proximity(max_distance=-5),
        AlgebraError,
        r"max_distance must be a positive number, or None for no limit, got -5",
    ),
    WrongCall(
        "ds.tiles.proximity",
        lambda: cover().proximity(2),
        AlgebraError,
        r"targets must be a list of cell values, or None for all but 0, got 2",
    ),
    WrongCall(
        "ds.tiles.allocation",
        lambda: degrees().allocation(),
        GeoreferenceError,
        r"the cells are in degrees .* reproject to a projected CRS first",
    ),
    WrongCall(
        "ds.tiles.allocation",
        lambda: cover().allocation([999]),
        AlgebraError,
        r"a cell of type 'uint8raw' can't be the target 999",
    ),
    WrongCall(
        "ds.tiles.allocation",
        lambda: cover().allocation(max_distance=-5),
        AlgebraError,
        r"max_distance must be a positive number, or None for no limit, got -5",
    ),
    WrongCall(
        "ds.tiles.allocation",
        lambda: cover().allocation(2),
        AlgebraError,
        r"targets must be a list of cell values, or None for all but 0, got 2",
    ),
    WrongCall(
        "ds.tiles.direction",
        lambda: degrees().direction(),
        GeoreferenceError,
        r"the cells are in degrees .* reproject to a projected CRS first",
    ),
    WrongCall(
        "ds.tiles.direction",
        lambda: cover().direction([999]),
        AlgebraError,
        r"a cell of type 'uint8raw' can't be the target 999",
    ),
    WrongCall(
        "ds.tiles.direction",
        lambda: cover().direction(max_distance=-5),
        AlgebraError,
        r"max_distance must be a positive number, or None for no limit, got -5",
    ),
    WrongCall(
        "ds.tiles.direction",
        lambda: cover().direction(2),
        AlgebraError,
        r"targets must be a list of cell values, or None for all but 0, got 2",
    ),
]
