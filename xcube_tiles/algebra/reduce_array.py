"""Reductions of arrays: one dispatcher runs every row of the table on numpy and dask alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil, log2, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.blocks import is_lazy, map_blocks, tree_reduce
from xcube_tiles.errors import ReducerError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import average_dtype, with_nan
from xcube_tiles.kernels.reduce.columns import available_threads
from xcube_tiles.kernels.reduce.geomedian import geomedian
from xcube_tiles.kernels.reduce.select import select_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.algebra.reducers import Reducer


_SMALL = 2**23
# Bytes of a block that isn't worth cutting up: each cut is a task for every block that is joined.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceOptions:
    """What a caller can choose besides the reducer."""

    q: tuple[float, ...] = ()
    """Shares of the quantiles."""

    skipna: bool = True
    """Whether NoData is left out; False: one NoData cell makes the result NoData."""

    min_count: int = 1
    """Least number of valid cells that give a value."""

    least: int | None = None
    """Fewest cells of several reductions whose results must have one cell type."""

    ddof: int = 0
    """Subtracted from the number of cells in `sd` and `variance`; 1 gives the sample's."""

    def __post_init__(self) -> None:
        if not isinstance(self.min_count, int) or self.min_count < 1:
            raise ReducerError(
                f"min_count must be an integer of at least 1, got {self.min_count!r}"
            )
        if not isinstance(self.ddof, int) or self.ddof < 0:
            raise ReducerError(f"ddof must be an integer of at least 0, got {self.ddof!r}")
        outside = [share for share in self.q if not 0 <= share <= 1]
        if outside:
            raise ReducerError(f"q must lie between 0 and 1, got {outside[0]!r}")

    def needed(self, depth: int) -> int:
        """Return how many of `depth` cells must be valid to give a value."""
        return self.min_count if self.skipna else max(depth, self.min_count)

    def may_lack(self, depth: int, reducer: Reducer) -> bool:
        """Whether a column of `depth` valid cells may have no value."""
        spread = reducer.name in ("sd", "variance")
        depth = depth if self.least is None else self.least
        return depth < max(self.min_count, self.ddof + 1 if spread else 1)


def reduce_array(
    data: Any, axis: int, reducer: Reducer, source: CellType, options: ReduceOptions
) -> tuple[Any, CellType]:
    """Reduce one axis of a numpy or dask array.

    Parameters
    ----------
    data
        Cells of any shape with at least one along the axis.
    axis
        Axis to remove; the quantile takes its place instead.
    reducer
        A row of the table with `mergeable` or `kernel`.
    source
        Cell type of `data`.
    options
        What the caller chose.

    Returns
    -------
    array, CellType
        The result (lazy if `data` is) and its cell type.

    Notes
    -----
    Mergeable reducers stream along a chunked axis. The others get all of it in one block, which is
    halved along the other axes so that it doesn't grow: see `one_block_along`.
    """
    depth = data.shape[axis]
    if depth == 0:
        raise ReducerError(f"{reducer.name!r} needs at least one cell, but the dimension is empty")
    if reducer.name in ("first", "last") and not options.skipna:
        end = 0 if reducer.name == "first" else -1
        return data[(slice(None),) * axis + (end,)], source
    target = reducer.result_type(source, may_lack=options.may_lack(depth, reducer))
    if reducer.mergeable is not None:
        return _merge(data, axis, reducer, source, target, options), target
    return _at_once(data, axis, reducer, source, target, options), target


def _merge(
    data: Any,
    axis: int,
    reducer: Reducer,
    source: CellType,
    target: CellType,
    options: ReduceOptions,
) -> Any:
    steps = reducer.mergeable
    assert steps is not None
    return tree_reduce(
        data,
        axis=axis,
        partial_=partial(steps.start, nodata=source.nodata, threads=_threads(data)),
        combine=steps.merge,
        finalize=partial(
            steps.finish,
            dtype=target.dtype,
            missing=missing_value(target),
            min_count=options.needed(data.shape[axis]),
            ddof=options.ddof,
        ),
        name=f"reduce-{reducer.name}",
        dtype=target.dtype,
    )


def _at_once(
    data: Any,
    axis: int,
    reducer: Reducer,
    source: CellType,
    target: CellType,
    options: ReduceOptions,
) -> Any:
    assert reducer.kernel is not None
    params: dict[str, Any] = {"nodata": source.nodata, "threads": _threads(data)}
    if not reducer.counts:
        params["min_count"] = options.needed(data.shape[axis])
    if reducer.result == "cells":
        params["missing"] = missing_value(target)
    data = one_block_along(data, axis)
    if reducer.name != "quantile":
        call = partial(reducer.kernel, axis=axis, **params)
        name = f"reduce-{reducer.name}"
        return map_blocks(call, data, name=name, dtype=target.dtype, drop_axis=axis)
    chunks = None
    if is_lazy(data):
        chunks = (*data.chunks[:axis], (len(options.q),), *data.chunks[axis + 1 :])
    call = partial(reducer.kernel, axis=axis, q=options.q, **params)
    return map_blocks(call, data, name="reduce-quantile", dtype=target.dtype, chunks=chunks)


