"""Class breaks: numbers that divide the values of a raster into classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.histogram import as_raster, counts_of, from_small
from xcube_tiles.algebra.quantiles import quantiles
from xcube_tiles.algebra.summary import extremes, summary
from xcube_tiles.cube.blocks import is_lazy
from xcube_tiles.errors import AlgebraError
from xcube_tiles.kernels.histogram import equal_edges
from xcube_tiles.kernels.jenks import natural_breaks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject

BreakMethod = Literal["quantile", "equal-interval", "standard-deviation", "head-tail", "jenks"]
"""How classes are made."""

CLASS = "class"
"""Dimension of classes."""

_BINS = 1 << 16
"""Bins that natural breaks of more different values are found in."""

_MOST_CLASSES = 256


def class_breaks(obj: XarrayObject, n: int, method: BreakMethod = "quantile") -> xr.DataArray:
    """Return the upper limits of classes that the values of a raster fall into.

    Parameters
    ----------
    obj
        One raster of any cell type, dimensions (..., y, x); all its cells are taken together.
    n
        Number of classes, 1 to 256; for `head-tail` the most.
    method
        `quantile`: equally many cells. `equal-interval`: equally wide. `standard-deviation`: one
        standard deviation wide, around the mean. `head-tail`: at the mean, at the mean of what is
        above it, and so on, for values of which few are large. `jenks`: natural breaks, with the
        least variance within classes.

    Returns
    -------
    float64 with the dimension `class`, ascending: a cell belongs to the first class whose break is
    not less than it, and the last break is the largest cell. Integers beyond 2**53 are rounded. Two
    breaks are equal where a class is empty, such as quantiles of a value that very many cells have.
    NaN if no cell has a value. Lazy if `obj` is, except for `head-tail`, which **computes lazy
    cells**, as only they tell how many breaks there are.

    Raises
    ------
    AlgebraError
        An unknown method (lists those that there are) or a number of classes out of range.
    DimensionError
        A Dataset: name the variable.

    Notes
    -----
    NoData and infinite cells are left out; of quantiles, NoData alone. All breaks depend on neither
    chunks nor order.

    - `quantile` is exact for every cell type (type 7 of Hyndman and Fan, 1996): one pass over cells
      of 8 and 16 bits, two of 32, four of 64.
    - `standard-deviation`: breaks at mean + (i - n / 2) sd for i = 1 .. n - 1, moved inside the
      range of the cells; exact moments, rounded once.
    - `head-tail`: Jiang (2013), *Head/tail breaks*, with exact means; a pass for each break.
    - `jenks` finds the optimum of Fisher (1958) over 65536 bins: exact for integers that span less,
      else each break is off by at most 1 / 65536 of the range.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 6), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> values = [[1.0, 2.0, 3.0, 8.0, 9.0, np.nan]]
    >>> cells = assign_geobox(xr.DataArray(values, dims=("y", "x")), grid)
    >>> class_breaks(cells, 2).values, class_breaks(cells, 2, "equal-interval").values
    (array([3., 9.]), array([5., 9.]))
    >>> class_breaks(cells * np.nan, 2).values
    array([nan, nan])
    """
    found = chosen("method", method, _METHODS)
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or not 1 <= n <= _MOST_CLASSES:
        raise AlgebraError(f"n must be a number of classes from 1 to {_MOST_CLASSES}, got {n!r}")
    array = as_raster(obj, "a list of class breaks")
    attrs = {"units": array.attrs["units"]} if "units" in array.attrs else {}
    return xr.DataArray(found(array, int(n)), dims=CLASS, name="breaks", attrs=attrs)


def _quantile(array: xr.DataArray, n: int) -> Any:
    return quantiles(array, [(at + 1) / n for at in range(n)])


def _equal_interval(array: xr.DataArray, n: int) -> Any:
    return from_small(_equal_breaks, extremes(array), name="equal-breaks", size=n, n=n)


def _equal_breaks(ends: NDArray[np.float64], *, n: int) -> NDArray[np.float64]:
    low, high = ends
    breaks: NDArray[np.float64] = equal_edges(low, high, n)[1:]
    return np.full(n, high) if low == high else breaks


def _standard_deviation(array: xr.DataArray, n: int) -> Any:
    return from_small(_deviation_breaks, summary(array), name="deviation-breaks", size=n, n=n)


def _deviation_breaks(found: NDArray[np.float64], *, n: int) -> NDArray[np.float64]:
    _, low, high, middle, spread = found
    away = (np.arange(1, n + 1) - n / 2) * spread
    breaks: NDArray[np.float64] = np.clip(middle + away, low, high)
    breaks[-1] = high
    return breaks


def _head_tail(array: xr.DataArray, n: int) -> NDArray[np.float64]:
    breaks: list[float] = []
    least = -np.inf
    while True:
        found = summary(array, least)
        _, low, high, middle, _ = found.compute() if is_lazy(found) else found
        # Of numbers that are next to each other the mean is one of them.
        if not low < middle < high or len(breaks) == n - 1:
            return np.array([*breaks, high])
        breaks.append(middle)
        least = middle


def _jenks(array: xr.DataArray, n: int) -> Any:
    ends, whole = extremes(array), array.dtype.kind != "f"
    edges = from_small(_jenks_edges, ends, name="jenks-edges", size=_BINS + 1, whole=whole)
    counts = counts_of(array, edges)
    return from_small(
        _natural, counts, edges, ends, name="natural-breaks", size=n, n=n, whole=whole
    )


def _jenks_edges(ends: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    low, high = ends
    if not whole or np.isnan(low):
        return equal_edges(low, high, _BINS)
    step = max(np.ceil((high - low + 1) / _BINS), 1)
    edges: NDArray[np.float64] = low - 0.5 + step * np.arange(_BINS + 1)
    return edges


def _natural(
    counts: NDArray[np.int64],
    edges: NDArray[np.float64],
    ends: NDArray[np.float64],
    *,
    n: int,
    whole: bool,
) -> NDArray[np.float64]:
    some = np.flatnonzero(counts)
    if not some.size:
        return np.full(n, np.nan)
    middles = edges[some] / 2 + edges[some + 1] / 2
    found = some[natural_breaks(middles, counts[some], min(n, some.size))]
    # The largest integer of a bin lies half below its upper edge.
    breaks = np.minimum(edges[found + 1] - (0.5 if whole else 0.0), ends[1])
    breaks[-1] = ends[1]
    return np.append(breaks, np.full(n - breaks.size, ends[1]))


_METHODS: dict[str, Callable[[xr.DataArray, int], Any]] = {
    "quantile": _quantile,
    "equal-interval": _equal_interval,
    "standard-deviation": _standard_deviation,
    "head-tail": _head_tail,
    "jenks": _jenks,
}
