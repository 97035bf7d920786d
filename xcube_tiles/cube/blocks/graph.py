"""What every graph builder shares: names, tokens, and arrays made from a layer of tasks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from xcube_tiles._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dask._task_spec import Task
    from numpy.typing import DTypeLike

Chunks: TypeAlias = tuple[tuple[int, ...], ...]
"""Block sizes along each dimension."""

TaskKey: TypeAlias = tuple[str | int, ...]
"""Name of a task: the array's name and the block's index."""


def is_lazy(array: object) -> bool:
    """Whether an array is a dask array."""
    return isinstance(array, da.Array)


def identity(func: Callable[..., Any]) -> object:
    """Return what stands for a function in a token.

    Module-level functions, numba kernels among them, are named by their place: a pickled numba
    dispatcher carries a random id, which would give each process other keys.
    """
    if isinstance(func, partial):
        return ("partial", identity(func.func), func.args, func.keywords)
    name = getattr(func, "__qualname__", "<")
    if "<" in name or getattr(func, "__closure__", None) or hasattr(func, "__self__"):
        return func
    return (func.__module__, name, __version__)


def token(name: str, func: Callable[..., Any], *inputs: object, **params: object) -> str:
    """Return the name of a graph layer: a prefix and a hash of all inputs."""
    keys = [array.name if isinstance(array, da.Array) else array for array in inputs]
    return f"{name}-{tokenize(identity(func), keys, params)}"


def new_array(
    name: str,
    layer: dict[TaskKey, Task],
    sources: Sequence[Any],
    chunks: Chunks,
    dtype: DTypeLike,
) -> Any:
    """Return the dask array whose blocks a layer of tasks computes."""
    lazy = [source for source in sources if is_lazy(source)]
    graph = HighLevelGraph.from_collections(name, dict[Any, Any](layer), dependencies=lazy)
    meta = np.empty((0,) * len(chunks), dtype=dtype)
    return da.Array(graph, name, chunks, dtype=np.dtype(dtype), meta=meta)
