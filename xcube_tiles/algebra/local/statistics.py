"""Statistics of the cells that several cubes have at one place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.algebra.local.choice import write_cells
from xcube_tiles.algebra.local.numbers import Numbers, numbers_of, result_type
from xcube_tiles.algebra.local.operands import (
    common_dims,
    map_operands,
    result_like,
    threads_for,
    with_dims,
)
from xcube_tiles.algebra.reduce_array import missing_value, one_block_along
from xcube_tiles.algebra.reducers import REDUCERS, Reducer
from xcube_tiles.cube.bands import BANDS, stack_bands
from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.dimensions import require_dim
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.promotion import union
from xcube_tiles.kernels.local.pieces import in_pieces
from xcube_tiles.kernels.local.rank import nth
from xcube_tiles.kernels.reduce import moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject, XarrayT

_ROWS = {
    name: row
    for row in REDUCERS
    if (row.mergeable or row.kernel) and row.name != "quantile"
    for name in (row.name, *row.aliases)
}
_RANGE = "range"


def statistic_names() -> tuple[str, ...]:
    """Return the names of all statistics of cells, without aliases.

    Examples
    --------
    >>> "majority" in statistic_names(), "range" in statistic_names()
    (True, True)
    """
    rows = dict.fromkeys("majority" if row.name == "mode" else row.name for row in _ROWS.values())
    return (*rows, _RANGE)


def cell_statistics(
    obj: XarrayT, others: XarrayObject | Sequence[XarrayObject], statistic: str
) -> XarrayT:
    """Compute a statistic of the cells that several cubes have at one place.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    others
        One or several cubes on the same grid; Datasets have the variables of `obj`. A dimension
        that one of them lacks broadcasts.
    statistic
        ``mean``, ``min``, ``max``, ``range``, ``sum``, ``product``, ``median``, ``mode`` or
        ``majority``, ``minority``, ``variety``, ``sd``, ``variance``, ``count``, ``first``,
        ``last``, ``any`` or ``all``, as in `xcube_tiles.algebra.reduce.reduce`.

    Returns
    -------
    DataArray or Dataset
        As `obj`, with the cell type that `reduce` gives, for a type that holds the cells of all
        cubes; ``range`` gives integers of integers, wide enough for the largest difference. Lazy if
        any cube is, with one task per block.

    Raises
    ------
    AlgebraError
        An unknown statistic (the text lists all); others that are no cubes.
    IncompatibleCubesError
        Grids or labels differ.
    CellTypeError
        64-bit integers that no integer type holds together.
    DimensionError
        A Dataset beside a DataArray.

    Notes
    -----
    NoData is left out; where no cube has a value, neither has the result (0 for ``count`` and
    ``variety``). Of values that are equally frequent the smallest counts. Variances divide by the
    number of values. Reduce a dimension of one cube with `xcube_tiles.algebra.reduce.reduce`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> first, second, third = (
    ...     assign_geobox(xr.DataArray([cells], dims=("y", "x")), grid)
    ...     for cells in ([1.0, 2.0, np.nan], [3.0, np.nan, np.nan], [3.0, 4.0, np.nan])
    ... )
    >>> cell_statistics(first, [second, third], "majority").values
    array([[ 3.,  2., nan]])
    >>> cell_statistics(first, [second, third], "range").values
    array([[ 2.,  2., nan]])
    """
    check_choice("statistic", statistic, (*_ROWS, _RANGE), statistic_names())
    return map_operands(obj, cubes_of(others), partial(_statistic, statistic))


def cubes_of(others: XarrayObject | Sequence[XarrayObject]) -> list[Any]:
    """Return cubes as a list.

    Raises
    ------
    AlgebraError
        None at all, or something that is no cube.
    """
    single = isinstance(others, xr.DataArray | xr.Dataset)
    listed = [others] if single else list(others) if isinstance(others, Sequence) else []
    if not listed or not all(isinstance(one, xr.DataArray | xr.Dataset) for one in listed):
        raise AlgebraError(f"others must be one or several cubes, got {others!r}")
    return listed


def _statistic(name: str, array: xr.DataArray, others: list[xr.DataArray]) -> xr.DataArray:
    arrays = [array, *others]
    types = [cell_type_of(one) for one in arrays]
    common = common_type(types)
    row = None if name == _RANGE else _ROWS[name]
    target = _range_type(common) if row is None else row.result_type(common, may_lack=False)
    dims = common_dims(arrays)
    blocks = [with_dims(one, dims) for one in arrays]
    data = map_blocks(
        _statistic_block,
        *blocks,
        name=f"cell-{name}",
        dtype=target.dtype,
        statistic=name,
        types=(*types, common, target),
        threads=threads_for(blocks),
    )
    attrs = value_attrs(array.attrs, "keep" if row is None else row.attrs)
    return set_cell_type(result_like(arrays, data, attrs), target)


def common_type(types: Sequence[CellType]) -> CellType:
    """Return the cell type that holds the cells of several.

    Raises
    ------
    CellTypeError
        64-bit integers that no integer type holds together.
    """
    common = types[0]
    for each in types[1:]:
        common = union(common, each)
    return common


def _range_type(common: CellType) -> CellType:
    if common.dtype.kind == "f":
        return CellType.default(common.dtype)
    numbers = numbers_of(common)
    spread = Numbers(0, numbers.high - numbers.low)
    return result_type(spread, [common], lacks=common.nodata is not None)[0]


def _statistic_block(
    *blocks: NDArray[Any], statistic: str, types: tuple[CellType, ...], threads: int
) -> NDArray[Any]:
    run = partial(_statistic_piece, statistic=statistic, types=types)
    return in_pieces(run, *blocks, dtype=types[-1].dtype, threads=threads)


def _statistic_piece(*args: NDArray[Any], statistic: str, types: tuple[CellType, ...]) -> None:
    *cells, out = args
    *sources, common, target = types
    stacked = np.empty((len(cells), *out.shape), common.dtype)
    for block, source, layer in zip(cells, sources, stacked, strict=True):
        write_cells(block, source, common, layer[...])
    if statistic == _RANGE:
        _write_range(stacked, common, target, out)
    else:
        out[...] = _reduced(_ROWS[statistic], stacked, common, target)


def _reduced(
    row: Reducer, stacked: NDArray[Any], common: CellType, target: CellType
) -> NDArray[Any]:
    missing = missing_value(target)
    if row.mergeable is not None:
        state = row.mergeable.start(stacked, 0, nodata=common.nodata, threads=1)
        return row.mergeable.finish(state, dtype=target.dtype, missing=missing, min_count=1, ddof=0)
    assert row.kernel is not None
    params: dict[str, Any] = {} if row.counts else {"min_count": 1}
    if row.result == "cells":
        params["missing"] = missing
    return row.kernel(stacked, axis=0, nodata=common.nodata, threads=1, **params)


def _write_range(
    stacked: NDArray[Any], common: CellType, target: CellType, out: NDArray[Any]
) -> None:
    count, low = moments.extremes(stacked, largest=False, nodata=common.nodata)
    _, high = moments.extremes(stacked, largest=True, nodata=common.nodata)
    with np.errstate(invalid="ignore", over="ignore"):
        # modulo 2**n as well: the difference fits the result
        out[...] = high.astype(target.dtype) - low.astype(target.dtype)
    if target.nodata is not None:
        np.copyto(out, out.dtype.type(target.nodata), where=count == 0)


def rank(obj: XarrayT, over: str | XarrayObject | Sequence[XarrayObject], n: int) -> XarrayT:
    """Return the n-th lowest of the values that a place has.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    over
        A dimension of the cube, or one or several other cubes on the same grid. For a Dataset
        ``"bands"`` means its variables: the result has one, named ``rank``.
    n
        0 for the lowest value, 1 for the next; -1 for the highest, -2 for the one below.

    Returns
    -------
    DataArray or Dataset
        As `obj` (without the dimension), of a cell type that holds the cells of all cubes. NoData
        where there are too few values. Lazy if any cube is, with one task per block.

    Raises
    ------
    AlgebraError
        `n` isn't an integer, or beyond what there is.
    DimensionError
        `obj` has no such dimension, or it is y or x.
    IncompatibleCubesError
        Grids or labels differ.
    CellTypeError
        64-bit integers that no integer type holds together.

    Notes
    -----
    NoData has no rank. ``MinN`` and ``MaxN`` of GeoTrellis are `n` and ``-1 - n``.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> first, second, third = (
    ...     assign_geobox(xr.DataArray([cells], dims=("y", "x")), grid)
    ...     for cells in ([5.0, 2.0], [3.0, np.nan], [9.0, np.nan])
    ... )
    >>> rank(first, [second, third], 1).values
    array([[ 5., nan]])
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise AlgebraError(f"n must be an integer (0 for the lowest value), got {n!r}")
    if isinstance(over, str):
        return _rank_along(obj, over, int(n))
    cubes = cubes_of(over)
    _check_rank(int(n), 1 + len(cubes), "cubes")
    return map_operands(obj, cubes, partial(_rank_across, int(n)))


