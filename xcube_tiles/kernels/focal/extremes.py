"""Smallest and largest cells of neighbourhoods, and the range between them.

Cells are compared as signed integers of their own width (`_keys`), whatever their dtype: NoData
becomes the lowest of them, and the smallest cells are the largest of the inverted keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from xcube_tiles.errors import NoDataCollisionError
from xcube_tiles.kernels.focal.runs import by_length
from xcube_tiles.kernels.focal.steps import covering_steps
from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TILE = 1024
"""Columns worked on at a time: their rows stay in the nearest caches."""

_ALL_BITS = 2**64 - 1


class Code(NamedTuple):
    """How cells become keys and back; numbers are signed integers of the cells' width."""

    floats: bool
    """Whether cells are floats."""

    inverted: bool
    """Whether the smallest cells have the largest keys."""

    masked: bool
    """Whether a number means NoData."""

    sign: Any
    """The highest bit where cells are unsigned, else 0: what turns their order into that of signed
    numbers."""

    lowest: Any
    """The key of NoData."""

    highest: Any
    """All bits but the highest."""

    nodata: Any
    """The key of the integer that means NoData, had it a value."""

    missing: Any
    """The cell for neighbourhoods without a valid one."""


def smallest(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Find the smallest valid cells; arguments as in `xcube_tiles.kernels.focal`.

    The result has the dtype of the cells. Of zeros of both signs the negative one is smaller.
    """
    _extremes(window, mask, nodata, masked, missing, out, inverted=True)


def largest(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Find the largest valid cells; as `smallest`."""
    _extremes(window, mask, nodata, masked, missing, out, inverted=False)


def reach(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any],
) -> None:  # fmt: skip
    """Subtract the smallest valid cell from the largest; arguments as for `smallest`.

    The result's dtype must hold the difference.
    """
    low, high = np.empty_like(out, window.dtype), np.empty_like(out, window.dtype)
    if window.dtype.kind == "f":
        nan = window.dtype.type(np.nan)
        smallest(window, mask, nodata, masked, nan, low)
        largest(window, mask, nodata, masked, nan, high)
        subtract(high, low, ~np.isnan(high), missing, out)
        return
    limits = np.iinfo(window.dtype)
    # Only where there is no cell does the smallest exceed the largest.
    smallest(window, mask, nodata, masked, window.dtype.type(limits.max), low)
    largest(window, mask, nodata, masked, window.dtype.type(limits.min), high)
    subtract(high, low, low <= high, missing, out)


def subtract(
    high: NDArray[Any], low: NDArray[Any], valid: NDArray[np.bool_], missing: Any, out: NDArray[Any]
) -> None:
    """Subtract smaller cells from larger ones, into a dtype that holds the differences.

    Parameters
    ----------
    high, low
        Cells of one dtype and shape.
    valid
        Where they have a value.
    missing
        What stands where they have none.
    out
        Filled with the differences; uint64 of integers of 64 bits.

    Raises
    ------
    NoDataCollisionError
        A difference of 2**64 - 1, where that is `missing`.
    """
    if high.dtype.kind in "iu" and high.dtype.itemsize == 8:
        # Differences of 64 bits taken without signs wrap to the right number.
        high, low = (np.ascontiguousarray(cells).view(np.uint64) for cells in (high, low))
    with np.errstate(invalid="ignore"):
        np.subtract(high, low, out=out, dtype=out.dtype)
    if out.dtype == np.uint64 and missing == _ALL_BITS and (valid & (out == missing)).any():
        raise NoDataCollisionError(
            f"a difference of {_ALL_BITS} is the number that means NoData among differences of "
            "64-bit integers; convert the cells first: cube.tiles.convert('float64')"
        )
    out[~valid] = missing


def _extremes(
    window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool, missing: Any,
    out: NDArray[Any], *, inverted: bool,
) -> None:  # fmt: skip
    dtype = window.dtype
    signed = np.dtype(f"i{dtype.itemsize}")
    sign = np.array(np.iinfo(signed).min if dtype.kind == "u" else 0, signed)
    marker = np.array(nodata, dtype).view(signed)
    if dtype.kind != "f":
        marker = marker ^ sign
        marker = ~marker if inverted else marker
    limits = np.iinfo(signed)
    code = Code(
        floats=dtype.kind == "f",
        inverted=inverted,
        masked=masked,
        sign=signed.type(sign),
        lowest=signed.type(limits.min),
        highest=signed.type(limits.max),
        nodata=signed.type(marker),
        missing=np.array(missing, dtype).view(signed)[()],
    )
    # Integers of all kinds share the compiled kernels of signed ones.
    values, nodata = (window, nodata) if code.floats else (window.view(signed), code.nodata)
    cells, result = window.view(signed), out.view(signed)
    columns = min(_TILE, out.shape[1]) + mask.shape[1] - 1
    # Scratch is made here, as `numpy.empty` takes long to compile.
    if mask.all():
        down, across = (covering_steps(length) for length in mask.shape)
        keys = np.empty((int(down.bases[-1]) + 2, columns), signed)
        _rectangles(values, cells, down, across.lengths, nodata, code, result, keys)
    else:
        runs = by_length(mask)
        keys = np.empty((mask.shape[0] + int(runs.lengths[-1]).bit_length() + 1, columns), signed)
        _shapes(values, cells, runs, mask.shape, nodata, code, result, keys)


