"""One output block from a window of the input that may cross its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from dask._task_spec import Task, TaskRef

from xcube_tiles.cube.blocks.graph import Chunks, TaskKey, is_lazy, new_array, token
from xcube_tiles.cube.blocks.mapping import unified
from xcube_tiles.cube.blocks.threads import run_all

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns."""

Windows: TypeAlias = Callable[[int, int], Window]
Paste: TypeAlias = tuple[Window, Window]
"""Where a piece goes in the window, and which part of its source block it is: (y, x) each."""


def map_windows(
    func: Callable[..., NDArray[Any]],
    *arrays: Any,
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    windows: Windows,
    name: str,
    dtype: DTypeLike,
    wrap: bool = False,
    **params: Any,
) -> Any:
    """Compute each output block from a window of the input, in one task.

    Parameters
    ----------
    func
        ``func(*pieces, block=(i, j), **params) -> block``. A piece is ``array[..., window]``; the
        leading dimensions of the result equal the input's.
    *arrays
        Arrays of equal shape, from the last dimension (y, x) backwards; missing leading dimensions
        broadcast.
    chunks
        Heights and widths of the output's blocks.
    windows
        ``windows(i, j) -> (rows, cols)``: the slices of the input that block (i, j) needs. They are
        clipped to the array; an empty window gives an empty piece.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    wrap
        The last row and column are next to the first ones: windows aren't clipped but go round.
    **params
        Passed on to `func`.

    Notes
    -----
    The source blocks that a window touches are gathered inside the task: no task for the slices,
    none for the concatenation. Windows of numpy arrays are computed at once, in threads.
    """
    needed = {
        (i, j): window if wrap else clipped(window, arrays[0].shape)
        for i, j in product(range(len(chunks[0])), range(len(chunks[1])))
        for window in [windows(i, j)]
    }
    if not any(is_lazy(array) for array in arrays):
        return _windows_now(func, arrays, chunks, needed, np.dtype(dtype), params)
    arrays = unified(arrays)
    spans = [((y.start, y.stop), (x.start, x.stop)) for y, x in needed.values()]
    key = token(name, func, *arrays, chunks=chunks, windows=spans, **params)
    lead = max((array.chunks[:-2] for array in arrays), key=len)
    layer: dict[TaskKey, Task] = {}
    for (i, j), window in needed.items():
        call = partial(func, block=(i, j), **params)
        layer |= _tasks(key, (i, j), call, arrays, lead, window)
    return new_array(key, layer, arrays, (*lead, *chunks), dtype)


def _tasks(
    key: str,
    at: tuple[int, int],
    call: Callable[..., NDArray[Any]],
    arrays: Sequence[Any],
    lead: Chunks,
    window: Window,
) -> dict[TaskKey, Task]:
    """Return the tasks of one output block, one for each leading index."""
    pieces, pastes = pieces_of(arrays[0].chunks[-2:], *window)
    shape = tuple(part.stop - part.start for part in window)
    tasks: dict[TaskKey, Task] = {}
    for index in product(*(range(len(sizes)) for sizes in lead)):
        block: TaskKey = (key, *index, *at)
        if not pieces:
            sizes = tuple(sizes[at] for sizes, at in zip(lead, index, strict=True))
            empties = tuple(
                ((*sizes[len(sizes) - array.ndim + 2 :], *shape), array.dtype) for array in arrays
            )
            tasks[block] = Task(block, _run_empty, call, empties)
            continue
        refs = [
            TaskRef((array.name, *index[len(index) - array.ndim + 2 :], *piece))
            for array in arrays
            for piece in pieces
        ]
        tasks[block] = Task(block, _run_window, call, len(arrays), shape, pastes, *refs)
    return tasks


def clipped(window: Window, shape: tuple[int, ...]) -> Window:
    """Return the part of a window that lies in an array of a shape (..., y, x)."""
    rows, cols = window
    return _clip(rows, shape[-2]), _clip(cols, shape[-1])


def _clip(part: slice, size: int) -> slice:
    start = min(max(part.start, 0), size)
    return slice(start, min(max(part.stop, start), size))


def _windows_now(
    func: Callable[..., NDArray[Any]],
    arrays: Sequence[NDArray[Any]],
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    windows: Mapping[tuple[int, int], Window],
    dtype: np.dtype[Any],
    params: Mapping[str, Any],
) -> NDArray[Any]:
    lead = max((array.shape[:-2] for array in arrays), key=len)
    result = np.empty((*lead, sum(chunks[0]), sum(chunks[1])), dtype)
    tops, lefts = ([0, *accumulate(sizes)] for sizes in chunks)

    def run(block: tuple[int, int]) -> None:
        i, j = block
        target = (..., slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))
        pieces = (_cut(array, windows[block]) for array in arrays)
        result[target] = func(*pieces, block=block, **params)

    run_all(run, list(windows))
    return result


def _cut(array: NDArray[Any], window: Window) -> NDArray[Any]:
    """Return a window of an array; beyond the edge of one that wraps goes on at the other end."""
    shape = (window[0].stop - window[0].start, window[1].stop - window[1].start)
    height, width = array.shape[-2:]
    pieces, pastes = pieces_of(((height,), (width,)), *window)
    if not pieces:
        return np.empty((*array.shape[:-2], *shape), array.dtype)
    return gather([array] * len(pieces), shape, pastes)


def pieces_of(
    chunks: Chunks, rows: slice, cols: slice
) -> tuple[list[tuple[int, int]], tuple[Paste, ...]]:
    """Return which blocks a window touches, and how each is pasted into it."""
    along_y = list(_overlaps(chunks[0], rows))
    along_x = list(_overlaps(chunks[1], cols))
    pairs = list(product(along_y, along_x))
    blocks = [(y[0], x[0]) for y, x in pairs]
    return blocks, tuple(((y[1], x[1]), (y[2], x[2])) for y, x in pairs)


def _overlaps(sizes: tuple[int, ...], part: slice) -> Iterator[tuple[int, slice, slice]]:
    total = sum(sizes)
    # One turn where the window lies in the array, more where it goes round.
    first, last = (part.start // total, -(-part.stop // total)) if total else (0, 0)
    for turn in range(first, last):
        start = turn * total
        for at, size in enumerate(sizes):
            low, high = max(start, part.start), min(start + size, part.stop)
            if low < high:
                target = slice(low - part.start, high - part.start)
                yield at, target, slice(low - start, high - start)
            start += size


def _run_empty(
    call: Callable[..., NDArray[Any]], empties: tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]
) -> NDArray[Any]:
    return call(*(np.empty(shape, dtype) for shape, dtype in empties))


def _run_window(
    call: Callable[..., NDArray[Any]],
    count: int,
    shape: tuple[int, int],
    pastes: tuple[Paste, ...],
    *blocks: NDArray[Any],
) -> NDArray[Any]:
    each = len(pastes)
    groups = [blocks[at * each : (at + 1) * each] for at in range(count)]
    return call(*(gather(group, shape, pastes) for group in groups))


def gather(
    blocks: Sequence[NDArray[Any]], shape: tuple[int, int], pastes: tuple[Paste, ...]
) -> NDArray[Any]:
    """Put the pieces of a window together, as `pieces_of` found them."""
    if len(blocks) == 1:
        return blocks[0][(..., *pastes[0][1])]
    window = np.empty((*blocks[0].shape[:-2], *shape), blocks[0].dtype)
    for block, (target, source) in zip(blocks, pastes, strict=True):
        window[(..., *target)] = block[(..., *source)]
    return window
