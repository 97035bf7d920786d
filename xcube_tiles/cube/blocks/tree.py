"""Reductions over a chunked dimension by small states that merge."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.fold import combined, finished
from xcube_tiles.cube.blocks.graph import TaskKey, identity, is_lazy, new_array, token

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray


def tree_reduce(
    array: Any,
    *,
    axis: int,
    partial_: Callable[..., Any],
    combine: Callable[[list[Any]], Any],
    finalize: Callable[..., NDArray[Any]],
    name: str,
    dtype: DTypeLike,
    split_every: int = 4,
    **params: Any,
) -> Any:
    """Reduce one dimension by mergeable states, block by block.

    Parameters
    ----------
    array
        Numpy or dask array.
    axis
        Dimension to remove.
    partial_
        ``partial_(block, axis=axis, **params) -> state``.
    combine
        ``combine(states) -> state``; associative, states in order along the axis.
    finalize
        ``finalize(state, **params) -> block`` without the axis.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    split_every
        Most states that one task combines.
    **params
        Passed on to `partial_` and `finalize`.
    """
    axis %= array.ndim
    if not is_lazy(array):
        return finalize(partial_(array, axis=axis, **params), **params)
    key = token(
        name, partial_, array, axis=axis, steps=(identity(combine), identity(finalize)),
        split_every=split_every, **params,
    )  # fmt: skip
    rest = (*array.chunks[:axis], *array.chunks[axis + 1 :])
    start = partial(partial_, axis=axis, **params)
    layer: dict[TaskKey, Task] = {}
    for index in product(*(range(len(sizes)) for sizes in rest)):
        states: list[TaskKey] = []
        for at in range(len(array.chunks[axis])):
            block = (*index[:axis], at, *index[axis:])
            states.append((f"partial-{key}", *block))
            layer[states[-1]] = Task(states[-1], start, TaskRef((array.name, *block)))
        states = combined(states, combine, f"combine-{key}", split_every, layer)
        out: TaskKey = (key, *index)
        refs = (TaskRef(state) for state in states)
        layer[out] = Task(out, finished, partial(finalize, **params), combine, *refs)
    return new_array(key, layer, [array], rest, dtype)
