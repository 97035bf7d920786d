"""Masking: cells become NoData where a mask says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import CellTypeError, DimensionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayT


def mask(
    obj: XarrayT,
    where: xr.DataArray,
    *,
    values: Sequence[float] | None = None,
    inverse: bool = False,
) -> XarrayT:
    """Make cells NoData where a mask says so.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    where
        The mask, on the same grid. A dimension that it lacks broadcasts.
    values
        Mask values that make cells NoData; by default every value but 0 (or False).
    inverse
        Make the other cells NoData: keep only those that have one of `values`.

    Returns
    -------
    Cells of the same cell type; lazy if either is. A NoData cell of the mask makes NoData in either
    case: what isn't known to be clear isn't used.

    Raises
    ------
    IncompatibleCubesError
        Grids or labels differ.
    CellTypeError
        A variable without NoData.
    DimensionError
        A Dataset as the mask; `values` that aren't a list.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cube, clouds = (
    ...     assign_geobox(xr.DataArray([cells], dims=("y", "x")), grid)
    ...     for cells in ([1.0, 2.0, 3.0], [0, 1, 8])
    ... )
    >>> mask(cube, clouds, values=[8]).values
    array([[ 1.,  2., nan]])
    """
    if isinstance(where, xr.Dataset):
        raise DimensionError(
            f"the mask must be one raster, got a Dataset of {list(where.data_vars)!r}; "
            "name the variable: masks['cloud']"
        )
    if values is not None and not np.ndim(values):
        raise DimensionError(f"values must be a list of mask values, got {values!r}")
    obj, where = canonical(obj), canonical(where)
    check_compatible(obj, where)
    return map_rasters(obj, lambda array: _mask_array(array, where, values, inverse=inverse))


def _mask_array(
    array: xr.DataArray, where: xr.DataArray, values: Sequence[float] | None, *, inverse: bool
) -> xr.DataArray:
    cells = cell_type_of(array)
    if cells.nodata is None:
        raise CellTypeError(
            f"{array.name!r} has no NoData value ({cells.name}), so nothing can be masked; "
            "give it one first, e.g. cube.tiles.convert('int16ud-9999')"
        )
    dims = tuple(dict.fromkeys([*where.dims[:-2], *array.dims]))
    data = map_blocks(
        _mask_block,
        _with_dims(array, dims),
        _with_dims(where, dims),
        name="mask",
        dtype=array.dtype,
        cells=cells,
        mask_cells=cell_type_of(where),
        values=None if values is None else tuple(values),
        inverse=inverse,
    )
    extra = {dim: where.coords[dim] for dim in dims if dim in where.coords}
    coords = {**extra, **array.coords}
    return set_cell_type(xr.DataArray(data, coords, dims, array.name, array.attrs), cells)


def _with_dims(array: xr.DataArray, dims: tuple[Any, ...]) -> Any:
    return array.data if array.dims == dims else array.variable.set_dims(dims).data


def _mask_block(
    block: NDArray[Any],
    mask: NDArray[Any],
    *,
    cells: CellType,
    mask_cells: CellType,
    values: tuple[float, ...] | None,
    inverse: bool,
) -> NDArray[Any]:
    hit = mask != 0 if values is None else np.isin(mask, values)
    unknown = mask_cells.is_nodata(mask)
    fill = block.dtype.type(cells.nodata)
    return np.where((hit ^ inverse) | unknown, fill, block)
