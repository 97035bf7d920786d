"""Clouds over the synthetic landscape, and the shadows they throw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.testing.noise import fractal_noise
from xcube_tiles.testing.terrain import smoothstep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.testing.sun import Sun

CLOUD_HEIGHT = 1_400.0
"""Height of the clouds above the plain, in metres: with the sun's height it moves the shadows."""

_CLOUDLESS = 1e3
"""A thickness that the noise never reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clouds:
    """The clouds of one date; all planes are `(y, x)` float32."""

    opacity: NDArray[np.float32]
    """Share of the ground's light that the cloud hides, 0 to 1."""

    brightness: NDArray[np.float32]
    """Reflectance of the cloud itself."""

    shadow: NDArray[np.float32]
    """Share of the direct sunlight that clouds keep from the ground, 0 to 1."""


def make_clouds(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    *,
    sun: Sun,
    cover: float,
    seed: tuple[int, ...],
) -> Clouds:
    """Draw the clouds of one date.

    Parameters
    ----------
    x, y
        1-D cell centres in metres, y growing to the south.
    sun
        Where the sun stands.
    cover
        Share of the sky that clouds fill, 0 to 1.
    seed
        Names the weather of the date.

    Returns
    -------
    Clouds
        Opacity, brightness and shadow.

    Examples
    --------
    >>> from xcube_tiles.testing.sun import Sun
    >>> x = np.linspace(0, 20_480, 64)
    >>> sky = make_clouds(x, x, sun=Sun(height=50.0, azimuth=150.0), cover=0.3, seed=(1,))
    >>> 0.1 < float((sky.opacity > 0.3).mean()) < 0.5
    True
    """
    thick = _thickness(x, y, seed)
    # The same level for the cloud and its shadow; the shadow's field reaches beyond the scene.
    level = _quantile(thick, 1 - cover) if cover > 0 else _CLOUDLESS
    away = CLOUD_HEIGHT / np.tan(np.radians(sun.height))
    azimuth = np.radians(sun.azimuth)
    shaded = _thickness(x + away * np.sin(azimuth), y - away * np.cos(azimuth), seed)
    puffs = fractal_noise(x, y, seed=(*seed, 9), wavelength=700.0, octaves=5)
    return Clouds(
        opacity=np.float32(0.97) * smoothstep(thick, level - 0.15, level + 0.75),
        brightness=(0.42 + 0.34 * smoothstep(thick, level, level + 1.6) + 0.035 * puffs).astype(
            np.float32
        ),
        shadow=smoothstep(shaded, level, level + 0.75),
    )


def _thickness(
    x: NDArray[np.floating], y: NDArray[np.floating], seed: tuple[int, ...]
) -> NDArray[np.float32]:
    # Small heaps on one date, wide banks on another.
    wavelength = float(np.random.default_rng((*seed, 7)).uniform(1_500.0, 5_000.0))
    return fractal_noise(x, y, seed=(*seed, 8), wavelength=wavelength, octaves=8, gain=0.62)


def _quantile(values: NDArray[np.float32], q: float) -> float:
    """Return about the quantile: a 16th of the cells along each axis tells enough."""
    step = max(1, values.shape[0] // 128)
    return float(np.quantile(values[::step, ::step], q))
