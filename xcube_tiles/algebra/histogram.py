"""Histograms of rasters, from counts of blocks that merge."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra.summary import extremes
from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.kernels.histogram import bins_of, equal_edges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

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
