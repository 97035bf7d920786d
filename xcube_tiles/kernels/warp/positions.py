"""Positions between known ones: patches of a grid, each a cubic polynomial of row and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

NODES = np.array([0.0, 1 / 3, 2 / 3, 1.0])
"""Where along a patch positions are known: the cubic goes through them."""

CHECKS = np.array([0.0635, 0.2, 0.5, 0.8, 0.9365])
"""Where the cubic is compared with known positions: about where it departs most between nodes."""

_INVERSE = np.linalg.inv(np.vander(NODES, increasing=True))
_AT_CHECKS = np.vander(CHECKS, NODES.size, increasing=True)

_FINE = 1.5 * 2.0**22
"""A float of this size has 30 bits behind the point: adding and subtracting it rounds."""

_WHOLE = 1.5 * 2.0**52
"""A float of this size has none."""


def fit(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of the cubics through nodes.

    Parameters
    ----------
    nodes
        Values at `NODES` along rows and columns of each patch, shape (..., 4, 4).

    Returns
    -------
    Shape (..., 4, 4): at [a, b] the factor of u^a v^b, with u and v from 0 to 1 down and across.
    """
    return np.asarray(_INVERSE @ nodes @ _INVERSE.T)


def at_checks(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of cubics at `CHECKS`, shape (..., 5, 5)."""
    return np.asarray(_AT_CHECKS @ coefficients @ _AT_CHECKS.T)


def rounded(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round positions to a 2^30th of a cell, so that they less an integer are exact.

    Beyond two million cells it is a 2^29th, and so on: what a float64 can hold.
    """
    return np.asarray((cells + _FINE) - _FINE)


@njit(nogil=True, cache=True)
def evaluate(
    cubics: NDArray[np.float64],
    starts: NDArray[np.float64],
    origins: NDArray[np.int64],
    size: int,
    first: tuple[int, int],
    inset: float,
    turn: float,
    middle: float,
    band: float,
    down: NDArray[np.float64],
    across: NDArray[np.float64],
    near: NDArray[np.bool_],
) -> None:
    """Fill in the positions of the cells in patches.

    Parameters
    ----------
    cubics
        Coefficients of (rows, cols) of each patch, shape (p, 2, 4, 4).
    starts
        What to add to them, shape (p, 2).
    origins
        First row and column of each patch in the target, shape (p, 2).
    size
        Edge of the patches in cells, a power of two.
    first
        Row and column of the target at which `down` and `across` begin.
    inset
        0.5 for the centres of cells, 0 for their corners.
    turn, middle
        Columns in a full turn of longitude (0: none), and the column that positions are closest to.
    band
        Distance from an edge of cells below which the side is in doubt.
    down, across
        Filled with rows and columns, shape (h, w), rounded as by `rounded`.
    near
        Set where a row of `down` has positions in doubt, shape (h,).

    Notes
    -----
    A cell's position is the same number whatever part of the patch is asked for.
    """
    height, width = down.shape
    for p in range(len(cubics)):
        top, left = origins[p, 0] - first[0], origins[p, 1] - first[1]
        start, stop = max(left, 0), min(left + size, width)
        for i in range(max(top, 0), min(top + size, height)):
            u = (i - top + inset) / size
            rows = _along(cubics[p, 0], u)
            cols = _along(cubics[p, 1], u)
            found = _fill_row(
                (rows[0] + starts[p, 0], rows[1], rows[2], rows[3]),
                (cols[0] + starts[p, 1], cols[1], cols[2], cols[3]),
                (start - left + inset, 1.0 / size),
                (turn, middle, band),
                down[i, start:stop],
                across[i, start:stop],
            )
            near[i] |= found > 0


@njit(nogil=True, cache=True)
def _along(c: NDArray[np.float64], u: float) -> tuple[Any, Any, Any, Any]:
    """Return the coefficients of a patch's row, from those of the patch."""
    return (
        ((c[3, 0] * u + c[2, 0]) * u + c[1, 0]) * u + c[0, 0],
        ((c[3, 1] * u + c[2, 1]) * u + c[1, 1]) * u + c[0, 1],
        ((c[3, 2] * u + c[2, 2]) * u + c[1, 2]) * u + c[0, 2],
        ((c[3, 3] * u + c[2, 3]) * u + c[1, 3]) * u + c[0, 3],
    )


@njit(nogil=True, cache=True)
def _fill_row(
    rows: tuple[float, float, float, float],
    cols: tuple[float, float, float, float],
    steps: tuple[float, float],
    rules: tuple[float, float, float],
    down: NDArray[np.float64],
    across: NDArray[np.float64],
) -> int:
    """Fill in the positions of a row of a patch; return how many are near an edge of cells."""
    (offset, step), (turn, middle, band) = steps, rules
    found = 0
    for j in range(down.size):
        v = (j + offset) * step
        y = ((rows[3] * v + rows[2]) * v + rows[1]) * v + rows[0]
        x = ((cols[3] * v + cols[2]) * v + cols[1]) * v + cols[0]
        if turn > 0.0:
            x -= turn * np.floor((x - middle) / turn + 0.5)
        y = (y + _FINE) - _FINE
        x = (x + _FINE) - _FINE
        down[j], across[j] = y, x
        found += int(_off(y) < band) | int(_off(x) < band)
    return found


@njit(nogil=True, cache=True)
def doubtful(
    down: NDArray[np.float64], across: NDArray[np.float64], near: NDArray[np.bool_], band: float
) -> NDArray[np.int64]:
    """Return (row, column) of the positions closer than `band` to an edge of cells, shape (n, 2).

    Only the rows in `near` are looked at.
    """
    count = 0
    for i in range(near.size):
        if near[i]:
            for j in range(down.shape[1]):
                count += int(_off(down[i, j]) < band or _off(across[i, j]) < band)
    found = np.empty((count, 2), np.int64)
    at = 0
    for i in range(near.size):
        if near[i]:
            for j in range(down.shape[1]):
                if _off(down[i, j]) < band or _off(across[i, j]) < band:
                    found[at, 0], found[at, 1] = i, j
                    at += 1
    return found


@njit(nogil=True, cache=True)
def _off(cells: float) -> float:
    """Return the distance to the nearest whole number."""
    return abs(cells - ((cells + _WHOLE) - _WHOLE))
