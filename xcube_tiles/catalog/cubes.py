"""What a cube must be to become a layer."""

from __future__ import annotations

import re

import xarray as xr

from xcube_tiles.catalog.format.coords import check_times
from xcube_tiles.cube.bands import unstack_bands
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.dimensions import find_dim
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import CatalogError, DimensionError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MOST_DIMS = 3
# time (or one other dimension), y, x: rio-tiler and most browser clients read no more.


def checked_name(name: object) -> str:
    """Return the name of a layer if it is one.

    Raises
    ------
    CatalogError
        A name with other characters than letters, digits, ``_``, ``-`` and ``.``, or that begins
        with one of the latter three.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CatalogError(
            f"a layer's name must be letters, digits, '_', '-' or '.', and begin with a letter or "
            f"digit; got {name!r}"
        )
    return name


def as_layer_cube(obj: xr.Dataset | xr.DataArray, name: str = "data") -> xr.Dataset:
    """Return a cube in canonical form, one variable per band, or raise.

    Parameters
    ----------
    obj
        A cube; a band axis becomes variables.
    name
        Name of the variable that a DataArray without a name becomes.

    Raises
    ------
    DimensionError
        A variable without y and x, or with more than one dimension besides.
    CatalogError
        Something that is no cube, a Dataset without variables, or a variable's name with ``/``.
    CellTypeError
        Cells that are no numbers.
    """
    if not isinstance(obj, xr.Dataset | xr.DataArray):
        raise CatalogError(f"expected an xarray Dataset or DataArray, got {type(obj).__name__}")
    dataset = _as_dataset(obj, name)
    if not dataset.data_vars:
        raise CatalogError("the cube has no variables: nothing to write")
    _check_names(dataset)
    cube = canonical(dataset)
    for variable, array in cube.data_vars.items():
        if array.dims[-2:] != ("y", "x"):
            raise DimensionError(
                f"variable {variable!r} has the dimensions {array.dims!r}; a layer needs y and x "
                f"in each: drop it with ds.drop_vars({variable!r})"
            )
        if array.ndim > _MOST_DIMS:
            raise DimensionError(
                f"variable {variable!r} has the dimensions {array.dims!r}; a layer holds y, x and "
                "one more. Select or reduce the others, or write a layer for each"
            )
        cell_type_of(array)
    return cube


def check_labels(cube: xr.Dataset) -> None:
    """Raise unless the labels of all dimensions can be stored.

    Raises
    ------
    CatalogError
        No label at all, dates of another calendar, missing times, or times that nanoseconds since
        1970 don't reach: they would come back as other ones.
    """
    for dim in (str(dim) for dim in cube.dims):
        if not cube.sizes[dim]:
            raise CatalogError(f"dimension {dim!r} has no labels: there is nothing to write")
        if dim not in cube.coords:
            continue
        values = cube.coords[dim].values
        if type(values.flat[0]).__module__.startswith("cftime"):
            raise CatalogError(
                f"{dim!r} has dates of the calendar {values.flat[0].calendar!r}, and layers have "
                f"datetime64: convert them with cube.convert_calendar('standard', dim={dim!r}, "
                "align_on='date')"
            )
        if values.dtype.kind == "M":
            check_times(values, dim)


def _check_names(dataset: xr.Dataset) -> None:
    for variable in dataset.data_vars:
        if not isinstance(variable, str) or not variable or "/" in variable:
            raise CatalogError(
                f"variable {variable!r} can't be stored: a name is text without '/'; "
                f"rename it with ds.rename({{{variable!r}: ...}})"
            )


def _as_dataset(obj: xr.Dataset | xr.DataArray, name: str) -> xr.Dataset:
    if isinstance(obj, xr.Dataset):
        return obj
    if find_dim(obj, "bands") is not None:
        return unstack_bands(obj)
    return obj.to_dataset(name=name if obj.name is None else str(obj.name))
