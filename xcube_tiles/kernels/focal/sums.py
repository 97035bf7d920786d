"""Counts, sums and means of neighbourhoods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.focal.runs import by_length
from xcube_tiles.kernels.focal.steps import exact_steps
from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.kernels.focal.runs import Runs

_TILE = 1024
"""Columns of a rectangle's window worked on at a time: their rows stay in the nearest caches."""

_SHAPE_TILE = 512
"""The same of other shapes, for which sums of more rows are kept."""

COUNT, SUM, MEAN = 0, 1, 2


def count(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Count the valid cells of neighbourhoods; arguments as in `xcube_tiles.kernels.focal`."""
    _moments(window, mask, nodata, masked, missing, out, COUNT)


def total(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Sum the valid cells of neighbourhoods; arguments as in `xcube_tiles.kernels.focal`.

    Integers of at most 32 bits are summed exactly, others in float64.
    """
    _moments(window, mask, nodata, masked, missing, out, SUM)


def mean(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Average the valid cells of neighbourhoods; arguments as in `xcube_tiles.kernels.focal`."""
    _moments(window, mask, nodata, masked, missing, out, MEAN)


def _moments(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any], what: int,
) -> None:  # fmt: skip
    exact = window.dtype.kind in "iu" and window.dtype.itemsize < 8
    dtype = np.dtype(np.int64 if exact else np.float64)
    few = np.dtype(np.uint16 if mask.size < 1 << 16 else np.int32)
    # Scratch is made here, as `numpy.empty` takes long to compile.
    if mask.all():
        down, across = (exact_steps(length) for length in mask.shape)
        shape = (int(down.bases[-1]) + 2, min(_TILE, out.shape[1]) + mask.shape[1] - 1)
        sums, counts = np.empty(shape, dtype), np.empty(shape, few)
        _rectangles(window, down, across.lengths, nodata, masked, missing, out, what, sums, counts)
    else:
        runs = by_length(mask)
        columns = min(_SHAPE_TILE, out.shape[1]) + mask.shape[1] - 1
        rows = int(runs.lengths[-1]).bit_length() + 1
        sums, counts = (np.empty((mask.shape[0] + rows, columns), of) for of in (dtype, few))
        program = _program(runs, rows - 1)
        _shapes(window, program, mask.shape, nodata, masked, missing, out, what, sums, counts)


def _program(runs: Runs, powers: int) -> NDArray[np.int64]:
    """Return the steps of `_scatter`, which so is quickly compiled: shape (n, 3).

    (p, 0, c): the run grows by the sum of 2**p cells from column c on. (-1, r, c): the windows that
    have the run in their row r gain it from column c on.
    """
    steps: list[tuple[int, int, int]] = []
    done = 0
    for group, length in enumerate(runs.lengths.tolist()):
        # The sum of a longer run is that of the run before and of what it is longer by.
        for power in range(powers):
            if ((length - done) >> power) & 1:
                steps.append((power, 0, done))
                done += 1 << power
        group_runs = range(runs.starts[group], runs.starts[group + 1])
        steps.extend((-1, int(runs.rows[at]), int(runs.columns[at])) for at in group_runs)
    return np.array(steps, np.int64)


@njit(nogil=True, cache=True)
def _rectangles(
    window: NDArray[Any], down: Any, across: NDArray[np.int64], nodata: Any, masked: bool,
    missing: Any, out: NDArray[Any], what: int, sums: NDArray[Any], counts: NDArray[Any],
) -> None:  # fmt: skip
    """Sum rectangles; `sums` and `counts` are scratch: rows of each step, and two more."""
    lengths, slots, bases = down
    last = lengths.size - 1
    spare = bases[last + 1]
    width = out.shape[1]
    for left in range(0, width, _TILE):
        size = min(_TILE, width - left)
        used = size + across[-1] - 1
        for r in range(window.shape[0]):
            new = bases[0] + r % slots[0]
            _split(window[r, left : left + used], nodata, masked, sums[new], counts[new])
            for step in range(1, lengths.size):
                top, before = r - lengths[step] + 1, lengths[step - 1]
                if top < 0:
                    break
                odd = lengths[step] & 1
                a = bases[step - 1] + top % slots[step - 1]
                b = bases[step - 1] + (top + before) % slots[step - 1]
                c = bases[0] + (top + 2 * before) % slots[0]
                to = bases[step] + top % slots[step]
                _add(counts[a], counts[b], counts[c], odd, counts[to][:used])
                if what != COUNT:
                    _add(sums[a], sums[b], sums[c], odd, sums[to][:used])
            top = r - lengths[last] + 1
            if top >= 0:
                at = bases[last] + top % slots[last]
                n = _along(counts[at], counts[spare], counts[spare + 1], across, size)
                total = sums[at]
                if what != COUNT:
                    total = _along(sums[at], sums[spare], sums[spare + 1], across, size)
                _finish(total, n, missing, what, out[top, left : left + size])


@njit(nogil=True, cache=True)
def _split(
    row: NDArray[Any], nodata: Any, masked: bool, cells: NDArray[Any], known: NDArray[Any]
) -> None:
    """Write cells with 0 for NoData, and whether they are known."""
    for j in range(row.size):
        gone = is_missing(row[j], nodata, masked)
        cells[j] = 0 if gone else row[j]
        known[j] = 0 if gone else 1


@njit(nogil=True, cache=True)
def _add(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], odd: int, to: NDArray[Any]) -> None:
    if odd:
        for j in range(to.size):
            to[j] = a[j] + b[j] + c[j]
    else:
        for j in range(to.size):
            to[j] = a[j] + b[j]


@njit(nogil=True, cache=True)
def _along(
    cells: NDArray[Any], to: NDArray[Any], other: NDArray[Any], lengths: NDArray[np.int64],
    size: int,
) -> Any:  # fmt: skip
    """Sum the cells of a row from each on; two rows take turns: loops in place aren't vectors."""
    done = cells
    for step in range(1, lengths.size):
        before = lengths[step - 1]
        left = size + lengths[-1] - lengths[step]
        odd = lengths[step] & 1
        _add(done, done[before:], cells[2 * before :], odd, to[:left])
        done, to, other = to, other, to
    return done


@njit(nogil=True, cache=True, error_model="numpy")
def _finish(
    sums: NDArray[Any], counts: NDArray[Any], missing: Any, what: int, row: NDArray[Any]
) -> None:
    if what == COUNT:
        for j in range(row.size):
            row[j] = counts[j]
    elif what == SUM:
        for j in range(row.size):
            # no conditional expression: its type would be float64 for int64 and uint64
            if counts[j]:
                row[j] = sums[j]
            else:
                row[j] = missing
    else:
        for j in range(row.size):
            row[j] = sums[j] / counts[j]  # 0 / 0 is NaN, which is what means have for NoData


@njit(nogil=True, cache=True)
def _shapes(
    window: NDArray[Any], program: NDArray[np.int64], box: tuple[int, int], nodata: Any,
    masked: bool, missing: Any, out: NDArray[Any], what: int, sums: NDArray[Any],
    counts: NDArray[Any],
) -> None:  # fmt: skip
    """Sum other shapes; `sums` and `counts` are scratch: a row of each row of the box, and more."""
    height, width = out.shape
    tall, wide = box
    sum_rows, count_rows = sums[tall:], counts[tall:]
    for left in range(0, width, _SHAPE_TILE):
        size = min(_SHAPE_TILE, width - left)
        used = size + wide - 1
        for r in range(window.shape[0]):
            row = window[r, left : left + used]
            _split(row, nodata, masked, sum_rows[0], count_rows[0])
            new, top = r % tall, r - tall + 1
            _clear(counts[new], size)
            _scatter(count_rows, program, used, counts[:tall], r, height, size)
            if what != COUNT:
                _clear(sums[new], size)
                _scatter(sum_rows, program, used, sums[:tall], r, height, size)
            if top >= 0:
                at = top % tall
                _finish(sums[at], counts[at], missing, what, out[top, left : left + size])


@njit(nogil=True, cache=True)
def _clear(row: NDArray[Any], size: int) -> None:
    for j in range(size):
        row[j] = 0


@njit(nogil=True, cache=True)
def _scatter(
    rows: NDArray[Any], program: NDArray[np.int64], used: int, sums: NDArray[Any], r: int,
    height: int, size: int,
) -> None:  # fmt: skip
    """Add the runs of one row of cells to the sums of all windows that have the row.

    `rows` are the row of cells, then scratch: sums of 2, 4, ... cells, and of one run's.
    """
    tall = sums.shape[0]
    run = rows[rows.shape[0] - 1]
    _clear(run, used)
    for power in range(1, rows.shape[0] - 1):
        half = rows[power - 1]
        reach = used - (1 << power) + 1
        _add(half, half[1 << (power - 1) :], half, 0, rows[power][: max(reach, 0)])
    for step in range(program.shape[0]):
        power, row, at = program[step, 0], program[step, 1], program[step, 2]
        if power >= 0:
            _gain(run, rows[power, at:], max(used - at - (1 << power) + 1, 0))
        elif 0 <= r - row < height:
            _gain(sums[(r - row) % tall], run[at:], size)


@njit(nogil=True, cache=True)
def _gain(to: NDArray[Any], more: NDArray[Any], size: int) -> None:
    for j in range(size):
        to[j] += more[j]
