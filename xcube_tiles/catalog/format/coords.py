"""Coordinates on disk: CF arrays where every client reads them, JSON where few would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.catalog.format.conventions import as_json
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.years import YEARS, beyond_years

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

COORD_CHUNK = 1024
"""Labels in a chunk of a coordinate, however many there are: so labels can be added later, and who
reads those that were there before doesn't notice."""

_TIME_UNITS = {
    "seconds": 1_000_000_000,
    "milliseconds": 1_000_000,
    "microseconds": 1_000,
    "nanoseconds": 1,
}
"""CF units, the longest first, in nanoseconds. None is longer than a second, although days would
often do: times that are appended later must fit."""

_TIME_ENCODING = ("units", "calendar")


def check_times(times: NDArray[np.datetime64], name: object) -> None:
    """Raise CatalogError if times are missing or beyond what datetime64[ns] can hold."""
    if np.isnat(times).any():
        raise CatalogError(f"coordinate {name!r} has missing times (NaT): drop them first")
    outside = beyond_years(times)
    if outside.any():
        raise CatalogError(
            f"{name!r} has the time {times[outside][0]}, and layers hold the years {YEARS.start} "
            f"to {YEARS.stop - 1}: store years as numbers, e.g. "
            f"cube.assign_coords({name}=cube[{name!r}].dt.year).rename({name}='year')"
        )


def is_stored_as_array(coord: xr.DataArray) -> bool:
    """Whether a coordinate becomes a Zarr array: 1-D numbers and times.

    Strings have no settled form in Zarr v3, and scalars are read by few: they become JSON.
    """
    return coord.ndim == 1 and coord.dtype.kind in "biufM"


def encode_coord(coord: xr.DataArray) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return the values and attributes of a coordinate's array.

    Times become int64 counts, since 1970, of seconds or of the longest unit that keeps them exact.

    Raises
    ------
    CatalogError
        A time that is no time (NaT), or beyond what nanoseconds hold.
    """
    attrs = {str(key): as_json(value) for key, value in coord.attrs.items()}
    if coord.dtype.kind != "M":
        return coord.values, attrs
    check_times(coord.values, coord.name)
    instants = coord.values.astype("datetime64[ns]").astype(np.int64)
    unit = next(name for name, size in _TIME_UNITS.items() if not (instants % size).any())
    attrs = {key: value for key, value in attrs.items() if key not in _TIME_ENCODING}
    encoding = {"units": f"{unit} since 1970-01-01", "calendar": "proleptic_gregorian"}
    return instants // _TIME_UNITS[unit], {"standard_name": "time", **attrs, **encoding}


def decode_coord(dim: str, values: NDArray[Any], attrs: Mapping[str, Any]) -> xr.Variable:
    """Return a coordinate from its array; CF times become datetimes."""
    variable = xr.Variable((dim,), values, dict(attrs))
    if "since" not in str(attrs.get("units", "")):
        return variable
    decoded = xr.decode_cf(xr.Dataset({"coord": variable}))["coord"].variable
    return xr.Variable((dim,), decoded.values, decoded.attrs)


def to_json(coord: xr.DataArray) -> dict[str, Any]:
    """Return a coordinate as JSON."""
    kind = coord.dtype.kind
    values = coord.values
    if kind in "mM":
        # exact in both, and numpy reads it back
        values = values.astype(np.int64) if kind == "m" else np.datetime_as_string(values)
    return {
        "dims": [str(dim) for dim in coord.dims],
        "dtype": "str" if kind in "OUT" else str(coord.dtype),
        "data": as_json(np.asarray(values)),
        "attrs": as_json(coord.attrs),
    }


def from_json(document: Mapping[str, Any]) -> xr.Variable:
    """Return a coordinate from its JSON."""
    data = np.array(document["data"])
    return xr.Variable(tuple(document["dims"]), data.astype(document["dtype"]), document["attrs"])
