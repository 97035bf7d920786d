"""Columns: an array seen as (outer, depth, inner), so that one kernel reduces any of its axes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import ReducerError
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

WIDTH = 256
"""Columns that a kernel treats side by side: a row of scratch fills 16 to 128 vector registers, and
the scratch of 24 float32 layers (24 KB) stays in the L1 cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Cells arranged for a reduction of one axis."""

    cells: NDArray[Any]
    """Cells as (outer, depth, inner), C-contiguous and read-only; depth is the reduced axis."""

    nodata: Any
    """The number that means NoData, as a scalar of the cells' dtype."""

    masked: bool
    """Whether `nodata` counts; NaN means NoData in floats in any case."""

    shape: tuple[int, ...]
    """Shape of the array without the reduced axis."""

    axis: int
    """Position of the reduced axis, not negative."""

    @property
    def depth(self) -> int:
        """Number of cells that one column has."""
        return int(self.cells.shape[1])

    def empty(self, dtype: Any, *lead: int) -> NDArray[Any]:
        """Return an uninitialised result as (outer, *lead, inner)."""
        outer, _, inner = self.cells.shape
        return np.empty((outer, *lead, inner), dtype)

    def restore(self, result: NDArray[Any]) -> NDArray[Any]:
        """Return a result (outer, inner) in the shape of the array without the axis."""
        return result.reshape(self.shape)

    def restore_with(self, result: NDArray[Any]) -> NDArray[Any]:
        """Return a result (outer, n, inner) with `n` in place of the reduced axis."""
        shape = (*self.shape[: self.axis], result.shape[1], *self.shape[self.axis :])
        if result.size == prod(shape) and self.cells.shape[0] == prod(self.shape[: self.axis]):
            return result.reshape(shape)
        # The axis was moved to the front: see `columns`.
        return np.moveaxis(result.reshape(result.shape[1], *self.shape), 0, self.axis)


def columns(
    array: NDArray[Any], axis: int, nodata: float | None = None, *, allow_empty: bool = False
) -> Columns:
    """Arrange an array for the reduction of an axis, without a copy where that is possible.

    Parameters
    ----------
    array
        Cells of any shape; bool is seen as uint8.
    axis
        Axis to reduce.
    nodata
        The number that means NoData. None: none does, except NaN in floats.
    allow_empty
        Whether the axis may have no cells.

    Raises
    ------
    ReducerError
        The axis has no cells, or the dtype is no number.
    """
    cells = as_cells(array)
    axis = range(array.ndim)[axis]
    shape = (*array.shape[:axis], *array.shape[axis + 1 :])
    if array.shape[axis] == 0 and not allow_empty:
        raise ReducerError(f"axis {axis} of an array of shape {array.shape} has no cells to reduce")
    outer, inner = prod(array.shape[:axis]), prod(array.shape[axis + 1 :])
    if outer > 1 and inner < WIDTH:
        # Columns lie side by side only in `inner`: too few of them would idle the vector units.
        cells, outer, inner = np.moveaxis(cells, axis, 0), 1, outer * inner
    cells = np.ascontiguousarray(cells).reshape(outer, array.shape[axis], inner)
    # numba compiles read-only arrays as a type of their own: one type for all callers.
    cells.flags.writeable = False
    return Columns(
        cells=cells,
        nodata=cells.dtype.type(_stand_in(cells.dtype) if nodata is None else nodata),
        masked=nodata is not None,
        shape=shape,
        axis=axis,
    )


def _stand_in(dtype: np.dtype[Any]) -> float:
    return np.nan if dtype.kind == "f" else 0


def available_threads() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def over_columns(
    kernel: Callable[..., None],
    given: Sequence[Columns],
    *args: Any,
    outs: Sequence[NDArray[Any]],
    threads: int = 1,
) -> None:
    """Run a kernel over spans of columns.

    Parameters
    ----------
    kernel
        ``kernel(cells, nodata, masked, [cells, nodata, masked, ...] *args, *outs, start, stop)``,
        compiled with `nogil`: cells as (depth, inner); it writes ``out[..., start:stop]``.
    given
        Arrays of equal shape, arranged alike.
    *args
        Further arguments.
    outs
        Results as (outer, ..., inner).
    threads
        Most threads to use; 1 inside dask tasks, where dask has threads of its own.

    Notes
    -----
    Plain threads on a kernel that releases the GIL do what numba's ``parallel=True`` does, without
    a second compilation and without its workqueue layer, which aborts the process when two threads
    of the caller enter it.
    """
    outer, _, inner = given[0].cells.shape
    pieces = -(-4 * threads // max(outer, 1)) if threads > 1 else 1
    step = max(WIDTH, -(-inner // (pieces * WIDTH)) * WIDTH)

    def run(job: tuple[int, int]) -> None:
        at, start = job
        inputs = [part for one in given for part in (one.cells[at], one.nodata, one.masked)]
        kernel(*inputs, *args, *(out[at] for out in outs), start, min(start + step, inner))

    jobs = [(at, start) for at in range(outer) for start in range(0, inner, step)]
    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            run(job)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, jobs):
            pass
