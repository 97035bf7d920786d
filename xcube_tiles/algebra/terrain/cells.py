"""Sizes of cells in the unit of the elevations, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from xcube_tiles.errors import AlgebraError, GeoreferenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

ZFactor: TypeAlias = float | Literal["latitude"] | None
"""How elevations and coordinates relate: see `cell_sizes`."""

_METRE = 1e-9
"""Largest departure from 1 of the metres in a unit that is the metre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSizes:
    """Height and width of the cells of each row of a grid."""

    height: float
    """Of a cell, in the unit of the elevations; in radians of latitude on an ellipsoid."""

    width: float
    """As `height`; in radians of longitude on an ellipsoid."""

    north: float = 0.0
    """Latitude of the upper edge in radians, on an ellipsoid."""

    major: float | None = None
    """Half the major axis of the ellipsoid in metres; None: all rows have the same cells."""

    squeeze: float = 0.0
    """Square of the ellipsoid's eccentricity."""

    def of_rows(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return (height, width) of the cells of rows `start` to `stop`, shape (rows, 2).

        Notes
        -----
        On an ellipsoid with half axis a and eccentricity e, at latitude p in the middle of the
        row, ``height = dp a (1 - e**2) / (1 - e**2 sin(p)**2) ** 1.5`` and
        ``width = dl a cos(p) / (1 - e**2 sin(p)**2) ** 0.5``: the radii of curvature along the
        meridian and across it (Snyder 1987, Map projections: a working manual, eq. 4-18 to 4-20).
        """
        rows = np.arange(start, stop, dtype=np.float64)
        sizes = np.empty((len(rows), 2))
        if self.major is None:
            sizes[:] = self.height, self.width
            return sizes
        latitude = self.north - (rows + 0.5) * self.height
        rest = 1 - self.squeeze * np.sin(latitude) ** 2
        sizes[:, 0] = self.height * self.major * (1 - self.squeeze) / rest**1.5
        sizes[:, 1] = self.width * self.major * np.cos(latitude) / np.sqrt(rest)
        return sizes


def cell_sizes(geobox: GeoBox, z_factor: ZFactor) -> CellSizes:
    """Return the sizes of a grid's cells in the unit of the elevations.

    Parameters
    ----------
    geobox
        North-up grid.
    z_factor
        A number that elevations are multiplied by to have the unit of the coordinates;
        `"latitude"`: elevations are in metres, coordinates are longitudes and latitudes, and cells
        have the size that they have on the ellipsoid; None: elevations and coordinates are in
        metres.

    Raises
    ------
    GeoreferenceError
        A CRS whose unit isn't the metre without `z_factor`; `"latitude"` for a projected CRS, or
        beyond the poles.
    AlgebraError
        A `z_factor` that is neither `"latitude"` nor a positive number.
    """
    affine, crs = geobox.affine, geobox.crs
    high, wide = abs(affine.e), abs(affine.a)
    if isinstance(z_factor, str):
        if z_factor != "latitude":
            raise AlgebraError(f"z_factor must be a number or 'latitude', got {z_factor!r}")
        return _on_ellipsoid(geobox)
    if z_factor is None:
        _check_metres(crs)
        return CellSizes(height=high, width=wide)
    return CellSizes(height=high / positive(z_factor), width=wide / positive(z_factor))


def positive(z_factor: float) -> float:
    """Return a `z_factor` that is a number, or raise an `AlgebraError`."""
    try:
        number = float(z_factor)
    except (TypeError, ValueError):
        number = np.nan
    if not (number > 0 and np.isfinite(number)):
        raise AlgebraError(f"z_factor must be positive and finite, or 'latitude', got {z_factor!r}")
    return number


def _check_metres(crs: CRS | None) -> None:
    if crs is None:
        return
    if crs.geographic:
        raise GeoreferenceError(
            f"the cells are in degrees ({crs}), elevations are not: pass z_factor='latitude' if "
            "elevations are in metres (each row then has its true cell size), a number such as "
            "z_factor=9e-6 (degrees in a metre, at the equator), or reproject to a projected CRS"
        )
    unit = metres_per_unit(crs)
    if abs(unit - 1) > _METRE:
        name = crs.proj.axis_info[0].unit_name
        raise GeoreferenceError(
            f"the coordinates are in {name} ({crs}), and the unit of the elevations isn't known: "
            f"pass z_factor=1 if they are in {name} too, z_factor={1 / unit:.7g} if they are in "
            "metres"
        )


def metres_per_unit(crs: CRS | None) -> float:
    """Return the metres in a unit of the coordinates of a projected CRS."""
    axes = [] if crs is None else crs.proj.axis_info
    return float(axes[0].unit_conversion_factor) if axes else 1.0


def _on_ellipsoid(geobox: GeoBox) -> CellSizes:
    affine, crs = geobox.affine, geobox.crs
    if crs is None or not crs.geographic:
        raise GeoreferenceError(
            f"z_factor='latitude' is for coordinates in degrees, and these are not ({crs}); leave "
            "it out if elevations have the unit of the coordinates, or pass a number"
        )
    proj = crs.proj
    radians = float(proj.axis_info[0].unit_conversion_factor)
    ellipsoid = proj.ellipsoid
    if ellipsoid is None:
        raise GeoreferenceError(f"the CRS has no ellipsoid ({crs}); pass a number as z_factor")
    north, high = affine.f * radians, abs(affine.e) * radians
    rows = geobox.shape[0]
    if north - high / 2 > np.pi / 2 or north - (rows - 0.5) * high < -np.pi / 2:
        raise GeoreferenceError(
            f"rows lie beyond a pole: the middles of the first and the last are at latitudes "
            f"{affine.f + affine.e / 2!r} and {affine.f + (rows - 0.5) * affine.e!r}; crop the cube"
        )
    return CellSizes(
        height=high,
        width=abs(affine.a) * radians,
        north=north,
        major=float(ellipsoid.semi_major_metre),
        squeeze=1 - (ellipsoid.semi_minor_metre / ellipsoid.semi_major_metre) ** 2,
    )
