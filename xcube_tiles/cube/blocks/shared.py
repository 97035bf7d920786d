"""Blocks that need something of the whole raster: one pass to find it, one to use it."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any, TypeAlias

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.graph import TaskKey, identity, is_lazy, new_array, token
from xcube_tiles.cube.blocks.mapping import unified
from xcube_tiles.cube.blocks.threads import bands, run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

Origin: TypeAlias = tuple[int, int]
"""Row and column of a block's first cell."""

Summarize: TypeAlias = "Callable[..., tuple[Any, Any]]"
Merge: TypeAlias = "Callable[..., Mapping[Origin, Any]]"
Apply: TypeAlias = "Callable[..., NDArray[Any]]"


def map_shared(
    summarize: Summarize,
    merge: Merge,
    apply: Apply,
    *arrays: Any,
    name: str,
    dtype: DTypeLike,
    **params: Any,
) -> Any:
    """Compute blocks of which each needs something of all others.

    Parameters
    ----------
    summarize
        ``summarize(*blocks, origin=(row, col), shape=(height, width), **params) -> (kept,
        summary)``: blocks are (y, x), `shape` is that of the raster. What is kept stays with the
        block, the summary, which should be small, goes to `merge`.
    merge
        ``merge([(origin, summary), ...], **params) -> {origin: shared}``, in row-major order.
    apply
        ``apply(kept, shared, **params) -> block`` with the part of `shared` that belongs to it.
    *arrays
        Arrays of equal shape, from the last dimension (y, x) backwards; missing leading dimensions
        broadcast.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    **params
        Passed on to all three.

    Notes
    -----
    Three tasks a block and one for all. Every leading index is a raster of its own; blocks are cut
    to one along the leading dimensions. Numpy arrays are cut into bands of rows for all cores: the
    result must not depend on how a raster is cut.
    """
    steps = (
        partial(summarize, **params),
        partial(merge, **params),
        partial(apply, **params),
    )
    if not any(is_lazy(array) for array in arrays):
        return over_layers(partial(_share_now, steps), arrays, np.dtype(dtype))
    if not all(array.size for array in arrays):
        return no_layers(arrays, dtype)
    arrays = single_layers(arrays)
    chunks = max((array.chunks for array in arrays), key=len)
    key = token(name, summarize, *arrays, steps=[identity(step) for step in (merge, apply)],
                **params)  # fmt: skip
    layer: dict[TaskKey, Task] = {}
    for lead in product(*(range(len(sizes)) for sizes in chunks[:-2])):
        _layer_tasks(key, lead, arrays, chunks[-2:], steps, layer)
    return new_array(key, layer, arrays, chunks, dtype)


def single_layers(arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Give arrays corresponding blocks, of length 1 along the leading dimensions."""
    return tuple(
        array.rechunk((*((1,) * size for size in array.shape[:-2]), *array.chunks[-2:]))
        for array in unified(arrays)
    )


def no_layers(arrays: Sequence[Any], dtype: DTypeLike) -> Any:
    """Return the lazy result for arrays without a cell, such as a cube of no date."""
    return da.zeros(max((array.shape for array in arrays), key=len), dtype=dtype)


def over_layers(
    func: Callable[..., NDArray[Any]], arrays: Sequence[NDArray[Any]], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Call a function of (y, x) arrays for each leading index."""
    lead = max((array.shape[:-2] for array in arrays), key=len)
    result = np.empty((*lead, *arrays[0].shape[-2:]), dtype)
    for index in np.ndindex(*lead):
        parts = (array[index[len(index) - array.ndim + 2 :]] for array in arrays)
        result[index] = func(*parts)
    return result


def blocks_of(
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
) -> Iterable[tuple[tuple[int, int], Origin]]:
    """Yield the index of each (y, x) block, and that of its first cell, in row-major order."""
    tops, lefts = (tuple(accumulate(sizes, initial=0)) for sizes in chunks)
    for i, j in product(range(len(chunks[0])), range(len(chunks[1]))):
        yield (i, j), (tops[i], lefts[j])


def _layer_tasks(
    key: str,
    lead: tuple[int, ...],
    arrays: Sequence[Any],
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    steps: tuple[Any, Any, Any],
    layer: dict[TaskKey, Task],
) -> None:
    summarize, merge, apply = steps
    shape = (sum(chunks[0]), sum(chunks[1]))
    shared: TaskKey = (f"shared-{key}", *lead)
    blocks = list(blocks_of(chunks))
    for at, origin in blocks:
        both: TaskKey = (f"summarize-{key}", *lead, *at)
        refs = [TaskRef((a.name, *lead[len(lead) - a.ndim + 2 :], *at)) for a in arrays]
        layer[both] = Task(both, _summarized, partial(summarize, origin=origin, shape=shape), *refs)
        # A task of its own: the merging one must not fetch what the blocks keep.
        summary: TaskKey = (f"summary-{key}", *lead, *at)
        layer[summary] = Task(summary, _second, TaskRef(both))
        out: TaskKey = (key, *lead, *at)
        rank = len(lead) + 2
        layer[out] = Task(out, _applied, apply, origin, rank, TaskRef(both), TaskRef(shared))
    refs = [TaskRef((f"summary-{key}", *lead, *at)) for at, _ in blocks]
    origins = tuple(origin for _, origin in blocks)
    layer[shared] = Task(shared, _merged, merge, origins, *refs)


def _summarized(summarize: Callable[..., Any], *blocks: NDArray[Any]) -> Any:
    return summarize(*(block.reshape(block.shape[-2:]) for block in blocks))


def _second(both: tuple[Any, Any]) -> Any:
    return both[1]


def _merged(merge: Merge, origins: tuple[Origin, ...], *summaries: Any) -> Any:
    return merge(list(zip(origins, summaries, strict=True)))


def _applied(
    apply: Apply, origin: Origin, rank: int, both: tuple[Any, Any], shared: Mapping[Origin, Any]
) -> NDArray[Any]:
    block = apply(both[0], shared[origin])
    return block.reshape((1,) * (rank - 2) + block.shape)


def _share_now(steps: tuple[Any, Any, Any], *arrays: NDArray[Any]) -> NDArray[Any]:
    summarize, merge, apply = steps
    shape = arrays[0].shape
    heights = bands(shape)
    tops = tuple(accumulate(heights, initial=0))

    def first(at: int) -> Any:
        parts = [array[tops[at] : tops[at + 1]] for array in arrays]
        return summarize(*parts, origin=(tops[at], 0), shape=shape)

    both = run_all(first, range(len(heights)))
    origins = [(top, 0) for top in tops[:-1]]
    shared = merge([(origin, pair[1]) for origin, pair in zip(origins, both, strict=True)])
    parts = run_all(lambda at: apply(both[at][0], shared[origins[at]]), range(len(heights)))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
