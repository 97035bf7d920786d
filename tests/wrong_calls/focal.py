"""Wrong calls of neighbourhoods and focal statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

import xcube_tiles as xt
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import AlgebraError

# what a type checker refuses, a user of a notebook may still pass
HALF: Any = 1.5
TEXT: Any = "3"

CALLS: list[WrongCall] = [
    WrongCall("xt.Square", lambda: xt.Square(0), AlgebraError, r"an integer of at least 1 .*got 0"),
    WrongCall("xt.Square", lambda: xt.Square(-2), AlgebraError, r"Square needs an extent.*got -2"),
    WrongCall("xt.Square", lambda: xt.Square(HALF), AlgebraError, r"extent in cells.*got 1\.5"),
    WrongCall("xt.Nesw", lambda: xt.Nesw(0), AlgebraError, r"an integer of at least 1 .*got 0"),
    WrongCall("xt.Nesw", lambda: xt.Nesw(-1), AlgebraError, r"Nesw needs an extent.*got -1"),
    WrongCall("xt.Nesw", lambda: xt.Nesw(TEXT), AlgebraError, r"Nesw needs an extent.*got '3'"),
    WrongCall("xt.Circle", lambda: xt.Circle(0), AlgebraError, r"positive radius in cells.*got 0"),
    WrongCall("xt.Circle", lambda: xt.Circle(-3.0), AlgebraError, r"positive radius.*got -3\.0"),
    WrongCall("xt.Circle", lambda: xt.Circle(np.nan), AlgebraError, r"divide it by the cell size"),
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
]
