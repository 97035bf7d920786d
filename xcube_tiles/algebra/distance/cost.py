"""Cost distance and least-cost paths: distances where cells differ in what crossing them costs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from xcube_tiles.algebra.distance.targets import cell_edges, checked_limit, is_target
from xcube_tiles.algebra.places import cells_at
from xcube_tiles.algebra.rasters import raster_of, with_other
from xcube_tiles.cube.blocks import map_whole
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.distance.cost import least_costs, trace
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT


def cost_distance(
    friction: XarrayT,
    sources: xr.DataArray | Sequence[tuple[float, float]],
    *,
    max_cost: float | None = None,
    connectivity: Literal[4, 8] = 8,
) -> XarrayT:
    """Return what it costs to come from the nearest source, by the cheapest way.

    Parameters
    ----------
    friction
        Cost of crossing a unit of length of the CRS, dimensions (..., y, x), any cell type; of a
        Dataset, every variable with y and x. Cells that are NoData, negative or infinite can't be
        crossed; those of 0 cost nothing.
    sources
        A raster on the same grid, whose valid cells that aren't 0 are the sources; or coordinates
        (x, y) in the CRS of the cube.
    max_cost
        Largest cost of interest; None: any. A small one makes the search short.
    connectivity
        8: steps lead to all neighbours; 4: not over corners.

    Returns
    -------
    float64: cost in units of friction times units of the CRS, 0 at sources; NaN where no way leads,
    where it costs more than `max_cost`, and in cells that can't be crossed, sources among them.
    Same chunks along y and x; lazy if either is.

    Raises
    ------
    GeoreferenceError
        Cells in degrees.
    IncompatibleCubesError
        Sources on another grid.
    AlgebraError
        Sources outside the raster; a `max_cost` that isn't positive; another connectivity.
    DimensionError
        A Dataset of sources.

    Notes
    -----
    A step costs its length, between the centres of cells, times the mean friction of both [1]_. The
    least cost is found by Dijkstra's search; it doesn't depend on the chunks, as one task has a
    whole raster: some 30 bytes a cell, and those of the result. Every layer along other dimensions
    is a search of its own.

    References
    ----------
    .. [1] C. D. Tomlin (2010): Propagating radial waves of travel cost in a grid. International
       Journal of Geographical Information Science 24.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> friction = xr.DataArray(
    ...     [[1.0, np.nan, 1.0, np.nan], [1.0, 2.0, 1.0, np.nan]], dims=("y", "x")
    ... )
    >>> cost = cost_distance(assign_geobox(friction, grid), [(5, -5)], connectivity=4)
    >>> cost.values
    array([[ 0., nan, 50., nan],
           [10., 25., 40., nan]])
    """
    limit, friction = checked_limit("max_cost", max_cost), canonical(friction)
    diagonal = _is_diagonal(connectivity)
    if isinstance(sources, xr.DataArray | xr.Dataset):
        raster = raster_of(sources, "sources")
        return map_rasters(friction, lambda array: _from_raster(array, raster, limit, diagonal))
    return map_rasters(friction, lambda array: _from_points(array, sources, limit, diagonal))


def least_cost_path(
    friction: XarrayT,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    connectivity: Literal[4, 8] = 8,
) -> XarrayT:
    """Return the cheapest way from one place to another.

    Parameters
    ----------
    friction, connectivity
        As for `cost_distance`.
    start, end
        Coordinates (x, y) in the CRS of the cube.

    Returns
    -------
    The cells of the way, numbered 1..n from `start` to `end`; 0, which is NoData, elsewhere, and
    everywhere if no way leads there. int32, or int64 for rasters of 2**31 cells and more. Same
    chunks along y and x; lazy if `friction` is.

    Raises
    ------
    GeoreferenceError
        Cells in degrees.
    AlgebraError
        Places outside the raster; another connectivity.

    Notes
    -----
    As `cost_distance`, but the search stops at `end`. Of several ways that cost the same it is
    always the same one. What it costs is `cost_distance` at its cells.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> friction = xr.DataArray(
    ...     [[1.0, np.nan, 1.0, np.nan], [1.0, 2.0, 1.0, np.nan]], dims=("y", "x")
    ... )
    >>> friction = assign_geobox(friction, grid)
    >>> least_cost_path(friction, (5, -5), (25, -5)).values
    array([[1, 0, 3, 0],
           [0, 2, 0, 0]], dtype=int32)
    >>> least_cost_path(friction, (5, -5), (35, -5)).values.any()
    np.False_
    """
    diagonal = _is_diagonal(connectivity)
    return map_rasters(
        canonical(friction), lambda array: _path_between(array, start, end, diagonal)
    )


def _is_diagonal(connectivity: int) -> bool:
    if isinstance(connectivity, bool) or connectivity not in (4, 8):
        raise AlgebraError(
            f"connectivity must be 4 (edges) or 8 (edges and corners), got {connectivity!r}"
        )
    return connectivity == 8


def _from_raster(
    array: xr.DataArray, sources: xr.DataArray, limit: float, diagonal: bool
) -> xr.DataArray:
    types = cell_type_of(array), cell_type_of(sources)
    array, sources = with_other(array, sources)
    data = map_whole(
        partial(_search_from_raster, source_nodata=types[1].nodata),
        array.data,
        sources.data,
        name="cost-distance",
        dtype=np.float64,
        nodata=types[0].nodata,
        edges=cell_edges(array),
        limit=limit,
        diagonal=diagonal,
    )
    return _costs(array, data)


def _from_points(
    array: xr.DataArray, points: Sequence[tuple[float, float]], limit: float, diagonal: bool
) -> xr.DataArray:
    data = map_whole(
        _search_from_points,
        array.data,
        name="cost-distance",
        dtype=np.float64,
        nodata=cell_type_of(array).nodata,
        sources=_positions("sources", points, array),
        edges=cell_edges(array),
        limit=limit,
        diagonal=diagonal,
    )
    return _costs(array, data)


def _costs(array: xr.DataArray, data: Any) -> xr.DataArray:
    result = array.copy(data=data)
    result.attrs = {}
    return set_cell_type(result, CellType.default(np.float64))


def _positions(
    name: str, points: Sequence[tuple[float, float]], array: xr.DataArray
) -> tuple[int, ...]:
    """Return ``row * width + column`` of the cells that places lie in."""
    width = array.sizes["x"]
    return tuple(row * width + col for row, col in cells_at(name, points, array))


def _path_between(
    array: xr.DataArray, start: tuple[float, float], end: tuple[float, float], diagonal: bool
) -> xr.DataArray:
    wide = array.sizes["y"] * array.sizes["x"] >= 2**31
    numbers = CellType(dtype=np.dtype(np.int64 if wide else np.int32), nodata=0)
    data = map_whole(
        _path,
        array.data,
        name="least-cost-path",
        dtype=numbers.dtype,
        nodata=cell_type_of(array).nodata,
        start=_positions("start", [start], array)[0],
        end=_positions("end", [end], array)[0],
        edges=cell_edges(array),
        diagonal=diagonal,
        numbers=numbers.dtype,
    )
    result = array.copy(data=data)
    result.attrs = {}
    return set_cell_type(result, numbers)


def _search_from_raster(
    friction: NDArray[Any],
    sources: NDArray[Any],
    *,
    nodata: float | None,
    source_nodata: float | None,
    edges: tuple[float, float],
    limit: float,
    diagonal: bool,
) -> NDArray[np.float64]:
    places = np.flatnonzero(is_target(as_cells(sources), source_nodata, None))
    return least_costs(
        friction, nodata, places, edges=edges, diagonal=diagonal, limit=limit
    )[0]  # fmt: skip


def _search_from_points(
    friction: NDArray[Any],
    *,
    nodata: float | None,
    sources: tuple[int, ...],
    edges: tuple[float, float],
    limit: float,
    diagonal: bool,
) -> NDArray[np.float64]:
    places = np.array(sources, np.int64)
    return least_costs(
        friction, nodata, places, edges=edges, diagonal=diagonal, limit=limit
    )[0]  # fmt: skip


def _path(
    friction: NDArray[Any],
    *,
    nodata: float | None,
    start: int,
    end: int,
    edges: tuple[float, float],
    diagonal: bool,
    numbers: np.dtype[Any],
) -> NDArray[Any]:
    costs, ways = least_costs(
        friction, nodata, np.array([start]), edges=edges, diagonal=diagonal, end=end
    )
    cells = trace(ways, costs, end)
    path = np.zeros(friction.size, numbers)
    path[cells] = np.arange(1, len(cells) + 1)
    return path.reshape(friction.shape)
