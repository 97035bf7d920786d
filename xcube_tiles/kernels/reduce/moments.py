"""States that merge: counts, sums, products, spreads, extremes, ends and truths along one axis.

Each function reduces one block to a state, a tuple of arrays that starts with the number of valid
cells. `kernels.reduce.merging` joins the states of neighbouring blocks, `kernels.reduce.finish`
makes values of them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.nodata import total_dtype
from xcube_tiles.kernels.reduce.columns import WIDTH, columns, over_columns

State: TypeAlias = tuple[NDArray[Any], ...]
"""Number of valid cells (int32), then what the family keeps; all in the shape of the result."""


# Each kernel gathers in scratch and reads rows that start at 0: the compiler can't know that
# results and cells don't overlap, nor that an index isn't negative, and vectorizes badly otherwise
# (5 times slower).


@njit(nogil=True, cache=True)
def _sums(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    zero: Any,
    counts: NDArray[np.int32],
    sums: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    # `zero` has the dtype of the sums: float32 cells are added up in float64.
    n, total = np.empty(WIDTH, np.int32), np.empty(WIDTH, sums.dtype)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        last = first + width
        n[:], total[:] = 0, zero
        for t in range(cells.shape[0]):
            row = cells[t, first:last]
            for w in range(width):
                value = row[w]
                missing = is_missing(value, nodata, masked)
                n[w] += 0 if missing else 1
                total[w] += zero if missing else value + zero
        counts[first:last], sums[first:last] = n[:width], total[:width]


@njit(nogil=True, cache=True)
def _products(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    counts: NDArray[np.int32],
    products: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    n, product = np.empty(WIDTH, np.int32), np.empty(WIDTH, np.float64)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        last = first + width
        n[:], product[:] = 0, 1.0
        for t in range(cells.shape[0]):
            row = cells[t, first:last]
            for w in range(width):
                value = row[w]
                missing = is_missing(value, nodata, masked)
                n[w] += 0 if missing else 1
                product[w] *= 1.0 if missing else np.float64(value)
        counts[first:last], products[first:last] = n[:width], product[:width]


@njit(nogil=True, cache=True)
def _spreads(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    counts: NDArray[np.int32],
    means: NDArray[np.float64],
    squares: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    # Two passes: the sum of squares less the square of the sum would cancel.
    n, mean = np.empty(WIDTH, np.int32), np.empty(WIDTH, np.float64)
    square = np.empty(WIDTH, np.float64)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        last = first + width
        n[:], mean[:], square[:] = 0, 0.0, 0.0
        for t in range(cells.shape[0]):
            row = cells[t, first:last]
            for w in range(width):
                value = row[w]
                missing = is_missing(value, nodata, masked)
                n[w] += 0 if missing else 1
                mean[w] += 0.0 if missing else np.float64(value)
        for w in range(width):
            mean[w] /= max(n[w], 1)
        for t in range(cells.shape[0]):
            row = cells[t, first:last]
            for w in range(width):
                value = row[w]
                missing = is_missing(value, nodata, masked)
                off = 0.0 if missing else np.float64(value) - mean[w]
                square[w] += off * off
        counts[first:last], means[first:last] = n[:width], mean[:width]
        squares[first:last] = square[:width]


@njit(nogil=True, cache=True)
def _extremes(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    worst: Any,
    largest: bool,
    counts: NDArray[np.int32],
    extremes: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    n, best = np.empty(WIDTH, np.int32), np.empty(WIDTH, cells.dtype)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        last = first + width
        n[:], best[:] = 0, worst
        for t in range(cells.shape[0]):
            row = cells[t, first:last]
            for w in range(width):
                value = row[w]
                missing = is_missing(value, nodata, masked)
                n[w] += 0 if missing else 1
                better = value > best[w] if largest else value < best[w]
                best[w] = value if better & (not missing) else best[w]
        counts[first:last], extremes[first:last] = n[:width], best[:width]


@njit(nogil=True, cache=True)
def _ends(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    backwards: bool,
    counts: NDArray[np.int32],
    found: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    depth = cells.shape[0]
    for p in range(start, stop):
        counts[p] = 0
        found[p] = nodata
        for t in range(depth):
            value = cells[depth - 1 - t, p] if backwards else cells[t, p]
            missing = is_missing(value, nodata, masked)
            if not missing:
                counts[p] = 1
                found[p] = value
                break


@njit(nogil=True, cache=True)
def _truths(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    counts: NDArray[np.int32],
    truths: NDArray[np.int32],
    start: int,
    stop: int,
) -> None:
    n, true = np.empty(WIDTH, np.int32), np.empty(WIDTH, np.int32)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        last = first + width
        n[:], true[:] = 0, 0
        for t in range(cells.shape[0]):
            row = cells[t, first:last]
            for w in range(width):
                value = row[w]
                missing = is_missing(value, nodata, masked)
                n[w] += 0 if missing else 1
                true[w] += 0 if missing | (value == 0) else 1
        counts[first:last], truths[first:last] = n[:width], true[:width]


def sums(
    cells: NDArray[Any], axis: int = 0, *, nodata: float | None = None, threads: int = 1
) -> State:
    """Return counts and sums along an axis; the sums in `total_dtype`.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    axis
        Axis to reduce; it has at least one cell.
    nodata
        The number that means NoData; None: none does. NaN always does.
    threads
        Most threads to use.

    Examples
    --------
    >>> sums(np.array([200, 100, 255], "uint8"), nodata=255)
    (array(2, dtype=int32), array(300, dtype=uint64))
    """
    given = columns(cells, axis, nodata)
    outs = [given.empty(np.int32), given.empty(total_dtype(cells.dtype))]
    over_columns(_sums, [given], outs[1].dtype.type(0), outs=outs, threads=threads)
    return tuple(given.restore(out) for out in outs)


def products(
    cells: NDArray[Any], axis: int = 0, *, nodata: float | None = None, threads: int = 1
) -> State:
    """Return counts and products (float64) along an axis. Parameters are those of `sums`.

    Examples
    --------
    >>> products(np.array([2, 3, 255], "uint8"), nodata=255)
    (array(2, dtype=int32), array(6.))
    """
    given = columns(cells, axis, nodata)
    outs = [given.empty(np.int32), given.empty(np.float64)]
    over_columns(_products, [given], outs=outs, threads=threads)
    return tuple(given.restore(out) for out in outs)


def spreads(
    cells: NDArray[Any], axis: int = 0, *, nodata: float | None = None, threads: int = 1
) -> State:
    """Return counts, means and sums of squared deviations (float64) along an axis.

    Parameters are those of `sums`.

    Examples
    --------
    >>> spreads(np.array([1, 3, 255], "uint8"), nodata=255)
    (array(2, dtype=int32), array(2.), array(2.))
    """
    given = columns(cells, axis, nodata)
    outs = [given.empty(np.int32), given.empty(np.float64), given.empty(np.float64)]
    over_columns(_spreads, [given], outs=outs, threads=threads)
    return tuple(given.restore(out) for out in outs)


def extremes(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    largest: bool,
    nodata: float | None = None,
    threads: int = 1,
) -> State:
    """Return counts and the smallest or largest values along an axis, in the cells' dtype.

    Other parameters are those of `sums`. Where no cell is valid the value is arbitrary.

    Examples
    --------
    >>> extremes(np.array([1, 3, 255], "uint8"), largest=True, nodata=255)
    (array(2, dtype=int32), array(3, dtype=uint8))
    """
    given = columns(cells, axis, nodata)
    dtype = given.cells.dtype
    outs = [given.empty(np.int32), given.empty(dtype)]
    over_columns(_extremes, [given], _worst(dtype, largest), largest, outs=outs, threads=threads)
    return given.restore(outs[0]), given.restore(outs[1]).view(_own(cells.dtype, dtype))


def ends(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    last: bool,
    nodata: float | None = None,
    threads: int = 1,
) -> State:
    """Return whether there is a valid cell (0 or 1), and the first or last along an axis.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    axis
        Axis to reduce; it has at least one cell.
    last
        Whether to look from the far end.
    nodata
        The number that means NoData; None: none does. NaN always does.
    threads
        Most threads to use.

    Examples
    --------
    >>> ends(np.array([1, 3, 255], "uint8"), last=True, nodata=255)
    (array(1, dtype=int32), array(3, dtype=uint8))
    """
    given = columns(cells, axis, nodata)
    dtype = given.cells.dtype
    outs = [given.empty(np.int32), given.empty(dtype)]
    over_columns(_ends, [given], last, outs=outs, threads=threads)
    return given.restore(outs[0]), given.restore(outs[1]).view(_own(cells.dtype, dtype))


def truths(
    cells: NDArray[Any], axis: int = 0, *, nodata: float | None = None, threads: int = 1
) -> State:
    """Return the numbers of valid cells and of those that are not zero. Parameters as of `sums`.

    Examples
    --------
    >>> truths(np.array([0, 3, 255], "uint8"), nodata=255)
    (array(2, dtype=int32), array(1, dtype=int32))
    """
    given = columns(cells, axis, nodata)
    outs = [given.empty(np.int32), given.empty(np.int32)]
    over_columns(_truths, [given], outs=outs, threads=threads)
    return tuple(given.restore(out) for out in outs)


def _worst(dtype: np.dtype[Any], largest: bool) -> Any:
    if dtype.kind == "f":
        return dtype.type(-np.inf if largest else np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min if largest else limits.max)


def _own(asked: np.dtype[Any], compiled: np.dtype[Any]) -> np.dtype[Any]:
    """Return bool for cells that were bool, else the dtype that was computed in."""
    return asked if asked.kind == "b" else compiled
