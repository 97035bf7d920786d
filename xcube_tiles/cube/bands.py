"""Bands in their two shapes: an axis of a DataArray, or the variables of a Dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.dimensions import TYPE_ATTR, find_dim
from xcube_tiles.cube.keycoords import KEY_ATTR
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

    Examples
    --------
    >>> cube = xr.Dataset({"red": (("y", "x"), [[1.0]]), "nir": (("y", "x"), [[2.0]])})
    >>> stack_bands(cube).sel(bands="nir").values
    array([[2.]])
    """
    if not cube.data_vars:
        raise DimensionError("a cube without variables has no bands to stack")
    arrays = list(cube.data_vars.values())
    _require_equal({str(a.name): tuple(map(str, a.dims)) for a in arrays}, "dimensions")
    _require_equal({str(a.name): cell_type_of(a).name for a in arrays}, "cell types")
    key = {KEY_ATTR: cube.attrs[KEY_ATTR]} if KEY_ATTR in cube.attrs else {}
    labels = xr.Variable((BANDS,), [str(a.name) for a in arrays], {TYPE_ATTR: "bands", **key})
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
        The array has no band axis, or one without labels; two bands of one name; a band named like
        a coordinate.

    Examples
    --------
    >>> array = xr.DataArray([[[1.0]], [[2.0]]], {"bands": ["red", "nir"]}, ("bands", "y", "x"))
    >>> list(unstack_bands(array).data_vars)
    ['red', 'nir']
    """
    dim = find_dim(array, "bands")
    if dim is None:
        raise DimensionError(
            f"no band axis among the dimensions {tuple(map(str, array.dims))!r}; an axis is found "
            f"by its name 'bands' or by its coordinate's attribute {TYPE_ATTR!r} = 'bands'"
        )
    if dim not in array.coords:
        raise DimensionError(f"the band axis {dim!r} has no labels; assign_coords({dim}=[...])")
    labels = array.coords[dim]
    names = [str(label) for label in np.asarray(labels.values)]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    taken = twice or [name for name in names if name in array.coords]
    if taken:
        raise DimensionError(
            f"band {taken[0]!r} can't become a variable: "
            f"{'several bands have' if twice else 'a coordinate has'} that name; "
            f"rename it with rename_labels({dim!r}, ...)"
        )
    attrs = {KEY_ATTR: labels.attrs[KEY_ATTR]} if KEY_ATTR in labels.attrs else {}
    return xr.Dataset(
        {name: array.isel({dim: at}, drop=True) for at, name in enumerate(names)}, attrs=attrs
    )
