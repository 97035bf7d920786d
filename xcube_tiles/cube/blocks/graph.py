"""What every graph builder shares: names, tokens, and arrays made from a layer of tasks."""

from __future__ import annotations

from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any, TypeAlias

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from xcube_tiles._version import __version__
from xcube_tiles.errors import DimensionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dask._task_spec import Task
    from numpy.typing import DTypeLike

Chunks: TypeAlias = tuple[tuple[int, ...], ...]
"""Block sizes along each dimension."""

_PACKAGE = __name__.partition(".")[0]

TaskKey: TypeAlias = tuple[str | int, ...]
"""Name of a task: the array's name and the block's index."""


def is_lazy(array: object) -> bool:
    """Whether an array is a dask array, which has to know the sizes of its blocks.

    Raises
    ------
    DimensionError
        Blocks of unknown size, as an index by a lazy condition leaves them.
    """
    if not isinstance(array, da.Array):
        return False
    if any(isnan(size) for sizes in array.chunks for size in sizes):
        raise DimensionError(
            f"the blocks of {array!r} have unknown sizes; compute the condition that selected "
            "cells first, or call array.compute_chunk_sizes()"
        )
    return True


def identity(func: Callable[..., Any]) -> object:
    """Return what stands for a function in a token.

    The package's own functions, numba kernels among them, are named by their place: a pickled numba
    dispatcher carries a random id, which would give each process other keys. A user's function is
    told by its code, as it may be defined anew under the same name.
    """
    if isinstance(func, partial):
        return ("partial", identity(func.func), _stand_in(func.args), _stand_in(func.keywords))
    name = getattr(func, "__qualname__", "<")
    module = getattr(func, "__module__", None) or ""
    own = module.partition(".")[0] == _PACKAGE
    if own and "<" not in name and not hasattr(func, "__self__"):
        return (module, name, __version__)
    return func


def _stand_in(value: Any) -> Any:
    """Replace functions among a partial's arguments, such as the one that a halo is for."""
    if isinstance(value, tuple):
        return tuple(_stand_in(item) for item in value)
    if isinstance(value, dict):
        return {key: _stand_in(item) for key, item in value.items()}
    return identity(value) if callable(value) and hasattr(value, "__qualname__") else value


def token(name: str, func: Callable[..., Any], *inputs: object, **params: object) -> str:
    """Return the name of a graph layer: a prefix and a hash of all inputs."""
    keys = [array.name if isinstance(array, da.Array) else array for array in inputs]
    return f"{name}-{tokenize(identity(func), keys, _stand_in(params))}"


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
