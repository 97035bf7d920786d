"""What covers the ground of the synthetic landscape, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.testing.noise import SPAN, fractal_noise
from xcube_tiles.testing.parcels import make_parcels
from xcube_tiles.testing.phenology import (
    BROADLEAF,
    CONIFERS,
    CROPS,
    HILL_GRASS,
    PASTURE,
    ROCK,
    Plant,
)
from xcube_tiles.testing.terrain import Terrain, smoothstep

if TYPE_CHECKING:
    from numpy.typing import NDArray

STANDS = 64
"""How many mixtures of broadleaf trees and conifers the forests have."""

ROOFS = 256
"""How many kinds of built parcels (roofs, yards, gardens) towns have."""

FIELDS = 8192
"""How many distinct fields there are."""

# Units are numbered in this order: one block of numbers per kind of cover.
WATER, TRACK, BARE_ROCK, MEADOW, GRASS, STREET, FOREST = range(7)
TOWN = FOREST + STANDS
FIELD = TOWN + ROOFS
UNITS = FIELD + FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class LandCover:
    """Units of equal look, and how cells vary within them."""

    unit: NDArray[np.uint16]
    """`(y, x)`: row of the table that `unit_spectra` makes."""

    texture: NDArray[np.float32]
    """`(y, x)`: relative brightness of a cell within its unit; mean 0, deviation about 1."""

    seed: int
    """Names the landscape."""

    def is_field(self) -> NDArray[np.bool_]:
        """Return where crops grow, `(y, x)`."""
        return self.unit >= FIELD

    def is_crop(self, name: str) -> NDArray[np.bool_]:
        """Return where one crop grows, `(y, x)`.

        Parameters
        ----------
        name
            Name of a plant in `phenology.CROPS`.

        Returns
        -------
        NDArray
            bool of shape `(y, x)`; all False for a name that no crop has.
        """
        names = [plant.name for plant in CROPS]
        table = np.zeros(UNITS, np.bool_)
        if name in names:
            table[FIELD:] = _fields(self.seed).crop == names.index(name)
        return np.asarray(table[self.unit])


def make_landcover(terrain: Terrain, *, seed: int = 0) -> LandCover:
    """Cover a terrain with fields, forests, towns, pastures and rock.

    Parameters
    ----------
    terrain
        The ground.
    seed
        Names the landscape.

    Returns
    -------
    LandCover
        Fields and towns lie on the plain, forests on slopes, rock on the heights.

    Examples
    --------
    >>> from xcube_tiles.testing.terrain import make_terrain
    >>> cover = make_landcover(make_terrain(64), seed=0)
    >>> bool(cover.is_field().any()), bool((cover.unit == WATER).any())
    (True, True)
    """
    x, y = terrain.x, terrain.y
    fields = make_parcels(
        x, y, seed=(seed, 20), block=1_150.0, parcel=(70.0, 190.0), numbers=FIELDS
    )
    unit = (FIELD + fields.number).astype(np.uint16)
    unit[fields.track] = TRACK
    _grow_forests(unit, terrain, seed)
    _build_towns(unit, terrain, seed)
    unit[terrain.water] = WATER
    texture = fractal_noise(x, y, seed=(seed, 26), wavelength=160.0, octaves=4, gain=0.8)
    return LandCover(unit=unit, texture=texture, seed=seed)


def _grow_forests(unit: NDArray[np.uint16], terrain: Terrain, seed: int) -> None:
    """Plant forests on slopes and along water, pastures and rock above them (in place)."""
    x, y, height = terrain.x, terrain.y, terrain.elevation
    east, south = terrain.slopes()
    steep = np.hypot(east, south)
    patches = fractal_noise(x, y, seed=(seed, 21), wavelength=2_200.0, octaves=6, gain=0.6)
    mix = fractal_noise(x, y, seed=(seed, 22), wavelength=1_400.0, octaves=6, gain=0.6)
    conifers = 0.35 + smoothstep(height, 500.0, 1_200.0) * 0.6 + 0.3 * mix
    stand = (np.clip(conifers, 0, 0.999) * STANDS).astype(np.uint16)
    banks = (np.abs(terrain.river_distance) < 190 + 90 * patches) & (patches > -0.4)
    forest = (0.35 * patches + 9.0 * steep > 1.0) | (patches > 1.75) | banks
    unit[forest] = FOREST + stand[forest]
    # Fields need level ground: what is left between the trees of the hills is mown or grazed.
    unit[~forest & ((steep > 0.06) | (height > 470.0))] = GRASS
    line = height + 110.0 * patches
    unit[(line > 1_330.0) | ((patches < -0.9) & (height > 760.0))] = MEADOW
    unit[(line > 1_640.0) | ((line > 1_360.0) & (steep > 0.62))] = BARE_ROCK


def _build_towns(unit: NDArray[np.uint16], terrain: Terrain, seed: int) -> None:
    """Build one town at the river and villages on the plain (in place)."""
    x, y = terrain.x, terrain.y
    plots = make_parcels(x, y, seed=(seed, 23), block=340.0, parcel=(18.0, 34.0), numbers=ROOFS)
    edge = fractal_noise(x, y, seed=(seed, 24), wavelength=900.0, octaves=4)
    built = np.zeros(unit.shape, np.bool_)
    for at_x, at_y, radius in _town_sites(terrain, seed):
        away = np.hypot(x - at_x, (y - at_y)[:, None])
        built |= away * (1 + 0.3 * edge) < radius
    unit[built] = TOWN + plots.number[built]
    unit[built & plots.track] = STREET


def _town_sites(terrain: Terrain, seed: int) -> list[tuple[float, float, float]]:
    """Return x, y and radius of the town and the villages, in metres."""
    chance = np.random.default_rng((seed, 25))
    middle = np.abs(terrain.river_distance).argmin(axis=0)
    sites = [(0.36 * SPAN, -600.0, 1_350.0)]
    for share in np.linspace(0.05, 0.95, 9):
        side = chance.choice([-1.0, 1.0])
        sites.append((share * SPAN, side * chance.uniform(900, 2_300), chance.uniform(150, 330)))
    columns = [min(int(x / SPAN * terrain.x.size), terrain.x.size - 1) for x, _, _ in sites]
    return [
        (x, float(terrain.y[middle[column]]) + offset, radius)
        for column, (x, offset, radius) in zip(columns, sites, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """What each field bears; all arrays have the length `FIELDS`."""

    crop: NDArray[np.intp]
    delay: NDArray[np.float64]
    vigour: NDArray[np.float64]
    soil: NDArray[np.float64]


def _fields(seed: int) -> _Fields:
    chance = np.random.default_rng((seed, 27))
    return _Fields(
        crop=chance.choice(len(CROPS), FIELDS, p=(0.26, 0.24, 0.13, 0.11, 0.08, 0.18)),
        delay=chance.normal(0, 8, FIELDS),
        vigour=chance.uniform(0.85, 1.05, FIELDS),
        soil=chance.uniform(0.75, 1.3, FIELDS),
    )


def unit_spectra(day: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Return the reflectance of every unit of land on a day.

    Parameters
    ----------
    day
        Day of the year, 1 to 366.
    seed
        Names the landscape.

    Returns
    -------
    NDArray
        float32 of shape `(UNITS, 4)`: blue, green, red, near infrared, 0 to 1, without snow,
        shade, haze or clouds.

    Examples
    --------
    >>> unit_spectra(180).shape == (UNITS, 4)
    True
    """
    table = np.empty((UNITS, 4))
    table[WATER] = (0.052, 0.056, 0.030, 0.012)
    table[TRACK] = (0.110, 0.130, 0.150, 0.200)
    table[BARE_ROCK] = ROCK
    table[MEADOW] = _plants(PASTURE, day, 1)[0]
    table[GRASS] = _plants(HILL_GRASS, day, 1)[0]
    table[STREET] = (0.090, 0.098, 0.105, 0.140)
    share = np.linspace(0, 1, STANDS)[:, None]
    table[FOREST:TOWN] = _plants(CONIFERS, day, STANDS) * share + _plants(
        BROADLEAF, day, STANDS
    ) * (1 - share)
    table[TOWN:FIELD] = _town_spectra(day, seed)
    table[FIELD:] = _field_spectra(day, seed)
    return table.astype(np.float32)


