"""Columns: an array seen as (outer, depth, rows, inner): one kernel reduces any of its axes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from threading import local
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xcube_tiles.errors import ReducerError
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray

WIDTH = 256
"""Columns that a kernel treats side by side: a row of scratch fills 16 to 128 vector registers, and
the scratch of 24 float32 layers (24 KB) stays in the L1 cache."""


PIECE_BYTES = 3 << 19
"""Size of the pieces in which strided input is copied: small enough to stay in cache until it is
read again, large enough that Python's share per piece doesn't count. Measured: half of it is 20 %
slower, twice as much no faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Cells arranged for a reduction of one axis."""

    cells: NDArray[Any]
    """Cells as (outer, depth, rows, inner), with any strides; depth is the reduced axis."""

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

    @property
    def width(self) -> int:
        """Number of columns side by side."""
        return int(self.cells.shape[2] * self.cells.shape[3])

    def flat(self, outer: int, rows: slice, scratch: dict[int, NDArray[Any]]) -> NDArray[Any]:
        """Return some columns as (depth, width), C-contiguous: a view, or a copy in scratch."""
        piece = self.cells[outer, :, rows]
        if not piece.flags.c_contiguous:
            # One buffer for all pieces of a thread: fresh memory costs more than the copy.
            buffer = scratch.get(id(self))
            if buffer is None or buffer.size < piece.size:
                buffer = scratch[id(self)] = np.empty(piece.size, piece.dtype)
            copy = buffer[: piece.size].reshape(piece.shape)
            np.copyto(copy, piece)
            piece = copy
        flat = piece.reshape(self.depth, -1)
        # numba compiles read-only arrays as a type of their own: one type for all callers.
        flat.flags.writeable = False
        return flat

    def empty(self, dtype: DTypeLike, *lead: int) -> NDArray[Any]:
        """Return an uninitialised result as (outer, *lead, width)."""
        return np.empty((self.cells.shape[0], *lead, self.width), dtype)

    def restore(self, result: NDArray[Any]) -> NDArray[Any]:
        """Return a result (outer, width) in the shape of the array without the axis."""
        return result.reshape(self.shape)

    def restore_with(self, result: NDArray[Any]) -> NDArray[Any]:
        """Return a result (outer, n, width) with `n` in place of the reduced axis."""
        if self.cells.shape[0] == prod(self.shape[: self.axis]):
            layers = result.shape[1]
            return result.reshape(*self.shape[: self.axis], layers, *self.shape[self.axis :])
        # The axis was moved to the front: see `columns`.
        return np.moveaxis(result.reshape(result.shape[1], *self.shape), 0, self.axis)


def columns(array: NDArray[Any], axis: int, nodata: float | None = None) -> Columns:
    """Arrange an array for the reduction of an axis, without a copy where that is possible.

    Parameters
    ----------
    array
        Cells of any shape; bool is seen as uint8.
    axis
        Axis to reduce.
    nodata
        The number that means NoData. None: none does, except NaN in floats.

    Raises
    ------
    ReducerError
        The axis has no cells, or the dtype is no number.
    """
    axis = range(array.ndim)[axis]
    if array.shape[axis] == 0:
        raise ReducerError(f"axis {axis} of an array of shape {array.shape} has no cells to reduce")
    cells, at = as_cells(array), axis
    if prod(array.shape[:axis]) > 1 and prod(array.shape[axis + 1 :]) < WIDTH:
        # Columns lie side by side only behind the axis: too few of them idle the vector units.
        cells, at = np.moveaxis(cells, axis, 0), 0
    return Columns(
        cells=_arranged(cells, at),
        nodata=cells.dtype.type(_stand_in(cells.dtype) if nodata is None else nodata),
        masked=nodata is not None,
        shape=(*array.shape[:axis], *array.shape[axis + 1 :]),
        axis=axis,
    )


def _arranged(cells: NDArray[Any], axis: int) -> NDArray[Any]:
    if axis > 1 or cells.ndim - axis > 3:
        cells = np.ascontiguousarray(cells)  # more dimensions can be merged only in order
    lead, trail = cells.shape[:axis], cells.shape[axis + 1 :]
    rows = trail[0] if len(trail) > 1 else 1
    shape = (prod(lead), cells.shape[axis], rows, prod(trail) // max(rows, 1))
    return cells.reshape(shape)


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
    jobs = _jobs(given, threads)
    own = local()

    def run(job: _Job) -> None:
        at, rows, start, stop = job
        scratch = own.__dict__.setdefault("scratch", {})
        cells = [one.flat(at, rows, scratch) for one in given]
        inputs = [
            part
            for piece, one in zip(cells, given, strict=True)
            for part in (piece, one.nodata, one.masked)
        ]
        if cells[0].shape[1] == given[0].width:
            kernel(*inputs, *args, *(out[at] for out in outs), start, stop)
            return
        parts = [np.empty((*out.shape[1:-1], stop - start), out.dtype) for out in outs]
        kernel(*inputs, *args, *parts, 0, stop - start)
        for out, part in zip(outs, parts, strict=True):
            out[at, ..., start:stop] = part

    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            run(job)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, jobs):
            pass


_Job: TypeAlias = tuple[int, slice, int, int]
"""Index of the outer part, rows to load, and which columns of the result they give."""


def _jobs(given: Sequence[Columns], threads: int) -> list[_Job]:
    outer, depth, rows, inner = given[0].cells.shape
    width = rows * inner
    if all(one.cells.flags.c_contiguous for one in given):
        pieces = -(-4 * threads // max(outer, 1)) if threads > 1 else 1
        step = max(WIDTH, -(-width // (pieces * WIDTH)) * WIDTH)
        starts = range(0, width, step)
        return [(at, slice(None), s, min(s + step, width)) for at in range(outer) for s in starts]
    # Views of larger arrays, as dask makes them: copied piece by piece, so that a piece is still
    # in the cache when it is read.
    row_bytes = max(depth * inner * given[0].cells.itemsize, 1)
    step = max(1, PIECE_BYTES // row_bytes, -(-WIDTH // max(inner, 1)))
    tops = range(0, rows, step)
    return [
        (at, slice(top, top + step), top * inner, min(top + step, rows) * inner)
        for at in range(outer)
        for top in tops
    ]
