"""The different values of zones and how often each occurs: what order statistics are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing
from xcube_tiles.kernels.nodata import as_cells
from xcube_tiles.kernels.reduce.order import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.kernels.zonal.places import Places

# Which entry of the runs of a zone is its mode, its minority.
_MOST, _LEAST = True, False


class Runs(NamedTuple):
    """The values of the zones of one layer, zone after zone, in ascending order."""

    ids: NDArray[np.int64]
    """Label of each place, as an index into the labels."""

    bounds: NDArray[np.int64]
    """Where the values of each place begin, and where the last ones end."""

    values: NDArray[Any]
    """Different values of each place, in the cells' dtype."""

    counts: NDArray[np.int64]
    """How often each occurs."""


@njit(nogil=True, cache=True)
def _group(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    starts: NDArray[np.int64],
    grouped: NDArray[Any],
) -> None:
    """Put the valid cells of each place side by side; starts become the ends."""
    for i in range(cells.size):
        w = where[i]
        value = cells[i]
        if (w < 0) | is_missing(value, nodata, masked):
            continue
        grouped[starts[w]] = value
        starts[w] += 1


@njit(nogil=True, cache=True)
def _tally(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    nodata: Any,
    masked: bool,
    tally: NDArray[np.int64],
) -> None:
    for i in range(cells.size):
        w = where[i]
        if not ((w < 0) | is_missing(cells[i], nodata, masked)):
            tally[w] += 1


@njit(nogil=True, cache=True)
def _sorted_runs(
    grouped: NDArray[Any],
    ends: NDArray[np.int64],
    bounds: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    """Sort the cells of each place and keep different ones, in place; return how many."""
    kept, start = 0, 0
    for w in range(ends.size):
        part = grouped[start : ends[w]]
        part.sort()
        for i in range(part.size):
            # Compared with the one that was kept: it lies at or before the one that is read.
            if i > 0 and part[i] == grouped[kept - 1]:
                counts[kept - 1] += 1
            else:
                grouped[kept] = part[i]
                counts[kept] = 1
                kept += 1
        bounds[w + 1] = kept
        start = ends[w]
    return kept


def runs(cells: NDArray[Any], places: Places, *, nodata: float | None = None) -> list[Runs]:
    """Return the runs of each layer of a block.

    Parameters
    ----------
    cells
        Integers, floats or bool, of shape (layers, cells).
    places
        Where each cell belongs: of the same shape, or of one layer for all.
    nodata
        The number that means NoData; None: none does. NaN always does.

    Examples
    --------
    >>> from xcube_tiles.kernels.zonal.places import locate
    >>> places = locate(np.array([[4, 4, 4, 5]]), np.array([4, 5]))
    >>> runs(np.array([[9, 7, 9, 255]], "uint8"), places, nodata=255)[0]
    Runs(ids=array([0, 1]), bounds=array([0, 2, 2]), values=array([7, 9], dtype=uint8),
    counts=array([1, 2]))
    """
    cells = np.ascontiguousarray(as_cells(cells))
    if cells.dtype.kind == "f":
        cells = cells + cells.dtype.type(0)  # -0.0 becomes 0.0: which of them is met is chance
    masked = nodata is not None and not np.isnan(nodata)
    number = cells.dtype.type(nodata if masked else 0)
    return [
        _runs(layer, places.where[at % len(places.where)], places.ids, number, masked)
        for at, layer in enumerate(cells)
    ]


def _runs(
    cells: NDArray[Any],
    where: NDArray[np.int32],
    ids: NDArray[np.int64],
    nodata: Any,
    masked: bool,
) -> Runs:
    tally = np.zeros(len(ids), np.int64)
    _tally(cells, where, nodata, masked, tally)
    ends = np.cumsum(tally) - tally
    grouped = np.empty(int(tally.sum()), cells.dtype)
    _group(cells, where, nodata, masked, ends, grouped)
    counts = np.empty(grouped.size, np.int64)
    bounds = np.zeros(len(ids) + 1, np.int64)
    kept = _sorted_runs(grouped, ends, bounds, counts)
    return Runs(ids, bounds, grouped[:kept].copy(), counts[:kept].copy())


def merge_runs(states: Sequence[list[Runs]]) -> list[Runs]:
    """Join the runs of blocks, layer by layer."""
    if len(states) == 1:
        return states[0]
    return [_merge_layer(layers) for layers in zip(*states, strict=True)]


@njit(nogil=True, cache=True)
def _merge_two(
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    bounds: tuple[NDArray[np.int64], NDArray[np.int64]],
    values: tuple[NDArray[Any], NDArray[Any]],
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
    out: tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]],
) -> int:
    """Merge the ascending values of each place; rows: where each of two has it, -1 nowhere."""
    kept = 0
    for w in range(rows[0].size):
        one, two = rows[0][w], rows[1][w]
        i, stop = (bounds[0][one], bounds[0][one + 1]) if one >= 0 else (0, 0)
        j, end = (bounds[1][two], bounds[1][two + 1]) if two >= 0 else (0, 0)
        while i < stop or j < end:
            first = j >= end or (i < stop and values[0][i] <= values[1][j])
            second = i >= stop or (j < end and values[1][j] <= values[0][i])
            out[1][kept] = values[0][i] if first else values[1][j]
            out[2][kept] = 0
            if first:
                out[2][kept] += counts[0][i]
                i += 1
            if second:
                out[2][kept] += counts[1][j]
                j += 1
            kept += 1
        out[0][w + 1] = kept
    return kept


