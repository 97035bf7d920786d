"""Contrast: cells spread over a range by their histogram, or by a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra.histogram import counts_of, from_small
from xcube_tiles.algebra.spread import (
    Spread,
    as_cells,
    between_ends,
    check_spread,
    ends_of,
    refuse_rounded,
)
from xcube_tiles.algebra.summary import extremes
from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError, CellTypeError, DimensionError
from xcube_tiles.kernels.histogram import equal_edges, look_up
from xcube_tiles.kernels.nodata import is_valid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayT

_NUMBER = (int, float, np.integer, np.floating)

_BINS = 1 << 16
"""Bins of a histogram: one for each number of 16 bits."""


def equalize(obj: XarrayT, *, range: Spread = "cells") -> XarrayT:
    """Spread the cells so that equally many lie in equal parts of a range.

    Parameters
    ----------
    obj
        A cube, dimensions (..., y, x); of a Dataset, every variable with y and x. All cells of a
        variable share a histogram, those of other times too.
    range
        Range of the result: `"cells"`, from the smallest to the largest cell; `"type"`, all
        numbers of an integer type; or two ascending numbers.

    Returns
    -------
    Cells of the same type, NoData where it was; lazy if `obj` is. Integers are rounded, and one
    that would be NoData takes the next number towards zero.

    Raises
    ------
    AlgebraError
        An unknown range, or one that isn't ascending; `"type"` of floats.
    CellTypeError
        Integers beyond 2**53, which floats round (when it is computed).

    Notes
    -----
    (cdf(x) - cdf(min)) / (1 - cdf(min)), stretched over the range, where cdf is the share of cells
    that are at most x. Exact for integers that span at most 65536 numbers; for others cdf is
    linear between those of 65536 bins that have cells. Infinite cells count to neither end and
    become the nearest end. A raster of one number takes the lower end.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> values = np.uint8([[0, 1, 2, 100, 255]])
    >>> cells = xr.DataArray(values, dims=("y", "x"), attrs={"_FillValue": np.uint8(255)})
    >>> equalize(assign_geobox(cells, grid)).values
    array([[  0,  33,  67, 100, 255]], dtype=uint8)
    """
    check_spread(range)
    return map_rasters(canonical(obj), lambda array: _equalize_array(array, range))


def match_histogram(obj: XarrayT, like: xr.DataArray | xr.Dataset) -> XarrayT:
    """Give a raster the histogram of another.

    Parameters
    ----------
    obj
        A cube, dimensions (..., y, x); of a Dataset, every variable with y and x.
    like
        Raster whose histogram is taken, on any grid; for a Dataset a Dataset with variables of the
        same names, or one raster for all.

    Returns
    -------
    Cells of the type of `like`, NoData where `obj` has it; lazy if `obj` or `like` is.

    Raises
    ------
    CellTypeError
        Cells that can be NoData, matched to a raster without NoData; integers beyond 2**53, which
        floats round (when it is computed).
    DimensionError
        A Dataset for an array, or one that lacks a variable.

    Notes
    -----
    Integers become the smallest number of `like` whose cumulative share of cells is not less than
    their own. Floats are interpolated between cumulative shares. Exact for integers that span at
    most 65536 numbers; others are counted in 65536 bins.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> attrs = {"_FillValue": np.int16(-1)}
    >>> one, two = (
    ...     assign_geobox(xr.DataArray(np.int16([cells]), dims=("y", "x"), attrs=attrs), grid)
    ...     for cells in ([1, 2, -1], [500, 700, -1])
    ... )
    >>> match_histogram(one, two).values
    array([[500, 700,  -1]], dtype=int16)
    """
    obj = canonical(obj)
    if isinstance(like, xr.DataArray):
        one = canonical(like)
        return map_rasters(obj, lambda array: _match_array(array, one))
    like = canonical(like)
    if isinstance(obj, xr.DataArray):
        raise DimensionError(
            f"one raster is matched to one, not to a Dataset of {list(like.data_vars)!r}; "
            "name the variable: like['red']"
        )
    lacking = [name for name in obj.data_vars if name not in like.data_vars]
    if lacking:
        raise DimensionError(
            f"there is no variable {lacking[0]!r} to match; it has {list(like.data_vars)!r}"
        )
    return map_rasters(obj, lambda array: _match_array(array, like[array.name]))


def sigmoidal_contrast(
    obj: XarrayT, contrast: float, midpoint: float = 0.5, *, range: Spread = "cells"
) -> XarrayT:
    """Raise the contrast around a midpoint by a curve that leaves both ends where they are.

    Parameters
    ----------
    obj
        A cube, dimensions (..., y, x); of a Dataset, every variable with y and x.
    contrast
        Steepness of the curve, at least 0; 3 is typical and 20 much. 0 changes nothing.
    midpoint
        Where the curve is steepest, as a share of the range, 0 to 1.
    range
        Range that the curve spans: `"cells"`, from the smallest to the largest cell; `"type"`, all
        numbers of an integer type; or two ascending numbers, beyond which cells take the ends.

    Returns
    -------
    Cells of the same type, NoData where it was; lazy if `obj` is. Integers are rounded, and one
    that would be NoData takes the next number towards zero.

    Raises
    ------
    AlgebraError
        A negative contrast, a midpoint outside 0 to 1, or a range as for `equalize`.
    CellTypeError
        Integers beyond 2**53, which floats round (when it is computed).

    Notes
    -----
    The formula of ImageMagick's `-sigmoidal-contrast`, of u, a cell's share of the range:
    (s(u) - s(0)) / (s(1) - s(0)), where s(u) = 1 / (1 + exp(contrast (midpoint - u))).

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = assign_geobox(xr.DataArray([[0.0, 5.0, 10.0, np.nan]], dims=("y", "x")), grid)
    >>> sigmoidal_contrast(cells, 3).values
    array([[ 0.,  5., 10., nan]])
    """
    check_spread(range)
    if not (isinstance(contrast, _NUMBER) and 0 <= contrast < np.inf):
        raise AlgebraError(f"contrast must be a number of at least 0, got {contrast!r}")
    if not (isinstance(midpoint, _NUMBER) and 0 <= midpoint <= 1):
        raise AlgebraError(f"midpoint must be a share from 0 to 1, got {midpoint!r}")
    curve = (float(contrast), float(midpoint))
    return map_rasters(canonical(obj), lambda array: _sigmoidal_array(array, range, curve))


def _edges(array: xr.DataArray) -> Any:
    """Return edges of bins; of integers that span few numbers one bin for each."""
    whole = array.dtype.kind != "f"
    return from_small(_bin_edges, extremes(array), name="edges", size=_BINS + 1, whole=whole)


def _bin_edges(ends: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    low, high = ends
    refuse_rounded(ends, whole=whole)
    if whole and high - low < _BINS:
        edges: NDArray[np.float64] = low + np.arange(_BINS + 1)
        return edges
    return equal_edges(low, high, _BINS)


def _equalize_array(array: xr.DataArray, range: Spread) -> xr.DataArray:
    ends, edges, cells = ends_of(array, range), _edges(array), cell_type_of(array)
    whole = array.dtype.kind != "f"
    table = from_small(
        _equal_table,
        counts_of(array, edges),
        edges,
        ends,
        name="equal-shares",
        size=_BINS + 1,
        whole=whole,
    )
    return _looked_up(array, edges, table, cells, name="equalize")


def _equal_table(
    counts: NDArray[np.int64],
    edges: NDArray[np.float64],
    ends: NDArray[np.float64],
    *,
    whole: bool,
) -> NDArray[np.float64]:
    """Return what cells at the edges become."""
    shares = _shares(counts, edges, whole=whole)
    first = counts[np.flatnonzero(counts)[:1]].sum() / max(counts.sum(), 1)
    stretched = (shares - first) / (1 - first) if first < 1 else np.zeros_like(shares)
    return between_ends(ends, np.clip(stretched, 0, 1))


def _shares(
    counts: NDArray[np.int64], edges: NDArray[np.float64], *, whole: bool
) -> NDArray[np.float64]:
    """Return the cumulative shares of cells at the edges of bins."""
    if not counts.any():
        return np.zeros(edges.shape)
    if whole and edges[1] - edges[0] == 1:
        shares: NDArray[np.float64] = np.append(np.cumsum(counts), counts.sum()) / counts.sum()
        return shares
    return np.asarray(np.interp(edges, *_knots(counts, edges)), np.float64)


def _knots(
    counts: NDArray[np.int64], edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return numbers and the shares of cells up to them: the lowest cell, and ends of bins."""
    some = np.flatnonzero(counts)
    numbers = edges[some + 1]
    numbers[0] = edges[some[0]]
    return numbers, np.cumsum(counts)[some] / counts.sum()


