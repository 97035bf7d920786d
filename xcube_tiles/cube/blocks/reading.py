"""Blocks that are read from a file when they are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import dask.array as da
import numpy as np
from dask.array.core import normalize_chunks
from dask.base import tokenize
from numpy.typing import DTypeLike, NDArray

Reader: TypeAlias = Callable[[tuple[slice, ...]], NDArray[Any]]


class _Readable:
    """A reader dressed as an array; dask indexes it once per block."""

    __slots__ = ("dtype", "ndim", "read", "shape")

    def __init__(self, read: Reader, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.read, self.shape, self.dtype, self.ndim = read, shape, dtype, len(shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        # dask fuses later slicing into the read: integers, steps and ellipses may arrive here.
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in index:
            at = index.index(Ellipsis)
            fill = (slice(None),) * (self.ndim - len(index) + 1)
            index = (*index[:at], *fill, *index[at + 1 :])
        index = (*index, *(slice(None),) * (self.ndim - len(index)))
        pairs = [_span(item, size) for item, size in zip(index, self.shape, strict=True)]
        block = self.read(tuple(span for span, _ in pairs))
        return block[tuple(rest for _, rest in pairs)]


def _span(item: int | slice, size: int) -> tuple[slice, int | slice]:
    """Split an index into a contiguous read and what is left to apply to it."""
    if isinstance(item, slice):
        start, stop, step = item.indices(size)
        if step == 1:
            return slice(start, max(start, stop)), slice(None)
        picked = range(start, stop, step)
        if not picked:
            return slice(0, 0), slice(None)
        low, high = min(picked[0], picked[-1]), max(picked[0], picked[-1])
        return slice(low, high + 1), slice(None, None, step)
    item = int(item) % size
    return slice(item, item + 1), 0


def from_reader(
    read: Reader,
    *,
    shape: tuple[int, ...],
    chunks: Any,
    dtype: DTypeLike,
    name: str,
    token: object,
) -> Any:
    """Return a lazy array whose blocks are read when they are computed.

    Parameters
    ----------
    read
        ``read(index) -> block`` for a tuple of slices of step 1. It must pickle.
    shape
        Shape of the array.
    chunks
        Anything that dask accepts as chunks.
    dtype
        Data type that `read` returns.
    name
        Prefix of the graph's keys.
    token
        What tells this array from others: path, band, modification time. Never a random value.
    """
    dtype = np.dtype(dtype)
    full = normalize_chunks(chunks, shape=shape, dtype=dtype)
    return da.from_array(
        _Readable(read, shape, dtype),
        chunks=full,
        name=f"{name}-{tokenize(token, shape, full, dtype)}",
        meta=np.empty((0,) * len(shape), dtype=dtype),
        inline_array=True,
    )
