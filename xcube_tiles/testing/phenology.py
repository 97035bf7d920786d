"""How plants, soil, water and roofs look through the year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS = ("blue", "green", "red", "nir")
"""Order of the bands in every spectrum."""

SOIL = np.array([0.070, 0.098, 0.130, 0.215])
LEAVES = np.array([0.022, 0.052, 0.028, 0.470])
NEEDLES = np.array([0.018, 0.032, 0.022, 0.260])
STRAW = np.array([0.080, 0.135, 0.185, 0.290])
BLOSSOM = np.array([0.040, 0.170, 0.150, 0.450])
SNOW = np.array([0.820, 0.810, 0.790, 0.720])
ROCK = np.array([0.125, 0.140, 0.155, 0.200])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A cover of the ground, with the course of its green share over a year."""

    name: str
    """What grows, lower case."""

    days: tuple[int, ...]
    """Days of the year (1 to 365), ascending, at which `green` is known."""

    green: tuple[float, ...]
    """Share of the ground that green leaves hide, 0 to 1; linear between the days."""

    leaf: NDArray[np.float64]
    """Reflectance of the leaves, one number a band."""

    bare: NDArray[np.float64]
    """Reflectance of what shows where there are no green leaves."""

    blossom: tuple[int, int] | None = None
    """First and last day on which the crop flowers yellow."""

    def green_share(self, day: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the share of green leaves on a day of the year.

        Parameters
        ----------
        day
            Day of the year; the year's end joins its beginning.

        Returns
        -------
        NDArray
            float64, 0 to 1.

        Examples
        --------
        >>> crop("maize").green_share(200.0) > crop("maize").green_share(20.0)
        np.True_
        """
        return np.asarray(np.interp(np.asarray(day) % 365, self.days, self.green, period=365))

    def spectrum(
        self, day: NDArray[np.float64], vigour: NDArray[np.float64], soil: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the reflectance of parcels of this plant.

        Parameters
        ----------
        day
            Day of the year, shifted by each parcel's own delay.
        vigour
            Factor on the green share of each parcel.
        soil
            Factor on the brightness of each parcel's bare ground.

        Returns
        -------
        NDArray
            float64 of shape `(len(day), 4)`: blue, green, red, near infrared.
        """
        green = np.clip(self.green_share(day) * vigour, 0, 1)[:, None]
        leaf = np.broadcast_to(self.leaf, (day.size, 4))
        if self.blossom is not None:
            first, last = self.blossom
            flowering = ((day % 365 >= first) & (day % 365 <= last))[:, None]
            leaf = np.where(flowering, BLOSSOM, leaf)
        return green * leaf + (1 - green) * self.bare * soil[:, None]


CROPS: tuple[Plant, ...] = (
    Plant(
        name="wheat",
        days=(1, 60, 95, 130, 165, 190, 200, 270, 300, 335, 365),
        green=(0.25, 0.25, 0.60, 0.95, 0.85, 0.25, 0.08, 0.08, 0.15, 0.28, 0.25),
        leaf=LEAVES,
        bare=(SOIL + STRAW) / 2,
    ),
    Plant(
        name="maize",
        days=(1, 135, 165, 195, 235, 262, 280, 365),
        green=(0.05, 0.06, 0.45, 0.97, 0.92, 0.45, 0.08, 0.05),
        leaf=LEAVES,
        bare=SOIL,
    ),
    Plant(
        name="rapeseed",
        days=(1, 60, 90, 140, 170, 192, 205, 250, 285, 365),
        green=(0.42, 0.42, 0.75, 0.97, 0.70, 0.15, 0.06, 0.10, 0.40, 0.42),
        leaf=LEAVES,
        bare=STRAW,
        blossom=(105, 138),
    ),
    Plant(
        name="barley",
        days=(1, 60, 90, 120, 150, 172, 185, 215, 250, 310, 365),
        green=(0.30, 0.28, 0.70, 0.96, 0.70, 0.15, 0.06, 0.30, 0.60, 0.35, 0.30),
        leaf=LEAVES,
        bare=STRAW,
    ),
    Plant(
        name="sugar beet",
        days=(1, 110, 150, 185, 270, 295, 305, 365),
        green=(0.04, 0.05, 0.35, 0.96, 0.92, 0.60, 0.05, 0.04),
        leaf=LEAVES * np.array([1.0, 1.15, 1.0, 1.1]),
        bare=SOIL * 0.8,
    ),
    Plant(
        name="grassland",
        days=(1, 75, 115, 150, 158, 185, 192, 225, 232, 300, 365),
        green=(0.45, 0.50, 0.90, 0.92, 0.45, 0.88, 0.45, 0.85, 0.50, 0.70, 0.45),
        leaf=LEAVES * np.array([1.1, 1.2, 1.3, 0.9]),
        bare=STRAW * 0.8,
    ),
)
"""Crops of the fields, the most common first."""

BROADLEAF = Plant(
    name="broadleaf forest",
    days=(1, 100, 128, 200, 265, 298, 318, 365),
    green=(0.18, 0.20, 0.92, 0.95, 0.85, 0.45, 0.18, 0.18),
    leaf=LEAVES * np.array([0.85, 0.75, 0.8, 0.85]),
    bare=np.array([0.045, 0.060, 0.075, 0.150]),
)

CONIFERS = Plant(
    name="coniferous forest",
    days=(1, 180, 365),
    green=(0.85, 0.95, 0.85),
    leaf=NEEDLES,
    bare=np.array([0.035, 0.045, 0.050, 0.110]),
)

HILL_GRASS = Plant(
    name="hill grassland",
    days=(1, 80, 118, 150, 200, 270, 310, 365),
    green=(0.40, 0.45, 0.88, 0.92, 0.80, 0.78, 0.60, 0.40),
    leaf=LEAVES * np.array([1.1, 1.25, 1.4, 0.9]),
    bare=STRAW * 0.75,
)

PASTURE = Plant(
    name="alpine pasture",
    days=(1, 130, 170, 230, 290, 365),
    green=(0.10, 0.15, 0.80, 0.75, 0.30, 0.10),
    leaf=LEAVES * np.array([1.1, 1.2, 1.4, 0.8]),
    bare=STRAW * 0.7,
)


def crop(name: str) -> Plant:
    """Return a crop by its name.

    Parameters
    ----------
    name
        One of the names in `CROPS`.

    Returns
    -------
    Plant
        The crop.

    Raises
    ------
    KeyError
        No crop has that name; the text lists those that exist.

    Examples
    --------
    >>> crop("rapeseed").blossom
    (105, 138)
    """
    known = {plant.name: plant for plant in CROPS}
    if name not in known:
        raise KeyError(f"unknown crop {name!r}; the crops are {', '.join(known)}")
    return known[name]
