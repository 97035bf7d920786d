"""Watersheds: which cells drain to a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr

from xcube_tiles.algebra.hydrology.accumulation import receivers_of
from xcube_tiles.algebra.hydrology.cells import codes_of, directions_of
from xcube_tiles.algebra.places import cells_at
from xcube_tiles.algebra.rasters import raster_of, with_other
from xcube_tiles.cube.blocks import map_shared
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.hydrology.directions import NODATA
from xcube_tiles.kernels.hydrology.seams import Flow, Outline, flow_of, labels_of_ends, outline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Points: TypeAlias = tuple[tuple[int, int], ...] | None
"""(row, col) of pour points; the first has number 1. None: there is a raster of them, or none."""


def watershed(
    directions: xr.DataArray,
    pour_points: xr.DataArray | Sequence[tuple[float, float]] | None = None,
) -> xr.DataArray:
    """Return the basin that each cell drains to.

    Parameters
    ----------
    directions
        Flow directions, as `flow_direction` gives them, dimensions (..., y, x).
    pour_points
        Where basins end: a raster of integers on the same grid, a cell's number or 0 (or NoData)
        where there is no point; or coordinates (x, y) in the CRS of the grid, numbered 1, 2 ...
        None: wherever water ends, numbered 1, 2 ... in row-major order of these cells.

    Returns
    -------
    The number of the first pour point on the way of a cell's water, its own included; 0, which is
    NoData, where there is none. int32 (int64 for rasters of 2**31 cells and more), or the dtype of
    the raster of pour points. Named `watershed`; lazy if the input is.

    Raises
    ------
    AlgebraError
        Points outside the raster, two in one cell, none at all; pour points that aren't integers;
        directions that aren't. When computed: numbers that are no directions, negative numbers of
        points, directions that make a loop.
    IncompatibleCubesError
        Grids or labels of the raster of pour points differ.
    DimensionError
        A Dataset; coordinates that aren't pairs.

    Notes
    -----
    Above a pour point that has others above it the basin is what lies between: basins never
    overlap. A point on a slope beside the stream has a small basin; take it from a cell of high
    `flow_accumulation`.

    Made block by block, as `flow_accumulation` is; the numbers don't depend on the chunks.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ways = xr.DataArray(
    ...     np.uint8([[1, 1, 0], [128, 255, 0]]),
    ...     dims=("y", "x"),
    ...     attrs={"_FillValue": np.uint8(255)},
    ... )
    >>> ways = assign_geobox(ways, grid)
    >>> watershed(ways).values
    array([[1, 1, 1],
           [1, 0, 2]], dtype=int32)
    >>> watershed(ways, [(15.0, -5.0)]).values
    array([[1, 1, 0],
           [1, 0, 0]], dtype=int32)
    """
    directions = directions_of(directions)
    size = directions.sizes["y"] * directions.sizes["x"]
    dtype = np.dtype(np.int32 if size < 2**31 else np.int64)
    cells, points, arrays = cell_type_of(directions), None, [directions]
    seeds: CellType | None = None
    if isinstance(pour_points, xr.DataArray):
        raster = _numbers(pour_points)
        seeds, dtype = cell_type_of(raster), raster.dtype
        arrays = list(with_other(directions, raster))
    elif pour_points is not None:
        points = _places(pour_points, directions)
    data = map_shared(
        _summarize,
        _merge,
        _apply,
        *(array.data for array in arrays),
        name="watershed",
        dtype=dtype,
        cells=cells,
        seeds=seeds,
        points=points,
        dtype_out=dtype,
    )
    result = arrays[0].copy(data=data).rename("watershed")
    result.attrs = {}
    return set_cell_type(result, CellType(dtype=dtype, nodata=0))


def _numbers(pour_points: xr.DataArray) -> xr.DataArray:
    raster = raster_of(pour_points, "pour points")
    if raster.dtype.kind not in "iu" or raster.dtype == np.uint64:
        raise AlgebraError(
            f"a raster of pour points must have integers of at most int64 as cells, got "
            f"{raster.dtype}; convert it, e.g. "
            "points.tiles.convert('int32ud0', overflow='nodata')"
        )
    return raster


def _places(
    pour_points: Sequence[tuple[float, float]], directions: xr.DataArray
) -> tuple[tuple[int, int], ...]:
    """Return the cell (row, col) of each point (x, y)."""
    places: dict[tuple[int, int], int] = {}
    for at, place in enumerate(cells_at("pour_points", pour_points, directions)):
        if place in places:
            raise AlgebraError(
                f"pour points {pour_points[places[place]]!r} and {pour_points[at]!r} lie in one "
                "cell; leave one out"
            )
        places[place] = at
    return tuple(places)


def _seeds(
    shape: tuple[int, ...],
    origin: tuple[int, int],
    points: Points,
    raster: NDArray[Any] | None,
    seeds: CellType | None,
) -> NDArray[np.int64]:
    """Return the number of the pour point in each cell of a block, 0 where there is none."""
    numbers = np.zeros(shape, np.int64)
    if raster is not None and seeds is not None:
        numbers[...] = np.where(seeds.is_nodata(raster), 0, raster)
        if (numbers < 0).any():
            raise AlgebraError(
                f"the number of a pour point must be positive, got {numbers.min()}; declare a "
                "number that means NoData: points.attrs['_FillValue'] = -1"
            )
    for number, (row, col) in enumerate(points or (), start=1):
        y, x = row - origin[0], col - origin[1]
        if 0 <= y < shape[0] and 0 <= x < shape[1]:
            numbers[y, x] = number
    return numbers


def _summarize(
    block: NDArray[Any],
    *others: NDArray[Any],
    origin: tuple[int, int],
    shape: tuple[int, int],
    cells: CellType,
    seeds: CellType | None,
    points: Points,
    dtype_out: np.dtype[Any],
) -> tuple[tuple[NDArray[np.uint8], Flow], Outline]:
    codes = codes_of(block, cells)
    numbers = _seeds(codes.shape, origin, points, others[0] if others else None, seeds)
    numbers = np.where(codes == NODATA, 0, numbers).reshape(-1)
    below = receivers_of(codes)
    below[numbers > 0] = -1  # water stops at a pour point
    flow = flow_of(below)
    values = numbers[flow.ends]
    told = outline(flow, codes, values, stopped=values > 0, origin=origin, shape=shape)
    return (codes, flow), told


def _merge(
    outlines: Sequence[tuple[tuple[int, int], Outline]],
    *,
    cells: CellType,
    seeds: CellType | None,
    points: Points,
    dtype_out: np.dtype[Any],
) -> Mapping[tuple[int, int], NDArray[np.int64]]:
    found = labels_of_ends([each for _, each in outlines], number=seeds is None and points is None)
    return {origin: each for (origin, _), each in zip(outlines, found, strict=True)}


def _apply(
    kept: tuple[NDArray[np.uint8], Flow],
    labels: NDArray[np.int64],
    *,
    cells: CellType,
    seeds: CellType | None,
    points: Points,
    dtype_out: np.dtype[Any],
) -> NDArray[Any]:
    codes, flow = kept
    # Root -1, none, is the last of the table.
    numbers = np.append(labels, 0)[flow.roots]
    return numbers.reshape(codes.shape).astype(dtype_out)
