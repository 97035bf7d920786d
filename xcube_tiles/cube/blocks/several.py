"""One output block from windows of several arrays, each of its own shape."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef
from dask.base import tokenize

from xcube_tiles.cube.blocks.graph import Chunks, TaskKey, is_lazy, new_array, token
from xcube_tiles.cube.blocks.threads import run_all
from xcube_tiles.cube.blocks.windows import Paste, Window, Windows, clipped, gather, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray


def map_several(
    func: Callable[..., NDArray[Any]],
    arrays: Sequence[Any],
    *,
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    windows: Sequence[Windows],
    name: str,
    dtype: DTypeLike,
    **params: Any,
) -> Any:
    """Compute each output block from windows of those arrays that it needs, in one task.

    Parameters
    ----------
    func
        ``func(*pieces, block=(i, j), which=(...), lead=(...), **params) -> block``: `which` are the
        positions, in order, of the arrays that the pieces are of; there may be none. `lead` are the
        leading sizes of the block.
    arrays
        Arrays of equal leading dimensions, last dimensions (y, x).
    chunks
        Heights and widths of the output's blocks.
    windows
        For each array ``windows(i, j) -> (rows, cols)``: the slices that block (i, j) needs. They
        are clipped to the array; an array whose window is empty isn't handed over.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    **params
        Passed on to `func`.
    """
    blocks = list(product(range(len(chunks[0])), range(len(chunks[1]))))
    needed = {block: _needed(arrays, windows, block) for block in blocks}
    if not any(is_lazy(array) for array in arrays):
        return _several_now(func, arrays, chunks, needed, np.dtype(dtype), params)
    arrays = _with_equal_leads(arrays)
    lead = arrays[0].chunks[:-2]
    spans = [
        [(at, y.start, y.stop, x.start, x.stop) for at, (y, x) in windows.items()]
        for windows in needed.values()
    ]
    key = token(name, func, *arrays, chunks=chunks, windows=spans, **params)
    layer: dict[TaskKey, Task] = {}
    for block, parts in needed.items():
        call = partial(func, block=block, which=tuple(parts), **params)
        layer |= _tasks(key, block, call, arrays, parts)
    return new_array(key, layer, arrays, (*lead, *chunks), dtype)


def _tasks(
    key: str,
    block: tuple[int, int],
    call: Callable[..., NDArray[Any]],
    arrays: Sequence[Any],
    parts: Mapping[int, Window],
) -> dict[TaskKey, Task]:
    """Return the tasks of one output block, one for each leading index."""
    lead = arrays[0].chunks[:-2]
    found = {at: pieces_of(arrays[at].chunks[-2:], *window) for at, window in parts.items()}
    plans = tuple(
        (found[at][1], (rows.stop - rows.start, cols.stop - cols.start))
        for at, (rows, cols) in parts.items()
    )
    tasks: dict[TaskKey, Task] = {}
    for index in product(*(range(len(sizes)) for sizes in lead)):
        refs = [
            TaskRef((arrays[at].name, *index, *piece))
            for at, (pieces, _) in found.items()
            for piece in pieces
        ]
        sizes = tuple(each[at] for each, at in zip(lead, index, strict=True))
        out: TaskKey = (key, *index, *block)
        tasks[out] = Task(out, _run, call, plans, sizes, *refs)
    return tasks


def _needed(
    arrays: Sequence[Any], windows: Sequence[Windows], block: tuple[int, int]
) -> dict[int, Window]:
    """Return the windows that aren't empty, by the position of their array."""
    found = {}
    for at, (array, each) in enumerate(zip(arrays, windows, strict=True)):
        rows, cols = clipped(each(*block), array.shape)
        if rows.start < rows.stop and cols.start < cols.stop:
            found[at] = (rows, cols)
    return found


def _with_equal_leads(arrays: Sequence[Any]) -> list[Any]:
    """Make all arrays lazy, and their leading blocks equal to those of the first lazy one."""
    lead: Chunks = next(array.chunks[:-2] for array in arrays if is_lazy(array))
    equal = []
    for array in arrays:
        if is_lazy(array):
            equal.append(array.rechunk((*lead, *array.chunks[-2:])))
        else:
            full = (*lead, *((size,) for size in array.shape[-2:]))
            equal.append(da.from_array(array, chunks=full, name=f"array-{tokenize(array)}"))
    return equal


def _several_now(
    func: Callable[..., NDArray[Any]],
    arrays: Sequence[NDArray[Any]],
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    needed: Mapping[tuple[int, int], Mapping[int, Window]],
    dtype: np.dtype[Any],
    params: Mapping[str, Any],
) -> NDArray[Any]:
    lead = arrays[0].shape[:-2]
    result = np.empty((*lead, sum(chunks[0]), sum(chunks[1])), dtype)
    tops, lefts = ([0, *accumulate(sizes)] for sizes in chunks)

    def run(block: tuple[int, int]) -> None:
        i, j = block
        target = (..., slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))
        pieces = (arrays[at][(..., *window)] for at, window in needed[block].items())
        result[target] = func(*pieces, block=block, which=tuple(needed[block]), lead=lead, **params)

    run_all(run, list(needed))
    return result


def _run(
    call: Callable[..., NDArray[Any]],
    plans: tuple[tuple[tuple[Paste, ...], tuple[int, int]], ...],
    lead: tuple[int, ...],
    *blocks: NDArray[Any],
) -> NDArray[Any]:
    pieces, start = [], 0
    for pastes, shape in plans:
        pieces.append(gather(blocks[start : start + len(pastes)], shape, pastes))
        start += len(pastes)
    return call(*pieces, lead=lead)
