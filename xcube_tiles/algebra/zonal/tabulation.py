"""Tables of zones: how many cells of each class, or in each bin, a zone has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from xcube_tiles.algebra.histogram import as_raster, bin_coords, edges_of
from xcube_tiles.algebra.zonal.zones import ZONE, as_zones, labels_of, paired, table_coords
from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.kernels.histogram import bins_of
from xcube_tiles.kernels.zonal.places import Places, locate
from xcube_tiles.kernels.zonal.tables import Table, merge_tables, table, whole_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject

CLASS, BIN = "class", "bin"


def crosstab(
    obj: XarrayObject,
    zones: xr.DataArray,
    *,
    labels: Sequence[int] | None = None,
    classes: Sequence[int] | None = None,
) -> xr.DataArray:
    """Count the cells of each class in each zone.

    Parameters
    ----------
    obj
        Classes: one raster of integers or bool, dimensions (..., y, x).
    zones
        Integers or bool on the same grid: cells of one number are a zone.
    labels
        The zones that are wanted, in this order. By default all that occur, in ascending order: to
        find them lazy zones are computed at the call.
    classes
        The classes that are wanted, in this order; by default all that occur, as for `labels`.

    Returns
    -------
    int64 numbers of cells, with the raster's other dimensions, `zone` and `class`; 0 where there
    are none. Cells that are NoData in either raster aren't counted. Lazy if `obj` or `zones` is.

    Raises
    ------
    CellTypeError
        Classes or zones that aren't integers.
    IncompatibleCubesError
        Zones on another grid, or with other labels of a dimension.
    AlgebraError
        Labels or classes that aren't integers of the raster.
    DimensionError
        A Dataset of several classes: name the variable.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cover, zones = (
    ...     assign_geobox(xr.DataArray([values], dims=("y", "x")), grid)
    ...     for values in ([1, 2, 2, 1], [3, 3, 3, 8])
    ... )
    >>> crosstab(cover, zones).to_pandas()
    class  1  2
    zone
    3      1  2
    8      1  0
    """
    return _crosstab(obj, zones, labels, classes, "crosstab").rename("count")


def zonal_percentage(
    obj: XarrayObject,
    zones: xr.DataArray,
    *,
    labels: Sequence[int] | None = None,
    classes: Sequence[int] | None = None,
) -> xr.DataArray:
    """Return which share of each zone every class has, in percent.

    Parameters
    ----------
    obj, zones, labels, classes
        As for `crosstab`.

    Returns
    -------
    float64 from 0 to 100, with the raster's other dimensions, `zone` and `class`: the share of the
    zone's cells that have a class, also of one that isn't among `classes`. NaN for zones without
    such cells. Lazy if `obj` or `zones` is.

    Raises
    ------
    CellTypeError, IncompatibleCubesError, AlgebraError, DimensionError
        As `crosstab`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cover, zones = (
    ...     assign_geobox(xr.DataArray([values], dims=("y", "x")), grid)
    ...     for values in ([1, 2, 2, 1], [3, 3, 3, 3])
    ... )
    >>> zonal_percentage(cover, zones, classes=[2], labels=[3, 8]).values
    array([[50.],
           [nan]])
    """
    return _crosstab(obj, zones, labels, classes, "percentage").rename("percentage")


def zonal_histogram(
    obj: XarrayObject,
    zones: xr.DataArray,
    bins: int | Sequence[float] = 10,
    *,
    range: tuple[float, float] | None = None,
    labels: Sequence[int] | None = None,
) -> xr.DataArray:
    """Count the cells of each zone in bins of their values.

    Parameters
    ----------
    obj
        One raster of any cell type, dimensions (..., y, x).
    zones
        Integers or bool on the same grid: cells of one number are a zone.
    bins
        Number of equal bins, or their ascending edges. A bin holds its lower edge, the last one
        both. For a count of each single value see `crosstab`.
    range
        Ends of the equal bins; by default the smallest and largest cell, also of cells outside all
        zones, which takes a pass more. Cells beyond the ends aren't counted.
    labels
        As for `crosstab`.

    Returns
    -------
    int64 numbers of cells, with the raster's other dimensions, `zone` and `bin`; the coordinates
    `low` and `high` have the edges of the bins. Lazy, edges included, if `obj` or `zones` is.

    Raises
    ------
    AlgebraError
        Bins or a range that aren't ascending; labels that aren't integers of the zones.
    IncompatibleCubesError
        Zones on another grid, or with other labels of a dimension.
    CellTypeError
        Zones that aren't integers.
    DimensionError
        A Dataset: name the variable.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells, zones = (
    ...     assign_geobox(xr.DataArray([values], dims=("y", "x")), grid)
    ...     for values in ([1.0, 4.0, np.nan, 2.0], [3, 3, 3, 8])
    ... )
    >>> zonal_histogram(cells, zones, bins=[0, 2, 4]).values
    array([[1, 1],
           [0, 1]])
    """
    array, zones = as_raster(obj, "a zonal histogram"), as_zones(zones)
    cells, places, lead = paired(array, zones, BIN)
    edges = edges_of(array, bins, range)
    known = labels_of(zones, labels)
    order = np.argsort(known, kind="stable")
    counts = fold_blocks(
        _start_bins,
        cells,
        places,
        combine=_merge,
        finalize=partial(_finish_bins, order=order),
        name="zonal-histogram",
        shape=(len(known), edges.shape[0] - 1),
        dtype=np.int64,
        over=2,
        tables=(known[order], edges),
        nodata=cell_type_of(array).nodata,
        bins=edges.shape[0] - 1,
    )
    coords = {**table_coords(array, zones, lead, zone=known), **bin_coords(edges)}
    return xr.DataArray(counts, coords, (*lead, ZONE, BIN), "count")


class _State(NamedTuple):
    lead: tuple[int, ...]
    table: Table


def _merge(states: list[_State]) -> _State:
    return _State(states[0].lead, merge_tables([state.table for state in states]))


def _crosstab(
    obj: XarrayObject,
    zones: xr.DataArray,
    labels: Sequence[int] | None,
    classes: Sequence[int] | None,
    kind: str,
) -> xr.DataArray:
    array, zones = as_zones(as_raster(obj, "a crosstab"), "classes"), as_zones(zones)
    cells, places, lead = paired(array, zones, CLASS)
    rows, columns = labels_of(zones, labels), labels_of(array, classes, "classes")
    orders = np.argsort(rows, kind="stable"), np.argsort(columns, kind="stable")
    data = fold_blocks(
        _start_classes,
        cells,
        places,
        combine=_merge,
        finalize=partial(_finish_classes, orders=orders),
        name=kind,
        shape=(len(rows), len(columns)),
        dtype=np.int64 if kind == "crosstab" else np.float64,
        over=2,
        tables=(rows[orders[0]], columns[orders[1]]),
        nodata=cell_type_of(array).nodata,
        kind=kind,
    )
    coords = table_coords(array, zones, lead, zone=rows, **{CLASS: columns})
    return xr.DataArray(data, coords, (*lead, ZONE, CLASS))


def _start_classes(
    cells: NDArray[Any],
    zones: NDArray[Any],
    labels: NDArray[Any],
    classes: NDArray[Any],
    *,
    origin: tuple[int, ...],
    nodata: float | None,
    kind: str,
) -> _State:
    plane = cells.shape[-2] * cells.shape[-1]
    layers = cells.reshape(-1, plane)
    columns = locate(layers, classes)
    if kind == "percentage":
        # One column more for cells of classes that weren't asked for: they are part of the zone.
        other = (columns.where < 0) & (True if nodata is None else layers != nodata)
        columns.where[other] = len(columns.ids)
        columns = Places(columns.where, np.append(columns.ids, len(classes)))
    rows = locate(zones.reshape(-1, plane), labels)
    return _State(cells.shape[:-2], table(rows, columns))


def _finish_classes(
    state: _State,
    *,
    nodata: float | None,
    kind: str,
    orders: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> NDArray[Any]:
    height, width = len(orders[0]), len(orders[1])
    counts = whole_table(state.table, (height, width + (kind == "percentage")))
    result = counts[..., :width]
    if kind == "percentage":
        totals = counts.sum(axis=-1, keepdims=True)
        result = np.where(totals > 0, 100 * result / np.maximum(totals, 1), np.nan)
    ordered = np.empty_like(result)
    ordered[:, orders[0][:, None], orders[1][None, :]] = result
    return ordered.reshape(*state.lead, height, width)


def _start_bins(
    cells: NDArray[Any],
    zones: NDArray[Any],
    labels: NDArray[Any],
    edges: NDArray[np.float64],
    *,
    origin: tuple[int, ...],
    nodata: float | None,
    bins: int,
) -> _State:
    plane = cells.shape[-2] * cells.shape[-1]
    columns = Places(bins_of(cells.reshape(-1, plane), edges, nodata=nodata), np.arange(bins))
    rows = locate(zones.reshape(-1, plane), labels)
    return _State(cells.shape[:-2], table(rows, columns))


def _finish_bins(
    state: _State,
    *,
    nodata: float | None,
    bins: int,
    order: NDArray[np.intp],
) -> NDArray[np.int64]:
    counts = whole_table(state.table, (len(order), bins))
    ordered = np.empty_like(counts)
    ordered[:, order] = counts
    return ordered.reshape(*state.lead, len(order), bins)
