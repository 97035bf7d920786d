"""What the shape of a terrain tells: its slopes, its light, what is seen from a place."""

from __future__ import annotations

import xarray as xr

from xcube_tiles.accessor.base import Accessor


class TerrainMethods(Accessor[xr.DataArray]):
    """What the shape of a terrain tells: its slopes, its light, what is seen from a place."""

    __slots__ = ()

    def slope(self, *, z_factor: float | None = None) -> xr.DataArray:
        """Return the slope of elevations; see `xcube_tiles.algebra.terrain.slope`."""
        from xcube_tiles.algebra.terrain import slope

        return slope(self._obj, z_factor=z_factor)

    def aspect(self, *, z_factor: float | None = None) -> xr.DataArray:
        """Return the aspect of elevations; see `xcube_tiles.algebra.terrain.aspect`."""
        from xcube_tiles.algebra.terrain import aspect

        return aspect(self._obj, z_factor=z_factor)

    def hillshade(
        self, *, azimuth: float = 315.0, altitude: float = 45.0, z_factor: float | None = None
    ) -> xr.DataArray:
        """Return the shaded relief; see `xcube_tiles.algebra.terrain.hillshade`."""
        from xcube_tiles.algebra.terrain import hillshade

        return hillshade(self._obj, azimuth=azimuth, altitude=altitude, z_factor=z_factor)
