"""The geometric median: the multiband value with the least summed distance to all observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.kernels.reduce.columns import columns, over_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-7
"""A step shorter than this share of the value's length ends the iteration: below float32's spacing,
far below the noise of any sensor."""

MAX_STEPS = 1000
"""Most iterations; convergence is slow only where the median is nearly an observation."""


@njit(nogil=True, cache=True)
def _load(
    cells: NDArray[Any], nodata: Any, masked: bool, at: int, points: NDArray[np.float64]
) -> int:
    """Copy one pixel's complete observations into `points`; return their number."""
    depth, bands = points.shape
    count = 0
    for t in range(depth):
        complete = True
        for b in range(bands):
            value = cells[t * bands + b, at]
            if is_missing(value, nodata, masked):
                complete = False
            points[count, b] = value
        count += complete
        if count == depth:
            break
    return count


@njit(nogil=True, cache=True)
def _step(
    points: NDArray[np.float64], count: int, here: NDArray[np.float64], to: NDArray[np.float64]
) -> float:
    """Take one Vardi-Zhang step from `here`; return its length."""
    bands = here.size
    to[:] = 0.0
    weights, coincident = 0.0, 0
    for i in range(count):
        square = 0.0
        for b in range(bands):
            square += (points[i, b] - here[b]) ** 2
        if square == 0.0:
            coincident += 1
            continue
        weight = 1.0 / np.sqrt(square)
        weights += weight
        for b in range(bands):
            to[b] += weight * points[i, b]
    if weights == 0.0:  # all observations are equal
        to[:] = here
        return 0.0
    pull, moved = 0.0, 0.0
    for b in range(bands):
        to[b] /= weights
        pull += ((to[b] - here[b]) * weights) ** 2
    # An observation under the current point holds it unless the others pull harder than it weighs.
    stay = min(1.0, coincident / np.sqrt(pull)) if coincident and pull > 0.0 else 0.0
    if coincident and pull == 0.0:
        stay = 1.0
    for b in range(bands):
        to[b] = (1.0 - stay) * to[b] + stay * here[b]
        moved += (to[b] - here[b]) ** 2
    return float(np.sqrt(moved))


@njit(nogil=True, cache=True)
def _geomedian(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    bands: int,
    min_count: int,
    tolerance: float,
    max_steps: int,
    out: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    points = np.empty((cells.shape[0] // bands, bands), np.float64)
    here, there = np.empty(bands, np.float64), np.empty(bands, np.float64)
    for p in range(start, stop):
        count = _load(cells, nodata, masked, p, points)
        if count < max(min_count, 1):
            out[:, p] = np.nan
            continue
        for b in range(bands):
            here[b] = points[:count, b].mean()
        for _ in range(max_steps):
            moved = _step(points, count, here, there)
            here[:] = there
            if moved <= tolerance * np.sqrt((here * here).sum()):
                break
        out[:, p] = here


def geomedian(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    band_axis: int = 1,
    nodata: float | None = None,
    min_count: int = 1,
    tolerance: float = TOLERANCE,
    max_steps: int = MAX_STEPS,
    threads: int = 1,
) -> NDArray[Any]:
    """Return the geometric median of the observations along an axis.

    Parameters
    ----------
    cells
        Integers or floats of any shape with at least these two axes.
    axis
        Axis of the observations.
    band_axis
        Axis of the bands, which are the coordinates of an observation.
    nodata
        The number that means NoData; None: none does. NaN always does. An observation that lacks
        a band is left out as a whole.
    min_count
        Least number of complete observations that give a value.
    tolerance
        Length of a step, relative to that of the value, that ends the iteration.
    max_steps
        Most iterations.
    threads
        Most threads to use.

    Returns
    -------
    ndarray
        `cells` without the axis, as floats (`average_dtype`); NaN in all bands where too few
        observations are complete.

    Notes
    -----
    Weiszfeld's iteration in float64 from the mean, corrected where it meets an observation: Vardi
    and Zhang (2000), *The multivariate L1-median and associated data depth*, PNAS 97, 1423-1426,
    eq. 2.6. One or two observations, or all on a line with an even count, leave a segment of
    minima: the iteration then ends where it started from, at their mean or next to it.

    Examples
    --------
    >>> pixel = np.array([[0, 0], [2, 2], [0, 2], [2, 0], [9, -1]], "int16")
    >>> geomedian(pixel, 0, band_axis=1, nodata=-1)
    array([1., 1.], dtype=float32)
    """
    axis, band_axis = range(cells.ndim)[axis], range(cells.ndim)[band_axis]
    moved = np.moveaxis(cells, (axis, band_axis), (0, 1))
    depth, bands, *rest = moved.shape
    given = columns(moved.reshape(depth * bands, *rest), 0, nodata)
    out = given.empty(average_dtype(cells.dtype), bands)
    over_columns(
        _geomedian,
        [given],
        bands,
        min_count,
        tolerance,
        max_steps,
        outs=[out],
        threads=threads,
    )
    return np.moveaxis(out.reshape(bands, *rest), 0, band_axis - (axis < band_axis))
