"""Where the sun stands when a satellite passes, and how it lights a slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """A direction to the sun."""

    height: float
    """Angle above the horizon, in degrees."""

    azimuth: float
    """Direction on the ground, in degrees clockwise from north."""

    @classmethod
    def on_day(cls, day: int, *, latitude: float = 46.6, hour: float = 10.4) -> Sun:
        """Return the sun at a solar hour of a day.

        Parameters
        ----------
        day
            Day of the year, 1 to 366.
        latitude
            Degrees north.
        hour
            Solar time; satellites of the Sentinel-2 kind pass at about half past ten.

        Returns
        -------
        Sun
            Its height and azimuth.

        Notes
        -----
        Declination by Cooper's formula, `23.45 sin(360 (284 + day) / 365)` degrees (Duffie and
        Beckman, "Solar Engineering of Thermal Processes", equation 1.6.1a).

        Examples
        --------
        >>> round(Sun.on_day(172).height), round(Sun.on_day(355).height)
        (60, 17)
        """
        declination = np.radians(23.45 * np.sin(2 * np.pi * (284 + day) / 365))
        angle = np.radians(15 * (hour - 12))
        north = np.radians(latitude)
        sine = np.sin(north) * np.sin(declination)
        sine += np.cos(north) * np.cos(declination) * np.cos(angle)
        east = -np.cos(declination) * np.sin(angle)
        up_north = np.cos(north) * np.sin(declination)
        up_north -= np.sin(north) * np.cos(declination) * np.cos(angle)
        azimuth = np.degrees(np.arctan2(east, up_north)) % 360
        return cls(height=float(np.degrees(np.arcsin(sine))), azimuth=float(azimuth))

    def light(self, east: NDArray[np.float32], south: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the direct light on slopes, relative to flat ground.

        Parameters
        ----------
        east, south
            `(y, x)`: rise per metre to the east and to the south.

        Returns
        -------
        NDArray
            float32 of shape `(y, x)`: 1 on flat ground, 0 where a slope faces away.

        Notes
        -----
        The cosine of the angle between the slope's normal and the sun, over the sine of the
        sun's height (Teillet et al., 1982, equation 1).

        Examples
        --------
        >>> flat = np.zeros((1, 1), np.float32)
        >>> Sun(height=30.0, azimuth=180.0).light(flat, flat).tolist()
        [[1.0]]
        """
        height, azimuth = np.radians(self.height), np.radians(self.azimuth)
        to_east = np.float32(np.sin(azimuth) * np.cos(height))
        to_south = np.float32(-np.cos(azimuth) * np.cos(height))
        up = np.float32(np.sin(height))
        toward = up - east * to_east - south * to_south
        length = np.sqrt(1 + east**2 + south**2)
        return np.asarray(np.clip(toward / (length * up), 0, None), np.float32)