def _looked_up(
    array: xr.DataArray,
    edges: Any,
    table: Any,
    target: CellType,
    *,
    name: str,
    stepped: bool = False,
) -> xr.DataArray:
    data = map_blocks(
        _look_up_block,
        array.data,
        tables=(edges, table),
        name=name,
        dtype=target.dtype,
        source=cell_type_of(array),
        target=target,
        stepped=stepped,
    )
    return set_cell_type(array.copy(data=data), target)


def _look_up_block(
    block: NDArray[Any],
    edges: NDArray[np.float64],
    table: NDArray[np.float64],
    *,
    source: CellType,
    target: CellType,
    stepped: bool,
) -> NDArray[Any]:
    values = look_up(block, edges[[0, -1]], table, nodata=source.nodata, stepped=stepped)
    return as_cells(block, is_valid(block, source.nodata), values, target)


def _sigmoidal_array(
    array: xr.DataArray, range: Spread, curve: tuple[float, float]
) -> xr.DataArray:
    cells = cell_type_of(array)
    data = map_blocks(
        _sigmoidal_block,
        array.data,
        tables=(ends_of(array, range),),
        name="sigmoidal-contrast",
        dtype=array.dtype,
        cells=cells,
        curve=curve,
    )
    return set_cell_type(array.copy(data=data), cells)


