"""`array.tiles` of a DataArray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from xcube_tiles.accessor.cube import CubeTiles

if TYPE_CHECKING:
    from xcube_tiles.grid.celltype import CellType


class DataArrayTiles(CubeTiles[xr.DataArray]):
    """`array.tiles` of a DataArray: one raster, or several along `bands`."""

    __slots__ = ()

    @property
    def cell_type(self) -> CellType:
        """Dtype of the cells and their NoData."""
        from xcube_tiles.cube.cells import cell_type_of

        return cell_type_of(self._obj)

    def unstack_bands(self) -> xr.Dataset:
        """Turn the axis `bands` into the variables of a Dataset."""
        from xcube_tiles.cube.bands import unstack_bands

        return unstack_bands(self._obj)

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
