"""What is seen from a place: a line of sight of its own to the middle of every cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAZE = 1e-9
"""What a line of sight may touch, as a share of the elevations at its ends: rounding."""


@njit(nogil=True, cache=True, error_model="numpy")
def _lacking(
    heights: NDArray[Any],
    start: int,
    steps: tuple[int, int, int, int],
    rise: tuple[float, float],
    bulge: float,
    worst: float,
    exact: bool,
) -> float:
    """Return how high above its ground a target must reach to be seen over the surface between.

    The line is followed over the columns between observer and target, or over the rows. Where it
    crosses one, the surface is interpolated between the two cells that it passes.

    Parameters
    ----------
    heights
        Elevations in one dimension, NaN where there is none: what isn't known hides nothing.
    start
        Index of the observer's cell.
    steps
        Index of the next column (or row) less this one's, and how many there are to the target; the
        same for the direction across.
    rise
        Height of the eye, and that of the target's ground less it.
    bulge
        Four times what the earth stands out above the middle of the chord.
    worst
        The height that the target has: what hides less doesn't count.
    exact
        Whether to find the height; else any number greater than `worst` is one that is too high.
    """
    step, count, side, drift = steps
    eye, climb = rise
    per = 1.0 / count
    at, rest = start, 0
    stride, drift = step + side * (drift // count), drift % count
    for k in range(1, count):
        at += stride
        rest += drift
        # Whole numbers tell exactly which cells are passed: NoData beside the line isn't touched.
        over = rest >= count
        at += side if over else 0
        rest -= count if over else 0
        one = float(heights[at])
        two = float(heights[at + side if rest else at])
        one = one if one == one else two
        two = two if two == two else one
        part = k * per
        surface = one + (two - one) * (rest * per) + bulge * part * (1 - part) - eye
        if surface > (climb + worst) * part:
            worst = surface / part - climb
            if not exact:
                return worst
    return worst


@njit(nogil=True, cache=True)
def _needed(
    heights: NDArray[Any],
    shape: tuple[int, int],
    at: tuple[int, int],
    to: tuple[int, int],
    eye: float,
    bulge: float,
    enough: float,
    exact: bool,
) -> float:
    """Follow a line of sight over the columns and the rows that it crosses; see `_lacking`."""
    width = shape[1]
    start = at[0] * width + at[1]
    rise = (eye, float(heights[to[0] * width + to[1]]) - eye)
    rows, cols = abs(to[0] - at[0]), abs(to[1] - at[1])
    down = width if to[0] > at[0] else -width
    right = 1 if to[1] > at[1] else -1
    worst = enough
    if cols > 1:
        worst = _lacking(heights, start, (right, cols, down, rows), rise, bulge, worst, exact)
    if rows > 1 and rows != cols and (exact or worst == enough):
        worst = _lacking(heights, start, (down, rows, right, cols), rise, bulge, worst, exact)
    return worst


@njit(nogil=True, cache=True)
def look(
    heights: NDArray[Any],
    shape: tuple[int, int],
    at: tuple[int, int],
    corner: tuple[int, int],
    cell: tuple[float, float],
    raised: tuple[float, float],
    bend: float,
    limits: tuple[float, float, float, float, float],
    exact: bool,
    missing: Any,
    out: NDArray[Any],
) -> None:
    """Tell which cells are seen, or how high above the ground one has to be to be seen.

    Parameters
    ----------
    heights
        Elevations in row-major order, NaN where there is none; the observer's cell has one.
    shape
        Rows and columns of `heights`.
    at
        Row and column of the observer.
    corner
        Row and column of the first cell of `out`.
    cell
        Height and width of a cell, in the unit of the elevations.
    raised
        Height of the eye and of the targets above the ground.
    bend
        What the earth bends away by at distance d is ``bend * d**2``.
    limits
        Farthest distance; azimuth of the view and half its width, in radians; tangents of the
        lowest and highest angle above the horizon.
    exact
        Whether to tell heights; else 1 is seen and 0 hidden.
    missing
        What cells get that have no elevation, or lie outside the limits.
    out
        Receives the result, shape (rows, columns).

    Notes
    -----
    Franklin, W. R. and Ray, C. K. (1994), Higher isn't necessarily better: visibility algorithms
    and experiments, Proc. 6th Symp. Spatial Data Handling: algorithm R3.
    """
    ground = float(heights[at[0] * shape[1] + at[1]])
    eye = ground + raised[0]
    for i in range(out.shape[0]):
        row = corner[0] + i
        south = (row - at[0]) * cell[0]
        for j in range(out.shape[1]):
            col = corner[1] + j
            out[i, j] = missing
            height = float(heights[row * shape[1] + col])
            if height != height:
                continue
            east = (col - at[1]) * cell[1]
            distance = math.sqrt(east * east + south * south)
            bulge = bend * distance * distance
            top = height + raised[1] - bulge - eye
            if distance > 0 and not _within(distance, east, south, top, limits):
                continue
            # The least height that is told is 0, and what must be exceeded to be hidden.
            enough = 0.0 if exact else raised[1]
            if not exact:
                enough += GRAZE * (math.fabs(eye) + math.fabs(height))
            found = _needed(heights, shape, at, (row, col), eye, bulge, enough, exact)
            if exact:
                out[i, j] = found
            else:
                out[i, j] = 1 if found <= enough else 0


@njit(nogil=True, cache=True)
def _within(
    distance: float,
    east: float,
    south: float,
    top: float,
    limits: tuple[float, float, float, float, float],
) -> bool:
    farthest, azimuth, half, low, high = limits
    if distance > farthest or not low * distance <= top <= high * distance:
        return False
    if half >= np.pi:
        return True
    apart = math.fabs(math.atan2(east, -south) - azimuth) % (2 * np.pi)
    # A cell right on the side of the view is in it, whatever the rounding.
    return min(apart, 2 * np.pi - apart) <= half + GRAZE
