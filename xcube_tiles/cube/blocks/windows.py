"""One output block from a window of the input that may cross its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any, TypeAlias

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef
from dask.base import tokenize

from xcube_tiles.cube.blocks.graph import Chunks, TaskKey, is_lazy, new_array, token

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

Windows: TypeAlias = Callable[[int, int], tuple[slice, slice]]
Paste: TypeAlias = tuple[tuple[slice, slice], tuple[slice, slice]]
"""Where a piece goes in the window, and which part of its source block it is: (y, x) each."""


def map_windows(
    func: Callable[..., NDArray[Any]],
    *arrays: Any,
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    windows: Windows,
    name: str,
    dtype: DTypeLike,
    **params: Any,
) -> Any:
    """Compute each output block from a window of the input, in one task.

    Parameters
    ----------
    func
        ``func(*pieces, block=(i, j), **params) -> block``. A piece is ``array[..., window]``; the
        leading dimensions of the result equal the input's.
    *arrays
        Arrays of equal shape and blocks, last dimensions (y, x).
    chunks
        Heights and widths of the output's blocks.
    windows
        ``windows(i, j) -> (rows, cols)``: the slices of the input that block (i, j) needs. They are
        clipped to the array; an empty window gives an empty piece.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    **params
        Passed on to `func`.

    Notes
    -----
    The source blocks that a window touches are gathered inside the task: no task for the slices,
    none for the concatenation.
    """
    blocks = product(range(len(chunks[0])), range(len(chunks[1])))
    rows, cols = arrays[0].shape[-2:]
    clipped = {
        (i, j): (_clip(y, rows), _clip(x, cols)) for i, j in blocks for y, x in [windows(i, j)]
    }
    if not any(is_lazy(array) for array in arrays):
        return _windows_now(func, arrays, chunks, clipped, np.dtype(dtype), params)
    arrays = _align(arrays)
    spans = [((y.start, y.stop), (x.start, x.stop)) for y, x in clipped.values()]
    key = token(name, func, *arrays, chunks=chunks, windows=spans, **params)
    lead = arrays[0].chunks[:-2]
    out_chunks = (*lead, *chunks)
    layer: dict[TaskKey, Task] = {}
    for (i, j), (y, x) in clipped.items():
        pieces, pastes = _pieces(arrays[0].chunks[-2:], y, x)
        call = partial(func, block=(i, j), **params)
        shape = (y.stop - y.start, x.stop - x.start)
        for index in product(*(range(len(sizes)) for sizes in lead)):
            block: TaskKey = (key, *index, i, j)
            if not pieces:
                sizes = tuple(sizes[at] for sizes, at in zip(lead, index, strict=True))
                dtypes = tuple(array.dtype for array in arrays)
                layer[block] = Task(block, _run_empty, call, (*sizes, *shape), dtypes)
                continue
            refs = [TaskRef((array.name, *index, *at)) for array in arrays for at in pieces]
            layer[block] = Task(block, _run_window, call, len(arrays), shape, pastes, *refs)
    return new_array(key, layer, arrays, out_chunks, dtype)


def _clip(part: slice, size: int) -> slice:
    start = min(max(part.start, 0), size)
    return slice(start, min(max(part.stop, start), size))


def _align(arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Give all arrays the blocks of the first lazy one."""
    first = next(array for array in arrays if is_lazy(array))
    return tuple(
        array.rechunk(first.chunks)
        if is_lazy(array)
        else da.from_array(array, chunks=first.chunks, name=f"array-{tokenize(array)}")
        for array in arrays
    )


def _windows_now(
    func: Callable[..., NDArray[Any]],
    arrays: Sequence[NDArray[Any]],
    chunks: tuple[tuple[int, ...], tuple[int, ...]],
    windows: Mapping[tuple[int, int], tuple[slice, slice]],
    dtype: np.dtype[Any],
    params: Mapping[str, Any],
) -> NDArray[Any]:
    result = np.empty((*arrays[0].shape[:-2], sum(chunks[0]), sum(chunks[1])), dtype)
    tops, lefts = ([0, *accumulate(sizes)] for sizes in chunks)
    for (i, j), (y, x) in windows.items():
        target = (..., slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))
        result[target] = func(*(array[..., y, x] for array in arrays), block=(i, j), **params)
    return result


