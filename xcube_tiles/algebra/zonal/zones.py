"""Zones: a raster of integers whose cells of one number are a zone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import fold_blocks, is_lazy
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import AlgebraError, CellTypeError, DimensionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.zonal.places import distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject

ZONE = "zone"
"""Dimension of zones."""


def as_zones(zones: XarrayObject, what: str = "zones") -> xr.DataArray:
    """Return zones in canonical form, of integers; bool becomes uint8.

    Raises
    ------
    DimensionError
        A Dataset.
    CellTypeError
        Cells that aren't integers.
    """
    if not isinstance(zones, xr.DataArray):
        kind = f"a Dataset of {list(zones)!r}" if isinstance(zones, xr.Dataset) else repr(zones)
        raise DimensionError(f"{what} must be one raster (a DataArray), got {kind}")
    if zones.dtype.kind not in "biu":
        raise CellTypeError(
            f"{what} must be integers or bool, got {zones.dtype}; convert them first, NaN becomes "
            "NoData: raster.tiles.convert('int32')"
        )
    zones = canonical(zones)
    if zones.dtype == bool:
        byte = CellType(dtype=np.dtype(np.uint8), nodata=None)
        return set_cell_type(zones.astype(np.uint8), byte)
    return zones


def labels_of(
    zones: xr.DataArray, labels: Sequence[int] | NDArray[Any] | None, what: str = "labels"
) -> NDArray[Any]:
    """Return the labels of zones: those that are given, or those that occur, in ascending order.

    Parameters
    ----------
    zones
        What `as_zones` returned.
    labels
        Labels that were asked for. None: those of the raster, which is computed if it is lazy.
    what
        Name of the argument, for errors.

    Raises
    ------
    AlgebraError
        Labels that aren't integers, occur twice, mean NoData or don't fit the zones' dtype.
    """
    nodata = cell_type_of(zones).nodata
    if labels is None:
        return _found_labels(zones.data, nodata)
    numbers = _integers(labels, what)
    limits = np.iinfo(zones.dtype)
    outside = [label for label in numbers if not limits.min <= label <= limits.max]
    if outside:
        raise AlgebraError(
            f"{what} must fit the {zones.dtype} cells ({limits.min} to {limits.max}), "
            f"got {outside[0]}"
        )
    if len(set(numbers)) < len(numbers):
        twice = next(label for label in numbers if numbers.count(label) > 1)
        raise AlgebraError(f"{what} must differ from each other, got {twice} twice")
    if nodata in numbers:
        raise AlgebraError(f"{what} contain {nodata}, which means NoData in {zones.name!r}")
    return np.array(numbers, zones.dtype)


def _integers(labels: Sequence[int] | NDArray[Any], what: str) -> list[int]:
    # One by one: a list of integers on both sides of 2**63 is an array of floats.
    given = [np.asarray(label) for label in labels] if isinstance(labels, Iterable) else None
    if given is None or not all(one.ndim == 0 and one.dtype.kind in "biu" for one in given):
        raise AlgebraError(f"{what} must be a list of integers, got {labels!r}")
    return [int(label) for label in given]


def _found_labels(data: Any, nodata: float | None) -> NDArray[Any]:
    found = fold_blocks(
        _distinct_labels,
        data,
        combine=_union,
        finalize=_boxed,
        name="zone-labels",
        shape=(1,),
        dtype=object,
        nodata=nodata,
    )
    labels: NDArray[Any] = (found.compute() if is_lazy(found) else found)[0]
    return labels


def _distinct_labels(
    block: NDArray[Any], *, origin: tuple[int, ...], nodata: float | None
) -> NDArray[Any]:
    found = distinct(block)
    return found if nodata is None else found[found != nodata]


def _union(states: list[NDArray[Any]]) -> NDArray[Any]:
    return np.unique(np.concatenate(states))


def _boxed(labels: NDArray[Any], *, nodata: float | None) -> NDArray[Any]:
    # How many labels there are is known only now: an array of one object, which is the array.
    box = np.empty(1, object)
    box[0] = labels
    return box


def paired(
    array: xr.DataArray, zones: xr.DataArray, *made: str
) -> tuple[Any, Any, tuple[str, ...]]:
    """Return the data of a raster and of zones, and the dimensions that precede y and x.

    Zones without such dimensions stay as they are: they are the same for all layers.

    Parameters
    ----------
    array, zones
        In canonical form.
    *made
        Dimensions that the result gets besides `zone`.

    Raises
    ------
    DimensionError
        A dimension of the result is one of the rasters already.
    IncompatibleCubesError
        Grids or labels differ.
    """
    check_compatible(array, zones)
    taken = {ZONE, *made} & {*array.dims, *zones.dims}
    if taken:
        raise DimensionError(
            f"the result gets a dimension {min(taken)!r}, which the cube has too; rename that one: "
            f"cube.rename({{{min(taken)!r}: ...}})"
        )
    extra = [dim for dim in zones.dims[:-2] if dim not in array.dims]
    dims = (*extra, *array.dims)
    cells = array.data if array.dims == dims else array.variable.set_dims(_sizes(zones, array)).data
    if zones.ndim == 2 or zones.dims == dims:
        return cells, zones.data, cast("tuple[str, ...]", dims[:-2])
    sizes = {dim: zones.sizes[dim] if dim in zones.sizes else array.sizes[dim] for dim in dims}
    return cells, zones.variable.set_dims(sizes).data, cast("tuple[str, ...]", dims[:-2])


def _sizes(zones: xr.DataArray, array: xr.DataArray) -> dict[Any, int]:
    extra = {dim: zones.sizes[dim] for dim in zones.dims[:-2] if dim not in array.dims}
    return {**extra, **array.sizes}


def table_coords(
    array: xr.DataArray, zones: xr.DataArray, lead: tuple[str, ...], **labels: NDArray[Any]
) -> dict[str, Any]:
    """Return coordinates of a table: labels, and those of the raster that don't need y and x."""
    found = {
        str(name): coord.variable
        for source in (zones, array)
        for name, coord in source.coords.items()
        if set(coord.dims) <= set(lead) and name != SPATIAL_REF
    }
    # A scalar of the zones alone (their own date, say) tells nothing about the values.
    own = {name: each for name, each in found.items() if each.dims or name in array.coords}
    return {**own, **{name: (name, values) for name, values in labels.items()}}
