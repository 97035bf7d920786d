"""Wrong calls of local map algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.wrong_calls import WrongCall
from xcube_tiles.cube.georef import set_crs
from xcube_tiles.errors import (
    AlgebraError,
    CellTypeError,
    DimensionError,
    IncompatibleCubesError,
    NoDataCollisionError,
)


def height(**coords: Any) -> xr.DataArray:
    grid = {"y": [10.0, 0.0], "x": [0.0, 10.0], **coords}
    cells = xr.DataArray(np.array([[3, 7], [-1, 9]], np.int16), grid, ("y", "x"), name="height")
    return set_crs(cells.assign_attrs(_FillValue=np.int16(-1)), "EPSG:32633")


def tiles() -> Any:
    return height().tiles


def elsewhere() -> xr.DataArray:
    return height(x=[10.0, 20.0])


CALLS: list[WrongCall] = [
    WrongCall(
        "ds.tiles.local",
        lambda: tiles().local("plus", 1),
        AlgebraError,
        r"unknown local operation 'plus'; expected one of add, subtract",
    ),
    WrongCall(
        "ds.tiles.local",
        lambda: tiles().local("subtract"),
        AlgebraError,
        r"'subtract' takes one operand besides the cube, got 0",
    ),
    WrongCall(
        "ds.tiles.local",
        lambda: tiles().local("add", "1"),
        AlgebraError,
        r"an operand that is no raster must be a number, got '1'",
    ),
    WrongCall(
        "ds.tiles.local",
        lambda: tiles().local("add", elsewhere()),
        IncompatibleCubesError,
        r"the grids are 1 cells apart at a corner; bring one onto the other's grid",
    ),
    WrongCall(
        "ds.tiles.local",
        lambda: tiles().local("add", height().to_dataset()),
        DimensionError,
        r"a single raster can't be combined with a Dataset of \['height'\]; name the variable",
    ),
    WrongCall(
        "ds.tiles.local",
        lambda: tiles().local("bitwise_and", 0.5),
        AlgebraError,
        r"'bitwise_and' needs integers, got int16ud-1, 0.5; convert the cells first",
    ),
    WrongCall(
        "ds.tiles.where",
        lambda: tiles().where(True),
        AlgebraError,
        r"a condition is a raster such as cube.tiles.local\('greater', 5\), got True",
    ),
    WrongCall(
        "ds.tiles.where",
        lambda: tiles().where(height(), -1),
        NoDataCollisionError,
        r"-1 is the NoData value of 'height' \(int16ud-1\); pass other=None for NoData",
    ),
    WrongCall(
        "ds.tiles.where",
        lambda: tiles().where(elsewhere()),
        IncompatibleCubesError,
        r"the grids are 1 cells apart",
    ),
    WrongCall(
        "ds.tiles.cell_statistics",
        lambda: tiles().cell_statistics(height(), "avg"),
        AlgebraError,
        r"unknown statistic 'avg'; expected one of first, last, min, max, mean",
    ),
    WrongCall(
        "ds.tiles.cell_statistics",
        lambda: tiles().cell_statistics([], "mean"),
        AlgebraError,
        r"others must be one or several cubes, got \[\]",
    ),
    WrongCall(
        "ds.tiles.cell_statistics",
        lambda: tiles().cell_statistics([height(), elsewhere()], "mean"),
        IncompatibleCubesError,
        r"the grids are 1 cells apart",
    ),
    WrongCall(
        "ds.tiles.rank",
        lambda: tiles().rank(height(), 2),
        AlgebraError,
        r"n=2 is beyond 2 cubes; expected -2 to 1",
    ),
    WrongCall(
        "ds.tiles.rank",
        lambda: tiles().rank("time", 0),
        DimensionError,
        r"no dimension 'time'",
    ),
    WrongCall(
        "ds.tiles.rank",
        lambda: tiles().rank(height(), "lowest"),
        AlgebraError,
        r"n must be an integer \(0 for the lowest value\), got 'lowest'",
    ),
    WrongCall(
        "ds.tiles.combine",
        lambda: tiles().combine(),
        AlgebraError,
        r"combinations need two or more rasters, got \['height'\]",
    ),
    WrongCall(
        "ds.tiles.combine",
        lambda: tiles().combine(height().astype("float32").assign_attrs(_FillValue=np.nan)),
        CellTypeError,
        r"combinations are of classes, but 'height' has floats; make classes of them first",
    ),
    WrongCall(
        "ds.tiles.combine",
        lambda: tiles().combine(elsewhere()),
        IncompatibleCubesError,
        r"the grids are 1 cells apart",
    ),
    WrongCall(
        "ds.tiles.combinations",
        lambda: tiles().combinations(3),
        AlgebraError,
        r"others must be one or several cubes, got 3",
    ),
    WrongCall(
        "ds.tiles.combinations",
        lambda: tiles().combinations(),
        AlgebraError,
        r"combinations need two or more rasters",
    ),
    WrongCall(
        "ds.tiles.combinations",
        lambda: tiles().combinations(elsewhere()),
        IncompatibleCubesError,
        r"the grids are 1 cells apart",
    ),
    WrongCall(
        "ds.tiles.reclassify",
        lambda: tiles().reclassify([5, 10]),
        AlgebraError,
        r"a table maps breaks or values to new values, such as \{10: 1, 20: 2\}; got \[5, 10\]",
    ),
    WrongCall(
        "ds.tiles.reclassify",
        lambda: tiles().reclassify({5: 1}, boundary="below"),
        AlgebraError,
        r"unknown boundary 'below'; expected one of less-equal, less, greater, greater-equal",
    ),
    WrongCall(
        "ds.tiles.reclassify",
        lambda: tiles().reclassify({5: 1}, strict=True),
        AlgebraError,
        r"7 has no class; add it to the table, choose a fallback, or pass strict=False",
    ),
    WrongCall(
        "ds.tiles.reclassify",
        lambda: tiles().reclassify({5: 300}, cell_type="uint8ud255"),
        CellTypeError,
        r"uint8ud255 cells can't hold the new value 300",
    ),
    WrongCall(
        "ds.tiles.rescale",
        lambda: tiles().rescale(0, 1, old_min=5, old_max=5),
        AlgebraError,
        r"old_min must be less than old_max, got 5 and 5",
    ),
    WrongCall(
        "ds.tiles.rescale",
        lambda: tiles().rescale(0, float("inf")),
        AlgebraError,
        r"new_max must be finite, got inf",
    ),
    WrongCall(
        "ds.tiles.rescale",
        lambda: tiles().rescale("low", 1),
        AlgebraError,
        r"new_min must be a number, got 'low'",
    ),
    WrongCall(
        "ds.tiles.normalize",
        lambda: tiles().normalize(method="zscore"),
        AlgebraError,
        r"unknown method 'zscore'; expected one of range, z-score",
    ),
    WrongCall(
        "ds.tiles.normalize",
        lambda: tiles().normalize(method=None),
        AlgebraError,
        r"unknown method None",
    ),
    WrongCall(
        "ds.tiles.normalize",
        lambda: height().astype("float32").tiles.normalize(),
        CellTypeError,
        r"left over from int16 cells; the cells are float32 now",
    ),
    WrongCall(
        "ds.tiles.clip",
        lambda: tiles().clip(),
        AlgebraError,
        r"clip needs a limit: low, high or both",
    ),
    WrongCall(
        "ds.tiles.clip",
        lambda: tiles().clip(9, 3),
        AlgebraError,
        r"low must not be above high, got 9 and 3",
    ),
    WrongCall(
        "ds.tiles.clip",
        lambda: tiles().clip(0.5),
        CellTypeError,
        r"cells of type int16ud-1 can't be clipped to 0.5; expected a whole number from -32768",
    ),
]
"""Wrong calls of local operations, choices, statistics, combinations, classes and scaling."""
