"""All blocks of an array folded into one small array."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any

import numpy as np
from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.graph import TaskKey, identity, is_lazy, new_array, token
from xcube_tiles.cube.blocks.mapping import as_lazy, unified
from xcube_tiles.cube.blocks.threads import bands, run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import DTypeLike, NDArray

    from xcube_tiles.cube.blocks.graph import Chunks


def fold_blocks(
    partial_: Callable[..., Any],
    *arrays: Any,
    combine: Callable[[list[Any]], Any],
    finalize: Callable[..., NDArray[Any]],
    name: str,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    over: int | None = None,
    tables: Sequence[Any] = (),
    split_every: int = 8,
    **params: Any,
) -> Any:
    """Fold all blocks into one small array by states that merge.

    Parameters
    ----------
    partial_
        ``partial_(*blocks, *tables, origin=(...), **params) -> state``: `origin` is the index of
        the block's first cell.
    *arrays
        Arrays of equal shape, from the last dimension (y, x) backwards; missing leading dimensions
        broadcast.
    combine
        ``combine(states) -> state``; associative, states in row-major order of their blocks.
    finalize
        ``finalize(state, **params) -> result``.
    name
        Prefix of the graph's keys.
    shape
        Shape of the result; with `over`, of what follows its leading dimensions.
    dtype
        Data type of the result.
    over
        Number of trailing dimensions that are folded; the leading ones stay, in their blocks. By
        default all.
    tables
        Small arrays, lazy or not, that every call of `partial_` gets whole.
    split_every
        Most states that one task combines.
    **params
        Passed on to `partial_` and `finalize`.

    Returns
    -------
    An array of one block, or of the leading blocks; of numpy input a numpy array, whose parts are
    folded in threads.
    """
    if not any(is_lazy(array) for array in (*arrays, *tables)):
        return _fold_now(partial_, arrays, tables, combine, partial(finalize, **params), params)
    arrays, tables = unified(arrays), [as_lazy(table).rechunk(-1) for table in tables]
    whole = [TaskRef((table.name, *(0,) * table.ndim)) for table in tables]
    key = token(
        name, partial_, *arrays, *tables, steps=(identity(combine), identity(finalize)), over=over,
        shape=shape, split_every=split_every, **params,
    )  # fmt: skip
    chunks = max((array.chunks for array in arrays), key=len)
    kept = 0 if over is None else len(chunks) - over
    layer: dict[TaskKey, Task] = {}
    for lead in product(*(range(len(sizes)) for sizes in chunks[:kept])):
        states = []
        for index, origin in _blocks(chunks, lead):
            state: TaskKey = (f"partial-{key}", *index)
            call = partial(partial_, origin=origin, **params)
            refs = [TaskRef((a.name, *index[len(index) - a.ndim :])) for a in arrays]
            layer[state] = Task(state, call, *refs, *whole)
            states.append(state)
        states = combined(states, combine, f"combine-{key}", split_every, layer)
        out: TaskKey = (key, *lead, *(0,) * len(shape))
        refs = [TaskRef(state) for state in states]
        layer[out] = Task(out, finished, partial(finalize, **params), combine, *refs)
    return new_array(
        key, layer, [*arrays, *tables], (*chunks[:kept], *((n,) for n in shape)), dtype
    )


def _blocks(
    chunks: Chunks, lead: tuple[int, ...]
) -> Iterable[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the index of each block below a leading index, and that of its first cell."""
    starts = [tuple(accumulate(sizes, initial=0)) for sizes in chunks]
    for rest in product(*(range(len(sizes)) for sizes in chunks[len(lead) :])):
        index = (*lead, *rest)
        yield index, tuple(start[at] for start, at in zip(starts, index, strict=True))


def combined(
    states: list[TaskKey],
    combine: Callable[[list[Any]], Any],
    prefix: str,
    split_every: int,
    layer: dict[TaskKey, Task],
) -> list[TaskKey]:
    """Add tasks that combine states group by group, in order; return those that are left."""
    while len(states) > split_every:
        groups = [states[at : at + split_every] for at in range(0, len(states), split_every)]
        states = []
        for group in groups:
            name: TaskKey = (prefix, len(layer))
            layer[name] = Task(name, _merged, combine, *(TaskRef(state) for state in group))
            states.append(name)
    return states


def _merged(combine: Callable[[list[Any]], Any], *states: Any) -> Any:
    return combine(list(states))


def finished(
    finalize: Callable[[Any], NDArray[Any]], combine: Callable[[list[Any]], Any], *states: Any
) -> NDArray[Any]:
    """Combine the last states and finalize them."""
    return finalize(states[0] if len(states) == 1 else combine(list(states)))


def _fold_now(
    partial_: Callable[..., Any],
    arrays: Sequence[NDArray[Any]],
    tables: Sequence[NDArray[Any]],
    combine: Callable[[list[Any]], Any],
    finalize: Callable[[Any], NDArray[Any]],
    params: dict[str, Any],
) -> NDArray[Any]:
    shape = max((array.shape for array in arrays), key=len)
    heights = bands(shape) if len(shape) > 1 else (shape[0],)
    tops = tuple(accumulate(heights, initial=0))

    def fold(at: int) -> Any:
        if len(shape) == 1:
            return partial_(*arrays, *tables, origin=(0,), **params)
        parts = [array[..., tops[at] : tops[at + 1], :] for array in arrays]
        return partial_(*parts, *tables, origin=(*(0,) * (len(shape) - 2), tops[at], 0), **params)

    states = run_all(fold, range(len(heights)))
    return np.asarray(finished(finalize, combine, *states))
