"""Dimension types: which dimension of a cube is spatial, temporal, bands or other."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import xarray as xr

from xcube_tiles.cube.georef import spatial_dims
from xcube_tiles.errors import DimensionError
from xcube_tiles.typing import DimensionType

if TYPE_CHECKING:
    from xcube_tiles.typing import XarrayObject, XarrayT

TYPE_ATTR = "xcube_tiles:type"
"""Attribute of a dimension coordinate that declares its type."""

_TIME_NAMES = frozenset({"time", "t", "date", "datetime"})
_BAND_NAMES = frozenset({"band", "bands"})
_BAND_STANDARD_NAMES = frozenset({"sensor_band_identifier", "sensor_band_central_wavelength"})


def dimension_types(obj: XarrayObject) -> dict[str, DimensionType]:
    """Return the type of each dimension.

    Looked for, in this order: the declaration that `add_dimension` and sources leave in the
    coordinate's attributes; CF (`axis`, `standard_name`); the dtype (datetimes are temporal); the
    names `band` and `bands`. Everything else is `other`.

    Raises
    ------
    DimensionError
        A dimension is named like a time but has no datetimes: its name alone doesn't tell.
    """
    spatial = _spatial_names(obj)
    return {str(dim): "spatial" if dim in spatial else _type_of(obj, str(dim)) for dim in obj.dims}


def _spatial_names(obj: XarrayObject) -> tuple[str, str]:
    # An empty cube has no spatial dimensions yet; the first raster brings them.
    empty = isinstance(obj, xr.Dataset) and not obj.data_vars
    return ("y", "x") if empty else spatial_dims(obj)


def _type_of(obj: XarrayObject, dim: str) -> DimensionType:
    # Not `coords.get(dim)`: for a dimension without labels xarray makes some up.
    coord = obj.coords[dim] if dim in obj.coords else None  # noqa: SIM401
    if coord is not None:
        declared = coord.attrs.get(TYPE_ATTR)
        if declared in get_args(DimensionType):
            return cast("DimensionType", declared)
        if _is_temporal(coord):
            return "temporal"
        if coord.attrs.get("standard_name") in _BAND_STANDARD_NAMES:
            return "bands"
    if dim in _TIME_NAMES:
        kind = "no coordinate" if coord is None else f"a coordinate of dtype {coord.dtype}"
        raise DimensionError(
            f"dimension {dim!r} looks temporal but has {kind}; assign datetimes with "
            f"obj.assign_coords({dim}=...), or declare what it is: "
            f"obj[{dim!r}].attrs[{TYPE_ATTR!r}] = 'other'"
        )
    return "bands" if dim in _BAND_NAMES else "other"


def _is_temporal(coord: xr.DataArray) -> bool:
    attrs = coord.attrs
    if coord.dtype.kind == "M" or attrs.get("standard_name") == "time" or attrs.get("axis") == "T":
        return True
    first = coord.values.flat[0] if coord.dtype.kind == "O" and coord.size else None
    return type(first).__module__.startswith("cftime")


def find_dim(obj: XarrayObject, kind: DimensionType) -> str | None:
    """Return the dimension of a type, or None.

    Raises
    ------
    DimensionError
        Several dimensions have that type.
    """
    found = [dim for dim, of in dimension_types(obj).items() if of == kind]
    if len(found) > 1:
        raise DimensionError(
            f"several dimensions are of type {kind!r}: {found!r}; name the one that is meant"
        )
    return found[0] if found else None


def require_dim(obj: XarrayObject, dim: str) -> None:
    """Raise an error that lists the dimensions if an object lacks one."""
    if dim not in obj.dims:
        raise DimensionError(
            f"no dimension {dim!r}; the dimensions are {tuple(map(str, obj.dims))!r}"
        )


def require_not_spatial(obj: XarrayObject, dim: str, action: str) -> None:
    """Raise an error if an action isn't possible because a dimension is spatial."""
    if dim in _spatial_names(obj):
        raise DimensionError(
            f"can't {action} the spatial dimension {dim!r}: y and x are inherent to a cube. "
            "To change the grid use reproject, resample or crop"
        )


def declare_type(obj: XarrayT, dim: str, kind: DimensionType) -> XarrayT:
    """Return an object whose dimension coordinate declares the dimension's type."""
    if kind not in get_args(DimensionType):
        raise DimensionError(
            f"unknown dimension type {kind!r}; the types are {', '.join(get_args(DimensionType))}"
        )
    coord = obj.coords[dim].copy(deep=False)
    coord.attrs = {**coord.attrs, TYPE_ATTR: kind}
    return obj.assign_coords({dim: coord})
