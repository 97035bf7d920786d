"""Products of an elevation raster: a walk over the rows of a strip, nothing larger in between.

Every kernel takes

- ``strip``: float64 elevations, shape (rows + 2, columns + 2); NaN for NoData,
- ``cells``: shape (rows, 2): height and width of a cell in the unit of the elevations,
- ``scale``: factor and offset of the result, and what is written for NoData; integers are rounded,

fills ``out``, shape (rows, columns), and uses ``rows``: scratch, float64 of shape (3, columns).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.terrain.bends import contrasts, curvatures
from xcube_tiles.kernels.terrain.gradient import aspects, gradient, lights, rises

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Scale = tuple[float, float, float]


@njit(nogil=True, cache=True)
def slope(
    strip: NDArray[np.float64],
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    rows: NDArray[np.float64],
    four: bool,
    angles: bool,
) -> None:
    """Compute the steepest rise: the angle in radians, or its tangent.

    `four`: Zevenbergen and Thorne's gradient of four neighbours, else Horn's of eight.
    """
    dx, dy, values = rows[0], rows[1], rows[2]
    for i in range(out.shape[0]):
        gradient(strip, i, cells, four, dx, dy)
        rises(dx, dy, angles, values)
        _write(values, scale, out[i])


@njit(nogil=True, cache=True)
def aspect(
    strip: NDArray[np.float64],
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    rows: NDArray[np.float64],
    four: bool,
    trigonometric: bool,
    flat: float,
) -> None:
    """Compute the direction of steepest descent; see `gradient.aspects`."""
    dx, dy, values = rows[0], rows[1], rows[2]
    for i in range(out.shape[0]):
        gradient(strip, i, cells, four, dx, dy)
        aspects(dx, dy, trigonometric, flat, values)
        _write(values, scale, out[i])


@njit(nogil=True, cache=True)
def light(
    strip: NDArray[np.float64],
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    rows: NDArray[np.float64],
    four: bool,
    kind: int,
    sun: tuple[float, float, float, float],
) -> None:
    """Compute the light on the surface; see `gradient.lights`."""
    dx, dy, values = rows[0], rows[1], rows[2]
    for i in range(out.shape[0]):
        gradient(strip, i, cells, four, dx, dy)
        lights(dx, dy, kind, sun, values)
        _write(values, scale, out[i])


@njit(nogil=True, cache=True)
def curvature(
    strip: NDArray[np.float64],
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    rows: NDArray[np.float64],
    kind: int,
) -> None:
    """Compute the curvature of the surface; see `bends.curvatures`."""
    values = rows[0]
    for i in range(out.shape[0]):
        curvatures(strip, i, cells, kind, values)
        _write(values, scale, out[i])


@njit(nogil=True, cache=True)
def contrast(
    strip: NDArray[np.float64],
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    rows: NDArray[np.float64],
    kind: int,
) -> None:
    """Compare each cell with its neighbours; see `bends.contrasts`. `cells` doesn't matter."""
    values = rows[0]
    for i in range(out.shape[0]):
        contrasts(strip, i, kind, values)
        _write(values, scale, out[i])


@njit(nogil=True, cache=True)
def _write(values: NDArray[np.float64], scale: _Scale, out: NDArray[Any]) -> None:
    """Write a row of values in the unit and the dtype of the result."""
    factor, offset, missing = scale
    whole = missing == missing
    for j in range(out.shape[0]):
        value = values[j] * factor + offset
        value = np.rint(value) if whole else value
        out[j] = missing if value != value else value
