"""Wrong calls of neighbourhoods and focal statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles as xt
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import AlgebraError, CellTypeError, GridError

# what a type checker refuses, a user of a notebook may still pass
HALF: Any = 1.5
TEXT: Any = "3"


def tiles() -> Any:
    coords = {"y": [10.0, 0.0], "x": [0.0, 10.0]}
    cube = xr.Dataset({"red": (("y", "x"), np.ones((2, 2), "uint8"))}, coords=coords)
    return cube.tiles.set_crs(32633).tiles


CALLS: list[WrongCall] = [
    WrongCall("xt.Square", lambda: xt.Square(0), AlgebraError, r"from 1 .* to 10000; got 0"),
    WrongCall("xt.Square", lambda: xt.Square(-2), AlgebraError, r"Square needs an extent.*got -2"),
    WrongCall("xt.Square", lambda: xt.Square(HALF), AlgebraError, r"extent in cells.*got 1\.5"),
    WrongCall("xt.Nesw", lambda: xt.Nesw(0), AlgebraError, r"from 1 .* to 10000; got 0"),
    WrongCall("xt.Nesw", lambda: xt.Nesw(-1), AlgebraError, r"Nesw needs an extent.*got -1"),
    WrongCall("xt.Nesw", lambda: xt.Nesw(TEXT), AlgebraError, r"Nesw needs an extent.*got '3'"),
    WrongCall("xt.Circle", lambda: xt.Circle(0), AlgebraError, r"positive radius in cells.*got 0"),
    WrongCall("xt.Circle", lambda: xt.Circle(-3.0), AlgebraError, r"positive radius.*got -3\.0"),
    WrongCall("xt.Circle", lambda: xt.Circle(np.nan), AlgebraError, r"by the cell size: metres"),
    WrongCall("xt.Annulus", lambda: xt.Annulus(1, 0), AlgebraError, r"a positive outer.*got 0"),
    WrongCall("xt.Annulus", lambda: xt.Annulus(3, 2), AlgebraError, r"got inner=3, outer=2"),
    WrongCall("xt.Annulus", lambda: xt.Annulus(-1, 2), AlgebraError, r"radius of 0 to the outer"),
    WrongCall("xt.Annulus", lambda: xt.Annulus(1.1, 1.2), AlgebraError, r"it holds no cell"),
    WrongCall("xt.Wedge", lambda: xt.Wedge(0, 0, 90), AlgebraError, r"a positive radius.*got 0"),
    WrongCall(
        "xt.Wedge",
        lambda: xt.Wedge(2, np.nan, 90),
        AlgebraError,
        r"start_angle in degrees counter-clockwise from east, got nan",
    ),
    WrongCall("xt.Wedge", lambda: xt.Wedge(2, 0, TEXT), AlgebraError, r"end_angle in .*got '3'"),
    WrongCall(
        "xt.Kernel",
        lambda: xt.Kernel(np.ones((2, 3))),
        AlgebraError,
        r"an odd number of rows and columns.*got 2 by 3\. Add a row or column of zeros",
    ),
    WrongCall("xt.Kernel", lambda: xt.Kernel([1, 2, 1]), AlgebraError, r"got 1 dimensions"),
    WrongCall(
        "xt.Kernel",
        lambda: xt.Kernel([[1, 2, 1], [1]]),
        AlgebraError,
        r"rows of equal length",
    ),
    WrongCall("xt.Kernel", lambda: xt.Kernel([[np.nan]]), AlgebraError, r"finite weights"),
    WrongCall("xt.Kernel", lambda: xt.Kernel(np.zeros((3, 3))), AlgebraError, r"only zeros"),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("average5", xt.Square(1)),
        AlgebraError,
        r"unknown focal statistic 'average5'; expected one of mean, sum, min, max, range, sd",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", 3),
        AlgebraError,
        r"expected a neighbourhood \(Square, Circle.*got 3",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Kernel([[0.5, 1, 0.5]])),
        AlgebraError,
        r"focal statistics don't weigh.*use cube\.tiles\.convolve",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), edge="mirror"),
        AlgebraError,
        r"unknown edge 'mirror'; expected one of clip, nearest, reflect, wrap, constant",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), edge="constant"),
        AlgebraError,
        r"give it with edge='constant'.*constant=None",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), constant=0),
        AlgebraError,
        r"and only then; got edge='clip', constant=0",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), edge="constant", constant=0.5),
        CellTypeError,
        r"constant=0\.5 can't be a cell of uint8",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), target="gaps"),
        AlgebraError,
        r"unknown target 'gaps'; expected one of all, data, nodata",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("percentile", xt.Square(1)),
        AlgebraError,
        r"percentile needs q, one share between 0 and 1",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("percentile", xt.Square(1), q=90),
        AlgebraError,
        r"0\.9 for the 90th percentile\); got 90",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), q=0.5),
        AlgebraError,
        r"q is for 'percentile', not 'mean'",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), ddof=1),
        AlgebraError,
        r"ddof is for 'sd' and 'variance', not 'mean'",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("sd", xt.Square(1), ddof=-1),
        AlgebraError,
        r"ddof must be an integer of at least 0, got -1",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), min_count=10),
        AlgebraError,
        r"min_count must be an integer from 1 to 9, .*got 10",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("count", xt.Square(1), skipna=False),
        AlgebraError,
        r"'count' has a value everywhere, 0 where no cell is valid",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("max", xt.Annulus(1, 1)),
        AlgebraError,
        r"'max' can leave cells without a value here, but 'uint8raw' has no number",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: (tiles()._obj.astype("int64")).tiles.focal("mean", xt.Square(1), target="data"),
        CellTypeError,
        r"can't hold copies of all int64 cells",
    ),
    WrongCall(
        "ds.tiles.focal",
        lambda: tiles().focal("mean", xt.Square(1), area=(900, 900, 910, 910)),
        GridError,
        r"doesn't touch the cube",
    ),
]
