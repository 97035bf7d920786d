"""What a satellite sees of the synthetic landscape on one date."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.testing.clouds import Clouds, make_clouds
from xcube_tiles.testing.landcover import WATER, LandCover, make_landcover, unit_spectra
from xcube_tiles.testing.noise import SPAN, fractal_noise
from xcube_tiles.testing.phenology import BANDS, SNOW
from xcube_tiles.testing.sun import Sun
from xcube_tiles.testing.terrain import Terrain, make_terrain, smoothstep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from numpy.typing import NDArray

HAZE = (0.020, 0.011, 0.006, 0.003)
"""Light that the air adds to each band, as reflectance."""

SKY_LIGHT = (0.34, 0.28, 0.24, 0.20)
"""Share of the light that comes from the whole sky, per band: what shade still gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """All that stays the same from date to date."""

    terrain: Terrain
    """Heights and water."""

    cover: LandCover
    """Units of land."""

    seed: int
    """Names the landscape."""

    patches: NDArray[np.float32] = field(repr=False)
    """`(y, x)`: noise that decides where snow melts first; deviation about 1."""

    slopes: tuple[NDArray[np.float32], NDArray[np.float32]] = field(repr=False)
    """Rise per metre to the east and to the south, `(y, x)` each."""

    @classmethod
    def make(cls, size: int, *, seed: int = 0) -> Landscape:
        """Return the landscape of a seed.

        Parameters
        ----------
        size
            Cells per edge of the 20.48 km wide square; at least 16.
        seed
            Names the landscape.

        Returns
        -------
        Landscape
            The same land at every size.

        Raises
        ------
        ValueError
            `size` is below 16.

        Examples
        --------
        >>> Landscape.make(32).terrain.elevation.shape
        (32, 32)
        """
        if size < 16:
            raise ValueError(f"size must be at least 16 cells, got {size!r}")
        terrain = make_terrain(size, seed=seed)
        cover = make_landcover(terrain, seed=seed)
        patches = fractal_noise(
            terrain.x, terrain.y, seed=(seed, 42), wavelength=1_800.0, octaves=7, gain=0.6
        )
        return cls(
            terrain=terrain, cover=cover, seed=seed, patches=patches, slopes=terrain.slopes()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """One pass of the satellite; `bands` computes a band when it is asked for."""

    landscape: Landscape
    """The land below."""

    day: date
    """Date of the pass."""

    cover: float
    """Share of the sky that clouds were meant to fill, 0 to 1."""

    clouds: Clouds
    """Clouds and their shadows."""

    sun: Sun
    """Where the sun stood."""

    snow: NDArray[np.float32]
    """`(y, x)`: share of the ground under snow."""

    valid: NDArray[np.bool_]
    """`(y, x)`: False beyond the edge of the satellite's swath."""

    def mask(self) -> NDArray[np.uint8]:
        """Return 1 under clouds, 0 elsewhere and 255 beyond the swath, `(y, x)`."""
        clouded = (self.clouds.opacity > 0.2).astype(np.uint8)
        return np.where(self.valid, clouded, np.uint8(255))

    def bands(self) -> Iterator[tuple[str, NDArray[np.uint16]]]:
        """Yield each band's name and cells: reflectance times 10000, 0 beyond the swath."""
        table = unit_spectra(self._day_of_year(), seed=self.landscape.seed)
        light = self.sun.light(*self.landscape.slopes) * (1 - 0.92 * self.clouds.shadow)
        for number, name in enumerate(BANDS):
            yield name, self._band(number, table[:, number], light)

    def _day_of_year(self) -> int:
        return self.day.timetuple().tm_yday

    def _band(
        self, number: int, spectrum: NDArray[np.float32], light: NDArray[np.float32]
    ) -> NDArray[np.uint16]:
        cover = self.landscape.cover
        grain = np.where(cover.unit == WATER, np.float32(0.03), np.float32(0.075))
        ground = spectrum[cover.unit] * (1 + grain * cover.texture)
        ground += (np.float32(SNOW[number]) - ground) * self.snow
        sky = np.float32(SKY_LIGHT[number])
        ground *= sky + (1 - sky) * light
        ground += np.float32(HAZE[number])
        ground += (self.clouds.brightness - ground) * self.clouds.opacity
        seed = (self.landscape.seed, 40, self.day.toordinal(), number)
        noise = np.random.default_rng(seed).standard_normal(ground.shape, np.float32)
        ground += noise * (np.float32(0.0012) + np.float32(0.006) * ground)
        # 0 means NoData: the darkest valid cell is 1.
        cells = np.clip(np.rint(ground * 10_000), 1, 65_535).astype(np.uint16)
        return np.where(self.valid, cells, np.uint16(0))


def acquire(landscape: Landscape, day: date, *, cover: float | None = None) -> Acquisition:
    """Let the satellite pass over a landscape.

    Parameters
    ----------
    landscape
        The land.
    day
        Date of the pass; season and weather follow from it.
    cover
        Share of the sky under clouds, 0 to 1; None: drawn from the date.

    Returns
    -------
    Acquisition
        The pass.

    Examples
    --------
    >>> from datetime import date
    >>> seen = acquire(Landscape.make(32), date(2024, 7, 15))
    >>> {name: band.dtype.name for name, band in seen.bands()}["nir"]
    'uint16'
    """
    weather = (landscape.seed, 41, day.toordinal())
    chance = np.random.default_rng(weather)
    # Most passes are fair, a few are lost: a beta distribution with its mean near 0.2.
    drawn = float(chance.beta(1.1, 4.2))
    cover = drawn if cover is None else cover
    terrain = landscape.terrain
    sun = Sun.on_day(day.timetuple().tm_yday)
    return Acquisition(
        landscape=landscape,
        day=day,
        cover=cover,
        clouds=make_clouds(terrain.x, terrain.y, sun=sun, cover=cover, seed=weather),
        sun=sun,
        snow=_snow(landscape, day.timetuple().tm_yday),
        valid=_swath(terrain, shift=float(chance.normal(0, 60))),
    )


def _snow(landscape: Landscape, day: int) -> NDArray[np.float32]:
    """Return the share of snow: the snow line is lowest in early February."""
    line = 1_750.0 - 1_150.0 * np.cos(2 * np.pi * (day - 38) / 365)
    # Snow stays longer where the noon sun doesn't reach: on slopes that rise to the south.
    shade = np.clip(landscape.slopes[1], -0.5, 0.5)
    height = landscape.terrain.elevation + 70 * landscape.patches + 420 * shade
    snow = np.float32(0.92) * smoothstep(height, line - 40, line + 260)
    return np.where(landscape.cover.unit == WATER, np.float32(0), snow)


def _swath(terrain: Terrain, *, shift: float) -> NDArray[np.bool_]:
    """Return True where the satellite looked: the swath's eastern edge slants across the scene."""
    edge = 0.985 * SPAN - 0.055 * terrain.y + shift
    return np.asarray(terrain.x < edge[:, None])
