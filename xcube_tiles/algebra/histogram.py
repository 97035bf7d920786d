"""Histograms of rasters, and quantiles that are exact, from counts of blocks that merge."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.kernels.histogram import (
    DIGIT,
    bins_of,
    count_keys,
    equal_edges,
    from_sort_keys,
    sort_keys,
)
from xcube_tiles.kernels.nodata import is_valid
from xcube_tiles.kernels.order import between

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayObject

BIN = "bin"
"""Dimension of bins."""


def histogram(
    obj: XarrayObject,
    bins: int | Sequence[float] = 256,
    *,
    range: tuple[float, float] | None = None,
) -> xr.DataArray:
    """Count the cells in bins of their values.

    Parameters
    ----------
    obj
        One raster of any cell type, dimensions (..., y, x); all its cells are counted together.
    bins
        Number of equal bins, or their ascending edges. A bin holds its lower edge, the last one
        both, as in `numpy.histogram`.
    range
        Ends of the equal bins; by default the smallest and largest finite cell, which takes a pass
        over the cells more. Cells beyond the ends aren't counted.

    Returns
    -------
    int64 counts with the dimension `bin`; the coordinates `low` and `high` have the edges of the
    bins, NaN where no cell has a value. NoData cells aren't counted. Lazy, edges included, if `obj`
    is.

    Raises
    ------
    AlgebraError
        Bins or a range that aren't ascending.
    DimensionError
        A Dataset: name the variable.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = assign_geobox(xr.DataArray([[0.0, 1.0, 1.0, 4.0, np.nan]], dims=("y", "x")), grid)
    >>> counts = histogram(cells, 2)
    >>> counts.values, counts["low"].values, histogram(cells * np.nan, 2).values
    (array([3, 1]), array([0., 2.]), array([0, 0]))
    """
    array = as_raster(obj, "a histogram")
    edges = edges_of(array, bins, range)
    return xr.DataArray(counts_of(array, edges), bin_coords(edges), (BIN,), "count")


def as_raster(obj: XarrayObject, what: str) -> xr.DataArray:
    """Return one raster in canonical form.

    Raises
    ------
    DimensionError
        A Dataset.
    """
    if isinstance(obj, xr.Dataset):
        raise DimensionError(
            f"{what} is made of one raster, not of a Dataset of {list(obj.data_vars)!r}; "
            "name the variable: cube['red'].tiles"
        )
    return canonical(obj)


def edges_of(
    array: xr.DataArray, bins: int | Sequence[float], range: tuple[float, float] | None
) -> Any:
    """Return the edges of bins, float64; lazy if they depend on lazy cells.

    Raises
    ------
    AlgebraError
        Bins or a range that aren't ascending.
    """
    if isinstance(bins, int | np.integer) and not isinstance(bins, bool):
        if bins < 1:
            raise AlgebraError(f"bins must be at least 1, got {bins}")
        if range is None:
            size = int(bins) + 1
            return from_small(
                _edges_between, extremes(array), name="bin-edges", size=size, bins=int(bins)
            )
        low, high = _checked_range(range)
        return equal_edges(low, high, int(bins))
    if range is not None:
        raise AlgebraError(f"range is for a number of bins; these have edges: {bins!r}")
    given = np.asarray(bins)
    edges = given.astype(np.float64) if given.dtype.kind in "iuf" else np.empty(0)
    if edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0).all():
        raise AlgebraError(
            f"bins must be a number, or at least two ascending edges of bins, got {bins!r}"
        )
    return edges


def _checked_range(range: tuple[float, float]) -> tuple[float, float]:
    ends = np.asarray(range, np.float64)
    if ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise AlgebraError(f"range must be two finite ascending numbers, got {range!r}")
    return float(ends[0]), float(ends[1])


def _edges_between(ends: NDArray[np.float64], *, bins: int) -> NDArray[np.float64]:
    return equal_edges(ends[0], ends[1], bins)


def bin_coords(edges: Any) -> dict[str, Any]:
    """Return coordinates with the lower and upper edges of bins."""
    return {"low": (BIN, edges[:-1]), "high": (BIN, edges[1:])}


def from_small(
    func: Callable[..., NDArray[np.float64]],
    *arrays: Any,
    name: str,
    size: int,
    **params: Any,
) -> Any:
    """Return a list of numbers computed of small arrays, lazily if one of them is lazy.

    Parameters
    ----------
    func
        ``func(*arrays, **params) -> array of shape (size,)``.
    *arrays
        Small arrays, the first with one dimension.
    name
        Prefix of the graph's keys.
    size
        Size of the result, float64.
    **params
        Passed on to `func`.
    """
    return fold_blocks(
        partial(_called, func=func, params=params),
        arrays[0],
        combine=_only,
        finalize=_itself,
        name=name,
        shape=(size,),
        dtype=np.float64,
        tables=arrays[1:],
    )


def _called(
    *arrays: NDArray[Any],
    origin: object,
    func: Callable[..., NDArray[np.float64]],
    params: dict[str, Any],
) -> NDArray[np.float64]:
    return func(*arrays, **params)


def _only(states: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    (state,) = states  # arrays of one block have one state
    return state


def _itself(state: NDArray[np.float64]) -> NDArray[np.float64]:
    return state


def extremes(array: xr.DataArray) -> Any:
    """Return the smallest and largest finite cell, float64 of shape (2,); NaN if there is none."""
    return fold_blocks(
        _ends,
        array.data,
        combine=_merge_ends,
        finalize=_ends_as_floats,
        name="extremes",
        shape=(2,),
        dtype=np.float64,
        nodata=cell_type_of(array).nodata,
    )


def _ends(block: NDArray[Any], *, origin: object, nodata: float | None) -> list[Any]:
    valid = block[is_valid(block, nodata) & np.isfinite(block)]
    return [valid.min(), valid.max()] if valid.size else []


def _merge_ends(states: list[list[Any]]) -> list[Any]:
    known = [state for state in states if state]
    return [min(each[0] for each in known), max(each[1] for each in known)] if known else []


def _ends_as_floats(state: list[Any], *, nodata: float | None) -> NDArray[np.float64]:
    return np.array(state or [np.nan, np.nan], np.float64)


def counts_of(array: xr.DataArray, edges: Any) -> Any:
    """Return the number of cells in each bin, int64."""
    bins = edges.shape[0] - 1
    return fold_blocks(
        _count,
        array.data,
        combine=_add,
        finalize=_same,
        name="histogram",
        shape=(bins,),
        dtype=np.int64,
        tables=(edges,),
        nodata=cell_type_of(array).nodata,
        bins=bins,
    )


def _count(
    block: NDArray[Any],
    edges: NDArray[np.float64],
    *,
    origin: object,
    nodata: float | None,
    bins: int,
) -> NDArray[np.int64]:
    places = bins_of(block, edges, nodata=nodata).reshape(-1)
    return np.bincount(places + 1, minlength=bins + 1)[1:]


def _add(states: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    total: NDArray[np.int64] = np.sum(states, axis=0)
    return total


def _same(state: NDArray[np.int64], *, nodata: float | None, bins: int) -> NDArray[np.int64]:
    return state


def quantiles(array: xr.DataArray, shares: Sequence[float]) -> Any:
    """Return quantiles of all valid cells together; lazy if the array is.

    Parameters
    ----------
    array
        Cells of any type, in canonical form.
    shares
        Shares between 0 and 1.

    Returns
    -------
    float64, one for each share; NaN if no cell has a value.

    Notes
    -----
    Exact, whatever the blocks: cells are ordered by their bits, 16 of which are counted in a pass
    over the blocks, so that cells of 8 and 16 bits take one pass, of 32 bits two, of 64 bits four.
    Linear interpolation between order statistics, type 7 of Hyndman and Fan (1996).

    Examples
    --------
    >>> quantiles(xr.DataArray([[1.0, 2.0, 3.0, np.nan]], dims=("y", "x")), [0.25, 0.5])
    array([1.5, 2. ])
    """
    source = cell_type_of(array)
    wanted = tuple(float(share) for share in shares)
    bits = 8 * source.dtype.itemsize
    found: tuple[Any, ...] = ()
    for shift in reversed(range(0, bits, DIGIT)):
        found = (
            fold_blocks(
                _start_digit,
                array.data,
                combine=_merge_digit,
                finalize=_finish_digit,
                name="ranks",
                shape=(2 * len(wanted) + 1, 2),
                dtype=np.uint64,
                tables=found,
                source=source,
                shift=shift,
                shares=wanted,
            ),
        )
    return from_small(
        _interpolated,
        found[0].reshape(-1),
        name="quantiles",
        size=len(wanted),
        source=source,
        shares=wanted,
    )


class _Digits(NamedTuple):
    """Counts of digits below some prefixes."""

    ranks: NDArray[np.uint64] | None
    """Rows (prefix, rank below it) and (number of cells, 0); None: nothing is known yet."""

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]


def _start_digit(
    block: NDArray[Any],
    ranks: NDArray[np.uint64] | None = None,
    *,
    origin: object,
    source: CellType,
    shift: int,
    shares: tuple[float, ...],
) -> _Digits:
    keys = sort_keys(block[is_valid(block, source.nodata)])
    prefixes = np.zeros(1, np.uint64) if ranks is None else np.unique(ranks[:-1, 0])
    return _Digits(ranks, *count_keys(keys, shift, prefixes))


def _merge_digit(states: list[_Digits]) -> _Digits:
    codes, inverse = np.unique(
        np.concatenate([state.codes for state in states]), return_inverse=True
    )
    counts = np.zeros(len(codes), np.int64)
    np.add.at(counts, inverse, np.concatenate([state.counts for state in states]))
    return _Digits(states[0].ranks, codes, counts)


def _finish_digit(
    state: _Digits, *, source: CellType, shift: int, shares: tuple[float, ...]
) -> NDArray[np.uint64]:
    """Find the digit of each rank: its prefix gets that digit, its rank counts below it."""
    ranks = _first_ranks(int(state.counts.sum()), shares) if state.ranks is None else state.ranks
    found = ranks.copy()
    if not ranks[-1, 0]:
        return found
    prefixes = np.unique(ranks[:-1, 0])
    ends = np.cumsum(state.counts)
    for row, (prefix, rank) in enumerate(ranks[:-1]):
        first = np.searchsorted(state.codes, np.searchsorted(prefixes, prefix) << DIGIT)
        before = int(ends[first - 1]) if first else 0
        at = np.searchsorted(ends, before + int(rank), side="right")
        below = int(ends[at - 1]) - before if at > first else 0
        digit = int(state.codes[at]) & ((1 << DIGIT) - 1)
        found[row] = (int(prefix) << DIGIT) | digit, int(rank) - below
    return found


def _first_ranks(count: int, shares: tuple[float, ...]) -> NDArray[np.uint64]:
    """Return the ranks on both sides of each share, without prefix, and the number of cells."""
    rows = []
    for share in shares:
        rank = share * max(count - 1, 0)
        low = min(int(rank), max(count - 1, 0))
        rows += [(0, low), (0, min(low + 1, max(count - 1, 0)))]
    return np.array([*rows, (count, 0)], np.uint64)


def _interpolated(
    ranks: NDArray[np.uint64], *, source: CellType, shares: tuple[float, ...]
) -> NDArray[np.float64]:
    count = int(ranks[-2])
    if not count:
        return np.full(len(shares), np.nan)
    keys = ranks[:-2:2]
    low, high = (from_sort_keys(keys[at::2], source.dtype).astype(np.float64) for at in (0, 1))
    part = np.array(shares) * (count - 1)
    part -= np.floor(part)
    return np.array([between(*ends) for ends in zip(low, high, part, strict=True)], np.float64)