def reduce_with(
    data: Any, axis: int, func: Callable[..., NDArray[Any]], source: CellType
) -> tuple[Any, CellType]:
    """Reduce one axis of an array with a function of the caller's.

    Parameters
    ----------
    data
        Cells of any shape.
    axis
        Axis to remove.
    func
        ``func(cells, axis=axis) -> cells without the axis``. If the cells can be NoData it gets
        them as floats with NaN, else as they are.
    source
        Cell type of `data`.
    """
    if source.nodata is not None and source.dtype.kind != "f":
        work = average_dtype(source.dtype)
    else:
        work = source.dtype
    call = partial(_call, func=func, axis=axis, nodata=source.nodata, dtype=work)
    probe = np.asarray(func(np.ones((2,) * data.ndim, work), axis=axis))
    if probe.ndim != data.ndim - 1:
        raise ReducerError(
            f"a function to reduce with must remove the axis it is given: {func!r} made the shape "
            f"{probe.shape} of {(2,) * data.ndim}, axis={axis}"
        )
    data = one_block_along(data, axis)
    name = getattr(func, "__name__", "function")
    result = map_blocks(call, data, name=f"reduce-{name}", dtype=probe.dtype, drop_axis=axis)
    return result, CellType.default(probe.dtype)


def _call(
    cells: NDArray[Any],
    *,
    func: Callable[..., NDArray[Any]],
    axis: int,
    nodata: float | None,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    cells = with_nan(cells, nodata, dtype) if dtype.kind == "f" else cells
    return np.asarray(func(cells, axis=axis))


def select_array(
    data: Any,
    guide: Any,
    axis: int,
    reducer: Reducer,
    types: tuple[CellType, CellType],
    options: ReduceOptions,
) -> tuple[Any, CellType]:
    """Reduce one axis of `data` by selecting where `guide` is extreme.

    Parameters
    ----------
    data, guide
        Numpy or dask arrays of equal shape.
    axis
        Axis to remove.
    reducer
        A row of the table with `choice`.
    types
        Cell types of `data` and `guide`.
    options
        What the caller chose.
    """
    assert reducer.choice is not None
    source, other = types
    lacks = options.may_lack(data.shape[axis], reducer) or other.nodata is not None
    target = reducer.result_type(source, may_lack=lacks)
    call = partial(
        select_by,
        axis=axis,
        choice=reducer.choice,
        nodata=source.nodata,
        guide_nodata=other.nodata,
        min_count=options.needed(data.shape[axis]),
        missing=missing_value(target),
        threads=_threads(data),
    )
    data = one_block_along(data, axis)
    if is_lazy(data) and is_lazy(guide):
        guide = guide.rechunk(data.chunks)
    name = f"reduce-{reducer.name}"
    return map_blocks(call, data, guide, name=name, dtype=target.dtype, drop_axis=axis), target


def geomedian_array(
    data: Any, axis: int, band_axis: int, source: CellType, options: ReduceOptions
) -> tuple[Any, CellType]:
    """Reduce one axis of an array to the geometric median over its bands."""
    target = CellType.default(average_dtype(source.dtype))
    data = one_block_along(data, axis, band_axis)
    call = partial(
        geomedian,
        axis=axis,
        band_axis=band_axis,
        nodata=source.nodata,
        min_count=options.needed(data.shape[axis]),
        threads=_threads(data),
    )
    median = map_blocks(call, data, name="reduce-geomedian", dtype=target.dtype, drop_axis=axis)
    return median, target


def one_block_along(data: Any, *axes: int) -> Any:
    """Return a dask array with one block along some axes, its blocks no larger than before.

    Parameters
    ----------
    data
        Dask array; a numpy array is returned as it is.
    *axes
        Axes to join. Blocks are halved along the last two other axes, inside their old borders,
        until they are no larger than before, or small. Halves of blocks that match tiles and
        shards still do.
    """
    if not is_lazy(data) or all(len(data.chunks[axis]) == 1 for axis in axes):
        return data
    chunks = list(data.chunks)
    for axis in axes:
        chunks[axis] = (data.shape[axis],)
    before, joined = (prod(max(sizes) for sizes in blocks) for blocks in (data.chunks, chunks))
    small = _SMALL // data.dtype.itemsize
    halvings = ceil(log2(max(joined / max(before, small), 1)))
    others = [at for at in range(data.ndim) if at not in axes][-2:]
    for position, at in enumerate(others):
        times = ceil(halvings / (len(others) - position))
        edge = -(-max(chunks[at]) // 2**times)
        chunks[at] = tuple(part for size in chunks[at] for part in _pieces(size, edge))
        halvings -= times
    return data.rechunk(tuple(chunks))


def _pieces(size: int, edge: int) -> tuple[int, ...]:
    whole, rest = divmod(size, max(edge, 1))
    return (*(edge,) * whole, rest) if rest or not whole else (edge,) * whole


def missing_value(target: CellType) -> float:
    """Return what stands where a result has no value; 0 where each has one."""
    if target.nodata is not None:
        return target.nodata
    return np.nan if target.dtype.kind == "f" else 0


def _threads(data: Any) -> int:
    # Inside dask tasks kernels are serial: dask has a thread for every core already.
    return 1 if is_lazy(data) else available_threads()
