"""Smooth random fields over a plane, equal at every resolution."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 8_000.0
"""Metres by which a field reaches beyond its origin and its span, on each side."""

SPAN = 20_480.0
"""Edge, in metres, of the square that every field covers."""


def fractal_noise(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    *,
    seed: tuple[int, ...],
    wavelength: float,
    octaves: int = 5,
    gain: float = 0.5,
) -> NDArray[np.float32]:
    """Return a sum of smooth random fields, each of half the wavelength of the one before.

    Parameters
    ----------
    x, y
        1-D positions in metres, within `MARGIN` of the square `[0, SPAN]`.
    seed
        The field's name: equal seeds give equal fields.
    wavelength
        Spacing, in metres, of the coarsest lattice.
    octaves
        Number of fields. Those that the spacing of `x` can't show are left out.
    gain
        Amplitude of each field relative to the one before.

    Returns
    -------
    NDArray
        float32 of shape `(len(y), len(x))`, mean about 0 and standard deviation about 1.

    Notes
    -----
    Value noise: uniform random numbers on a lattice, interpolated by the cubic B-spline, which
    is separable, so that a plane costs two products with sparse matrices. The random numbers
    belong to lattice points, not to cells: a finer raster shows the same landscape.

    Examples
    --------
    >>> x = np.linspace(5.0, 20_475.0, 2048)
    >>> fine = fractal_noise(x, x, seed=(1,), wavelength=4000.0, octaves=2)
    >>> fine.shape, fine.dtype
    ((2048, 2048), dtype('float32'))
    >>> coarse = fractal_noise(x[::8], x[::8], seed=(1,), wavelength=4000.0, octaves=2)
    >>> bool(np.allclose(coarse, fine[::8, ::8], atol=1e-5))
    True
    """
    total = np.zeros((y.size, x.size), np.float32)
    power = 0.0
    for octave in range(octaves):
        step = wavelength / 2**octave
        if octave and step < 2 * _spacing(x):
            break
        lattice = _lattice(step, (*seed, octave))
        total += np.float32(gain**octave) * _spread(lattice, x, y, step)
        power += gain ** (2 * octave)
    # A uniform lattice seen through the B-spline has variance (151/315)^2 / 3 on average.
    return total / np.float32(0.277 * np.sqrt(power))


def resample_lattice(
    lattice: NDArray[np.float32], x: NDArray[np.floating], y: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return a smooth surface through a coarse raster, at other positions.

    Parameters
    ----------
    lattice
        `(y, x)` values at the centres of equal cells that cover the square `[0, SPAN]`.
    x, y
        1-D positions in metres.

    Returns
    -------
    NDArray
        float32 of shape `(len(y), len(x))`; beyond the outermost centres the slope goes on.

    Examples
    --------
    >>> flat = np.full((4, 4), 7.0, np.float32)
    >>> resample_lattice(flat, np.array([0.0, SPAN]), np.array([100.0])).round(3).tolist()
    [[7.0, 7.0]]
    """
    padded = np.pad(lattice, 2, mode="reflect", reflect_type="odd")
    rows, columns = lattice.shape
    # The B-spline's first knot lies one cell before the position; the pad moves all by two.
    at_x = np.clip(x / SPAN * columns - 0.5, -0.5, columns - 0.5) + 1
    at_y = np.clip(y / SPAN * rows - 0.5, -0.5, rows - 0.5) + 1
    return _product(padded, at_x, at_y)


def _spacing(positions: NDArray[np.floating]) -> float:
    return float(abs(positions[1] - positions[0])) if positions.size > 1 else 1.0


def _lattice(step: float, seed: tuple[int, ...]) -> NDArray[np.float32]:
    """Return random numbers in [-1, 1) for all lattice points of the square and its margins."""
    points = ceil((SPAN + 2 * MARGIN) / step) + 4
    return np.random.default_rng(seed).uniform(-1, 1, (points, points)).astype(np.float32)


def _spread(
    lattice: NDArray[np.float32], x: NDArray[np.floating], y: NDArray[np.floating], step: float
) -> NDArray[np.float32]:
    """Interpolate a lattice with margins at all pairs of `y` and `x`."""
    return _product(lattice, (x + MARGIN) / step, (y + MARGIN) / step)


def _product(
    lattice: NDArray[np.float32], at_x: NDArray[np.floating], at_y: NDArray[np.floating]
) -> NDArray[np.float32]:
    # Along x first: what is transposed has then as few rows as the lattice.
    along_x = _weights(at_x, lattice.shape[1]) @ np.ascontiguousarray(lattice.T)
    plane = _weights(at_y, lattice.shape[0]) @ np.ascontiguousarray(along_x.T)
    return np.asarray(plane, np.float32)


def _weights(position: NDArray[np.floating], points: int) -> sparse.csr_array:
    """Return the matrix from lattice values to cubic B-spline values at positions."""
    first = np.floor(position).astype(np.intp)
    t = position - first
    columns = [
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    ]
    data = np.stack(columns, axis=1).astype(np.float32).ravel()
    indices = (first[:, None] + np.arange(4)).ravel()
    bounds = np.arange(0, 4 * position.size + 1, 4)
    return sparse.csr_array((data, indices, bounds), shape=(position.size, points))
