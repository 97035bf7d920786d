"""What a local operation works on: rasters on one grid, and numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import is_lazy
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.kernels.reduce.columns import available_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcube_tiles.typing import XarrayT

Number: TypeAlias = int | float
Operand: TypeAlias = int | float | xr.DataArray | xr.Dataset
"""A number for every cell, or a raster on the same grid; a Dataset goes variable by variable."""


def number(value: object, what: str) -> Number:
    """Return a number of Python's; True is 1.

    Raises
    ------
    AlgebraError
        Anything else.
    """
    held = value.item() if isinstance(value, np.generic) else value
    if not isinstance(held, int | float):
        raise AlgebraError(f"{what} must be a number, got {value!r}")
    return int(held) if isinstance(held, int) else held


def finite(value: object, what: str) -> Number:
    """Return a finite number.

    Raises
    ------
    AlgebraError
        Anything else.
    """
    held = number(value, what)
    if not math.isfinite(held):
        raise AlgebraError(f"{what} must be finite, got {value!r}")
    return held


def map_operands(
    obj: XarrayT,
    operands: Sequence[Operand | None],
    func: Callable[[xr.DataArray, list[Any]], xr.DataArray],
) -> XarrayT:
    """Apply a function of one raster and its operands to each raster of a cube.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    operands
        Numbers, rasters on the grid of `obj`, Datasets with the variables of `obj`, or None.
    func
        ``func(array, operands) -> array``, arrays in canonical form.

    Raises
    ------
    AlgebraError
        An operand that is none.
    DimensionError
        A Dataset as the operand of a DataArray.
    IncompatibleCubesError
        Grids or labels differ.
    """
    obj = canonical(obj)
    ready = [_prepared(obj, operand) for operand in operands]

    def run(array: xr.DataArray) -> xr.DataArray:
        own = [one[array.name] if isinstance(one, xr.Dataset) else one for one in ready]
        return func(array, own)

    return map_rasters(obj, run)


def _prepared(obj: xr.DataArray | xr.Dataset, operand: Operand | None) -> Any:
    if operand is None:
        return None
    if not isinstance(operand, xr.DataArray | xr.Dataset):
        return number(operand, "an operand that is no raster")
    if isinstance(operand, xr.Dataset) and isinstance(obj, xr.DataArray):
        raise DimensionError(
            f"a single raster can't be combined with a Dataset of {list(operand.data_vars)!r}; "
            "name the variable: cube['red'], or begin with the Dataset"
        )
    ready: xr.DataArray | xr.Dataset = canonical(operand)  # type: ignore[type-var]  # of one kind
    check_compatible(obj, ready)
    return ready


def common_dims(arrays: Sequence[xr.DataArray]) -> tuple[Any, ...]:
    """Return the dimensions of a result: those that the first array lacks, then its own."""
    first, *others = arrays
    extra = [dim for other in others for dim in other.dims if dim not in first.dims]
    return tuple(dict.fromkeys([*extra, *first.dims]))


def with_dims(array: xr.DataArray, dims: tuple[Any, ...]) -> Any:
    """Return the data of an array with dimensions in a given order, missing ones of length 1."""
    return array.data if array.dims == dims else array.variable.set_dims(dims).data


def threads_for(arrays: Sequence[Any]) -> int:
    """Return how many threads a kernel may use: inside dask tasks it is serial."""
    return 1 if any(is_lazy(array) for array in arrays) else available_threads()


def result_like(arrays: Sequence[xr.DataArray], data: Any, attrs: dict[Any, Any]) -> xr.DataArray:
    """Return a result with the name of the first array and the coordinates of all."""
    first, dims = arrays[0], common_dims(arrays)
    extra = {
        dim: other.coords[dim]
        for other in arrays[1:]
        for dim in other.dims
        if dim not in first.dims and dim in other.coords
    }
    result = xr.DataArray(data, {**extra, **first.coords}, dims, attrs=attrs)
    return result.rename(first.name)  # None as well, for which xarray would take dask's name
