"""Cubes of neighbouring or overlapping places, put together to one."""

from __future__ import annotations

from functools import partial
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.algebra.reproject import given_grid
from xcube_tiles.cube.blocks import map_several
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import label_differences
from xcube_tiles.cube.georef import GRID_TOLERANCE, assign_geobox, canonical, geobox_of
from xcube_tiles.cube.overlap import resolve_all, result_cell_type
from xcube_tiles.cube.variables import is_raster
from xcube_tiles.cube.warp import Plan, method_of, plan_warp, warp_block
from xcube_tiles.errors import CellTypeError, DimensionError, GridError, IncompatibleCubesError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.options import get_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.cube.overlap import Overlap
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import ResamplingName, XarrayT


def mosaic(
    obj: XarrayT,
    others: Sequence[XarrayT],
    *,
    overlap: Overlap = "first",
    target: object = None,
    resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
) -> XarrayT:
    """Put cubes of several places together to one that covers them all.

    Parameters
    ----------
    obj
        The first cube.
    others
        The other ones, of equal variables, labels and cell types; their grids and CRSs may differ.
    overlap
        What a cell becomes that several cubes have: `first`, `last`, `min`, `max`, `mean`, `sum`.
        NoData in one cube gives way to the others. Or a callable of two float64 arrays in which NaN
        is NoData, called for one cube after the other.
    target
        Grid of the result: a GeoBox, a TileLayout or a georeferenced xarray object. None: the grid
        of the first cube, continued over the extents of all.
    resampling
        Method, or one for each variable, for cubes whose cells aren't those of the target; cells
        that are stay as they are.

    Returns
    -------
    One cube, lazy if one of them is: a task a block, which reads just the cubes that touch it.
    Cells that no cube has are NoData. Means are floats and sums 64-bit integers, so that no cell
    wraps. None of the cubes is changed.

    Raises
    ------
    DimensionError
        No other cubes; Datasets beside DataArrays; an unknown overlap.
    IncompatibleCubesError
        Labels, variables or cell types differ.
    CellTypeError
        Cells without NoData (a raw integer type).
    GridError
        A target that isn't a grid; an unknown resampling method.

    Examples
    --------
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> west, east = (
    ...     assign_geobox(
    ...         xr.DataArray([cells], dims=("y", "x")),
    ...         GeoBox((1, 2), Affine(10, 0, x, 0, -10, 0), "EPSG:32633"),
    ...     )
    ...     for x, cells in ((0, [1.0, np.nan]), (10, [5.0, 6.0]))
    ... )
    >>> mosaic(west, [east]).values
    array([[1., 5., 6.]])
    """
    cubes = [canonical(each) for each in _checked(obj, others)]
    geobox = _covering([geobox_of(each) for each in cubes]) if target is None else _grid(target)
    if isinstance(obj, xr.DataArray):
        arrays = [each for each in cubes if isinstance(each, xr.DataArray)]
        return _mosaic_arrays(arrays, geobox, overlap, method_of(resampling, str(obj.name)))
    datasets = [each for each in cubes if isinstance(each, xr.Dataset)]
    return _mosaic_datasets(datasets, geobox, overlap, resampling)


def _mosaic_datasets(
    cubes: Sequence[xr.Dataset],
    geobox: GeoBox,
    overlap: Overlap,
    resampling: ResamplingName | Mapping[str, ResamplingName],
) -> xr.Dataset:
    first = cubes[0]
    merged = {}
    for name, array in first.data_vars.items():
        arrays, method = [each[name] for each in cubes], method_of(resampling, str(name))
        mosaicked = _mosaic_arrays(arrays, geobox, overlap, method) if is_raster(array) else array
        merged[name] = mosaicked
    coords = {name: c for name, c in first.coords.items() if not {"y", "x"} & set(c.dims)}
    return assign_geobox(xr.Dataset(merged, coords, first.attrs), geobox)


