"""Variances and standard deviations of neighbourhoods.

Counts, means and sums of squared deviations of parts merge to those of the whole: no large squares
are subtracted from each other, so fields of 288 K that vary by 0.01 K keep their digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.focal.runs import by_length
from xcube_tiles.kernels.focal.steps import exact_steps
from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TILE = 256
"""Columns worked on at a time: three numbers are kept of each cell."""


def variance(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any], *, ddof: int = 0,
) -> None:  # fmt: skip
    """Compute the variance of valid cells; arguments as in `xcube_tiles.kernels.focal`.

    Parameters
    ----------
    window, mask, nodata, masked, missing, out
        As there; `missing` also where there are at most `ddof` valid cells, or an infinite one.
    ddof
        What is subtracted from the number of cells that squares are divided by: 0 for all there
        are, 1 for a sample.

    Notes
    -----
    Chan, T. F., Golub, G. H. and LeVeque, R. J. (1983), Algorithms for computing the sample
    variance, The American Statistician 37, in an order that only the neighbourhood decides.
    """
    _variances(window, mask, nodata, masked, missing, out, ddof, False)


def deviation(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any], *, ddof: int = 0,
) -> None:  # fmt: skip
    """Compute the standard deviation of valid cells: the root of `variance`."""
    _variances(window, mask, nodata, masked, missing, out, ddof, True)


def _variances(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any], ddof: int, root: bool,
) -> None:  # fmt: skip
    columns = min(_TILE, out.shape[1]) + mask.shape[1] - 1
    # Scratch is made here, as `numpy.empty` takes long to compile.
    if mask.all():
        down, across = (exact_steps(length) for length in mask.shape)
        parts = np.empty((int(down.bases[-1]) + 2, 3, columns))
        _rectangles(window, down, across.lengths, nodata, masked, missing, out, ddof, root, parts)
    else:
        runs = by_length(mask)
        parts = np.empty((mask.shape[0] + int(runs.lengths[-1]).bit_length() + 1, 3, columns))
        _shapes(window, runs, mask.shape, nodata, masked, missing, out, ddof, root, parts)


@njit(nogil=True, cache=True, error_model="numpy")
def _merged(n: Any, mean: Any, squares: Any, n2: Any, mean2: Any, squares2: Any) -> Any:
    """Merge two parts: numbers of cells, means, and sums of squared deviations from these."""
    away = mean2 - mean
    share = n2 / max(n + n2, 1.0)
    return n + n2, mean + away * share, squares + squares2 + away * away * n * share


@njit(nogil=True, cache=True, error_model="numpy")
def _merge(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], odd: int, to: NDArray[Any], size: int
) -> None:
    """Merge two rows of parts, or three; each row has numbers, means and squares, (3, columns)."""
    n1, mean1, squares1 = a[0], a[1], a[2]
    n2, mean2, squares2 = b[0], b[1], b[2]
    n3, mean3, squares3 = c[0], c[1], c[2]
    n, mean, squares = to[0], to[1], to[2]
    for j in range(size):
        m, average, square = _merged(n1[j], mean1[j], squares1[j], n2[j], mean2[j], squares2[j])
        if odd:
            m, average, square = _merged(m, average, square, n3[j], mean3[j], squares3[j])
        n[j], mean[j], squares[j] = m, average, square


@njit(nogil=True, cache=True)
def _split(row: NDArray[Any], nodata: Any, masked: bool, parts: NDArray[Any]) -> None:
    """Write a row of cells as parts of one cell, or none."""
    n, mean, squares = parts[0], parts[1], parts[2]
    for j in range(row.size):
        gone = is_missing(row[j], nodata, masked)
        n[j] = 0.0 if gone else 1.0
        mean[j] = 0.0 if gone else float(row[j])
        squares[j] = 0.0


@njit(nogil=True, cache=True)
def _along(
    parts: NDArray[Any], to: NDArray[Any], other: NDArray[Any], lengths: NDArray[np.int64],
    size: int,
) -> Any:  # fmt: skip
    """Merge the parts of a row from each on; two rows take turns, as in sums."""
    done = parts
    for step in range(1, lengths.size):
        before = lengths[step - 1]
        left = size + lengths[-1] - lengths[step]
        odd = lengths[step] & 1
        _merge(done, done[:, before:], parts[:, 2 * before :], odd, to, left)
        done, to, other = to, other, to
    return done


@njit(nogil=True, cache=True, error_model="numpy")
def _finish(parts: NDArray[Any], ddof: int, root: bool, missing: Any, row: NDArray[Any]) -> None:
    n, mean, squares = parts[0], parts[1], parts[2]
    for j in range(row.size):
        value = squares[j] / (n[j] - ddof)
        value = np.sqrt(value) if root else value
        # Means of infinite cells aren't finite; their squares may be anything.
        row[j] = value if n[j] > ddof and np.isfinite(mean[j]) else missing


@njit(nogil=True, cache=True)
def _rectangles(
    window: NDArray[Any], down: Any, across: NDArray[np.int64], nodata: Any, masked: bool,
    missing: Any, out: NDArray[Any], ddof: int, root: bool, parts: NDArray[np.float64],
) -> None:  # fmt: skip
    lengths, slots, bases = down
    last = lengths.size - 1
    spare = bases[last + 1]
    width = out.shape[1]
    for left in range(0, width, _TILE):
        size = min(_TILE, width - left)
        used = size + across[-1] - 1
        for r in range(window.shape[0]):
            _split(window[r, left : left + used], nodata, masked, parts[bases[0] + r % slots[0]])
            for step in range(1, lengths.size):
                top, before = r - lengths[step] + 1, lengths[step - 1]
                if top < 0:
                    break
                a = bases[step - 1] + top % slots[step - 1]
                b = bases[step - 1] + (top + before) % slots[step - 1]
                c = bases[0] + (top + 2 * before) % slots[0]
                to = bases[step] + top % slots[step]
                _merge(parts[a], parts[b], parts[c], lengths[step] & 1, parts[to], used)
            top = r - lengths[last] + 1
            if top >= 0:
                at = bases[last] + top % slots[last]
                done = _along(parts[at], parts[spare], parts[spare + 1], across, size)
                _finish(done, ddof, root, missing, out[top, left : left + size])


@njit(nogil=True, cache=True)
def _shapes(
    window: NDArray[Any], runs: Any, box: tuple[int, int], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any], ddof: int, root: bool, parts: NDArray[np.float64],
) -> None:  # fmt: skip
    height, width = out.shape
    tall, wide = box
    rows = parts[tall:]
    for left in range(0, width, _TILE):
        size = min(_TILE, width - left)
        used = size + wide - 1
        for r in range(window.shape[0]):
            _split(window[r, left : left + used], nodata, masked, rows[0])
            _clear(parts[r % tall], size)
            _scatter(rows, runs, used, parts[:tall], r, height, size)
            top = r - tall + 1
            if top >= 0:
                _finish(parts[top % tall], ddof, root, missing, out[top, left : left + size])


@njit(nogil=True, cache=True)
def _clear(parts: NDArray[Any], size: int) -> None:
    for kind in range(3):
        row = parts[kind]
        for j in range(size):
            row[j] = 0.0


@njit(nogil=True, cache=True)
def _scatter(
    rows: NDArray[Any], runs: Any, used: int, parts: NDArray[Any], r: int, height: int, size: int
) -> None:
    """Merge the runs of one row of cells into all windows that have the row, as in sums."""
    tall = parts.shape[0]
    run = rows[rows.shape[0] - 1]
    _clear(run, used)
    for power in range(1, rows.shape[0] - 1):
        half = rows[power - 1]
        reach = used - (1 << power) + 1
        _merge(half, half[:, 1 << (power - 1) :], half, 0, rows[power], reach)
    done = 0
    for group in range(runs.lengths.size):
        length = runs.lengths[group]
        for power in range(rows.shape[0] - 1):
            if ((length - done) >> power) & 1:
                _gain(run, rows[power][:, done:], used - done - (1 << power) + 1)
                done += 1 << power
        for at in range(runs.starts[group], runs.starts[group + 1]):
            top = r - runs.rows[at]
            if 0 <= top < height:
                _gain(parts[top % tall], run[:, runs.columns[at] :], size)


@njit(nogil=True, cache=True, error_model="numpy")
def _gain(to: NDArray[Any], more: NDArray[Any], size: int) -> None:
    n, mean, squares = to[0], to[1], to[2]
    n2, mean2, squares2 = more[0], more[1], more[2]
    for j in range(size):
        n[j], mean[j], squares[j] = _merged(n[j], mean[j], squares[j], n2[j], mean2[j], squares2[j])
