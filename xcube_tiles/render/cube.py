"""Cubes in memory, or lazy, as sources of tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.bands import unstack_bands
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.dimensions import find_dim
from xcube_tiles.cube.georef import canonical, crs_of, geobox_of
from xcube_tiles.errors import DimensionError
from xcube_tiles.grid.years import YEARS, beyond_years

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayObject

UNNAMED = "values"
"""Name of the variable of a DataArray that has none."""


class CubeSource:
    """A cube as a `TileSource`: what xarray holds, in memory or lazily.

    Parameters
    ----------
    cube
        Dataset, DataArray (bands on an axis become variables), or the DataTree of a pyramid, whose
        children "0", "1", ... are its levels. Dimensions other than time, bands, y and x must have
        been selected away. Of what xarray has opened without dask (`chunks=None`) only the windows
        are read that are drawn; dask arrays compute them, every time: a map of many tiles wants a
        catalog.

    Raises
    ------
    DimensionError
        A further dimension, no variable at all, or levels that differ in their variables.
    GeoreferenceError
        No CRS, or coordinates that are not regular.
    """

    __slots__ = ("_geoboxes", "_levels", "_times")

    def __init__(self, cube: XarrayObject | xr.DataTree) -> None:
        self._levels = tuple(canonical(_checked(level)) for level in _levels_of(cube))
        first = self._levels[0]
        if any(tuple(level.data_vars) != tuple(first.data_vars) for level in self._levels[1:]):
            raise DimensionError("the levels of a pyramid have the same variables in one order")
        self._geoboxes = tuple(geobox_of(level) for level in self._levels)
        self._times = _times_of(first)

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all levels."""
        return crs_of(self._levels[0])

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grid of each level, the finest first."""
        return self._geoboxes

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(str(name) for name in self._levels[0].data_vars)

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants of the time axis, datetime64[ns]; None: there is none."""
        return self._times

    def cell_type(self, variable: str) -> CellType:
        """Return dtype and NoData of a variable."""
        return cell_type_of(self._levels[0][variable])

    def variable_attrs(self, variable: str) -> Mapping[str, Any]:
        """Return the CF attributes of a variable."""
        return {str(name): value for name, value in self._levels[0][variable].attrs.items()}

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        """Return the cells of a window, shape (rows, cols)."""
        array = self._levels[level].variables[variable]
        index = (rows, cols) if array.ndim == 2 else (time, rows, cols)
        # Of a file opened with `chunks=None` the data of the whole array would be all of it.
        return np.asarray(array[index].data)


def _levels_of(cube: XarrayObject | xr.DataTree) -> list[xr.Dataset]:
    if isinstance(cube, xr.DataTree):
        names = sorted((name for name in cube.children if name.isdecimal()), key=int)
        if not names:
            raise DimensionError(
                f"a pyramid has children named '0', '1', ...; this tree has {sorted(cube.children)}"
            )
        return [cube[name].to_dataset() for name in names]
    if isinstance(cube, xr.Dataset):
        return [cube]
    if find_dim(cube, "bands") is not None:
        return [unstack_bands(cube)]
    return [cube.to_dataset(name=UNNAMED if cube.name is None else cube.name)]


def _checked(cube: xr.Dataset) -> xr.Dataset:
    spatial = {name: array for name, array in cube.data_vars.items() if array.ndim >= 2}
    if not spatial:
        raise DimensionError("nothing to draw: the cube has no variable with dimensions y and x")
    time = find_dim(cube, "temporal")
    for name, array in spatial.items():
        others = [str(dim) for dim in array.dims[:-2] if dim != time]
        if others:
            raise DimensionError(
                f"variable {name!r} has the dimensions {tuple(map(str, array.dims))}; a picture "
                f"has y and x, and a time may be chosen: select one label of {others[0]!r} "
                f"first, e.g. cube.isel({others[0]}=0)"
            )
    return cube[list(spatial)]


def _times_of(cube: xr.Dataset) -> NDArray[np.datetime64] | None:
    time = find_dim(cube, "temporal")
    if time is None:
        return None
    times = cube[time].values
    if times.dtype.kind != "M":
        raise DimensionError(
            f"the labels of {time!r} are {type(times.flat[0]).__name__}, not datetime64: convert "
            "the calendar first (cube.convert_calendar('standard'))"
        )
    outside = times[beyond_years(times)]
    if outside.size:
        raise DimensionError(
            f"{time!r} has the time {outside[0]}, and times can be drawn from {YEARS[0]} to "
            f"{YEARS[-1]}: select those, or one position, e.g. cube.isel({time}=0, drop=True)"
        )
    instants: NDArray[np.datetime64] = times.astype("datetime64[ns]")
    return instants
