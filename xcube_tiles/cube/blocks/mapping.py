"""One output block from the corresponding input blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.array.core import unify_chunks
from dask.base import tokenize

from xcube_tiles.cube.blocks.graph import Chunks, is_lazy, token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray


def map_blocks(
    func: Callable[..., NDArray[Any]],
    *arrays: Any,
    name: str,
    dtype: DTypeLike,
    drop_axis: int | None = None,
    chunks: Chunks | None = None,
    **params: Any,
) -> Any:
    """Apply a function to corresponding blocks of arrays.

    Parameters
    ----------
    func
        ``func(*blocks, **params) -> block``; numpy in, numpy out.
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
    **params
        Passed on to `func`.
    """
    if not any(is_lazy(array) for array in arrays):
        return func(*arrays, **params)
    arrays = _unified(arrays)
    return da.map_blocks(
        func,
        *arrays,
        name=token(name, func, *arrays, drop_axis=drop_axis, chunks=chunks, **params),
        dtype=dtype,
        meta=np.empty((0,) * _rank_after(arrays, drop_axis, chunks), dtype=dtype),
        drop_axis=drop_axis,
        chunks=chunks,
        **params,
    )


def _unified(arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Give arrays corresponding blocks; `da.map_blocks` pairs blocks as they come."""
    lazy = [
        array
        if is_lazy(array)
        else da.from_array(array, chunks=-1, name=f"array-{tokenize(array)}")
        for array in arrays
    ]
    rank = max(array.ndim for array in lazy)
    pairs = [part for array in lazy for part in (array, tuple(range(rank - array.ndim, rank)))]
    return tuple(unify_chunks(*pairs)[1])


def _rank_after(arrays: Sequence[Any], drop_axis: int | None, chunks: Chunks | None) -> int:
    if chunks is not None:
        return len(chunks)
    return max(int(array.ndim) for array in arrays) - (drop_axis is not None)
