"""Curvature of a row of cells, and how a cell stands among its neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numba import njit

from xcube_tiles.kernels.terrain.lines import known

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOTAL, PLAN, PROFILE = 0, 1, 2


@njit(nogil=True, cache=True, error_model="numpy")
def curvatures(
    strip: NDArray[np.float64],
    row: int,
    cells: NDArray[np.float64],
    kind: int,
    values: NDArray[np.float64],
) -> None:
    """Compute the curvature of the quadratic surface through the neighbours.

    `kind` is `TOTAL`, `PLAN` or `PROFILE`; the other arguments are those of
    `gradient.gradient`. 0 where the surface is level, except for `TOTAL`.
    """
    n = values.shape[0]
    north, focus, south = strip[row], strip[row + 1], strip[row + 2]
    north_west, north_east, south_west, south_east = north[:n], north[2:], south[:n], south[2:]
    above, west, at, east, below = north[1:], focus[:n], focus[1:], focus[2:], south[1:]
    high, wide = cells[row, 0], cells[row, 1]
    for j in range(n):
        z = at[j]
        w, e = known(west[j], z), known(east[j], z)
        a, b = known(above[j], z), known(below[j], z)
        corners = known(north_east[j], z) - known(north_west[j], z)
        corners += known(south_west[j], z) - known(south_east[j], z)
        # The letters of Zevenbergen and Thorne: z = ... D x**2 + E y**2 + F x y + G x + H y ...
        d = ((w + e) * 0.5 - z) / (wide * wide)
        e2 = ((a + b) * 0.5 - z) / (high * high)
        f = corners / (4 * wide * high)
        g, h = (e - w) / (2 * wide), (a - b) / (2 * high)
        slant = g * g + h * h
        per = 2 / (slant if slant > 0 else 1.0)
        if kind == PROFILE:
            values[j] = (d * g * g + e2 * h * h + f * g * h) * per
        elif kind == PLAN:
            values[j] = -(d * h * h + e2 * g * g - f * g * h) * per
        else:
            values[j] = -2 * (d + e2)


RELATIVE, RILEY, WILSON, RANGE = 0, 1, 2, 3


@njit(nogil=True, cache=True, error_model="numpy")
def contrasts(
    strip: NDArray[np.float64],
    row: int,
    kind: int,
    values: NDArray[np.float64],
) -> None:
    """Compare the focus with its eight neighbours.

    `kind` is `RELATIVE` (the focus less their mean), `RILEY` (the root of the sum of squared
    differences), `WILSON` (the mean difference) or `RANGE` (of all nine cells).
    """
    n = values.shape[0]
    north, focus, south = strip[row], strip[row + 1], strip[row + 2]
    north_west, north_east, south_west, south_east = north[:n], north[2:], south[:n], south[2:]
    above, west, at, east, below = north[1:], focus[:n], focus[1:], focus[2:], south[1:]
    for j in range(n):
        z = at[j]
        # Differences, which are small, lose less to rounding than sums of elevations.
        a, b = known(above[j], z) - z, known(below[j], z) - z
        w, e = known(west[j], z) - z, known(east[j], z) - z
        nw, ne = known(north_west[j], z) - z, known(north_east[j], z) - z
        sw, se = known(south_west[j], z) - z, known(south_east[j], z) - z
        if kind == RELATIVE:
            total = ((nw + ne) + (sw + se)) + ((a + b) + (w + e))
            values[j] = -0.125 * total
        elif kind == RILEY:
            total = (nw * nw + ne * ne) + (sw * sw + se * se)
            total += (a * a + b * b) + (w * w + e * e)
            values[j] = math.sqrt(total)
        elif kind == WILSON:
            total = (math.fabs(nw) + math.fabs(ne)) + (math.fabs(sw) + math.fabs(se))
            total += (math.fabs(a) + math.fabs(b)) + (math.fabs(w) + math.fabs(e))
            values[j] = 0.125 * total
        else:
            top = max(nw, ne, sw, se, a, b, w, e, 0.0)
            low = min(nw, ne, sw, se, a, b, w, e, 0.0)
            values[j] = top - low + (z - z)
