"""Where an xarray object declares its CRS and its transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyproj
import xarray as xr
from affine import Affine

from xcube_tiles.errors import GeoreferenceError, GridError
from xcube_tiles.grid.extent import as_crs

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from odc.geo.crs import CRS

    from xcube_tiles.typing import XarrayObject

SPATIAL_REF = "spatial_ref"
"""Name of the coordinate that holds the grid mapping, as in rioxarray and odc-geo."""

_WKT_ATTRS = ("crs_wkt", "spatial_ref", "proj:wkt2", "proj:code", "proj:projjson", "epsg_code")


def grid_mapping_name(obj: XarrayObject) -> str | None:
    """Return the name of the grid mapping that an object refers to.

    It is a coordinate, or a variable of the Dataset: xarray opens files that way unless it is told
    `decode_coords="all"`.

    Raises
    ------
    GeoreferenceError
        Variables refer to different grid mappings.
    """
    arrays = list(obj.data_vars.values()) if isinstance(obj, xr.Dataset) else [obj]
    names = {
        str(name)
        for array in arrays
        for name in [array.attrs.get("grid_mapping") or array.encoding.get("grid_mapping")]
        if name and str(name) in _variables(obj)
    }
    if len(names) > 1:
        raise GeoreferenceError(
            f"variables refer to different grid mappings {sorted(names)!r}; "
            "take them apart: ds[['a', 'b']]"
        )
    if names:
        return names.pop()
    return SPATIAL_REF if SPATIAL_REF in _variables(obj) else None


def _variables(obj: XarrayObject) -> Mapping[Hashable, xr.Variable | xr.DataArray]:
    return obj.variables if isinstance(obj, xr.Dataset) else obj.coords


def _mapping_attrs(obj: XarrayObject) -> Mapping[Any, Any]:
    name = grid_mapping_name(obj)
    return {} if name is None else _variables(obj)[name].attrs


def find_crs(obj: XarrayObject, dims: tuple[str, str]) -> CRS | None:
    """Return the CRS that an object declares, or None.

    Looked for, in this order: the grid-mapping coordinate (`crs_wkt`, `spatial_ref`, then CF
    parameters), attributes `proj:wkt2`, `proj:code`, `proj:projjson` or `crs` of the object,
    latitude and longitude as spatial dimensions (EPSG:4326, as CF has it without a grid mapping).

    Raises
    ------
    GeoreferenceError
        A declaration that can't be read.
    """
    attrs = _mapping_attrs(obj)
    sources = [attrs.get(name) for name in _WKT_ATTRS]
    sources += [obj.attrs.get(name) for name in (*_WKT_ATTRS[2:], "crs")]
    for source in sources:
        if source:
            return _read_crs(source)
    if attrs.get("grid_mapping_name"):
        return _read_crs(pyproj.CRS.from_cf(dict(attrs)).to_wkt())
    return as_crs("EPSG:4326") if dims[0].startswith("lat") else None


def _read_crs(source: object) -> CRS:
    try:
        crs = as_crs(source)
        # A WKT that is an EPSG entry is named by its code: readable, and equal to what users type.
        return as_crs(crs.epsg) if crs.epsg is not None else crs
    except GridError as error:
        raise GeoreferenceError(f"the object's CRS can't be read: {error}") from error


def declared_transform(obj: XarrayObject) -> Affine | None:
    """Return the affine transform (cell to CRS, corner-based) that an object declares, or None.

    Raises
    ------
    GeoreferenceError
        A `GeoTransform` that isn't six numbers.
    """
    attrs = _mapping_attrs(obj)
    text = attrs.get("GeoTransform")
    if text is None:
        return None
    try:
        values = [float(part) for part in str(text).split()]
        return Affine.from_gdal(*values)
    except (TypeError, ValueError) as error:
        raise GeoreferenceError(f"'GeoTransform' must be six numbers, got {text!r}") from error