def _merge_layer(parts: Sequence[Runs]) -> Runs:
    """Join runs two by two, so that each value is copied but a few times."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    one, two = _merge_layer(parts[:middle]), _merge_layer(parts[middle:])
    ids = np.union1d(one.ids, two.ids)
    rows = []
    for part in (one, two):
        row = np.full(len(ids), -1, np.int64)
        row[np.searchsorted(ids, part.ids)] = np.arange(len(part.ids))
        rows.append(row)
    size = len(one.values) + len(two.values)
    bounds = np.zeros(len(ids) + 1, np.int64)
    out = (bounds, np.empty(size, one.values.dtype), np.empty(size, np.int64))
    pairs = ((one.bounds, two.bounds), (one.values, two.values), (one.counts, two.counts))
    kept = _merge_two((rows[0], rows[1]), pairs[0], pairs[1], pairs[2], out)
    return Runs(ids, bounds, out[1][:kept].copy(), out[2][:kept].copy())


def variety(state: Runs) -> NDArray[np.int64]:
    """Return the number of different values of each place."""
    return np.diff(state.bounds)


def mode(state: Runs) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Return which places have cells, and the most frequent value of these; of several the least.

    Examples
    --------
    >>> state = Runs(np.array([0]), np.array([0, 3]), np.array([1, 2, 3]), np.array([2, 5, 5]))
    >>> mode(state)
    (array([ True]), array([2]))
    """
    return _chosen(state, _MOST)


def minority(state: Runs) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Return which places have cells, and the rarest value of these; of several the least."""
    return _chosen(state, _LEAST)


@njit(nogil=True, cache=True)
def _choose(
    bounds: NDArray[np.int64], counts: NDArray[np.int64], most: bool, best: NDArray[np.int64]
) -> None:
    for w in range(best.size):
        best[w] = bounds[w]
        for i in range(bounds[w] + 1, bounds[w + 1]):
            if counts[i] > counts[best[w]] if most else counts[i] < counts[best[w]]:
                best[w] = i


def _chosen(state: Runs, most: bool) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    some = np.diff(state.bounds) > 0
    best = np.empty(len(some), np.int64)
    _choose(state.bounds, state.counts, most, best)
    return some, state.values[best[some]]


@njit(nogil=True, cache=True)
def _ranked(
    bounds: NDArray[np.int64],
    values: NDArray[Any],
    counts: NDArray[np.int64],
    share: float,
    out: NDArray[np.float64],
) -> None:
    for w in range(out.size):
        start, stop = bounds[w], bounds[w + 1]
        total = counts[start:stop].sum()
        if total == 0:
            out[w] = np.nan
            continue
        rank = share * (total - 1)
        at = min(int(rank), total - 1)
        i, before = start, 0
        while before + counts[i] <= at:
            before += counts[i]
            i += 1
        low = np.float64(values[i])
        following = i + 1 if before + counts[i] <= at + 1 and i + 1 < stop else i
        high = np.float64(values[following])
        out[w] = between(low, high, rank - at)


def quantile(state: Runs, share: float) -> NDArray[np.float64]:
    """Return a quantile of each place; NaN of nothing.

    Notes
    -----
    Linear interpolation between order statistics, type 7 of Hyndman and Fan (1996).

    Examples
    --------
    >>> state = Runs(np.array([0]), np.array([0, 2]), np.array([1, 3]), np.array([1, 1]))
    >>> quantile(state, 0.5)
    array([2.])
    """
    out = np.empty(len(state.ids), np.float64)
    _ranked(state.bounds, state.values, state.counts, share, out)
    return out
