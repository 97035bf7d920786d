"""Values as NetCDF, classic 64-bit format: what every reader of NetCDF opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import StyleError
from xcube_tiles.render.source import attributes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.render.source import TileSource
    from xcube_tiles.render.values import Values

CONVENTIONS = "CF-1.11"

_KEPT = ("standard_name", "long_name", "units", "comment", "flag_values", "flag_meanings")
_SCALING = ("scale_factor", "add_offset")
_EXACT = 2**53
_NAME = re.compile(r"\W+", re.ASCII)


def netcdf(
    bands: Mapping[str, tuple[Values, TileSource]],
    grid: GeoBox,
    times: NDArray[np.datetime64] | None,
) -> bytes:
    """Return values as the bytes of a NetCDF file.

    Parameters
    ----------
    bands
        For each band its values, shape (times, height, width), and the source that knows its
        attributes.
    grid
        Grid of the values.
    times
        Instants of the values: one becomes a coordinate without dimension; None: there is none.

    Returns
    -------
    bytes
        CF conventions: each band a variable in its own type, with `_FillValue` and a grid mapping
        `spatial_ref`. A name that isn't one of NetCDF has its other signs replaced, and is the
        `long_name`. Unsigned integers carry the attribute `_Unsigned`, as the format has none.
        Integers of 64 bits, which it has neither, are written as float64.

    Raises
    ------
    StyleError
        Integers that float64 doesn't hold exactly.
    """
    timed = times is not None and len(times) != 1
    dims = ("time", "y", "x") if timed else ("y", "x")
    variables: dict[str, xr.DataArray] = {}
    for name, (values, source) in bands.items():
        cells = values.cells if timed else values.cells[0]
        stored, nodata = _storable(name, cells, values.cell_type)
        attrs = _attributes(name, source, stored.dtype) | _missing(stored.dtype, nodata)
        if stored.dtype.kind == "u":
            stored = stored.view(f"i{stored.dtype.itemsize}")
        variables[_unique(name, variables)] = xr.DataArray(stored, dims=dims, attrs=attrs)
    cube = assign_geobox(xr.Dataset(variables, attrs={"Conventions": CONVENTIONS}), grid)
    if times is not None:
        cube = cube.assign_coords(time=("time", times) if timed else times[0])
        cube["time"].attrs["standard_name"] = "time"
        cube["time"].encoding = {"units": "seconds since 1970-01-01", "dtype": "float64"}
    for variable in cube.data_vars:
        cube[variable].encoding["grid_mapping"] = "spatial_ref"
        cube[variable].attrs.pop("grid_mapping", None)
    for axis in ("x", "y"):
        cube[axis].encoding["_FillValue"] = None
    return bytes(cube.to_netcdf(engine="scipy", format="NETCDF3_64BIT"))


def _storable(
    name: str, cells: NDArray[Any], cell_type: CellType
) -> tuple[NDArray[Any], float | None]:
    """Return cells in a type that the format has, and their NoData."""
    kind, size = cells.dtype.kind, cells.dtype.itemsize
    if kind == "b":
        return cells.astype(np.uint8), cell_type.nodata
    if kind == "f" and size == 2:
        return cells.astype(np.float32), cell_type.nodata
    if kind not in "iu" or size < 8:
        return cells, cell_type.nodata
    missing = cell_type.is_nodata(cells)
    if (np.abs(np.where(missing, 0, cells).astype(np.float64)) > _EXACT).any():
        raise StyleError(f"band {name!r} has integers that NetCDF doesn't hold: ask for npy")
    return np.where(missing, np.nan, cells.astype(np.float64)), np.nan


def _missing(dtype: np.dtype[Any], nodata: float | None) -> dict[str, Any]:
    """Return the attributes that tell NoData, and that signed integers mean unsigned ones."""
    fill = None if nodata is None else np.array(nodata, dtype)
    if dtype.kind != "u":
        return {} if fill is None else {"_FillValue": fill[()]}
    signed = {} if fill is None else {"_FillValue": fill.view(f"i{dtype.itemsize}")[()]}
    return {"_Unsigned": "true", **signed}


def _attributes(name: str, source: TileSource, dtype: np.dtype[Any]) -> dict[str, Any]:
    known = attributes_of(source, name) if name in source.variables else {}
    found = {key: known[key] for key in _KEPT + _SCALING if known.get(key) is not None}
    if "flag_values" in found:
        flags = np.atleast_1d(np.asarray(found["flag_values"])).astype(dtype)
        found["flag_values"] = flags.view(f"i{dtype.itemsize}") if dtype.kind == "u" else flags
        meanings = found.get("flag_meanings")
        if isinstance(meanings, list | tuple):
            found["flag_meanings"] = " ".join(map(str, meanings))
    if _valid(name) != name:
        found["long_name"] = name
    return found


def _valid(name: str) -> str:
    cleaned = _NAME.sub("_", name).strip("_") or "values"
    return cleaned if not cleaned[0].isdigit() else f"_{cleaned}"


def _unique(name: str, taken: Mapping[str, object]) -> str:
    valid = _valid(name)
    reserved = {*taken, "x", "y", "time", "spatial_ref"}
    while valid in reserved:
        valid += "_"
    return valid
