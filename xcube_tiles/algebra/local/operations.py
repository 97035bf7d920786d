"""Arithmetic, comparison, logic and functions of cells at one place."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.local.operands import (
    Number,
    Operand,
    common_dims,
    map_operands,
    result_like,
    threads_for,
    with_dims,
)
from xcube_tiles.algebra.local.planning import TRUTH, Plan, plan_operation
from xcube_tiles.algebra.local.table import Operation, operation_named
from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import AlgebraError, NoDataCollisionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.local.exact import checked
from xcube_tiles.kernels.local.pieces import in_pieces, without_infinity
from xcube_tiles.kernels.nodata import with_nan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT


def local(obj: XarrayT, operation: str, *operands: Operand) -> XarrayT:
    """Compute each cell from the cells at its place.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    operation
        One of the names below.
    *operands
        As many as the operation takes: numbers, rasters on the same grid, or Datasets with the
        variables of `obj`. A dimension that one of them lacks broadcasts.

    Returns
    -------
    DataArray or Dataset
        As `obj`; lazy if any operand is, with one task per block.

    Raises
    ------
    AlgebraError
        An unknown operation (the text lists all); too few or too many operands; an operand that
        is no number; bits of floats; a shift by other than a whole number from 0 to 63.
    IncompatibleCubesError
        Grids or labels differ.
    CellTypeError
        uint64 with negative integers, which no dtype holds together.
    CellOverflowError, NoDataCollisionError
        When computed: a result that doesn't fit 64 bits, or is the NoData of 64-bit cells.

    Notes
    -----
    =================================  =======================  ===================================
    operation                          operands                 cell type of the result
    =================================  =======================  ===================================
    add, multiply, minimum, maximum    one or more              integers of integers, else floats
    subtract, floor_divide, remainder  one                      integers of integers, else floats
    power                              one                      integers if the exponent is a whole
                                                                number from 0 to 64, else floats
    abs, negate, sign, floor, ceil,    none                     integers of integers, else floats
    round (half to even), trunc
    divide, arctan2                    one                      floats
    sqrt, exp, log, log2, log10, sin,  none                     floats
    cos, tan, arcsin, arccos, arctan,
    sinh, cosh, tanh, radians,
    degrees
    equal, unequal, less, less_equal,  one                      uint8ud255: 1, 0, or NoData
    greater, greater_equal
    and, or, xor                       one or more              uint8ud255, of cells that are 0 or
                                                                not
    not                                none                     uint8ud255
    bitwise_and, bitwise_or,           one or more              integers
    bitwise_xor
    bitwise_not                        none                     integers
    left_shift, right_shift            a number of bits         integers
    defined, undefined                 none                     bool: has the cell a value?
    =================================  =======================  ===================================

    **Integers are exact and never wrap.** The result is at least as wide as the widest raster, and
    wider where it needs to be: it holds every number that the operation can make of values of the
    operands' cell types, and beside them one that means NoData. Two ``int16`` rasters add up to
    ``int32``, two ``uint8`` multiply to ``uint16``. NoData is that of an operand where no result
    can be the same number, otherwise the far end of the dtype: its lowest number if signed, its
    highest if not. Results that don't fit 64 bits are an error when they are computed.

    **Floats** are float32 of integers of at most 16 bits and float32, otherwise float64 (which
    rounds 64-bit integers beyond 2**53); a number has the dtype of the rasters beside it. NoData is
    NaN.

    **NoData of any operand makes the result NoData**, in comparisons and logic too: what isn't
    known isn't less than 5 (nor is it not). So does whatever has no finite result: division by
    zero, roots and logarithms outside their domain, overflow of floats. Only `defined` and
    `undefined` always tell.

    Why not ``a + b``? An operator of xarray can't be told about NoData: it computes with the
    number that means it, wraps integers, and keeps the attribute ``_FillValue``, true or not.

    See Also
    --------
    xcube_tiles.algebra.expression.expression : formulas over the bands of a cube

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = np.array([[200, 7, 0, 255]], "uint8")
    >>> cube = xr.DataArray(cells, dims=("y", "x"), attrs={"_FillValue": 255})
    >>> cube = assign_geobox(cube, grid)
    >>> total = local(cube, "add", cube)
    >>> total.values, cell_type_of(total).name
    (array([[  400,    14,     0, 65535]], dtype=uint16), 'uint16ud65535')
    >>> local(cube, "divide", cube).values
    array([[ 1.,  1., nan, nan]], dtype=float32)
    >>> local(cube, "less", 100).values
    array([[  0,   1,   1, 255]], dtype=uint8)
    """
    row = operation_named(operation)
    if len(operands) != row.operands and not (row.folds and operands):
        wanted = (
            "one or more operands" if row.folds else ("no operand", "one operand")[row.operands]
        )
        raise AlgebraError(f"{operation!r} takes {wanted} besides the cube, got {len(operands)}")
    return map_operands(obj, operands, lambda array, own: local_arrays(row, [array, *own]))


def local_arrays(row: Operation, operands: list[xr.DataArray | Number]) -> xr.DataArray:
    """Run an operation on rasters in canonical form on one grid, and on numbers."""
    arrays = [operand for operand in operands if isinstance(operand, xr.DataArray)]
    types = [
        cell_type_of(operand) if isinstance(operand, xr.DataArray) else operand
        for operand in operands
    ]
    plan = plan_operation(row, types)
    dims = common_dims(arrays)
    blocks = [with_dims(array, dims) for array in arrays]
    data = map_blocks(
        run_plan,
        *blocks,
        name=f"local-{row.name}",
        dtype=plan.target.dtype,
        plan=plan,
        threads=threads_for(blocks),
    )
    attrs = value_attrs(arrays[0].attrs, "keep" if row.units else "drop")
    return set_cell_type(result_like(arrays, data, attrs), plan.target)


def run_plan(*blocks: NDArray[Any], plan: Plan, threads: int = 1) -> NDArray[Any]:
    """Compute the cells of an operation.

    Parameters
    ----------
    *blocks
        Cells of the rasters, shapes that broadcast.
    plan
        What to compute.
    threads
        Most threads to use.
    """
    return in_pieces(
        partial(_run_piece, plan=plan), *blocks, dtype=plan.target.dtype, threads=threads
    )


def _run_piece(*args: NDArray[Any], plan: Plan) -> None:
    *cells, out = args
    row = operation_named(plan.name)
    if row.result == "known":
        (only,), (source,) = cells, plan.operands
        assert isinstance(source, CellType)
        missing = source.is_nodata(only)
        out[...] = missing if row.name == "undefined" else ~missing
    elif row.result == "truth":
        _truths(row, cells, plan, out)
    elif plan.work.kind == "f":
        _floats(row, cells, plan, out)
    else:
        _integers(row, cells, plan, out)


def _truths(row: Operation, cells: list[NDArray[Any]], plan: Plan, out: NDArray[Any]) -> None:
    queue = iter(cells)
    operands = [next(queue) if isinstance(o, CellType) else o for o in plan.operands]
    missing = _missing(cells, plan, out.shape)
    out[...] = reduce(row.function, operands) if row.operands else row.function(operands[0])
    np.copyto(out, TRUTH.dtype.type(255), where=missing)


def _missing(cells: list[NDArray[Any]], plan: Plan, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where any operand has no value."""
    types = [operand for operand in plan.operands if isinstance(operand, CellType)]
    unknown = any(operand != operand for operand in plan.operands if isinstance(operand, float))
    missing = np.full(shape, unknown)
    for block, source in zip(cells, types, strict=True):
        if source.nodata is not None:
            missing |= source.is_nodata(block)
    return missing