def _sigmoidal_block(
    block: NDArray[Any],
    ends: NDArray[np.float64],
    *,
    cells: CellType,
    curve: tuple[float, float],
) -> NDArray[Any]:
    valid = is_valid(block, cells.nodata)
    refuse_rounded(ends, whole=block.dtype.kind != "f")
    span = ends[1] - ends[0]
    values = np.clip(block.astype(np.float64), ends[0], ends[1])
    shares = (values - ends[0]) / span if span else np.zeros(values.shape)
    if curve[0]:
        low, high = _sigmoid(np.array([0.0, 1.0]), *curve)
        if high > low:
            shares = (_sigmoid(shares, *curve) - low) / (high - low)
    return as_cells(block, valid, between_ends(ends, shares), cells)


def _sigmoid(u: NDArray[np.float64], contrast: float, midpoint: float) -> NDArray[np.float64]:
    # tanh is the same curve, and overflows nowhere.
    curve: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(contrast * (u - midpoint) / 2)
    return curve


def _match_array(array: xr.DataArray, like: xr.DataArray) -> xr.DataArray:
    source, target = cell_type_of(array), cell_type_of(like)
    if source.nodata is not None and target.nodata is None:
        raise CellTypeError(
            f"{array.name!r} can be NoData ({source.name}), but {like.name!r} has no NoData value "
            f"({target.name}); give it one: like.tiles.convert('int16ud-32768')"
        )
    one, two = _edges(array), _edges(like)
    whole = (array.dtype.kind != "f", like.dtype.kind != "f")
    table = from_small(
        _match_table,
        counts_of(array, one),
        one,
        counts_of(like, two),
        two,
        name="matched-shares",
        size=_BINS + 1,
        whole=whole,
    )
    return _looked_up(array, one, table, target, name="match-histogram", stepped=whole[1])


def _match_table(
    counts: NDArray[np.int64],
    edges: NDArray[np.float64],
    like: NDArray[np.int64],
    like_edges: NDArray[np.float64],
    *,
    whole: tuple[bool, bool],
) -> NDArray[np.float64]:
    """Return what cells at the edges become."""
    shares = _shares(counts, edges, whole=whole[0])
    if not like.any():
        return np.full(shares.shape, np.nan)
    if whole[1]:
        # Rounding may leave a share a little above that of the same number of cells.
        at = np.searchsorted(np.cumsum(like) / like.sum(), shares * (1 - 1e-12))
        return np.asarray(like_edges[np.minimum(at, np.flatnonzero(like)[-1])])
    numbers, steps = _knots(like, like_edges)
    return np.asarray(np.interp(shares, steps, numbers), np.float64)
