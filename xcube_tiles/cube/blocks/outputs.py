"""Several arrays from one task for each block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.graph import TaskKey, new_array, token
from xcube_tiles.cube.blocks.mapping import as_lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray

    from xcube_tiles.cube.blocks.graph import Chunks


def map_outputs(
    func: Callable[..., tuple[NDArray[Any], ...]],
    array: Any,
    *,
    chunks: Sequence[Chunks],
    name: str,
    dtypes: Sequence[DTypeLike],
    **params: Any,
) -> list[Any]:
    """Make several arrays of the blocks of one, each block seen once.

    Parameters
    ----------
    func
        ``func(block, **params) -> blocks``: one for each output.
    array
        What the blocks are of; one that isn't lazy is one block.
    chunks
        For each output the heights and widths of its blocks, as many as `array` has. The leading
        dimensions are those of `array`.
    name
        Prefix of the graph's keys.
    dtypes
        Of the outputs.
    **params
        Passed on to `func`.

    Returns
    -------
    list of dask arrays

    Notes
    -----
    One task calls `func`, one more for each output hands its block over. Each of these waits for
    those of the outputs after it: as soon as the first output is used, nothing holds on to all of
    them, and what waits to be used is each for itself.
    """
    array = as_lazy(array)
    cuts = tuple((tuple(rows), tuple(cols)) for rows, cols in chunks)
    names = [np.dtype(dtype).str for dtype in dtypes]
    key = token(name, func, array, chunks=cuts, dtypes=names, **params)
    indices = list(np.ndindex(*array.numblocks))
    calls: dict[TaskKey, Task] = {}
    for index in indices:
        call: TaskKey = (key, *index)
        calls[call] = Task(call, func, TaskRef((array.name, *index)), **params)
    whole = new_array(key, calls, [array], array.chunks, array.dtype)
    outputs: list[Any] = []
    for number, (cut, dtype) in reversed(list(enumerate(zip(cuts, dtypes, strict=True)))):
        label = f"{name}-part-{key.rpartition('-')[2]}-{number}"
        parts: dict[TaskKey, Task] = {}
        for index in indices:
            part: TaskKey = (label, *index)
            after = [TaskRef((other.name, *index)) for other in outputs[:1]]
            parts[part] = Task(part, _part, number, TaskRef((key, *index)), *after)
        sources = [whole, *outputs[:1]]
        outputs.insert(0, new_array(label, parts, sources, (*array.chunks[:-2], *cut), dtype))
    return outputs


def _part(number: int, blocks: tuple[NDArray[Any], ...], *after: object) -> NDArray[Any]:
    return blocks[number]
