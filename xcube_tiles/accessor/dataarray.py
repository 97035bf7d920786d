"""`array.tiles` of a DataArray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from xcube_tiles.accessor.cube import CubeTiles
from xcube_tiles.accessor.hydrology import HydrologyMethods
from xcube_tiles.accessor.terrain import TerrainMethods

if TYPE_CHECKING:
    from xcube_tiles.grid.celltype import CellType


class DataArrayTiles(CubeTiles[xr.DataArray], TerrainMethods, HydrologyMethods):
    """`array.tiles` of a DataArray: one raster, or several along `bands`."""

    __slots__ = ()

    @property
    def cell_type(self) -> CellType:
        """Dtype of the cells and their NoData."""
        from xcube_tiles.cube.cells import cell_type_of

        return cell_type_of(self._obj)

    def unstack_bands(self) -> xr.Dataset:
        """Make bands the variables of a Dataset; see `xcube_tiles.cube.bands.unstack_bands`."""
        from xcube_tiles.cube.bands import unstack_bands

        return unstack_bands(self._obj)
