"""Counts, sums, means, extremes and spreads of zones: states of blocks, merged without rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.kernels.nodata import as_cells
from xcube_tiles.kernels.zonal import adding
from xcube_tiles.kernels.zonal.digits import (
    SPARE,
    Digits,
    add_rows,
    carry,
    integers,
    ratios,
    roots,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.kernels.zonal.places import Places

_SEGMENT = 1 << 19
"""Cells that are added before digits are carried: as many as a digit has room for."""


class Moments(NamedTuple):
    """What one block knows of its zones; arrays of shape (layers, places)."""

    ids: NDArray[np.int64]
    """Label of each place, as an index into the labels."""

    counts: NDArray[np.int64]
    """Number of valid cells."""

    lows: NDArray[Any]
    """Smallest cell, in the cells' dtype; arbitrary where there is none."""

    highs: NDArray[Any]
    """Largest cell."""

    sums: Digits
    """Exact sum of the finite cells."""

    squares: Digits
    """Exact sum of their squares; no digits where nobody asked."""


def moments(
    cells: NDArray[Any], places: Places, *, nodata: float | None = None, squares: bool = True
) -> Moments:
    """Return the moments of the zones of one block.

    Parameters
    ----------
    cells
        Integers, floats or bool, of shape (layers, cells).
    places
        Where each cell belongs: of the same shape, or of one layer for all.
    nodata
        The number that means NoData; None: none does. NaN always does.
    squares
        Whether variances are wanted.

    Examples
    --------
    >>> from xcube_tiles.kernels.zonal.places import locate
    >>> places = locate(np.array([[1, 1, 1, 2]]), np.array([1, 2]))
    >>> state = moments(np.array([[200, 100, 255, 7]], "uint8"), places, nodata=255)
    >>> state.counts, integers(state.sums)
    (array([[2, 1]]), array([[300, 7]], dtype=object))
    """
    cells = np.ascontiguousarray(as_cells(cells))
    layout = _layout(cells)
    shape = (len(cells), len(places.ids))
    worst_low, worst_high = _worst(cells.dtype)
    state = Moments(
        ids=places.ids,
        counts=np.zeros(shape, np.int64),
        lows=np.full(shape, worst_low, cells.dtype),
        highs=np.full(shape, worst_high, cells.dtype),
        sums=Digits(np.zeros((*shape, layout.sums), np.int64), layout.exponent),
        squares=Digits(np.zeros((*shape, layout.squares * squares), np.int64), 2 * layout.exponent),
    )
    masked = nodata is not None and not np.isnan(nodata)
    number = cells.dtype.type(nodata if masked else 0)
    for layer in range(len(cells)):
        where = places.where[layer % len(places.where)]
        _add(cells[layer], where, (number, masked), layout, state, layer)
    return state


class _Layout(NamedTuple):
    """How the cells of a block become digits."""

    sums: int
    """Number of digits of sums."""

    squares: int
    """Number of digits of sums of squares."""

    exponent: int = 0
    """Power of two of the lowest digit of sums."""

    base: int = 0
    """Exponent field of floats that has that power."""

    low: int = 0
    """Lowest exponent field of the cells."""

    bits: int = 64
    """Bits of the cells as integers, the smallest of which is not 0; 64: don't use."""


def _layout(cells: NDArray[Any]) -> _Layout:
    if cells.dtype.kind != "f":
        tops = (2, 6) if cells.dtype.itemsize == 8 else (0, 2)
        return _Layout(tops[0] + SPARE, tops[1] + SPARE)
    single = cells.dtype == np.float32
    bits = np.dtype(np.int32 if single else np.int64)
    infinity = cells.dtype.type(np.inf).view(bits)
    smallest, largest, infinite = adding.sizes(cells.reshape(-1).view(bits), infinity)
    low, high = (max(int(size) >> (23 if single else 52), 1) for size in (smallest, largest))
    low = min(low, high)
    # Where digits start differs by whole digits between blocks: they can be added.
    base = low & ~15
    reach = high - base
    extra, bias = ((48, 64), 150) if single else ((27, 81), 1075)
    return _Layout(
        sums=((reach + extra[0]) >> 4) + SPARE,
        squares=((2 * reach + extra[1]) >> 4) + SPARE,
        exponent=base - bias,
        base=base,
        low=low,
        bits=high - low + 24 if single and not infinite else 64,
    )


def _add(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    nodata: tuple[Any, bool],
    layout: _Layout,
    state: Moments,
    layer: int,
) -> None:
    least = (state.counts[layer], state.lows[layer], state.highs[layer])
    sums, squares = state.sums.values[layer], state.squares.values[layer]
    # Squares of halves have as many bits as the cells: so many may be added.
    near = 1 << max(62 - layout.bits, 0)
    if 2 * len(sums) <= near:
        return _add_near(cells, where, nodata, layout, near, least, (sums, squares))
    for start in range(0, cells.size, _SEGMENT):
        part, at = cells[start : start + _SEGMENT], where[start : start + _SEGMENT]
        outs = (*least, sums, squares)
        if cells.dtype == np.float32:
            adding.add_floats(part, part.view(np.int32), at, *nodata, layout.base, *outs)
        elif cells.dtype.kind == "f":
            adding.add_doubles(part, part.view(np.int64), at, *nodata, layout.base, *outs)
        elif cells.dtype.itemsize == 8:
            adding.add_long(part, at, *nodata, *outs)
        else:
            adding.add_integers(part, at, *nodata, *outs)
        carry(sums)
        carry(squares)
    return None


