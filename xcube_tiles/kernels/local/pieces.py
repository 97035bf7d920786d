"""Array expressions piece by piece, so that what lies between input and result stays in cache."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import prod
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

PIECE = 1 << 15
"""Most cells of a piece. Several temporaries of 64 bits a cell fit the L2 cache of a core, and the
microsecond that numpy needs to start an operation doesn't count."""

_LEAST = 1 << 16
"""Fewer cells than this are done sooner than a thread is started."""

_Index: TypeAlias = tuple[slice | EllipsisType, ...]


def in_pieces(
    func: Callable[..., None], *arrays: NDArray[Any], dtype: DTypeLike, threads: int = 1
) -> NDArray[Any]:
    """Compute an elementwise function piece by piece.

    Parameters
    ----------
    func
        ``func(*pieces, out)``: writes the result of pieces of equal shape into `out`.
    *arrays
        Arrays whose shapes broadcast.
    dtype
        Dtype of the result.
    threads
        Most threads to use; 1 inside dask tasks, where dask has threads of its own.

    Returns
    -------
    ndarray
        A new array of the common shape.

    Notes
    -----
    One numpy operation after the other over whole arrays goes through memory each time. Over pieces
    that fit the cache, only the first reads memory and only the last writes it: an expression of
    six operations runs as fast as one. Numpy's own loops use the vector units for every pair of
    dtypes, where compiled ones would need a compilation for each.

    Examples
    --------
    >>> def total(a, b, out):
    ...     np.add(a, b, out=out, dtype=out.dtype)
    >>> in_pieces(total, np.array([1, 2], "uint8"), np.array([[255], [0]], "uint8"), dtype="int16")
    array([[256, 257],
           [  1,   2]], dtype=int16)
    """
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    out = np.empty(shape, dtype)
    spread = [np.broadcast_to(array, shape) for array in arrays]

    def run(jobs: list[_Index]) -> None:
        for index in jobs:
            func(*(array[index] for array in spread), out[index])

    jobs = list(_cut(shape))
    if threads == 1 or prod(shape) < _LEAST:
        run(jobs)
        return out
    # a few shares for each thread: what a pool does for each piece would count
    share = max(1, len(jobs) // (4 * threads))
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, [jobs[at : at + share] for at in range(0, len(jobs), share)]):
            pass
    return out


def _cut(shape: tuple[int, ...]) -> Iterator[_Index]:
    """Yield slices along the first axes that cut a shape into pieces of neighbouring cells."""
    if not shape:
        yield (...,)  # of a 0-d array a view, where () would give its number
        return
    inner = prod(shape[1:])
    if inner > PIECE:
        for at in range(shape[0]):
            for rest in _cut(shape[1:]):
                yield (slice(at, at + 1), *rest)
        return
    step = max(1, PIECE // max(inner, 1))
    for at in range(0, shape[0], step):
        yield (slice(at, at + step),)


def without_infinity(out: NDArray[Any]) -> None:
    """Make infinite floats NaN, in place."""
    infinite = np.isinf(out)
    if infinite.any():
        # typed: numpy would convert a float of Python's cell by cell
        np.copyto(out, out.dtype.type(np.nan), where=infinite)
