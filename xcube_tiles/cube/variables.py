"""What an operation on one raster does to a cube of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcube_tiles.typing import XarrayT


def map_rasters(obj: XarrayT, func: Callable[[xr.DataArray], xr.DataArray]) -> XarrayT:
    """Apply a function to a raster, or to every variable that is one.

    Parameters
    ----------
    obj
        A cube in canonical form.
    func
        Takes and returns an array with the dimensions y and x, on one grid for all variables.

    Returns
    -------
    What `func` makes of an array; of a Dataset a copy, whose variables without y and x, coordinates
    and attributes stay as they are.
    """
    if isinstance(obj, xr.DataArray):
        return func(obj)
    rasters = {name: array for name, array in obj.data_vars.items() if is_raster(array)}
    return obj.assign({name: func(array) for name, array in rasters.items()})


def is_raster(array: xr.DataArray) -> bool:
    """Whether an array in canonical form has the dimensions y and x."""
    return {"y", "x"} <= set(array.dims)
