"""Graphs that read as fast as they write: their sources wait for what was read some time before.

A scheduler orders tasks by what they lead to. Where one small block is made of the whole raster, as
the coarsest level of a pyramid is, it may read all of it for that one and write the rest later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask._task_spec import DataNode, Task, TaskRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping, Sequence


def pace(tasks: MutableMapping[Any, Any], ends: Sequence[Any], ahead: int) -> None:
    """Let tasks that read wait until all is done with what was read `ahead` turns before.

    Parameters
    ----------
    tasks
        A graph; it is changed.
    ends
        Tasks in the order in which they should be done. What the first of them needs is read in
        the first turn; what the next needs beyond that, in the second ...
    ahead
        Number of turns that may be on their way at a time.

    Notes
    -----
    The turn of a task that reads is that of the first end that needs it; the turn of any other is
    the last among those of the tasks that it needs. What a turn waits for is of an earlier one, so
    that there is no circle.
    """
    turns = _turns(tasks, ends)
    last: dict[int, list[TaskRef]] = {}
    inner = {
        needed
        for name, turn in turns.items()
        for needed in tasks[name].dependencies
        if turns.get(needed) == turn
    }
    for name, turn in turns.items():
        if name not in inner:
            last.setdefault(turn, []).append(TaskRef(name))
    gates: list[TaskRef] = []
    for turn in range(max(turns.values(), default=0) + 1 - ahead):
        gate = (f"turn-{ends[0][0]}", turn)
        # Each waits for the one before: else every n-th turn could run away from the others.
        tasks[gate] = Task(gate, _done, *last.get(turn, ()), *gates[-1:])
        gates.append(TaskRef(gate))
    for name, turn in turns.items():
        if turn >= ahead and not any(_inputs(tasks, name)):
            tasks[name] = Task(name, _after, tasks[name], gates[turn - ahead])


def _turns(tasks: Mapping[Any, Any], ends: Sequence[Any]) -> dict[Any, int]:
    """Return the turn of each task that the ends need, each after those that it needs itself."""
    turns: dict[Any, int] = {}
    now = 0
    for end in ends:
        begun = now
        path = [(end, _inputs(tasks, end))]
        while path:
            name, inputs = path[-1]
            step = next((needed for needed in inputs if needed not in turns), None)
            if step is not None:
                path.append((step, _inputs(tasks, step)))
                continue
            path.pop()
            turns[name] = max((turns[needed] for needed in _inputs(tasks, name)), default=begun)
            now = max(now, turns[name] + 1)
    return turns


def _inputs(tasks: Mapping[Any, Any], name: Any) -> Iterator[Any]:
    """Yield what a task needs that isn't there from the start."""
    return (n for n in tasks[name].dependencies if not isinstance(tasks[n], DataNode))


def _done(*_: object) -> None:
    """Stand for the end of a turn."""


def _after(block: Any, _: None) -> Any:
    """Return what a task made after a turn had ended."""
    return block