def _floats(row: Operation, cells: list[NDArray[Any]], plan: Plan, out: NDArray[Any]) -> None:
    queue = iter(cells)
    values = [
        with_nan(next(queue), operand.nodata, plan.work)
        if isinstance(operand, CellType)
        else plan.work.type(operand)
        for operand in plan.operands
    ]
    with np.errstate(all="ignore"):
        if len(values) == 2 and isinstance(row.function, np.ufunc):
            row.function(*values, out=out)  # a copy less
        else:
            out[...] = reduce(row.function, values) if row.operands else row.function(values[0])
    without_infinity(out)
    if row.name == "power":  # to numpy 1 ** NaN and NaN ** 0 are 1
        np.copyto(out, plan.work.type(np.nan), where=np.isnan(values[0]) | np.isnan(values[1]))


def _integers(row: Operation, cells: list[NDArray[Any]], plan: Plan, out: NDArray[Any]) -> None:
    queue = iter(cells)
    operands = [
        next(queue) if isinstance(operand, CellType) else np.asarray(operand)
        for operand in plan.operands
    ]
    missing = _missing(cells, plan, out.shape)
    if row.divides:
        missing |= operands[1] == 0
    with np.errstate(all="ignore"):
        result = _computed(row, operands, plan, missing)
    nodata = plan.target.nodata
    if plan.collides:
        _refuse_collisions(result, missing, plan.target)
    out[...] = result
    if nodata is not None:
        np.copyto(out, out.dtype.type(nodata), where=missing)


def _computed(
    row: Operation, operands: list[NDArray[Any]], plan: Plan, missing: NDArray[np.bool_]
) -> NDArray[Any]:
    if row.native:
        return np.asarray(row.function(operands[0])).astype(plan.target.dtype, copy=False)
    if plan.checked:
        first, *others = operands
        result = first
        for other in others:
            result = checked(row.function, [result, other], plan.work, plan.target.dtype, missing)
        return (
            result
            if others
            else checked(row.function, [first], plan.work, plan.target.dtype, missing)
        )
    values = [operand.astype(plan.work, copy=False) for operand in operands]
    result = reduce(row.function, values) if row.operands else row.function(values[0])
    return np.asarray(result).astype(plan.target.dtype, copy=False)


def _refuse_collisions(result: NDArray[Any], missing: NDArray[np.bool_], target: CellType) -> None:
    if (target.is_nodata(result) & ~missing).any():
        raise NoDataCollisionError(
            f"a result is {target.nodata}, the number that is NoData in {target}; convert the "
            "cells first: cube.tiles.convert('float64')"
        )
