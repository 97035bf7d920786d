"""The ground of the synthetic landscape: a river valley between hills and mountains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from xcube_tiles.testing.drainage import drained_heights
from xcube_tiles.testing.noise import SPAN, fractal_noise, resample_lattice

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIVER_LEVEL = 430.0
"""Height of the river where it enters the scene, in metres."""


_LATTICE = 320
"""Cells per edge of the raster on which water carves its valleys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """Heights and what follows from them; all planes are `(y, x)` float32."""

    x: NDArray[np.floating]
    """Cell centres in metres from the scene's western edge, ascending."""

    y: NDArray[np.floating]
    """Cell centres in metres from the scene's northern edge, growing to the south."""

    elevation: NDArray[np.float32]
    """Height above the sea, in metres; water is flat."""

    water: NDArray[np.bool_]
    """Where the river or the lake is."""

    river_distance: NDArray[np.float32]
    """Metres to the middle of the river, signed: negative to the north."""

    def slopes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rise per metre to the east and to the south."""
        cell = np.float32(SPAN / self.x.size)
        south, east = (np.gradient(self.elevation, cell, axis=axis) for axis in (0, 1))
        return np.asarray(east, np.float32), np.asarray(south, np.float32)


def make_terrain(size: int, *, seed: int = 0) -> Terrain:
    """Return the ground of a square scene.

    Parameters
    ----------
    size
        Cells per edge; the scene is 20.48 km wide whatever the size.
    seed
        Names the landscape.

    Returns
    -------
    Terrain
        Its heights lie between about 400 m at the river and 1700 m in the north.

    Examples
    --------
    >>> terrain = make_terrain(64, seed=0)
    >>> terrain.elevation.shape, bool(terrain.water.any())
    ((64, 64), True)
    """
    x = y = (np.arange(size) + 0.5) * (SPAN / size)
    distance, half_width = _river(x, y, seed)
    water = np.abs(distance) < half_width
    level = (RIVER_LEVEL - 0.0015 * x).astype(np.float32)
    shore = np.maximum(np.abs(distance) - half_width, 0)
    elevation = level + _bank(shore) + _relief(x, y, seed)
    elevation = np.where(water, np.broadcast_to(level, elevation.shape), elevation)
    return Terrain(x=x, y=y, elevation=elevation, water=water, river_distance=distance)


def _axis(x: NDArray[np.floating], seed: int, octaves: int) -> NDArray[np.floating]:
    """Return the y of the river, or with one octave of the valley that it winds through."""
    bends = fractal_noise(
        x, np.zeros(1), seed=(seed, 1), wavelength=4_400.0, octaves=octaves, gain=0.4
    )
    # `fractal_noise` scales by its octaves: undone, so that river and valley share the long bends.
    scale = np.sqrt(sum(0.4 ** (2 * octave) for octave in range(octaves)))
    middle = 0.62 * SPAN + 760.0 * scale * bends[0] - 0.05 * (x - SPAN / 2)
    return np.asarray(middle, np.float64)


def _river(
    x: NDArray[np.floating], y: NDArray[np.floating], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the signed distance to the river and half its width, in metres."""
    middle = _axis(x, seed, 4)
    steepness = np.gradient(middle, x) if x.size > 1 else np.zeros_like(x)
    distance = ((y[:, None] - middle) / np.hypot(1, steepness)).astype(np.float32)
    shoreline = fractal_noise(x, y, seed=(seed, 2), wavelength=1_500.0, octaves=5)
    lake = 1_000.0 * np.exp(-(((x - 0.70 * SPAN) / 1_700.0) ** 2))
    cell = float(x[1] - x[0]) if x.size > 1 else SPAN
    # A river narrower than a cell would break into pieces on coarse rasters.
    river = max(38.0, 0.6 * cell)
    half_width = river + lake * np.clip(1 + 0.28 * shoreline, 0.2, None)
    return distance, half_width.astype(np.float32)


def _bank(shore: NDArray[np.float32]) -> NDArray[np.float32]:
    return 3.0 * smoothstep(shore, 0.0, 80.0) + np.float32(0.003) * shore


def _relief(x: NDArray[np.floating], y: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """Return the height above the plain: hills in the south, mountains in the north."""
    lattice = (np.arange(_LATTICE) + 0.5) * (SPAN / _LATTICE)
    heights = _lattice_relief(lattice, seed)
    # Water is carved on one lattice at every size of the scene, so that all show one landscape.
    relief = resample_lattice(heights, x, y)
    detail = fractal_noise(x, y, seed=(seed, 5), wavelength=500.0, octaves=5, gain=0.5)
    rough = np.minimum(relief * np.float32(0.02), np.float32(9.0))
    return np.asarray(relief + detail * rough, np.float32)


def _lattice_relief(lattice: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    axis = _axis(lattice, seed, 1)
    middle, half_width = _river(lattice, lattice, seed)
    border = fractal_noise(lattice, lattice, seed=(seed, 4), wavelength=3_600.0, octaves=5)
    away = np.abs(lattice[:, None] - axis) + 650.0 * border
    north = lattice[:, None] < axis
    mountains = 1.5 * smoothstep(away, 1_800.0, 7_500.0)
    hills = 0.4 * smoothstep(away, 2_000.0, 4_500.0)
    hard = fractal_noise(lattice, lattice, seed=(seed, 6), wavelength=3_000.0, octaves=3)
    uplift = np.where(north, mountains, hills) * np.clip(1 + 0.25 * hard, 0.3, None) + 0.004
    bends = fractal_noise(lattice, lattice, seed=(seed, 3), wavelength=3_000.0, octaves=6, gain=0.8)
    # Cheapest ways on a grid prefer its 8 directions; chance from cell to cell hides that.
    scatter = np.random.default_rng((seed, 7)).uniform(0.3, 1.7, bends.shape)
    heights = drained_heights(
        (np.exp(0.75 * bends) * scatter).astype(np.float32),
        uplift.astype(np.float32),
        np.abs(middle) <= np.maximum(half_width, SPAN / _LATTICE),
        cell=SPAN / _LATTICE,
    )
    return np.asarray(gaussian_filter(heights, 0.8, mode="nearest"), np.float32)


def smoothstep(values: NDArray[np.floating], lower: float, upper: float) -> NDArray[np.float32]:
    """Return 0 below `lower`, 1 above `upper`, and a smooth rise between them."""
    t = np.asarray((values - lower) / (upper - lower), np.float32)
    np.clip(t, 0, 1, out=t)
    return t * t * (3 - 2 * t)