def _checked(obj: XarrayT, others: Sequence[XarrayT]) -> list[XarrayT]:
    if not isinstance(others, list | tuple):
        raise DimensionError(f"the other cubes must be a list, got {type(others).__name__}")
    if not others:
        raise DimensionError("there are no other cubes to put beside the first")
    kind = xr.Dataset if isinstance(obj, xr.Dataset) else xr.DataArray
    for at, other in enumerate(others, 2):
        if not isinstance(other, kind):
            raise DimensionError(
                f"all cubes must be of the kind of the first, {kind.__name__}; cube {at} is "
                f"{type(other).__name__}"
            )
        differences = label_differences(obj, other)
        if isinstance(obj, xr.DataArray) and set(obj.dims[:-2]) != set(other.dims[:-2]):
            differences = [f"the dimensions differ: {obj.dims} and {other.dims}"]
        if differences:
            raise IncompatibleCubesError(f"cube {at} doesn't fit the first: {differences[0]}")
    cubes = [obj]
    cubes.extend(others)
    return cubes


def _grid(target: object) -> GeoBox:
    found = given_grid(target)
    if found is None:
        raise GridError(
            "target must be a GeoBox, a TileLayout or a georeferenced xarray object, "
            f"got {target!r}"
        )
    return found


def _covering(grids: Sequence[GeoBox]) -> GeoBox:
    """Return the first grid, continued over all."""
    first = grids[0]
    to_cells = ~first.affine
    (bottom, right), top, left = first.shape, 0, 0
    for grid in grids[1:]:
        box = Extent.from_geobox(grid).to_crs(as_crs(first.crs))
        x0, y0 = to_cells * (box.xmin, box.ymax)
        x1, y1 = to_cells * (box.xmax, box.ymin)
        left, top = min(left, floor(x0 + GRID_TOLERANCE)), min(top, floor(y0 + GRID_TOLERANCE))
        right, bottom = (
            max(right, ceil(x1 - GRID_TOLERANCE)),
            max(bottom, ceil(y1 - GRID_TOLERANCE)),
        )
    affine = first.affine * Affine.translation(left, top)
    return GeoBox((bottom - top, right - left), affine, first.crs)


def _mosaic_arrays(
    arrays: Sequence[xr.DataArray], geobox: GeoBox, overlap: Overlap, method: ResamplingName
) -> xr.DataArray:
    first = arrays[0]
    arrays = [array.transpose(*first.dims) for array in arrays]
    for array in arrays:
        if cell_type_of(array) != cell_type_of(first):
            raise IncompatibleCubesError(
                f"the cell types of {first.name!r} differ: {cell_type_of(first).name} and "
                f"{cell_type_of(array).name}; convert one first: "
                f"cube.tiles.convert({cell_type_of(first).name!r})"
            )
    if cell_type_of(first).nodata is None:
        raise CellTypeError(
            f"{first.name!r} has no NoData value ({cell_type_of(first).name}), which cells that no "
            "cube has would be; give it one first, e.g. cube.tiles.convert('int16ud-9999')"
        )
    edge = get_options().chunk_size
    plans = tuple(plan_warp(array, geobox, method, edge) for array in arrays)
    cells = result_cell_type(overlap, plans[0].result)
    data = map_several(
        partial(_mosaic_block, plans=plans, overlap=overlap, cells=cells),
        [array.data for array in arrays],
        chunks=plans[0].chunks,
        windows=[plan.window for plan in plans],
        name="mosaic",
        dtype=cells.dtype,
    )
    coords = {name: c for name, c in first.coords.items() if not {"y", "x"} & set(c.dims)}
    result = xr.DataArray(data, coords, first.dims, first.name, first.attrs)
    return set_cell_type(assign_geobox(result, geobox), cells)


def _mosaic_block(
    *pieces: NDArray[Any],
    block: tuple[int, int],
    which: tuple[int, ...],
    lead: tuple[int, ...],
    plans: tuple[Plan, ...],
    overlap: Overlap,
    cells: CellType,
) -> NDArray[Any]:
    if not pieces:
        return np.full((*lead, *plans[0].shape(*block)), cells.nodata, cells.dtype)
    blocks = [
        warp_block(piece, block=block, plan=plans[at])
        for piece, at in zip(pieces, which, strict=True)
    ]
    return resolve_all(blocks, overlap=overlap, source=plans[0].result, target=cells)
