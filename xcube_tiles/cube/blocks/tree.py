"""Reductions over a chunked dimension by small states that merge."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.fold import finished, merged
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
    layer: dict[TaskKey, Task] = {}
    for index in product(*(range(len(sizes)) for sizes in rest)):
        steps = _Steps(key, index, partial(partial_, axis=axis, **params), combine, layer)
        sources = [
            (array.name, *index[:axis], at, *index[axis:]) for at in range(len(array.chunks[axis]))
        ]
        states = steps.combine_all([steps.start(source) for source in sources], split_every)
        out: TaskKey = (key, *index)
        layer[out] = Task(
            out,
            finished,
            partial(finalize, **params),
            combine,
            *(TaskRef(state) for state in states),
        )
    return new_array(key, layer, [array], rest, dtype)


class _Steps:
    """Writes the tasks of one output block's reduction tree into a layer."""

    __slots__ = ("combine", "index", "key", "layer", "partial")

    def __init__(
        self,
        key: str,
        index: tuple[int, ...],
        partial_: Callable[..., Any],
        combine: Callable[[list[Any]], Any],
        layer: dict[TaskKey, Task],
    ) -> None:
        self.key, self.index, self.partial = key, index, partial_
        self.combine, self.layer = combine, layer

    def _name(self, step: str, at: int) -> TaskKey:
        return (f"{step}-{self.key}", *self.index, at)

    def start(self, source: TaskKey) -> TaskKey:
        name = self._name("partial", len(self.layer))
        self.layer[name] = Task(name, self.partial, TaskRef(source))
        return name

    def combine_all(self, states: list[TaskKey], split_every: int) -> list[TaskKey]:
        while len(states) > split_every:
            groups = [states[at : at + split_every] for at in range(0, len(states), split_every)]
            states = [self._combined(group) for group in groups]
        return states

    def _combined(self, group: list[TaskKey]) -> TaskKey:
        name = self._name("combine", len(self.layer))
        self.layer[name] = Task(name, merged, self.combine, *(TaskRef(state) for state in group))
        return name
