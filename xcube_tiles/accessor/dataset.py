"""`cube.tiles` of a Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from xcube_tiles.accessor.cube import CubeTiles

if TYPE_CHECKING:
    from xcube_tiles.grid.celltype import CellType


class DatasetTiles(CubeTiles[xr.Dataset]):
    """`cube.tiles` of a Dataset, whose variables are the bands."""

    __slots__ = ()

    @property
    def cell_type(self) -> dict[str, CellType]:
        """Cell type of each variable."""
        from xcube_tiles.cube.cells import cell_type_of

        return {str(name): cell_type_of(array) for name, array in self._obj.data_vars.items()}

    def stack_bands(self) -> xr.DataArray:
        """Make the variables one array along `bands`; see `xcube_tiles.cube.bands.stack_bands`."""
        from xcube_tiles.cube.bands import stack_bands

        return stack_bands(self._obj)
