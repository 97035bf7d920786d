"""Scaling: cells moved into another range, standardised, or kept within limits."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.algebra.local.operands import (
    Number,
    finite,
    map_operands,
    number,
    result_like,
    threads_for,
)
from xcube_tiles.algebra.summary import summary
from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.dtypes import limits
from xcube_tiles.kernels.local.pieces import in_pieces, without_infinity
from xcube_tiles.kernels.nodata import average_dtype, with_nan

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT

Normalization: TypeAlias = Literal["range", "z-score"]
"""To 0..1, or to a mean of 0 and a standard deviation of 1."""


def rescale(
    obj: XarrayT,
    new_min: float,
    new_max: float,
    *,
    old_min: float | None = None,
    old_max: float | None = None,
) -> XarrayT:
    """Move cells linearly from one range into another.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x by its own range.
    new_min, new_max
        What `old_min` and `old_max` become. `new_min` may be the larger one: high becomes low.
    old_min, old_max
        Range of the cells; by default their lowest and highest value, over all dimensions.

    Returns
    -------
    DataArray or Dataset
        Floats: float32 of integers of at most 16 bits and float32, else float64. Cells outside the
        old range come to lie outside the new one; `clip` them if they shouldn't. Lazy if `obj` is:
        where the range isn't given, a first pass over all blocks finds it when it is computed.

    Raises
    ------
    AlgebraError
        Numbers that aren't finite; `old_min` that isn't less than `old_max`.

    Notes
    -----
    With t = (x - old_min) / (old_max - old_min), in float64, the result is
    (1 - t) · new_min + t · new_max, which is exact at both ends. Cells that all have one value
    become `new_min`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> import xarray as xr
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = xr.DataArray(np.array([[10, 20, 30, 255]], "uint8"), dims=("y", "x"))
    >>> cube = assign_geobox(cells.assign_attrs(_FillValue=255), grid)
    >>> rescale(cube, 0, 1).values
    array([[0. , 0.5, 1. , nan]], dtype=float32)
    """
    new = finite(new_min, "new_min"), finite(new_max, "new_max")
    low = None if old_min is None else finite(old_min, "old_min")
    high = None if old_max is None else finite(old_max, "old_max")
    known = low is not None and high is not None
    if low is not None and high is not None and not low < high:
        raise AlgebraError(f"old_min must be less than old_max, got {old_min!r} and {old_max!r}")
    call = partial(_linear, old=(low, high), new=new)
    return map_operands(obj, [], lambda array, _: _scaled(array, call, known=known))


def normalize(obj: XarrayT, *, method: Normalization = "range") -> XarrayT:
    """Make the values of cubes comparable.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x by itself.
    method
        ``range``: from 0 (the lowest value) to 1 (the highest), as `rescale` to 0 and 1.
        ``z-score``: less the mean, divided by the standard deviation (that of these values: the sum
        of squares is divided by their number). Both over all dimensions.

    Returns
    -------
    DataArray or Dataset
        Floats, as of `rescale`, without units. Cells that all have one value become 0. Lazy if
        `obj` is: the first of two passes finds the range, or mean and deviation, when it is
        computed.

    Raises
    ------
    AlgebraError
        An unknown method; the text lists those that there are.

    Notes
    -----
    Mean and deviation are those of the exact sums, rounded once: chunks change nothing. Infinite
    cells are left out of them, and become NoData.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> import xarray as xr
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cube = assign_geobox(xr.DataArray([[1.0, 3.0, 5.0, np.nan]], dims=("y", "x")), grid)
    >>> normalize(cube).values
    array([[0. , 0.5, 1. , nan]])
    >>> normalize(cube, method="z-score").values.round(2)
    array([[-1.22,  0.  ,  1.22,   nan]])
    """
    check_choice("method", method, get_args(Normalization))
    if method == "range":
        return rescale(obj, 0, 1)
    return map_operands(obj, [], lambda array, _: _scaled(array, _standard, known=False))


def _scaled(array: xr.DataArray, call: Any, *, known: bool) -> xr.DataArray:
    source = cell_type_of(array)
    target = CellType.default(average_dtype(source.dtype))
    empty = np.full(5, np.nan)
    data = map_blocks(
        _scale_block,
        array.data,
        name="rescale",
        dtype=target.dtype,
        tables=(empty if known else summary(array),),
        call=call,
        nodata=source.nodata,
        target=target.dtype,
        threads=threads_for([array.data]),
    )
    return set_cell_type(result_like([array], data, value_attrs(array.attrs, "drop")), target)


def _scale_block(
    block: NDArray[Any],
    table: NDArray[np.float64],
    *,
    call: Any,
    nodata: float | None,
    target: np.dtype[Any],
    threads: int,
) -> NDArray[Any]:
    run = partial(_scale_piece, call=call, nodata=nodata, table=table)
    return in_pieces(run, block, dtype=target, threads=threads)


def _scale_piece(
    cells: NDArray[Any],
    out: NDArray[Any],
    *,
    call: Any,
    nodata: float | None,
    table: NDArray[np.float64],
) -> None:
    with np.errstate(all="ignore"):
        out[...] = call(with_nan(cells, nodata, np.float64), table)
    without_infinity(out)


def _linear(
    cells: NDArray[np.float64],
    table: NDArray[np.float64],
    *,
    old: tuple[Number | None, Number | None],
    new: tuple[Number, Number],
) -> NDArray[np.float64]:
    low = float(table[1] if old[0] is None else old[0])
    high = float(table[2] if old[1] is None else old[1])
    # NaN times 0 keeps NoData where all other cells are equal
    share = (cells - low) / (high - low) if high > low else cells * 0.0
    return (1.0 - share) * new[0] + share * new[1]


def _standard(cells: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    _, _, _, mean, deviation = table
    return (cells - mean) / deviation if deviation > 0 else cells * 0.0


def clip(obj: XarrayT, low: float | None = None, high: float | None = None) -> XarrayT:
    """Keep cells within limits: what lies beyond becomes the limit.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    low, high
        Lowest and highest value of the result; None: no limit.

    Returns
    -------
    DataArray or Dataset
        As `obj`, of the same cell type; NoData stays NoData. Lazy if `obj` is, with one task per
        block.

    Raises
    ------
    AlgebraError
        No limit at all; `low` above `high`; NaN.
    CellTypeError
        A limit that the cells can't have: a fraction for integers, the number that is NoData, or
        one out of the range of the dtype that cells would have to take.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> import xarray as xr
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = xr.DataArray(np.array([[-7, 120, 40, -99]], "int16"), dims=("y", "x"))
    >>> clip(assign_geobox(cells.assign_attrs(_FillValue=-99), grid), 0, 100).values
    array([[  0, 100,  40, -99]], dtype=int16)
    """
    ends = tuple(
        None if end is None else number(end, name) for end, name in ((low, "low"), (high, "high"))
    )
    if ends == (None, None):
        raise AlgebraError("clip needs a limit: low, high or both")
    if any(end is not None and end != end for end in ends):
        raise AlgebraError(f"limits can't be NaN, got low={low!r} and high={high!r}")
    if None not in ends and ends[0] > ends[1]:  # type: ignore[operator]  # neither is None
        raise AlgebraError(f"low must not be above high, got {low!r} and {high!r}")
    return map_operands(obj, [], lambda array, _: _clip_array(array, *ends))


def _clip_array(array: xr.DataArray, low: Number | None, high: Number | None) -> xr.DataArray:
    source = cell_type_of(array)
    data = map_blocks(
        _clip_block,
        array.data,
        name="clip",
        dtype=source.dtype,
        source=source,
        low=_limit(low, source, lowest=True),
        high=_limit(high, source, lowest=False),
        threads=threads_for([array.data]),
    )
    return set_cell_type(result_like([array], data, dict(array.attrs)), source)


def _limit(limit: Number | None, source: CellType, *, lowest: bool) -> Number | None:
    """Return a limit as cells can have it; None where no cell is beyond it."""
    if limit is None:
        return None
    least, most = limits(source.dtype)
    if source.dtype.kind != "f":
        if (limit <= least) if lowest else (limit >= most):
            return None
        if not float(limit).is_integer() or not least <= limit <= most:
            raise CellTypeError(
                f"cells of type {source.name} can't be clipped to {limit!r}; expected a whole "
                f"number from {least} to {most}, or convert them first: "
                "cube.tiles.convert('float32')"
            )
        limit = int(limit)
    elif math.isfinite(limit) and not least <= limit <= most:
        raise CellTypeError(
            f"cells of type {source.name} can't be clipped to {limit!r}, which is beyond them; "
            "convert them first: cube.tiles.convert('float64')"
        )
    if limit == source.nodata:
        raise CellTypeError(
            f"cells of type {source.name} can't be clipped to {limit!r}, which is their NoData "
            "value; convert them to another type first"
        )
    return limit


def _clip_block(
    block: NDArray[Any],
    *,
    source: CellType,
    low: Number | None,
    high: Number | None,
    threads: int,
) -> NDArray[Any]:
    run = partial(_clip_piece, source=source, low=low, high=high)
    return in_pieces(run, block, dtype=source.dtype, threads=threads)


def _clip_piece(
    cells: NDArray[Any],
    out: NDArray[Any],
    *,
    source: CellType,
    low: Number | None,
    high: Number | None,
) -> None:
    dtype = source.dtype.type
    out[...] = cells
    if low is not None:
        np.maximum(out, dtype(low), out=out)
    if high is not None:
        np.minimum(out, dtype(high), out=out)
    if source.nodata is not None and source.nodata == source.nodata:
        np.copyto(out, cells, where=source.is_nodata(cells))