@njit(nogil=True, cache=True)
def _rectangles(
    values: NDArray[Any], cells: NDArray[Any], down: Any, across: NDArray[np.int64], nodata: Any,
    code: Any, out: NDArray[Any], keys: NDArray[Any],
) -> None:  # fmt: skip
    lengths, slots, bases = down
    last = lengths.size - 1
    spare = bases[last + 1]
    width = out.shape[1]
    for left in range(0, width, _TILE):
        size = min(_TILE, width - left)
        used = size + across[-1] - 1
        for r in range(cells.shape[0]):
            new = keys[bases[0] + r % slots[0]]
            _keys(values[r, left:], cells[r, left:], nodata, code, new[:used])
            for step in range(1, lengths.size):
                top = r - lengths[step] + 1
                if top < 0:
                    break
                a = bases[step - 1] + top % slots[step - 1]
                b = top + lengths[step] - lengths[step - 1]
                b = bases[step - 1] + b % slots[step - 1]
                to = bases[step] + top % slots[step]
                _larger(keys[a], keys[b], keys[to][:used])
            top = r - lengths[last] + 1
            if top >= 0:
                at = bases[last] + top % slots[last]
                done = _along(keys[at], keys[spare], keys[spare + 1], across, size)
                _cells(done, code, out[top, left : left + size])


@njit(nogil=True, cache=True)
def _keys(
    values: NDArray[Any], cells: NDArray[Any], nodata: Any, code: Any, keys: NDArray[Any]
) -> None:
    """Write the keys of a row: their order is that of the cells, NoData is the lowest.

    Of integers the NoData number leaves a gap: what is below moves up by one, which frees the
    lowest key. Of floats the bits of negative ones are inverted (but not the sign), after which
    bits are ordered as numbers are; NaNs leave both ends free.
    """
    if code.floats:
        shift = 8 * keys.itemsize - 1
        for j in range(keys.size):
            key = cells[j] ^ ((cells[j] >> shift) & code.highest)
            key = ~key if code.inverted else key
            keys[j] = code.lowest if is_missing(values[j], nodata, code.masked) else key
    elif code.masked:
        for j in range(keys.size):
            key = cells[j] ^ code.sign
            key = ~key if code.inverted else key
            moved = key + 1 if key < code.nodata else key
            keys[j] = code.lowest if key == code.nodata else moved
    else:
        for j in range(keys.size):
            key = cells[j] ^ code.sign
            keys[j] = ~key if code.inverted else key


@njit(nogil=True, cache=True)
def _cells(keys: NDArray[Any], code: Any, out: NDArray[Any]) -> None:
    """Undo `_keys`."""
    if code.floats:
        shift = 8 * keys.itemsize - 1
        for j in range(out.size):
            key = ~keys[j] if code.inverted else keys[j]
            cell = key ^ ((key >> shift) & code.highest)
            out[j] = code.missing if keys[j] == code.lowest else cell
    elif code.masked:
        for j in range(out.size):
            key = keys[j] - 1 if keys[j] <= code.nodata else keys[j]
            key = ~key if code.inverted else key
            out[j] = code.missing if keys[j] == code.lowest else key ^ code.sign
    else:
        for j in range(out.size):
            out[j] = (~keys[j] if code.inverted else keys[j]) ^ code.sign


@njit(nogil=True, cache=True)
def _larger(a: NDArray[Any], b: NDArray[Any], to: NDArray[Any]) -> None:
    for j in range(to.size):
        to[j] = max(b[j], a[j])


@njit(nogil=True, cache=True)
def _along(
    keys: NDArray[Any], to: NDArray[Any], other: NDArray[Any], lengths: NDArray[np.int64], size: int
) -> Any:
    """Find the largest key of a row from each on; two rows take turns, as in sums."""
    done = keys
    for step in range(1, lengths.size):
        left = size + lengths[-1] - lengths[step]
        _larger(done, done[lengths[step] - lengths[step - 1] :], to[:left])
        done, to, other = to, other, to
    return done


@njit(nogil=True, cache=True)
def _shapes(
    values: NDArray[Any], cells: NDArray[Any], runs: Any, box: tuple[int, int], nodata: Any,
    code: Any, out: NDArray[Any], keys: NDArray[Any],
) -> None:  # fmt: skip
    height, width = out.shape
    tall, wide = box
    best, rows = keys[:tall], keys[tall:]
    for left in range(0, width, _TILE):
        size = min(_TILE, width - left)
        used = size + wide - 1
        for r in range(cells.shape[0]):
            _keys(values[r, left:], cells[r, left:], nodata, code, rows[0][:used])
            new = best[r % tall]
            for j in range(size):
                new[j] = code.lowest
            _scatter(rows, runs, used, best, r, height, size)
            top = r - tall + 1
            if top >= 0:
                _cells(best[top % tall], code, out[top, left : left + size])


@njit(nogil=True, cache=True)
def _scatter(
    rows: NDArray[Any], runs: Any, used: int, best: NDArray[Any], r: int, height: int, size: int
) -> None:
    """Compare the runs of one row of keys with the largest of all windows that have the row.

    `rows` are the row of keys, then scratch: the largest of 2, 4, ... keys, and of one run's.
    """
    tall = best.shape[0]
    run = rows[rows.shape[0] - 1]
    for power in range(1, rows.shape[0] - 1):
        half = rows[power - 1]
        _larger(half, half[1 << (power - 1) :], rows[power][: max(used - (1 << power) + 1, 0)])
    power = 0
    for group in range(runs.lengths.size):
        length = runs.lengths[group]
        while length >> (power + 1):
            power += 1
        part = rows[power]
        _larger(part, part[length - (1 << power) :], run[: used - length + 1])
        for at in range(runs.starts[group], runs.starts[group + 1]):
            top = r - runs.rows[at]
            if 0 <= top < height:
                _gain(best[top % tall], run[runs.columns[at] :], size)


@njit(nogil=True, cache=True)
def _gain(to: NDArray[Any], more: NDArray[Any], size: int) -> None:
    for j in range(size):
        to[j] = max(to[j], more[j])
