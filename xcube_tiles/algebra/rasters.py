"""What operations on single rasters take: one of them, or two on one grid."""

from __future__ import annotations

import xarray as xr

from xcube_tiles.algebra.local.operands import common_dims
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import DimensionError


def raster_of(array: xr.DataArray, what: str) -> xr.DataArray:
    """Return one raster in canonical form; an error calls it `what`.

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


def with_other(array: xr.DataArray, other: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return two rasters in canonical form with the same dimensions.

    Those that only the other has come first, then those of the array. The cells stay as they are;
    those of a raster that lacks a dimension are repeated along it.

    Raises
    ------
    IncompatibleCubesError
        Grids or labels differ.
    """
    check_compatible(array, other)
    dims = common_dims([array, other])
    sizes = {**other.sizes, **array.sizes}
    coords = {**other.coords, **array.coords}
    wide = []
    for each in (array, other):
        variable = each.variable.set_dims({dim: sizes[dim] for dim in dims})
        wide.append(xr.DataArray(variable.transpose(*dims), coords, name=each.name))
    return wide[0], wide[1]