def _add_near(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    nodata: tuple[Any, bool],
    layout: _Layout,
    step: int,
    least: tuple[NDArray[Any], ...],
    digits: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    """Add float32 whose sizes are near to each other: a third of the time."""
    sums, squares = digits
    table = np.zeros((len(sums), 4), np.int64)
    half = (layout.bits + 1) // 2
    scale = 2.0 ** (150 - layout.low)
    for start in range(0, cells.size, step):
        span = slice(start, start + step)
        given = (cells[span], where[span], *nodata, scale, half, *least, table)
        adding.add_near(*given)
        adding.empty_table(table, half, layout.low - layout.base, sums, squares)
        carry(sums)
        carry(squares)


def _worst(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return what every cell is at most, and at least."""
    if dtype.kind == "f":
        return dtype.type(np.inf), dtype.type(-np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.max), dtype.type(limits.min)


def merge_moments(states: Sequence[Moments]) -> Moments:
    """Join the moments of blocks; the order of blocks makes no difference, not by a bit."""
    if len(states) == 1:
        return states[0]
    ids, inverse = np.unique(np.concatenate([state.ids for state in states]), return_inverse=True)
    rows = np.split(inverse, np.cumsum([len(state.ids) for state in states])[:-1])
    layers = states[0].counts.shape[0]
    worst_low, worst_high = _worst(states[0].lows.dtype)
    counts = np.zeros((layers, len(ids)), np.int64)
    lows = np.full(counts.shape, worst_low, states[0].lows.dtype)
    highs = np.full(counts.shape, worst_high, states[0].lows.dtype)
    for state, row in zip(states, rows, strict=True):
        counts[:, row] += state.counts
        lows[:, row] = np.minimum(lows[:, row], state.lows)
        highs[:, row] = np.maximum(highs[:, row], state.highs)
    sums = add_rows([state.sums for state in states], rows, len(ids))
    squares = states[0].squares
    if squares.values.shape[-1]:
        squares = add_rows([state.squares for state in states], rows, len(ids))
    else:
        squares = Digits(np.zeros((*counts.shape, 0), np.int64), 0)
    return Moments(ids, counts, lows, highs, sums, squares)


def _unlike(state: Moments, kind: str) -> NDArray[np.float64] | None:
    """Return what infinite cells make of sums: infinity, or NaN of both; None: there are none."""
    if state.lows.dtype.kind != "f":
        return None
    # Of the lowest and highest cell of an empty zone the signs are the other way round.
    some = state.counts > 0
    up, down = some & (state.highs == np.inf), some & (state.lows == -np.inf)
    if not (up | down).any():
        return None
    found = np.where(up & down, np.nan, np.where(up, np.inf, -np.inf))
    found = np.where(up | down, np.nan if kind == "spread" else found, 0.0)
    return np.where(up | down, found, 0.0)


def _with_infinite(values: NDArray[Any], state: Moments, kind: str) -> NDArray[np.float64]:
    values = values.astype(np.float64)
    infinite = _unlike(state, kind)
    return values if infinite is None else np.where(infinite == 0, values, infinite)


def total(state: Moments) -> NDArray[Any]:
    """Return sums: Python integers of integers; of floats float64, rounded once."""
    sums = integers(state.sums)
    if state.lows.dtype.kind != "f":
        return sums
    return _with_infinite(ratios(sums, 1, state.sums.exponent), state, "sum")


def mean(state: Moments) -> NDArray[np.float64]:
    """Return means, rounded once; NaN of nothing."""
    sums, counts = integers(state.sums), state.counts.astype(object)
    return _with_infinite(ratios(sums, counts, state.sums.exponent), state, "sum")


def variance(state: Moments, ddof: int = 0) -> NDArray[np.float64]:
    """Return mean squared deviations from the mean, rounded once; NaN of at most `ddof` cells."""
    over, under = _spread(state, ddof)
    return _with_infinite(ratios(over, under, state.squares.exponent), state, "spread")


def deviation(state: Moments, ddof: int = 0) -> NDArray[np.float64]:
    """Return the square roots of variances."""
    over, under = _spread(state, ddof)
    return _with_infinite(roots(over, under, state.squares.exponent), state, "spread")


def _spread(state: Moments, ddof: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return numerators and denominators of variances: (n Q - S**2) / (n (n - ddof))."""
    counts = state.counts.astype(object)
    sums, squares = integers(state.sums), integers(state.squares)
    # Sums are in units of 2**e, squares of 2**2e, whatever the blocks that they come from.
    shift = state.squares.exponent - 2 * state.sums.exponent
    over = counts * squares - ((sums * sums) >> shift if shift > 0 else (sums * sums) << -shift)
    under = np.where(state.counts > ddof, counts * (counts - ddof), 0)
    return over, under


def value_range(state: Moments) -> NDArray[Any]:
    """Return largest less smallest: Python integers of integers, float64 of floats."""
    if state.lows.dtype.kind == "f":
        high, low = state.highs.astype(np.float64), state.lows.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # infinity less infinity is NaN
            spread: NDArray[Any] = high - low
        return spread
    whole: NDArray[Any] = state.highs.astype(object) - state.lows.astype(object)
    return whole
