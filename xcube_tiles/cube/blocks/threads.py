"""Work on arrays in memory, spread over the cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from xcube_tiles.kernels.reduce.columns import available_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_CELLS = 1 << 15
"""Fewer cells than this a thread are done sooner than the thread is started."""

_MOST_CELLS = 1 << 22
"""Most cells a band, which bounds the memory of temporaries."""


def run_all(func: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function for each item, in threads; the results are in the order of the items.

    Kernels release the GIL, so threads are enough; dask tasks never come here, as dask has threads
    of its own.
    """
    threads = min(available_threads(), len(items))
    if threads <= 1:
        return [func(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(func, items))


def bands(shape: tuple[int, ...], *, least_rows: int = 1) -> tuple[int, ...]:
    """Return heights of bands of rows that use the cores well.

    Parameters
    ----------
    shape
        Shape of the array; the last two dimensions are (y, x).
    least_rows
        Rows below which a band isn't worth its rims.
    """
    height, cells = shape[-2], 1
    for size in shape:
        cells *= size
    threads = available_threads()
    wanted = max(2 * threads if threads > 1 else 1, -(-cells // _MOST_CELLS))
    count = max(1, min(wanted, cells // _LEAST_CELLS, height // max(least_rows, 1)))
    each, rest = divmod(height, count)
    return tuple(each + (at < rest) for at in range(count))
