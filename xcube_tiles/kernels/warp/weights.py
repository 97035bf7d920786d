"""Weights of interpolation kernels along one axis."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

KERNEL_RADIUS = {"bilinear": 1, "cubic": 2, "cubic_spline": 2, "lanczos": 3}
"""Reach of each interpolation kernel on either side, in source cells."""

KERNELS = tuple(KERNEL_RADIUS)


@njit(nogil=True, cache=True)
def weigh(kind: int, at: float, scale: float, weights: NDArray[np.float64]) -> tuple[int, int]:
    """Fill in the weights along an axis; return the first cell and how many have one.

    Parameters
    ----------
    kind
        Index into `KERNELS`.
    at
        Position in cells; the centre of cell 0 is at 0.5.
    scale
        How much wider the kernel is than its cells, at least 1.
    weights
        Filled from its start, at least 6 `scale` + 1 long.
    """
    if kind == 3:
        return _weigh_lanczos(at - 0.5, scale, weights)
    radius = scale if kind == 0 else 2.0 * scale
    first, last = ceil(at - 0.5 - radius), floor(at - 0.5 + radius)
    for k in range(last - first + 1):
        t = abs(first + k + 0.5 - at) / scale
        s = max(1.0 - t, 0.0)
        if kind == 0:  # triangle
            weights[k] = s
        elif kind == 1:  # Keys' cubic convolution, a = -0.5
            outer = ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
            weights[k] = (1.5 * t - 2.5) * t * t + 1.0 if t <= 1.0 else outer
        else:  # cubic B-spline
            r = max(2.0 - t, 0.0)
            weights[k] = (r * r * r - 4.0 * s * s * s) / 6.0
    return first, last - first + 1


@njit(nogil=True, cache=True)
def _weigh_lanczos(at: float, scale: float, weights: NDArray[np.float64]) -> tuple[int, int]:
    """Fill in the Lanczos kernel of 3 lobes; cell centres are at integers.

    Its sines are turned from cell to cell instead of computed anew.
    """
    first, last = ceil(at - 3.0 * scale), floor(at + 3.0 * scale)
    start, step = (first - at) / scale, 1.0 / scale
    # A third of the angle: the whole one's sine follows, sin 3a = (3 - 4 sin² a) sin a.
    turn_sin, turn_cos = 0.8660254037844386, 0.5
    if scale != 1.0:
        turn_sin, turn_cos = np.sin(np.pi * step / 3.0), np.cos(np.pi * step / 3.0)
    sin, cos = np.sin(np.pi * start / 3.0), np.cos(np.pi * start / 3.0)
    for k in range(last - first + 1):
        angle = np.pi * (start + k * step)
        square = angle * angle
        if square < 1e-7:  # the quotient of two small numbers would be rough
            weights[k] = 1.0 - square * (5.0 / 27.0)
        else:
            weights[k] = 3.0 * (3.0 - 4.0 * sin * sin) * sin * sin / square
        sin, cos = sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin
    return first, last - first + 1