def _pieces(
    chunks: Chunks, rows: slice, cols: slice
) -> tuple[list[tuple[int, int]], tuple[Paste, ...]]:
    """Return which blocks a window touches, and how each is pasted into it."""
    along_y = list(_overlaps(chunks[0], rows))
    along_x = list(_overlaps(chunks[1], cols))
    pairs = list(product(along_y, along_x))
    blocks = [(y[0], x[0]) for y, x in pairs]
    return blocks, tuple(((y[1], x[1]), (y[2], x[2])) for y, x in pairs)


def _overlaps(sizes: tuple[int, ...], part: slice) -> Iterator[tuple[int, slice, slice]]:
    start = 0
    for at, size in enumerate(sizes):
        low, high = max(start, part.start), min(start + size, part.stop)
        if low < high:
            yield at, slice(low - part.start, high - part.start), slice(low - start, high - start)
        start += size


def _run_empty(
    call: Callable[..., NDArray[Any]], shape: tuple[int, ...], dtypes: tuple[np.dtype[Any], ...]
) -> NDArray[Any]:
    return call(*(np.empty(shape, dtype) for dtype in dtypes))


def _run_window(
    call: Callable[..., NDArray[Any]],
    count: int,
    shape: tuple[int, int],
    pastes: tuple[Paste, ...],
    *blocks: NDArray[Any],
) -> NDArray[Any]:
    each = len(pastes)
    groups = [blocks[at * each : (at + 1) * each] for at in range(count)]
    return call(*(_gather(group, shape, pastes) for group in groups))


def _gather(
    blocks: Sequence[NDArray[Any]], shape: tuple[int, int], pastes: tuple[Paste, ...]
) -> NDArray[Any]:
    if len(blocks) == 1:
        return blocks[0][(..., *pastes[0][1])]
    window = np.empty((*blocks[0].shape[:-2], *shape), blocks[0].dtype)
    for block, (target, source) in zip(blocks, pastes, strict=True):
        window[(..., *target)] = block[(..., *source)]
    return window


def map_halo(
    func: Callable[..., NDArray[Any]],
    array: Any,
    *,
    depth: tuple[int, int],
    name: str,
    dtype: DTypeLike,
    **params: Any,
) -> Any:
    """Apply a focal function: each block sees the rims of its neighbours.

    Parameters
    ----------
    func
        ``func(window, margins=(top, bottom, left, right), **params) -> block``: the window is the
        block and its rims; `margins` tells how many cells of rim each side has, which is less than
        `depth` at the raster's edge. The result has no rims.
    array
        Array whose last dimensions are (y, x).
    depth
        Cells of rim needed along (y, x); it may exceed a block.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    **params
        Passed on to `func`.
    """
    if not is_lazy(array):
        return func(array, margins=(0, 0, 0, 0), **params)
    chunks = array.chunks[-2:]
    tops, lefts = ([0, *accumulate(sizes)] for sizes in chunks)

    def window(i: int, j: int) -> tuple[slice, slice]:
        rows = slice(tops[i] - depth[0], tops[i + 1] + depth[0])
        return rows, slice(lefts[j] - depth[1], lefts[j + 1] + depth[1])

    call = partial(_with_margins, func, tuple(tops), tuple(lefts), depth)
    return map_windows(
        call, array, chunks=chunks, windows=window, name=name, dtype=dtype, params=params
    )


def _with_margins(
    func: Callable[..., NDArray[Any]],
    tops: tuple[int, ...],
    lefts: tuple[int, ...],
    depth: tuple[int, int],
    window: NDArray[Any],
    *,
    block: tuple[int, int],
    params: Mapping[str, Any],
) -> NDArray[Any]:
    (i, j), (height, width) = block, (tops[-1], lefts[-1])
    top, bottom = min(depth[0], tops[i]), min(depth[0], height - tops[i + 1])
    left, right = min(depth[1], lefts[j]), min(depth[1], width - lefts[j + 1])
    return func(window, margins=(top, bottom, left, right), **params)
