"""The cells of a grid in the order of a curve."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.grid.curves import hilbert, zorder

if TYPE_CHECKING:
    from numpy.typing import NDArray

Order = Literal["hilbert", "zorder", "rowmajor"]
"""The curves, by name."""


def check_order(order: str) -> None:
    """Raise `GridError` for a name of no curve."""
    if order not in get_args(Order):
        names = ", ".join(get_args(Order))
        raise GridError(f"unknown order {order!r}; the names are {names}")


def order(rows: int, cols: int, by: Order = "hilbert") -> NDArray[np.int64]:
    """Return the cells of a grid in the order of a curve.

    Parameters
    ----------
    rows, cols
        Shape of the grid, any two numbers from 0.
    by
        Name of the curve. Cells of it outside the grid are left out: two cells that follow each
        other on the Hilbert curve are neighbours unless there are some between them.

    Returns
    -------
    int64 array, (rows * cols, 2)
        One (row, column) pair a cell, each exactly once.

    Raises
    ------
    GridError
        An unknown name, or a shape that isn't one.

    Examples
    --------
    >>> order(2, 3).tolist()
    [[0, 0], [0, 1], [1, 1], [1, 0], [1, 2], [0, 2]]
    >>> order(2, 2, by="zorder").tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    check_order(by)
    for name, count in (("rows", rows), ("cols", cols)):
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 0:
            raise GridError(f"{name} must be an integer from 0, got {count!r}")
    row, col = (axis.ravel() for axis in np.indices((rows, cols), dtype=np.int64))
    if by == "hilbert":
        bits = [max(count - 1, 0).bit_length() for count in (cols, rows)]
        places = hilbert.encode((col, row), bits)
    elif by == "zorder":
        places = zorder.encode((col, row))
    else:
        places = np.arange(rows * cols)
    return np.column_stack((row, col))[np.argsort(places)]
