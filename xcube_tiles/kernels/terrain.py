"""Slope, aspect and hillshade from the eight neighbours of a cell, after Horn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def gradient(
    window: NDArray[Any],
    valid: NDArray[np.bool_],
    margins: tuple[int, int, int, int],
    cell_height: float,
    cell_width: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gradient of an elevation raster.

    Parameters
    ----------
    window, valid
        Elevations and whether they have a value, shape (h, w): a block and one cell of rim.
    margins
        Cells of rim at the top, bottom, left and right; 0 at the raster's edge.
    cell_height, cell_width
        Size of a cell in the unit of the elevations.

    Returns
    -------
    (dz/dx towards the east, dz/dy towards the south), float64 of the block's shape; NaN where the
    focus has no value.

    Notes
    -----
    Horn, B. K. P. (1981), Hill shading and the reflectance map, Proc. IEEE 69: neighbours in the
    row and column of the focus weigh double. Neighbours without a value, or outside the raster,
    take the value of the focus.
    """
    top, bottom, left, right = margins
    height, width = window.shape[0] - top - bottom, window.shape[1] - left - right
    dx = np.full((height, width), np.nan)
    dy = np.full((height, width), np.nan)
    around = np.empty((3, 3))
    for i in range(height):
        for j in range(width):
            row, col = i + top, j + left
            if not valid[row, col]:
                continue
            focus = float(window[row, col])
            for r in range(-1, 2):
                for c in range(-1, 2):
                    y, x = row + r, col + c
                    inside = 0 <= y < window.shape[0] and 0 <= x < window.shape[1]
                    known = inside and valid[y, x]
                    around[r + 1, c + 1] = float(window[y, x]) if known else focus
            east = around[0, 2] + 2 * around[1, 2] + around[2, 2]
            west = around[0, 0] + 2 * around[1, 0] + around[2, 0]
            south = around[2, 0] + 2 * around[2, 1] + around[2, 2]
            north = around[0, 0] + 2 * around[0, 1] + around[0, 2]
            dx[i, j] = (east - west) / (8 * cell_width)
            dy[i, j] = (south - north) / (8 * cell_height)
    return dx, dy


def slope_degrees(dx: NDArray[np.float64], dy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angle of steepest descent against the horizontal, in degrees."""
    return np.degrees(np.arctan(np.hypot(dx, dy)))


def aspect_degrees(dx: NDArray[np.float64], dy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction that a slope faces, in degrees clockwise from north; -1 where flat."""
    # The downhill vector is -(dx, dy) in (east, south).
    aspect = np.degrees(np.arctan2(-dx, dy)) % 360.0
    aspect[(dx == 0) & (dy == 0)] = -1.0
    return aspect


def hillshade(
    dx: NDArray[np.float64], dy: NDArray[np.float64], azimuth: float, altitude: float
) -> NDArray[np.float64]:
    """Return how much light a surface gets, 0 (none) to 1 (it faces the sun).

    Parameters
    ----------
    dx, dy
        Gradient towards the east and the south.
    azimuth, altitude
        Direction of the sun, in degrees clockwise from north and above the horizon.

    Notes
    -----
    The cosine between the surface's normal and the sun's direction, clipped at 0.
    """
    sun, height = np.radians(azimuth), np.radians(altitude)
    east, south = np.sin(sun) * np.cos(height), -np.cos(sun) * np.cos(height)
    light = (np.sin(height) - dx * east - dy * south) / np.sqrt(1 + dx * dx + dy * dy)
    result: NDArray[np.float64] = np.maximum(light, 0.0)
    return result
