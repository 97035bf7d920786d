"""Keys as coordinates: which coordinates of a cube tell where its rasters come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.dimensions import TYPE_ATTR

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from xcube_tiles.typing import DimensionType, XarrayObject

KEY_ATTR = "xcube_tiles:key"
"""Attribute of a coordinate that names the key it holds."""


def key_coord(
    dim: str, key: str, values: Sequence[Hashable] | Hashable, *, type: DimensionType = "other"
) -> xr.Variable:
    """Return the coordinate of a key: along a dimension for a list of values, else a scalar.

    Parameters
    ----------
    dim
        Dimension that the values lie along; unused for a scalar.
    key
        The key's own name, kept in the attributes: the key `date` becomes the dimension `time`.
    values
        A list of labels, or one label.
    type
        Type of the dimension.
    """
    attrs = {KEY_ATTR: key, TYPE_ATTR: type}
    if isinstance(values, (list, tuple, np.ndarray)):
        return xr.Variable((dim,), np.asarray(values), attrs)
    return xr.Variable((), np.asarray(values), attrs)


def keys_of(obj: XarrayObject) -> dict[str, list[Hashable]]:
    """Return the keys of a cube and their values, in the order of its coordinates.

    A key that became the band axis of a Dataset has the variables' names as its values.
    """
    found: dict[str, list[Hashable]] = {}
    for coord in obj.coords.values():
        if KEY_ATTR in coord.attrs:
            found[str(coord.attrs[KEY_ATTR])] = _labels(np.atleast_1d(coord.values))
    if isinstance(obj, xr.Dataset) and KEY_ATTR in obj.attrs:
        found[str(obj.attrs[KEY_ATTR])] = list(obj.data_vars)
    return found


def _labels(values: np.ndarray[Any, Any]) -> list[Hashable]:
    # Plain text and numbers print without numpy's names; nanoseconds would become bare integers.
    return list(values) if values.dtype.kind in "mM" else list(values.tolist())