def _check_rank(n: int, depth: int, what: str) -> None:
    if not -depth <= n < depth:
        raise AlgebraError(f"n={n} is beyond {depth} {what}; expected {-depth} to {depth - 1}")


def _rank_across(n: int, array: xr.DataArray, others: list[xr.DataArray]) -> xr.DataArray:
    arrays = [array, *others]
    types = [cell_type_of(one) for one in arrays]
    target = common_type(types)
    dims = common_dims(arrays)
    blocks = [with_dims(one, dims) for one in arrays]
    data = map_blocks(
        _rank_block,
        *blocks,
        name="cell-rank",
        dtype=target.dtype,
        types=(*types, target),
        n=n,
        threads=threads_for(blocks),
    )
    return set_cell_type(result_like(arrays, data, dict(array.attrs)), target)


def _rank_block(
    *blocks: NDArray[Any], types: tuple[CellType, ...], n: int, threads: int
) -> NDArray[Any]:
    run = partial(_rank_piece, types=types, n=n)
    return in_pieces(run, *blocks, dtype=types[-1].dtype, threads=threads)


def _rank_piece(*args: NDArray[Any], types: tuple[CellType, ...], n: int) -> None:
    *cells, out = args
    *sources, target = types
    stacked = np.empty((len(cells), *out.shape), target.dtype)
    for block, source, layer in zip(cells, sources, stacked, strict=True):
        write_cells(block, source, target, layer[...])
    out[...] = nth(stacked, n=n, nodata=target.nodata, missing=missing_value(target))


