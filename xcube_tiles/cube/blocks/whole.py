"""What can't be cut: one task has the whole raster."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any

import numpy as np
from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.graph import TaskKey, is_lazy, new_array, token
from xcube_tiles.cube.blocks.shared import blocks_of, no_layers, over_layers, single_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray


def map_whole(
    func: Callable[..., NDArray[Any]],
    *arrays: Any,
    name: str,
    dtype: DTypeLike,
    **params: Any,
) -> Any:
    """Apply a function that needs the whole raster at once.

    Parameters
    ----------
    func
        ``func(*rasters, **params) -> raster`` of arrays (y, x) of one shape.
    *arrays
        Arrays of equal shape, from the last dimension (y, x) backwards; missing leading dimensions
        broadcast.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    **params
        Passed on to `func`.

    Notes
    -----
    One task per leading index holds the rasters and the result in memory; the result has the
    input's blocks along y and x, by one slicing task each. Every leading index is a raster of its
    own.
    """
    call = partial(func, **params)
    if not any(is_lazy(array) for array in arrays):
        return over_layers(call, arrays, np.dtype(dtype))
    if not all(array.size for array in arrays):
        return no_layers(arrays, dtype)
    arrays = single_layers(arrays)
    chunks = max((array.chunks for array in arrays), key=len)
    key = token(name, func, *arrays, **params)
    blocks = list(blocks_of(chunks[-2:]))
    tops, lefts = (tuple(accumulate(sizes, initial=0)) for sizes in chunks[-2:])
    layer: dict[TaskKey, Task] = {}
    for lead in product(*(range(len(sizes)) for sizes in chunks[:-2])):
        whole: TaskKey = (f"whole-{key}", *lead)
        refs = [
            TaskRef((a.name, *lead[len(lead) - a.ndim + 2 :], *at))
            for a in arrays
            for at, _ in blocks
        ]
        layer[whole] = Task(whole, _whole, call, tops, lefts, *refs)
        for (i, j), _ in blocks:
            out: TaskKey = (key, *lead, i, j)
            part = (slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))
            layer[out] = Task(out, _cut, part, len(chunks), TaskRef(whole))
    return new_array(key, layer, arrays, chunks, dtype)


def _whole(
    call: Callable[..., NDArray[Any]],
    tops: tuple[int, ...],
    lefts: tuple[int, ...],
    *blocks: NDArray[Any],
) -> NDArray[Any]:
    count = (len(tops) - 1) * (len(lefts) - 1)
    rasters = []
    for start in range(0, len(blocks), count):
        raster = np.empty((tops[-1], lefts[-1]), blocks[start].dtype)
        for at, block in enumerate(blocks[start : start + count]):
            i, j = divmod(at, len(lefts) - 1)
            raster[tops[i] : tops[i + 1], lefts[j] : lefts[j + 1]] = block.reshape(block.shape[-2:])
        rasters.append(raster)
    return call(*rasters)


def _cut(part: tuple[slice, slice], rank: int, raster: NDArray[Any]) -> NDArray[Any]:
    block = raster[part]
    return block.reshape((1,) * (rank - 2) + block.shape)
