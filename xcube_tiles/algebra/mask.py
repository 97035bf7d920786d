"""Masking: cells become NoData where a mask says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from shapely.geometry.base import BaseGeometry

from xcube_tiles.algebra.local.operands import common_dims
from xcube_tiles.cube.area import Area, AreaReader, area_on
from xcube_tiles.cube.blocks import from_reader, is_lazy, map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.georef import canonical, geobox_of
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import CellTypeError, DimensionError, GridError
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayT


def mask(
    obj: XarrayT,
    where: xr.DataArray | Area,
    *,
    values: Sequence[float] | None = None,
    inverse: bool = False,
    crs: object = None,
) -> XarrayT:
    """Make cells NoData where a mask says so, or outside an area.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    where
        The mask, on the same grid; a dimension that it lacks broadcasts. Or the area whose cells
        are kept: an Extent in any CRS, a polygon of shapely, or GeoJSON.
    values
        Mask values that make cells NoData; by default every value but 0 (or False).
    inverse
        Make the other cells NoData: keep only those that have one of `values`, or that lie outside
        the area.
    crs
        CRS of a geometry; by default that of the cube, and of GeoJSON longitude and latitude.

    Returns
    -------
    Cells of the same cell type; lazy if either is. A NoData cell of the mask makes NoData in either
    case: what isn't known to be clear isn't used. A cell lies in an area if its centre does; the
    boundary of a geometry belongs to it, and so do the north and west edges of an extent.

    Raises
    ------
    IncompatibleCubesError
        Grids or labels of a mask differ.
    CellTypeError
        A variable without NoData.
    DimensionError
        A Dataset as the mask; `values` that aren't a list, or beside an area.
    GridError
        A geometry without area, or that isn't valid or not where GeoJSON has its coordinates; `crs`
        beside a mask or an extent.
    TypeError
        Something else as the mask.

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
    >>> mask(cube, Extent(xmin=0, ymin=-10, xmax=14, ymax=0, crs="EPSG:32633")).values
    array([[ 1., nan, nan]])
    """
    if not isinstance(where, xr.Dataset | xr.DataArray):
        return _mask_area(obj, where, values, inverse=inverse, crs=crs)
    if crs is not None:
        raise GridError(f"a mask is on the cube's grid, so crs={crs!r} has no meaning")
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


def _mask_area(
    obj: XarrayT, area: Area, values: Sequence[float] | None, *, inverse: bool, crs: object
) -> XarrayT:
    if not isinstance(area, Extent | BaseGeometry | Mapping):
        raise TypeError(
            "the mask must be a DataArray, an Extent, a geometry of shapely or GeoJSON, "
            f"got {area!r}"
        )
    if values is not None:
        raise DimensionError(f"an area has no values to choose from, got values={values!r}")
    obj = canonical(obj)
    geobox = geobox_of(obj)
    reader = AreaReader(area_on(area, crs, geobox), geobox)
    return map_rasters(
        obj, lambda array: _mask_array(array, _inside(array, reader), None, inverse=not inverse)
    )


def _inside(array: xr.DataArray, reader: AreaReader) -> xr.DataArray:
    """Return where an area is, lazily and in blocks as the array has them, if it is lazy."""
    shape = array.shape[-2:]
    if is_lazy(array.data):
        token = (reader.area, reader.geobox)
        chunks = array.data.chunks[-2:]
        data = from_reader(
            reader, shape=shape, chunks=chunks, dtype=np.uint8, name="area", token=token
        )
    else:
        data = reader((slice(0, shape[0]), slice(0, shape[1])))
    return xr.DataArray(data, dims=("y", "x"))


def _mask_array(
    array: xr.DataArray, where: xr.DataArray, values: Sequence[float] | None, *, inverse: bool
) -> xr.DataArray:
    cells = cell_type_of(array)
    if cells.nodata is None:
        raise CellTypeError(
            f"{array.name!r} has no NoData value ({cells.name}), so nothing can be masked; "
            "give it one first, e.g. cube.tiles.convert('int16ud-9999')"
        )
    dims = common_dims([array, where])
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
    # Leading dimensions that an array lacks broadcast by themselves.
    inner = array.dims == dims[len(dims) - array.ndim :]
    return array.data if inner else array.variable.set_dims(dims).data


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
