"""What the operations of hydrology take: directions of flow, as cells and as codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.rasters import raster_of
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.hydrology.directions import END, NODATA, STEP

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

DIRECTIONS = CellType(dtype=np.dtype(np.uint8), nodata=NODATA)
"""Cell type of flow directions."""


def directions_of(array: xr.DataArray) -> xr.DataArray:
    """Return flow directions in canonical form.

    Raises
    ------
    AlgebraError
        Cells that aren't integers.
    """
    array = raster_of(array, "flow directions")
    if array.dtype.kind not in "iu":
        raise AlgebraError(
            f"flow directions must be integers (1 east, 2 south-east, 4 south ... 128), got "
            f"{array.dtype}; compute them with elevation.tiles.flow_direction()"
        )
    return array


def codes_of(block: NDArray[Any], cells: CellType) -> NDArray[np.uint8]:
    """Return directions of any integer type as bytes, 255 where there is none.

    Raises
    ------
    AlgebraError
        A number that isn't a direction.
    """
    valid = ~cells.is_nodata(block)
    fits = (block >= 0) & (block <= 255)
    codes = np.where(valid & fits, block, NODATA).astype(np.uint8)
    wrong = valid & (~fits | ((STEP[codes] < 0) & (codes != END)))
    if wrong.any():
        raise AlgebraError(
            f"{block[wrong][0]} is not a flow direction; expected 0 (none), 1 (east), 2, 4 "
            "(south), 8, 16 (west), 32, 64 (north) or 128, clockwise. Sums of codes, for water "
            "that takes several ways, are not supported; a number that means NoData is declared "
            "as directions.attrs['_FillValue'] = 247"
        )
    return np.ascontiguousarray(codes)


def cell_types(*arrays: xr.DataArray) -> tuple[CellType, ...]:
    """Return the cell type of each array."""
    return tuple(cell_type_of(array) for array in arrays)
