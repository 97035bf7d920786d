"""Slope, aspect and light of a row of cells, from the gradient of the surface.

`dx` and `dy` are the rise per unit of distance towards the east and the south, float64; NaN where
the focus has no value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from xcube_tiles.kernels.terrain.angles import direction, inclination
from xcube_tiles.kernels.terrain.lines import known

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINGLE, MULTIDIRECTIONAL, COMBINED, IGOR = 0, 1, 2, 3


@njit(nogil=True, cache=True, error_model="numpy")
def gradient(
    strip: NDArray[np.float64],
    row: int,
    cells: NDArray[np.float64],
    four: bool,
    dx: NDArray[np.float64],
    dy: NDArray[np.float64],
) -> None:
    """Compute the gradient of a row from its neighbours; those next to the focus weigh double.

    Missing neighbours take the focus' value. `four`: Zevenbergen and Thorne's gradient, from the
    four neighbours next to the focus, else Horn's from all eight. `strip` and `cells` are those
    of `products`.
    """
    n = dx.shape[0]
    north, focus, south = strip[row], strip[row + 1], strip[row + 2]
    # Slices of equal length spare the loop the checks of eight different offsets.
    above, west, at, east, below = north[1:], focus[:n], focus[1:], focus[2:], south[1:]
    north_west, north_east, south_west, south_east = north[:n], north[2:], south[:n], south[2:]
    share = 0.25 if four else 0.125
    per_x, per_y = share / cells[row, 1], share / cells[row, 0]
    for j in range(n):
        z = at[j]
        nw, ne, sw, se = 0.0, 0.0, 0.0, 0.0
        if not four:
            nw, ne = known(north_west[j], z), known(north_east[j], z)
            sw, se = known(south_west[j], z), known(south_east[j], z)
        w, e = known(west[j], z), known(east[j], z)
        a, b = known(above[j], z), known(below[j], z)
        # An absent focus has no gradient, though it has no weight in one.
        absent = z - z
        dx[j] = ((ne + 2 * e + se) - (nw + 2 * w + sw)) * per_x + absent
        dy[j] = ((sw + 2 * b + se) - (nw + 2 * a + ne)) * per_y + absent


@njit(nogil=True, cache=True, error_model="numpy")
def rises(
    dx: NDArray[np.float64],
    dy: NDArray[np.float64],
    angles: bool,
    values: NDArray[np.float64],
) -> None:
    """Compute the steepest rise: the angle in radians, or its tangent."""
    for j in range(values.shape[0]):
        values[j] = math.sqrt(dx[j] * dx[j] + dy[j] * dy[j])
    if angles:
        for j in range(values.shape[0]):
            values[j] = inclination(values[j])


@njit(nogil=True, cache=True, error_model="numpy")
def aspects(
    dx: NDArray[np.float64],
    dy: NDArray[np.float64],
    trigonometric: bool,
    flat: float,
    values: NDArray[np.float64],
) -> None:
    """Compute the direction of steepest descent in degrees, in [0, 360) as float32.

    Clockwise from north, or counter-clockwise from east if `trigonometric`; `flat` where there is
    none.
    """
    for j in range(values.shape[0]):
        # Downhill is -dx towards the east and dy towards the north.
        east, north = -dx[j], dy[j]
        up = north if trigonometric else east
        along = east if trigonometric else north
        degrees = direction(up, along) * (180 / np.pi)
        # What float32 would round up to 360 is north, or east.
        degrees = degrees if degrees < 360 - 2.0**-16 else degrees * 0
        level = (east == 0) & (north == 0)
        values[j] = flat if level else degrees


@njit(nogil=True, cache=True, error_model="numpy")
def lights(
    dx: NDArray[np.float64],
    dy: NDArray[np.float64],
    kind: int,
    sun: tuple[float, float, float, float],
    values: NDArray[np.float64],
) -> None:
    """Compute the light, 0 to 1.

    `kind` is `SINGLE`, `MULTIDIRECTIONAL`, `COMBINED` or `IGOR`; `sun` the unit vector to the sun
    (east, south, up), and its azimuth in radians.
    """
    if kind == MULTIDIRECTIONAL:
        _four_lights(dx, dy, sun[2], values)
        return
    if kind == IGOR:
        _igor(dx, dy, sun[3], values)
        return
    for j in range(values.shape[0]):
        facing = sun[2] - dx[j] * sun[0] - dy[j] * sun[1]
        values[j] = facing / math.sqrt(1 + dx[j] * dx[j] + dy[j] * dy[j])
    if kind == COMBINED:
        _darken(dx, dy, values)
    for j in range(values.shape[0]):
        values[j] = 0.0 if values[j] < 0 else values[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _four_lights(
    dx: NDArray[np.float64], dy: NDArray[np.float64], up: float, values: NDArray[np.float64]
) -> None:
    """Mix lights from 225, 270, 315 and 360 degrees.

    Each weighs the squared cosine of the angle between its azimuth and the aspect.
    """
    level = math.sqrt(max(0.0, 1 - up * up))
    slant = level * math.sqrt(0.5)
    for j in range(values.shape[0]):
        east, north = -dx[j], dy[j]
        steep = east * east + north * north
        first = max(0.0, up - (east + north) * slant)
        second = max(0.0, up - east * level)
        third = max(0.0, up + (north - east) * slant)
        fourth = max(0.0, up + north * level)
        weight = 0.5 * steep + east * north
        mixed = weight * first + east * east * second
        mixed += (steep - weight) * third + north * north * fourth
        light = 0.5 * mixed / (steep * math.sqrt(1 + steep))
        values[j] = up + steep if steep == 0 else light


@njit(nogil=True, cache=True, error_model="numpy")
def _darken(dx: NDArray[np.float64], dy: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    """Combine the light with the slope: flat cells are bright whatever the sun."""
    for j in range(values.shape[0]):
        cosine = values[j]
        away = direction(math.sqrt(max(0.0, 1 - cosine * cosine)), cosine)
        steep = inclination(math.sqrt(dx[j] * dx[j] + dy[j] * dy[j]))
        values[j] = 1 - away * steep * (4 / np.pi**2)


@njit(nogil=True, cache=True, error_model="numpy")
def _igor(
    dx: NDArray[np.float64], dy: NDArray[np.float64], azimuth: float, values: NDArray[np.float64]
) -> None:
    """Darken slopes by their angle, and by how far they turn away from the light."""
    for j in range(values.shape[0]):
        east, north = -dx[j], dy[j]
        steep = inclination(math.sqrt(east * east + north * north))
        apart = math.fabs(direction(east, north) - azimuth)
        apart = 2 * np.pi - apart if apart > np.pi else apart
        light = 1 - steep * apart * (2 / np.pi**2)
        level = (east == 0) & (north == 0)
        values[j] = 1.0 if level else light
