"""Blocks to where they are kept: one task writes one block."""

from __future__ import annotations

from itertools import accumulate, product
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from dask._task_spec import DataNode, Task, TaskRef
from dask.array.optimization import optimize
from dask.base import tokenize
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from xcube_tiles.cube.blocks.pacing import pace
from xcube_tiles.grid.curves import order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.cube.blocks.graph import TaskKey
    from xcube_tiles.grid.curves import Order


class Target(Protocol):
    """Something that keeps blocks, such as a Zarr array."""

    def __setitem__(self, region: tuple[slice, ...], block: NDArray[Any]) -> None:
        """Keep a block."""


@runtime_checkable
class ReportingTarget(Target, Protocol):
    """A target that has to tell, to where the blocks come from, what it has kept."""

    def store_block(self, region: tuple[slice, ...], block: NDArray[Any]) -> object:
        """Keep a block; return what is to be told."""


def store_blocks(
    arrays: Sequence[Any],
    targets: Sequence[Target],
    labels: Sequence[str],
    *,
    starts: Sequence[tuple[int, ...]] | None = None,
    wanted: Callable[[int, tuple[int, ...]], bool] | None = None,
    finished: Collection[str] = (),
    mark: Callable[[str], None] | None = None,
    by: Order = "hilbert",
    levels: int = 1,
    ahead: int | None = None,
) -> Any:
    """Return a lazy call that writes the blocks of arrays, each as soon as it is there.

    Parameters
    ----------
    arrays
        Dask arrays.
    targets
        What keeps the blocks of each, ``targets[n][region] = block``. Two blocks are never in one
        chunk of a target: the caller sees to it.
    labels
        Name of each array in the labels of its blocks.
    starts
        Position of each array's first cell in its target; by default 0 along each dimension.
    wanted
        Whether a block of array `n` with some index is to be written; by default all are.
    finished
        Labels of blocks, ``label/i.j.k`` by their place in the target, counted in blocks from where
        the array starts, that are there already: neither they nor what only they need is computed.
    mark
        Called with the label of each block after it is written, by the task that wrote it.
    by
        Curve along which blocks are written, as far as the scheduler has a choice: it takes tasks
        that are otherwise equal in the order of their keys. Neighbours on a curve have their coarse
        blocks in common, which so are there soon.
    levels
        Number of levels that the arrays are, all arrays of the finest first: its blocks are written
        in the order of the curve, all variables at a place together, and a block of a coarser level
        as soon as it is there.
    ahead
        Number of blocks that may be on their way at a time: what a block is made of isn't read
        before all is done that can be done with the blocks so many places earlier. It bounds
        memory, where the scheduler may read everything that one coarse block needs. By default all.

    Returns
    -------
    Delayed
        Computes to the list of what the targets tell (see `ReportingTarget`).
    """
    key = f"store-{tokenize([array.name for array in arrays], labels, starts)}"
    layer: dict[Any, Any] = {}
    turns: dict[TaskKey, tuple[int, int]] = {}
    each = len(arrays) // levels
    most = each * max((array.npartitions for array in arrays), default=0)
    for n, (array, target, label) in enumerate(zip(arrays, targets, labels, strict=True)):
        place = f"target-{key}-{n}"
        layer[place] = DataNode(place, target)
        start = starts[n] if starts is not None else (0,) * array.ndim
        level, variable = divmod(n, each)
        ranks = _ranks(array.numblocks, by)
        for index, region in _regions(array.chunks, start):
            name = f"{label}/{'.'.join(str(at) for at in index)}"
            if name in finished or (wanted is not None and not wanted(n, index)):
                continue
            turn = int(ranks[index]) * each + variable
            # dask.order sorts equal tasks by the text of their keys, and then begins with the last.
            task: TaskKey = (key, f"{(levels - level) * most - turn:012d}", n, *index)
            source = TaskRef((array.name, *index))
            layer[task] = Task(task, _store, source, TaskRef(place), region, name, mark)
            turns[task] = level, turn
    layer[key] = Task(key, _reports, *(TaskRef(task) for task in turns))
    graph = HighLevelGraph.from_collections(key, layer, dependencies=list(arrays))
    tasks = dict(optimize(graph, [key]))
    if ahead is not None:
        stores = sorted(turns, key=lambda store: turns[store])
        pace(tasks, [store for store in stores if store in tasks], ahead)
    return Delayed(key, tasks)


def _ranks(shape: tuple[int, ...], by: Order) -> NDArray[np.int64]:
    """Return the place of each block in the order of leading dimensions, then of a curve."""
    rows, cols = shape[-2:]
    plane = np.empty((rows, cols), np.int64)
    plane[tuple(order(rows, cols, by=by).T)] = np.arange(plane.size)
    leads = int(np.prod(shape[:-2], dtype=np.int64))
    ranks: NDArray[np.int64] = np.arange(leads)[:, None] * plane.size + plane.ravel()
    return ranks.reshape(shape)


def _regions(
    chunks: Sequence[tuple[int, ...]], start: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    ends = [tuple(accumulate(sizes, initial=at)) for sizes, at in zip(chunks, start, strict=True)]
    for index in product(*(range(len(sizes)) for sizes in chunks)):
        yield index, tuple(slice(end[at], end[at + 1]) for end, at in zip(ends, index, strict=True))


def _store(
    block: NDArray[Any],
    target: Target,
    region: tuple[slice, ...],
    label: str,
    mark: Callable[[str], None] | None,
) -> object:
    """Keep a block; return what its target tells."""
    report: object = None
    if isinstance(target, ReportingTarget):
        report = target.store_block(region, np.asarray(block))
    else:
        target[region] = np.asarray(block)
    if mark is not None:
        mark(label)
    return report


def _reports(*reports: object) -> list[object]:
    """Wait for blocks; return what their targets tell."""
    return [report for report in reports if report is not None]
