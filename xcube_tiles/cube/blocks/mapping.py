"""One output block from the corresponding input blocks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.array.core import unify_chunks
from dask.base import tokenize

from xcube_tiles.cube.blocks.graph import Chunks, is_lazy, token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray


def map_blocks(
    func: Callable[..., NDArray[Any]],
    *arrays: Any,
    name: str,
    dtype: DTypeLike,
    drop_axis: int | None = None,
    chunks: Chunks | None = None,
    tables: Sequence[Any] = (),
    **params: Any,
) -> Any:
    """Apply a function to corresponding blocks of arrays.

    Parameters
    ----------
    func
        ``func(*blocks, *tables, **params) -> block``; numpy in, numpy out.
    *arrays
        Numpy or dask arrays of equal shape, from the last dimension backwards; missing leading
        dimensions broadcast. Differing blocks are cut to fit each other.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    drop_axis
        Dimension that `func` removes; it must be a single block.
    chunks
        Block sizes of the result where they differ from the input's.
    tables
        Small arrays, lazy or not, that every task gets whole.
    **params
        Passed on to `func`.
    """
    if not any(is_lazy(array) for array in (*arrays, *tables)):
        return func(*arrays, *tables, **params)
    arrays = unified(arrays)
    key = token(name, func, *arrays, *tables, drop_axis=drop_axis, chunks=chunks, **params)
    if tables:
        return _map_with_tables(func, arrays, tables, key, np.dtype(dtype), params)
    if drop_axis is not None:
        return _map_dropping(func, arrays, key, np.dtype(dtype), drop_axis, params)
    rank = len(chunks) if chunks is not None else _rank(arrays)
    meta = np.empty((0,) * rank, dtype=dtype)
    return da.map_blocks(func, *arrays, name=key, dtype=dtype, meta=meta, chunks=chunks, **params)


def _map_with_tables(
    func: Callable[..., NDArray[Any]],
    arrays: Sequence[Any],
    tables: Sequence[Any],
    key: str,
    dtype: np.dtype[Any],
    params: Mapping[str, Any],
) -> Any:
    rank = _rank(arrays)
    pairs = [part for array in arrays for part in (array, range(rank - array.ndim, rank))]
    used = rank
    for table in tables:
        whole = as_lazy(table).rechunk(-1)
        pairs += [whole, range(used, used + whole.ndim)]
        used += whole.ndim
    return da.blockwise(
        func,
        tuple(range(rank)),
        *pairs,
        name=key,
        dtype=dtype,
        meta=np.empty((0,) * rank, dtype=dtype),
        concatenate=True,  # tables are one block: nothing is joined, but none comes as a list
        align_arrays=False,
        **params,
    )


def _map_dropping(
    func: Callable[..., NDArray[Any]],
    arrays: Sequence[Any],
    key: str,
    dtype: np.dtype[Any],
    axis: int,
    params: Mapping[str, Any],
) -> Any:
    rank = _rank(arrays)
    axis %= rank
    if any(array.ndim == rank and array.numblocks[axis] != 1 for array in arrays):
        raise ValueError(f"dimension {axis} must be one block to be dropped")
    kept = tuple(at for at in range(rank) if at != axis)
    pairs = [part for array in arrays for part in (array, range(rank - array.ndim, rank))]
    # `da.map_blocks` would concatenate along the axis, which copies the one block there is.
    return da.blockwise(
        partial(_only_blocks, func),
        kept,
        *pairs,
        name=key,
        dtype=dtype,
        meta=np.empty((0,) * len(kept), dtype=dtype),
        concatenate=False,
        align_arrays=False,
        **params,
    )


def _only_blocks(
    func: Callable[..., NDArray[Any]], *blocks: NDArray[Any] | list[NDArray[Any]], **params: Any
) -> NDArray[Any]:
    """Call a function with the single blocks of lists, as which dask hands a dropped axis."""
    return func(*(block[0] if isinstance(block, list) else block for block in blocks), **params)


def as_lazy(array: Any) -> Any:
    """Return a dask array; of a numpy array one block, named by its content."""
    if is_lazy(array):
        return array
    return da.from_array(array, chunks=-1, name=f"array-{tokenize(array)}")


def unified(arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Give arrays corresponding blocks; `da.map_blocks` pairs blocks as they come."""
    lazy = [as_lazy(array) for array in arrays]
    rank = _rank(lazy)
    pairs = [part for array in lazy for part in (array, tuple(range(rank - array.ndim, rank)))]
    return tuple(unify_chunks(*pairs)[1])


def _rank(arrays: Sequence[Any]) -> int:
    return max(int(array.ndim) for array in arrays)