def _plants(plant: Plant, day: int, count: int) -> NDArray[np.float64]:
    ones = np.ones(count)
    return plant.spectrum(day * ones, ones, ones)


def _town_spectra(day: int, seed: int) -> NDArray[np.float64]:
    chance = np.random.default_rng((seed, 28))
    kind = chance.choice(4, ROOFS, p=(0.30, 0.18, 0.05, 0.47))[:, None]
    bright = chance.uniform(0.7, 1.25, ROOFS)[:, None]
    tiles = np.array([0.072, 0.085, 0.140, 0.190]) * bright
    slate = np.array([0.095, 0.100, 0.106, 0.135]) * bright
    halls = np.array([0.200, 0.208, 0.215, 0.240]) * bright
    # A plot of about 25 m holds a roof, a yard and trees: no plot is pure.
    garden = (_plants(HILL_GRASS, day, ROOFS) + _plants(BROADLEAF, day, ROOFS)) / 2
    roofs = np.select([kind == 0, kind == 1, kind == 2], [tiles, slate, halls], garden)
    return 0.6 * roofs + 0.4 * garden


def _field_spectra(day: int, seed: int) -> NDArray[np.float64]:
    fields = _fields(seed)
    spectra = np.empty((FIELDS, 4))
    for number, plant in enumerate(CROPS):
        mine = fields.crop == number
        spectra[mine] = plant.spectrum(
            day - fields.delay[mine], fields.vigour[mine], fields.soil[mine]
        )
    return spectra
