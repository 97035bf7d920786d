"""What the operations of hydrology take: elevations, directions, and rasters that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.hydrology.directions import END, NODATA, STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIRECTIONS = CellType(dtype=np.dtype(np.uint8), nodata=NODATA)
"""Cell type of flow directions."""


def raster_of(array: xr.DataArray, what: str) -> xr.DataArray:
    """Return one raster in canonical form.

    Raises
    ------
    DimensionError
        A Dataset, or anything else that is no DataArray.
    """
    if isinstance(array, xr.Dataset):
        raise DimensionError(
            f"{what} must be one raster, got a Dataset of {list(array.data_vars)!r}; "
            "name the variable: cube['dem']"
        )
    if not isinstance(array, xr.DataArray):
        raise DimensionError(f"{what} must be a DataArray, got {array!r}")
    return canonical(array)


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


def with_other(array: xr.DataArray, other: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return two rasters on one grid with the same dimensions.

    Raises
    ------
    IncompatibleCubesError
        Grids or labels differ.
    """
    check_compatible(array, other)
    dims = tuple(dict.fromkeys([*other.dims[:-2], *array.dims]))
    sizes = {**other.sizes, **array.sizes}
    coords = {**other.coords, **array.coords}
    wide = []
    for each in (array, other):
        variable = each.variable.set_dims({dim: sizes[dim] for dim in dims})
        wide.append(xr.DataArray(variable.transpose(*dims), coords, name=each.name))
    return wide[0], wide[1]


def cell_types(*arrays: xr.DataArray) -> tuple[CellType, ...]:
    """Return the cell type of each array."""
    return tuple(cell_type_of(array) for array in arrays)
