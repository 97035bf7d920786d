"""Choosing between cells: where a condition holds, and where cells have a value."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra.local.numbers import join, numbers_of, result_type
from xcube_tiles.algebra.local.operands import (
    Number,
    Operand,
    common_dims,
    map_operands,
    result_like,
    threads_for,
    with_dims,
)
from xcube_tiles.algebra.local.operations import local_arrays
from xcube_tiles.algebra.local.table import operation_named
from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import AlgebraError, CellTypeError, NoDataCollisionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.local.pieces import in_pieces
from xcube_tiles.kernels.nodata import average_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject, XarrayT


def where(obj: XarrayT, condition: XarrayObject, other: Operand | None = None) -> XarrayT:
    """Keep cells where a condition holds, and take others elsewhere.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    condition
        Cells of any type on the same grid: the condition holds where they aren't 0 (or False).
        A Dataset must have the variables of `obj`. A dimension that it lacks broadcasts.
    other
        What stands where the condition doesn't hold: a number, cells on the same grid, or NoData.

    Returns
    -------
    DataArray or Dataset
        As `obj`, of a cell type that holds the values of both: that of `obj` if they fit. Lazy if
        any of the three is, with one task per block.

    Raises
    ------
    IncompatibleCubesError
        Grids or labels differ.
    CellTypeError
        Cells without a NoData value that would get NoData.
    NoDataCollisionError
        A number as `other` that means NoData in the cells of `obj`.
    AlgebraError
        A condition that is no raster.

    Notes
    -----
    NoData of the condition makes NoData: it isn't known which of the two to take. NoData of what
    isn't taken doesn't matter. Beside floats integers become floats, which round those beyond
    2**53. xarray's own ``where`` takes the number that means NoData for True,
    and makes floats of integers.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = xr.DataArray(np.array([[3, 7, 255]], "uint8"), dims=("y", "x"))
    >>> cube = assign_geobox(cells.assign_attrs(_FillValue=255), grid)
    >>> where(cube, cube.tiles.local("greater", 5), 0).values
    array([[  0,   7, 255]], dtype=uint8)
    >>> where(cube, cube.tiles.local("greater", 5)).values
    array([[255,   7, 255]], dtype=uint8)
    """
    if not isinstance(condition, xr.DataArray | xr.Dataset):
        raise AlgebraError(
            f"a condition is a raster such as cube.tiles.local('greater', 5), got {condition!r}"
        )
    return map_operands(obj, [condition, other], _where_array)


def _where_array(array: xr.DataArray, operands: list[Any]) -> xr.DataArray:
    condition, other = operands
    source, guide = cell_type_of(array), cell_type_of(condition)
    other_type = cell_type_of(other) if isinstance(other, xr.DataArray) else other
    target = chosen_type(array, source, guide, other_type)
    arrays = [array, condition, *([other] if isinstance(other, xr.DataArray) else [])]
    dims = common_dims(arrays)
    blocks = [with_dims(one, dims) for one in arrays]
    data = map_blocks(
        _where_block,
        *blocks,
        name="local-where",
        dtype=target.dtype,
        types=(source, guide, other_type),
        target=target,
        threads=threads_for(blocks),
    )
    return set_cell_type(result_like(arrays, data, dict(array.attrs)), target)


def chosen_type(
    array: xr.DataArray, source: CellType, guide: CellType, other: CellType | Number | None
) -> CellType:
    """Return the cell type of a choice between cells and others.

    Raises
    ------
    CellTypeError
        There is no NoData value although there can be NoData.
    NoDataCollisionError
        `other` is the number that is NoData in `source`.
    """
    lacks = other is None or any(
        one.nodata is not None for one in (source, guide, other) if isinstance(one, CellType)
    )
    if other is None:
        if source.nodata is None:
            raise CellTypeError(
                f"{array.name!r} has no NoData value ({source.name}) to stand where the condition "
                "doesn't hold; pass other=..., or give it one, e.g. "
                "cube.tiles.convert('int16ud-9999')"
            )
        return source
    if not isinstance(other, CellType) and other == source.nodata:
        raise NoDataCollisionError(
            f"{other!r} is the NoData value of {array.name!r} ({source.name}); pass other=None for "
            "NoData, or convert the cells to a type with another NoData value"
        )
    return joint_type(source, other, lacks=lacks)


def joint_type(source: CellType, other: CellType | Number, *, lacks: bool) -> CellType:
    """Return the cell type of cells that come from either of two, or are a number.

    Raises
    ------
    CellTypeError
        64-bit integers that no integer type holds together.
    """
    types = [one for one in (source, other) if isinstance(one, CellType)]
    dtypes = [one.dtype for one in types]
    if isinstance(other, float):
        # float64 holds 32-bit integers exactly
        dtypes = [source.dtype if source.dtype.kind == "f" else average_dtype(source.dtype)]
        if np.isfinite(other) and abs(other) > np.finfo(dtypes[0]).max:
            dtypes = [np.dtype(np.float64)]
    if any(dtype.kind == "f" for dtype in dtypes):
        dtype = np.result_type(*dtypes)
        kept = source.nodata if source.dtype == dtype and len(types) == 1 else None
        return CellType(dtype=dtype, nodata=np.nan if kept is None else kept)
    if isinstance(other, int) and source.dtype.kind == "b" and other in (0, 1) and not lacks:
        return source
    if (
        all(one == source for one in types[1:])
        and len(types) == 2
        and (source.nodata is not None or not lacks)
    ):
        return source
    numbers = join(*(numbers_of(one) for one in (source, other)))  # type: ignore[arg-type]
    target, leaves = result_type(numbers, types, lacks=lacks)
    if leaves or (target.nodata is not None and numbers.holds(int(target.nodata))):
        raise CellTypeError(
            f"no integer type holds {source} and {other}; convert the cells first, to float64"
        )
    return target


def _where_block(
    *blocks: NDArray[Any],
    types: tuple[CellType, CellType, CellType | Number | None],
    target: CellType,
    threads: int,
) -> NDArray[Any]:
    run = partial(_where_piece, types=types, target=target)
    return in_pieces(run, *blocks, dtype=target.dtype, threads=threads)


def _where_piece(
    *args: NDArray[Any],
    types: tuple[CellType, CellType, CellType | Number | None],
    target: CellType,
) -> None:
    cells, condition, *others, out = args
    source, guide, other = types
    write_cells(cells, source, target, out)
    if isinstance(other, CellType):
        instead = np.empty_like(out)
        write_cells(others[0], other, target, instead)
    else:
        instead = out.dtype.type(target.nodata if other is None else other)
    np.copyto(out, instead, where=condition == 0)
    if guide.nodata is not None and target.nodata is not None:
        np.copyto(out, out.dtype.type(target.nodata), where=guide.is_nodata(condition))


def write_cells(cells: NDArray[Any], source: CellType, target: CellType, out: NDArray[Any]) -> None:
    """Write cells of one type as cells of another that holds them all."""
    out[...] = cells
    same = source.nodata == target.nodata or (source.nodata != source.nodata)
    if source.nodata is not None and target.nodata is not None and not same:
        np.copyto(out, out.dtype.type(target.nodata), where=source.is_nodata(cells))


def defined(obj: XarrayT) -> XarrayT:
    """Return where cells have a value.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.

    Returns
    -------
    DataArray or Dataset of bool
        True where a cell has a value, for integers with NoData as well. Lazy if `obj` is, with one
        task per block.

    Raises
    ------
    GeoreferenceError
        No spatial dimensions, or no CRS.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = xr.DataArray(np.array([[3, 255]], "uint8"), dims=("y", "x"))
    >>> defined(assign_geobox(cells.assign_attrs(_FillValue=255), grid)).values
    array([[ True, False]])
    """
    return map_operands(obj, [], partial(_known, "defined"))


def undefined(obj: XarrayT) -> XarrayT:
    """Return where cells have no value.

    Parameters, result and errors are those of `defined`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> undefined(assign_geobox(xr.DataArray([[3.0, np.nan]], dims=("y", "x")), grid)).values
    array([[False,  True]])
    """
    return map_operands(obj, [], partial(_known, "undefined"))


def _known(name: str, array: xr.DataArray, operands: list[Any]) -> xr.DataArray:
    return local_arrays(operation_named(name), [array, *operands])
