"""Wrong calls of reductions, aggregations and band mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import DimensionError, ExpressionError, ReducerError

# what a type checker refuses, a user of a notebook may still pass
TWO: Any = [0.1, 0.9]


def cube() -> xr.Dataset:
    times = np.array(["2018-05-04", "2018-05-24"], "datetime64[ns]")
    coords = {"time": times, "y": [10.0, 0.0], "x": [0.0, 10.0]}
    cells = (("time", "y", "x"), np.ones((2, 2, 2), "uint8"))
    return xr.Dataset({"red": cells, "nir": cells}, coords=coords)


def tiles() -> Any:
    return cube().tiles


CALLS: list[WrongCall] = [
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("date", "median"),
        DimensionError,
        r"no dimension 'date'; the dimensions are \('time', 'y', 'x'\)",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "meadian"),
        ReducerError,
        r"unknown reducer 'meadian'; expected a function, or one of first, last, min, max",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "quantile"),
        ReducerError,
        r"quantile needs q \(shares between 0 and 1\)",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "quantile", q=90),
        ReducerError,
        r"q must lie between 0 and 1, got 90",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "mean", q=0.5),
        ReducerError,
        r"mean takes no q",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "median", min_count=0),
        ReducerError,
        r"min_count must be an integer of at least 1, got 0",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "mean", ddof=1),
        ReducerError,
        r"ddof is for 'sd' and 'variance', not mean",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "sd", ddof=-1),
        ReducerError,
        r"ddof must be an integer of at least 0, got -1",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", np.nanmax, skipna=False),
        ReducerError,
        r"skipna and min_count are up to the function",
    ),
    WrongCall(
        "ds.tiles.reduce",
        lambda: tiles().reduce("time", "max", min_count=3),
        ReducerError,
        r"'uint8raw' has no number that means NoData; set one with set_cell_type",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("band", "1MS", "median"),
        DimensionError,
        r"no dimension 'band'; the dimensions are",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("x", "1MS", "median"),
        DimensionError,
        r"'x' has labels of type float64, but periods need datetimes",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("time", "monthly", "median"),
        DimensionError,
        r"unknown periods 'monthly'; expected hour, day, week, dekad, month",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("time", "1ME", "median"),
        DimensionError,
        r"periods are named by their starts, but '1ME' counts from ends; use '1MS'",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("time", [("2018-06", "2018-05")], "median"),
        DimensionError,
        r"an interval must start before it ends",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("time", [("2018-05", "2018-06")], "median", labels=[]),
        DimensionError,
        r"1 intervals need as many labels, got 0",
    ),
    WrongCall(
        "ds.tiles.aggregate",
        lambda: tiles().aggregate("time", "month", "quantile", q=TWO),
        ReducerError,
        r"aggregate takes one q",
    ),
    WrongCall(
        "ds.tiles.expression",
        lambda: tiles().expression("(nir - rot) / (nir + rot)"),
        ExpressionError,
        r"no band 'rot' .* the bands are 'red', 'nir'",
    ),
    WrongCall(
        "ds.tiles.expression",
        lambda: tiles().expression("nir -"),
        ExpressionError,
        r"can't read the expression 'nir -': invalid syntax",
    ),
    WrongCall(
        "ds.tiles.expression",
        lambda: tiles().expression("__import__('os').remove('x')"),
        ExpressionError,
        r"unknown function .* the functions are band, abs",
    ),
    WrongCall(
        "ds.tiles.expression",
        lambda: tiles().expression("nir ^ 2"),
        ExpressionError,
        r"the power is '\*\*'",
    ),
    WrongCall(
        "ds.tiles.expression",
        lambda: tiles().expression("nir ** red"),
        ExpressionError,
        r"an exponent must be a number from -64 to 64, got 'red'",
    ),
    WrongCall(
        "ds.tiles.expression",
        lambda: tiles().expression("nir + 'red'"),
        ExpressionError,
        r"'red' is not a number .* written band\(\"name\"\)",
    ),
]
