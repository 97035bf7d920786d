"""Zonal fill: a table's value of each zone, painted on the grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from xcube_tiles.algebra.zonal.table import lacking
from xcube_tiles.algebra.zonal.zones import ZONE, as_zones
from xcube_tiles.cube.blocks import is_lazy, map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import assign_geobox, geobox_of
from xcube_tiles.errors import DimensionError, IncompatibleCubesError, NoDataCollisionError
from xcube_tiles.kernels.zonal.places import locate

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayT


def to_raster(table: XarrayT, zones: xr.DataArray) -> XarrayT:
    """Paint the value of each zone on its cells.

    Parameters
    ----------
    table
        Values with the dimension `zone`, whose coordinate has the labels, such as `zonal` returns;
        of a Dataset, every variable with that dimension.
    zones
        Integers or bool: the raster of the zones.

    Returns
    -------
    Cells with the dimensions y and x in place of `zone`, on the grid of the zones, of the type of
    the values; integers without NoData get the next wider one, as cells in no zone of the table
    are NoData. Lazy if `table` or `zones` is, with the chunks of the zones and one label of other
    dimensions each.

    Raises
    ------
    DimensionError
        No dimension `zone`, or one without labels, with labels that aren't integers, or with one
        twice.
    IncompatibleCubesError
        A dimension that both have, such as time, has other labels in the zones.
    CellTypeError
        Zones that aren't integers.
    NoDataCollisionError
        A value of a 64-bit integer without NoData is the one that had to mean NoData (when it is
        computed).

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> zones = xr.DataArray([[3, 3, 8, 5]], dims=("y", "x"), attrs={"_FillValue": np.int64(5)})
    >>> table = xr.DataArray([2.5, np.nan], {"zone": [3, 8]}, name="mean")
    >>> to_raster(table, assign_geobox(zones, grid)).values
    array([[2.5, 2.5, nan, nan]])
    """
    zones = as_zones(zones)
    labels, order = _labels(table, zones)
    if isinstance(table, xr.DataArray):
        return _paint(table.isel({ZONE: order}), zones, labels)
    painted = {
        name: _paint(array.isel({ZONE: order}), zones, labels)
        for name, array in table.data_vars.items()
        if ZONE in array.dims
    }
    rest = table.drop_vars(painted).drop_dims(ZONE)
    return assign_geobox(rest.assign(painted), geobox_of(zones))


def _labels(
    table: xr.DataArray | xr.Dataset, zones: xr.DataArray
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the labels that zones can have, in ascending order, and where the table has them."""
    if ZONE not in table.dims:
        raise DimensionError(
            f"a table of zones has the dimension {ZONE!r}, got {tuple(table.dims)!r}; "
            "make one with cube.tiles.zonal(zones, ...)"
        )
    if ZONE not in table.coords or table[ZONE].dtype.kind not in "biu":
        kind = table[ZONE].dtype if ZONE in table.coords else "no coordinate"
        raise DimensionError(f"the labels of {ZONE!r} must be integers, got {kind}")
    labels = table[ZONE].values
    if len(np.unique(labels)) < len(labels):
        raise DimensionError(f"the labels of {ZONE!r} must differ from each other")
    for dim in zones.dims[:-2]:
        if dim in table.dims and not _same_labels(table, zones, dim):
            raise IncompatibleCubesError(
                f"the labels of {dim!r} differ between table and zones; select common ones, "
                f"e.g. zones.sel({dim}=table[{str(dim)!r}])"
            )
    limits = np.iinfo(zones.dtype)
    held = [at for at, label in enumerate(labels) if limits.min <= int(label) <= limits.max]
    order = np.array(held, np.intp)[np.argsort(labels[held], kind="stable")]
    return labels[order].astype(zones.dtype), order


def _same_labels(one: xr.DataArray | xr.Dataset, two: xr.DataArray, dim: Hashable) -> bool:
    if one.sizes[dim] != two.sizes[dim]:
        return False
    return (
        dim not in one.indexes
        or dim not in two.indexes
        or one.indexes[dim].equals(two.indexes[dim])
    )


def _paint(table: xr.DataArray, zones: xr.DataArray, labels: NDArray[Any]) -> xr.DataArray:
    source = cell_type_of(table)
    target = lacking(source)
    extra = [dim for dim in zones.dims[:-2] if dim not in table.dims]
    lead = [*extra, *(dim for dim in table.dims if dim != ZONE)]
    sizes = [table.sizes[dim] if dim in table.dims else zones.sizes[dim] for dim in lead]
    height, width = zones.shape[-2:]
    layers = [] if all(sizes) else [np.empty((0, height, width), target.dtype)]
    for index in np.ndindex(*sizes):
        at = dict(zip(lead, index, strict=True))
        layers.append(
            map_blocks(
                _paint_block,
                zones.isel({dim: i for dim, i in at.items() if dim in zones.dims}).data,
                tables=(
                    table.isel({dim: i for dim, i in at.items() if dim in table.dims}).data,
                    labels,
                ),
                name="zonal-fill",
                dtype=target.dtype,
                nodata=cell_type_of(zones).nodata,
                target=target,
                exact=source == target,
            )
        )
    stack = da.stack if any(is_lazy(layer) for layer in layers) else np.stack
    data = stack(layers).reshape(*sizes, height, width) if lead else layers[0]
    coords = {**zones.drop_vars([ZONE], errors="ignore").coords, **_other_coords(table)}
    kept = {name: c for name, c in coords.items() if set(c.dims) <= {*lead, "y", "x"}}
    result = xr.DataArray(data, kept, (*lead, "y", "x"), table.name, table.attrs)
    return set_cell_type(assign_geobox(result, geobox_of(zones)), target)


def _other_coords(table: xr.DataArray) -> dict[Any, xr.DataArray]:
    return {name: coord for name, coord in table.coords.items() if ZONE not in coord.dims}


def _paint_block(
    zones: NDArray[Any],
    values: NDArray[Any],
    labels: NDArray[Any],
    *,
    nodata: float | None,
    target: CellType,
    exact: bool,
) -> NDArray[Any]:
    where, ids = locate(zones, labels)
    taken = values[ids].astype(target.dtype)
    missing = target.dtype.type(target.nodata)
    if not exact and target.dtype.kind != "f" and (taken == missing).any():
        raise NoDataCollisionError(
            f"a zone's value is {target.nodata}, the only number that is left to mean NoData in "
            f"{target.dtype}; convert the table first, e.g. table.astype('float64')"
        )
    # The last one is what cells outside all zones, whose place is -1, get.
    painted: NDArray[Any] = np.append(taken, missing)[where]
    if nodata is not None:
        painted[zones == nodata] = missing
    return painted
