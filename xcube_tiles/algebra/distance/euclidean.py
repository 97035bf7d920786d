"""Straight distances: how far the nearest target is, which one it is, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xcube_tiles.algebra.distance.columns import column_targets
from xcube_tiles.algebra.distance.targets import (
    allocated_type,
    cell_edges,
    checked_limit,
    checked_targets,
    is_target,
)
from xcube_tiles.cube.blocks import is_lazy, map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import GeoreferenceError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.distance.euclidean import (
    NONE,
    bearings,
    cell_weights,
    column_offsets,
    lengths,
    nearest_offsets,
)
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT

Question: TypeAlias = Literal["proximity", "allocation", "direction"]
Values: TypeAlias = "Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]"

_FLOAT = CellType.parse("float32")


def proximity(
    obj: XarrayT, targets: Sequence[float] | None = None, *, max_distance: float | None = None
) -> XarrayT:
    """Return the straight distance to the nearest target.

    Parameters
    ----------
    obj
        A cube of any cell type, dimensions (..., y, x); of a Dataset, every variable with y and x.
    targets
        Values that make a cell a target; by default every valid cell but those that hold 0.
    max_distance
        Largest distance of interest, in units of the CRS; None: any.

    Returns
    -------
    float32, between the centres of cells, in units of the CRS; 0 at targets, NaN where no target is
    within `max_distance`. NoData cells get distances as others do. Same chunks along y and x; lazy
    if `obj` is.

    Raises
    ------
    GeoreferenceError
        Cells in degrees; cells a thousand times longer than wide.
    AlgebraError
        Targets that no cell can have; a distance that isn't positive.

    Notes
    -----
    Exact, in time proportional to the cells, by one pass along the columns and one along the rows
    [1]_. A lazy raster takes three tasks a block for the first pass. For the second the blocks of a
    row are joined: a task holds the rows of a block over the whole width, some 20 bytes a cell;
    make blocks lower where that is much. A `max_distance` smaller than a block takes one task a
    block instead, which reads the rims of its neighbours.

    Distances are those of the plane of the CRS: use one that keeps lengths where you are.

    References
    ----------
    .. [1] A. Meijster, J. Roerdink, W. Hesselink (2000): A general algorithm for computing distance
       transforms in linear time.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 4), Affine(30, 0, 0, 0, -40, 0), "EPSG:32633")
    >>> wells = xr.DataArray([[0.0, 7.0, 0.0, 0.0], [0.0, 0.0, 0.0, np.nan]], dims=("y", "x"))
    >>> wells = assign_geobox(wells, grid)
    >>> proximity(wells).values
    array([[30.     ,  0.     , 30.     , 60.     ],
           [50.     , 40.     , 50.     , 72.11102]], dtype=float32)
    >>> proximity(wells, max_distance=40).values
    array([[30.,  0., 30., nan],
           [nan, 40., nan, nan]], dtype=float32)
    """
    return _nearest(obj, "proximity", targets, max_distance)


def allocation(
    obj: XarrayT, targets: Sequence[float] | None = None, *, max_distance: float | None = None
) -> XarrayT:
    """Return the value of the nearest target.

    Parameters
    ----------
    obj, targets, max_distance
        As for `proximity`.

    Returns
    -------
    Values of the cell type of `obj`, NoData where no target is within `max_distance`. Integers
    without NoData get one: 0, or another number if 0 is among `targets`. Lazy if `obj` is.

    Raises
    ------
    GeoreferenceError, AlgebraError
        As `proximity`.

    Notes
    -----
    Of equally near targets it is the first one in row-major order, whatever the chunks. Graphs and
    memory are those of `proximity`.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> wells = assign_geobox(
    ...     xr.DataArray([[np.nan, 7.0, 0.0, 9.0, 0.0]], dims=("y", "x")), grid
    ... )
    >>> allocation(wells).values
    array([[7., 7., 7., 9., 9.]])
    >>> allocation(wells, [9], max_distance=15).values
    array([[nan, nan,  9.,  9.,  9.]])
    """
    return _nearest(obj, "allocation", targets, max_distance)


def direction(
    obj: XarrayT, targets: Sequence[float] | None = None, *, max_distance: float | None = None
) -> XarrayT:
    """Return the direction towards the nearest target.

    Parameters
    ----------
    obj, targets, max_distance
        As for `proximity`.

    Returns
    -------
    float32, degrees clockwise from north: east is 90, south 180, west 270, north 360. 0 is the
    target itself, NaN where no target is within `max_distance`. Lazy if `obj` is.

    Raises
    ------
    GeoreferenceError, AlgebraError
        As `proximity`.

    Notes
    -----
    North is 360 so that 0 tells targets, as in ArcGIS' back direction and in xarray-spatial. Of
    equally near targets it is the first one in row-major order, whatever the chunks. North is the
    y axis of the CRS. Graphs and memory are those of `proximity`.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> well = xr.DataArray(np.zeros((3, 3)), dims=("y", "x"))
    >>> well[1, 1] = 1
    >>> direction(assign_geobox(well, grid)).values
    array([[135., 180., 225.],
           [ 90.,   0., 270.],
           [ 45., 360., 315.]], dtype=float32)
    >>> bool(direction(assign_geobox(well, grid), [2]).isnull().all())
    True
    """
    return _nearest(obj, "direction", targets, max_distance)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is asked of every block."""

    question: Question
    edges: tuple[float, float]
    """Height and width of a cell."""
    weights: tuple[int, int]
    limit: float
    source: CellType
    targets: tuple[int | float, ...] | None
    result: CellType


