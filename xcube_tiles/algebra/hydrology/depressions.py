"""Depressions: fill them, so that water reaches the edge from everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.rasters import raster_of
from xcube_tiles.cube.blocks import map_shared, map_whole
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.hydrology.depressions import fill
from xcube_tiles.kernels.hydrology.spills import Shore, flooded, levels_of_basins
from xcube_tiles.kernels.nodata import as_cells, average_dtype, is_valid, with_nan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray


def fill_depressions(elevation: xr.DataArray, *, gradient: bool = False) -> xr.DataArray:
    """Raise depressions to the level at which their water runs over.

    Parameters
    ----------
    elevation
        Elevations of any cell type, dimensions (..., y, x).
    gradient
        Raise each cell that would be level with its outlet, flats included, a little above it: by
        the least step between floats (the smallest normal one next to 0), so that every cell but
        the outlets has a lower neighbour.

    Returns
    -------
    Elevations of the same cell type; with `gradient` floats (integers of at most 16 bits give
    float32, wider ones float64). Lazy if `elevation` is.

    Raises
    ------
    AlgebraError
        A `gradient` that isn't a bool.
    GeoreferenceError
        No CRS or no regular grid.
    DimensionError
        A Dataset.

    Notes
    -----
    Water leaves over the raster's edge and into NoData cells: a cell beside either is an outlet and
    stays as it is. Every other cell gets the lowest level from which water finds a way to an outlet
    over cells that are nowhere higher [1]_. With `gradient` the level depends on the way's length.

    Levels are made block by block [2]_: three tasks a block, and one for all that holds the borders
    of the blocks. With `gradient` one task per raster has it in memory whole.

    References
    ----------
    .. [1] R. Barnes, C. Lehman, D. Mulla (2014): Priority-flood: an optimal depression-filling and
       watershed-labeling algorithm for digital elevation models. Computers & Geosciences 62.
    .. [2] R. Barnes (2016): Parallel priority-flood depression filling for trillion cell digital
       elevation models on desktops or clusters. Computers & Geosciences 96.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> pit = [[5.0, 5.0, 5.0, 5.0], [5.0, 1.0, 2.0, 3.0], [5.0, 5.0, 5.0, 5.0]]
    >>> dem = assign_geobox(xr.DataArray(pit, dims=("y", "x")), grid)
    >>> fill_depressions(dem).values[1]
    array([5., 3., 3., 3.])

    A hole without elevation is an outlet:

    >>> dem[1, 1] = np.nan
    >>> fill_depressions(dem).values[1]
    array([ 5., nan,  2.,  3.])
    """
    if not isinstance(gradient, bool):
        raise AlgebraError(f"gradient must be True or False, got {gradient!r}")
    elevation = raster_of(elevation, "elevations")
    source = cell_type_of(elevation)
    goal = source
    if gradient and source.dtype.kind != "f":
        goal = CellType.default(average_dtype(source.dtype))
    if gradient:
        data = map_whole(
            _tilted,
            elevation.data,
            name="fill-and-tilt",
            dtype=goal.dtype,
            source=source,
            goal=goal,
        )
    else:
        data = map_shared(
            _summarize,
            _merge,
            _apply,
            elevation.data,
            name="fill-depressions",
            dtype=goal.dtype,
            source=source,
        )
    return set_cell_type(elevation.copy(data=data), goal)


def _tilted(raster: NDArray[Any], *, source: CellType, goal: CellType) -> NDArray[Any]:
    cells = as_cells(raster)
    valid = is_valid(cells, source.nodata)
    if source.dtype.kind != "f":
        cells = with_nan(cells, source.nodata, goal.dtype)
    filled = fill(cells, valid, gradient=True, nodata=goal.nodata)
    return filled.astype(goal.dtype, copy=False)


def _summarize(
    block: NDArray[Any], *, origin: tuple[int, int], shape: tuple[int, int], source: CellType
) -> tuple[tuple[NDArray[Any], NDArray[np.int32]], Shore]:
    cells = as_cells(block)
    valid = is_valid(cells, source.nodata)
    levels, basins, shore = flooded(cells, valid, origin=origin, shape=shape)
    return (levels, basins), shore


def _merge(
    shores: Sequence[tuple[tuple[int, int], Shore]], *, source: CellType
) -> Mapping[tuple[int, int], NDArray[Any]]:
    found = levels_of_basins([shore for _, shore in shores])
    return {origin: levels for (origin, _), levels in zip(shores, found, strict=True)}


def _apply(
    kept: tuple[NDArray[Any], NDArray[np.int32]], of_basins: NDArray[Any], *, source: CellType
) -> NDArray[Any]:
    levels, basins = kept
    higher = np.maximum(levels, of_basins[np.maximum(basins, 0)])
    return np.where(basins < 0, levels, higher).astype(source.dtype, copy=False)
