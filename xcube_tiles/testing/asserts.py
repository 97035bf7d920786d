"""Assertions about lazy cubes: nothing computed, no more tasks than promised."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask.config
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import xarray as xr
from dask.base import optimize


@contextmanager
def assert_lazy() -> Iterator[None]:
    """Fail if anything computes a dask graph inside the block.

    Raises
    ------
    AssertionError
        A computation started; the text names the first keys that were asked for.

    Examples
    --------
    >>> import dask.array as da
    >>> with assert_lazy():
    ...     doubled = da.ones(4) * 2
    """

    def refuse(graph: object, keys: object, **options: object) -> None:
        raise AssertionError(f"computed in a lazy block; asked for {str(keys)[:200]}")

    with dask.config.set(scheduler=refuse):
        yield


def count_tasks(obj: xr.DataArray | xr.Dataset, *, optimized: bool = False) -> int:
    """Return the number of tasks in an object's graph.

    Parameters
    ----------
    obj
        A lazy object.
    optimized
        Count after dask's own optimization, as it would run.
    """
    (graph,) = optimize(obj) if optimized else (obj,)
    return len(dict(graph.__dask_graph__()))


def assert_same_cells(one: xr.DataArray, two: xr.DataArray, *, rtol: float = 0.0) -> None:
    """Fail unless two arrays have equal dtype, dimensions and cells; NaN equals NaN.

    Parameters
    ----------
    one, two
        Arrays, lazy or not.
    rtol
        Relative tolerance; 0 compares bits.
    """
    assert one.dims == two.dims, f"dimensions differ: {one.dims} and {two.dims}"
    assert one.dtype == two.dtype, f"dtypes differ: {one.dtype} and {two.dtype}"
    if rtol:
        np.testing.assert_allclose(one.values, two.values, rtol=rtol)
    else:
        np.testing.assert_array_equal(one.values, two.values)


class CountingReader:
    """A reader over an array that counts what is asked of it.

    Parameters
    ----------
    array
        What is read.
    """

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array
        self.reads: list[tuple[slice, ...]] = []

    def __call__(self, index: tuple[slice, ...]) -> np.ndarray[Any, Any]:
        """Return the window and count it."""
        self.reads.append(index)
        return self.array[index]


def assert_raises_at_call(call: Callable[[], object], error: type[Exception]) -> str:
    """Fail unless a call raises at once, without computing; return the error's text."""
    try:
        with assert_lazy():
            call()
    except error as raised:
        return str(raised)
    raise AssertionError(f"expected {error.__name__}, but nothing was raised")