def _nearest(
    obj: XarrayT, question: Question, targets: Sequence[float] | None, max_distance: float | None
) -> XarrayT:
    limit = checked_limit("max_distance", max_distance)
    return map_rasters(canonical(obj), lambda array: _answer(array, question, targets, limit))


def _answer(
    array: xr.DataArray, question: Question, targets: Sequence[float] | None, limit: float
) -> xr.DataArray:
    edges, source = cell_edges(array), cell_type_of(array)
    weights = cell_weights(*edges, (array.sizes["y"], array.sizes["x"]))
    if weights is None:
        raise GeoreferenceError(
            f"cells of height {edges[0]} and width {edges[1]} are too far from square for exact "
            "distances in a raster of this size; resample to cells nearer to a square first"
        )
    values = checked_targets(targets, source)
    plan = _Plan(
        question=question,
        edges=edges,
        weights=weights,
        limit=limit,
        source=source,
        targets=values,
        result=allocated_type(source, values) if question == "allocation" else _FLOAT,
    )
    result = array.copy(data=_computed(array.data, plan))
    units = {"proximity": array["x"].attrs.get("units"), "direction": "degree"}.get(question)
    kept = array.attrs if question == "allocation" else {}
    result.attrs = kept if units is None else {"units": units}
    return set_cell_type(result, plan.result)


def _computed(data: Any, plan: _Plan) -> Any:
    depth = [
        ceil(min(plan.limit / edge, size))
        for edge, size in zip(plan.edges, data.shape[-2:], strict=True)
    ]
    if is_lazy(data) and all(
        rim <= max(sizes) for rim, sizes in zip(depth, data.chunks[-2:], strict=True)
    ):
        func, rims = partial(_answer_window, plan=plan), (depth[0], depth[1])
        return map_halo(func, data, depth=rims, name=plan.question, dtype=plan.result.dtype)
    sites = column_targets(
        data,
        nodata=plan.source.nodata,
        targets=plan.targets,
        values=plan.result.dtype if plan.question == "allocation" else None,
    )
    if is_lazy(sites):
        sites = sites.rechunk({sites.ndim - 1: -1})
    func = partial(_answer_rows, plan=plan)
    result = map_halo(func, sites, depth=(0, 0), name=plan.question, dtype=plan.result.dtype)
    return result.rechunk({sites.ndim - 1: data.chunks[-1]}) if is_lazy(result) else result


def _answer_window(
    window: NDArray[Any], *, margins: tuple[int, int, int, int], plan: _Plan
) -> NDArray[Any]:
    """Answer for a block whose window reaches as far as targets matter."""
    top, bottom, left, right = margins
    height, width = (size - rim for size, rim in zip(
        window.shape[-2:], (top + bottom, left + right), strict=True
    ))  # fmt: skip
    layers = as_cells(window).reshape(-1, *window.shape[-2:])
    answers = np.empty((len(layers), height, width), plan.result.dtype)
    for layer, answer in zip(layers, answers, strict=True):
        column = column_offsets(is_target(layer, plan.source.nodata, plan.targets))
        down, way = nearest_offsets(column[top : top + height], plan.weights, left, width)
        answer[:] = _finish(plan, down, way, partial(_value_at, layer, top, left))
    return answers.reshape(*window.shape[:-2], height, width)


def _answer_rows(
    sites: NDArray[Any], *, margins: tuple[int, int, int, int], plan: _Plan
) -> NDArray[Any]:
    """Answer for whole rows, given the nearest target of every cell's column."""
    layers = sites.reshape(-1, *sites.shape[-2:])
    answers = np.empty(layers.shape, plan.result.dtype)
    for layer, answer in zip(layers, answers, strict=True):
        column = layer["down"] if plan.question == "allocation" else layer
        down, way = nearest_offsets(column, plan.weights, 0, layer.shape[1])
        answer[:] = _finish(plan, down, way, partial(_value_in_row, layer))
    return answers.reshape(sites.shape)


def _finish(plan: _Plan, down: NDArray[Any], right: NDArray[Any], value_at: Values) -> NDArray[Any]:
    far = down == NONE
    distance = None
    if np.isfinite(plan.limit) or plan.question == "proximity":
        distance = lengths(down, right, *plan.edges)
        far |= distance > plan.limit
    if plan.question == "allocation":
        value = value_at(np.where(far, 0, down), np.where(far, 0, right))
        return np.where(far, plan.result.dtype.type(plan.result.nodata), value)
    if plan.question == "direction" or distance is None:
        return np.asarray(np.where(far, np.nan, bearings(down, right, *plan.edges)))
    return np.asarray(np.where(far, np.nan, distance))


def _value_at(
    cells: NDArray[Any], top: int, left: int, down: NDArray[Any], right: NDArray[Any]
) -> NDArray[Any]:
    rows, cols = np.ogrid[: down.shape[0], : down.shape[1]]
    return np.asarray(cells[rows + top + down, cols + left + right])


def _value_in_row(sites: NDArray[Any], down: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    rows, cols = np.ogrid[: down.shape[0], : down.shape[1]]
    return np.asarray(sites["value"][rows, cols + right])