def _rank_along(obj: XarrayT, dim: str, n: int) -> XarrayT:
    obj = canonical(obj)
    if isinstance(obj, xr.Dataset) and dim == BANDS and dim not in obj.dims:
        return _rank_along(stack_bands(obj), dim, n).to_dataset(name="rank")
    require_dim(obj, dim)
    if dim in ("y", "x"):
        raise DimensionError(f"{dim!r} is a dimension of the grid; use reduce to remove it")
    _check_rank(n, obj.sizes[dim], f"cells along {dim!r}")

    def along(array: xr.DataArray) -> xr.DataArray:
        return _rank_axis(array, dim, n) if dim in array.dims else array

    ranked = along(obj) if isinstance(obj, xr.DataArray) else obj.map(along, keep_attrs=True)
    return ranked.drop_vars([name for name, coord in ranked.coords.items() if dim in coord.dims])


def _rank_axis(array: xr.DataArray, dim: str, n: int) -> xr.DataArray:
    axis, source = array.get_axis_num(dim), cell_type_of(array)
    data = one_block_along(array.data, axis)
    cells = map_blocks(
        nth,
        data,
        name="cell-rank",
        dtype=source.dtype,
        drop_axis=axis,
        axis=axis,
        n=n,
        nodata=source.nodata,
        missing=missing_value(source),
        threads=threads_for([data]),
    )
    frame = array.isel({dim: 0}, drop=True)
    return set_cell_type(frame.copy(data=cells), source)
