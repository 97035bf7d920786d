"""Bands in their two shapes: an axis of a DataArray, or the variables of a Dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.dimensions import TYPE_ATTR, find_dim
from xcube_tiles.errors import DimensionError

BANDS = "bands"
"""Name of the band axis."""


def stack_bands(cube: xr.Dataset) -> xr.DataArray:
    """Turn the variables of a Dataset into one array with the axis `bands`.

    The axis stands before y and x. Attributes that all variables share are kept.

    Parameters
    ----------
    cube
        Variables of equal dimensions and equal cell type.

    Raises
    ------
    DimensionError
        No variables; variables whose dimensions or cell types differ.
    """
    if not cube.data_vars:
        raise DimensionError("a cube without variables has no bands to stack")
    arrays = list(cube.data_vars.values())
    _require_equal({str(a.name): tuple(map(str, a.dims)) for a in arrays}, "dimensions")
    _require_equal({str(a.name): cell_type_of(a).name for a in arrays}, "cell types")
    labels = xr.Variable((BANDS,), [str(a.name) for a in arrays], {TYPE_ATTR: "bands"})
    stacked = xr.Variable.concat([array.variable for array in arrays], BANDS)
    stacked.attrs = _shared_attrs(arrays)
    result = xr.DataArray(stacked, coords={**cube.coords, BANDS: labels})
    result = result.transpose(..., BANDS, *arrays[0].dims[-2:])
    return set_cell_type(result, cell_type_of(arrays[0]))


def _shared_attrs(arrays: list[xr.DataArray]) -> dict[str, Any]:
    first, *rest = (array.attrs for array in arrays)
    return {
        key: value
        for key, value in first.items()
        if all(key in attrs and np.array_equal(attrs[key], value) for attrs in rest)
    }


def _require_equal(values: dict[str, object], what: str) -> None:
    if len(set(values.values())) > 1:
        listed = ", ".join(f"{name}: {value}" for name, value in values.items())
        raise DimensionError(
            f"bands can be stacked only if their {what} are equal, got {listed}; "
            "select some (cube[['a', 'b']]) or convert them first"
        )


def unstack_bands(array: xr.DataArray) -> xr.Dataset:
    """Turn the band axis of an array into the variables of a Dataset.

    Raises
    ------
    DimensionError
        The array has no band axis, or one without labels.
    """
    dim = find_dim(array, "bands")
    if dim is None:
        raise DimensionError(
            f"no band axis among the dimensions {tuple(map(str, array.dims))!r}; an axis is found "
            f"by its name 'bands' or by its coordinate's attribute {TYPE_ATTR!r} = 'bands'"
        )
    if dim not in array.coords:
        raise DimensionError(f"the band axis {dim!r} has no labels; assign_coords({dim}=[...])")
    names = [str(label) for label in np.asarray(array.coords[dim].values)]
    return xr.Dataset(
        {name: array.isel({dim: at}, drop=True) for at, name in enumerate(names)},
        attrs=array.attrs if array.name is None else {},
    )
