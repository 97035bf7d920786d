"""Wrong calls of global map algebra: regions, distances, paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import (
    AlgebraError,
    DimensionError,
    GeoreferenceError,
    IncompatibleCubesError,
)

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
    WrongCall(
        "ds.tiles.cost_distance",
        lambda: cover().cost_distance([(0, 0)]),
        AlgebraError,
        r"sources: \(0.0, 0.0\) lies outside the raster, which covers \(300000.0, 5000000.0",
    ),
    WrongCall(
        "ds.tiles.cost_distance",
        lambda: cover().cost_distance((300_005, 5_000_005)),
        AlgebraError,
        r"sources must be given by coordinates \(x, y\) in the cube's CRS, got \(300005",
    ),
    WrongCall(
        "ds.tiles.cost_distance",
        lambda: cover().cost_distance(raster(COVER).isel(x=slice(1, None))),
        IncompatibleCubesError,
        r"the grids differ in size",
    ),
    WrongCall(
        "ds.tiles.cost_distance",
        lambda: cover().cost_distance(raster(COVER).to_dataset()),
        DimensionError,
        r"sources must be one raster, got a Dataset of \['a'\]",
    ),
    WrongCall(
        "ds.tiles.cost_distance",
        lambda: cover().cost_distance(raster(COVER), max_cost=0),
        AlgebraError,
        r"max_cost must be a positive number, or None for no limit, got 0",
    ),
    WrongCall(
        "ds.tiles.cost_distance",
        lambda: degrees().cost_distance([(11, 51)]),
        GeoreferenceError,
        r"the cells are in degrees .* reproject to a projected CRS first",
    ),
    WrongCall(
        "ds.tiles.least_cost_path",
        lambda: cover().least_cost_path((300_005, 5_000_005), (1, 1)),
        AlgebraError,
        r"end: \(1.0, 1.0\) lies outside the raster",
    ),
    WrongCall(
        "ds.tiles.least_cost_path",
        lambda: cover().least_cost_path("here", "there"),
        AlgebraError,
        r"start must be given by coordinates \(x, y\)",
    ),
    WrongCall(
        "ds.tiles.least_cost_path",
        lambda: cover().least_cost_path((300_005, 5_000_005), (300_015, 5_000_005), connectivity=6),
        AlgebraError,
        r"connectivity must be 4 \(edges\) or 8 \(edges and corners\), got 6",
    ),
]
