"""One output block from the corresponding input blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np

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
        Numpy or dask arrays whose blocks correspond from the last dimension backwards; missing
        leading dimensions broadcast.
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


def _rank_after(arrays: Sequence[Any], drop_axis: int | None, chunks: Chunks | None) -> int:
    if chunks is not None:
        return len(chunks)
    return max(int(array.ndim) for array in arrays) - (drop_axis is not None)
