"""Spatial autocorrelation: do like values lie together? Moran's I, and Getis and Ord's Gi*."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.focal.layers import check_neighborhood, fill_layers
from xcube_tiles.cube.blocks import fold_blocks, map_blocks, map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.focal import correlation as kernels
from xcube_tiles.kernels.focal.convolution import Scratch, convolve_window, passes_of, split, weigh
from xcube_tiles.kernels.focal.window import Beyond, strips
from xcube_tiles.kernels.neighborhood import Kernel
from xcube_tiles.kernels.nodata import as_cells, average_dtype, with_nan

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.layers import Margins
    from xcube_tiles.kernels.neighborhood import Neighborhood
    from xcube_tiles.typing import XarrayT

_LEAST = 1e-12
"""Least variance of a sum of cells, as a share, that isn't an error of rounding."""

_SUMS = np.dtype([("cells", "f8"), ("weights", "f8"), ("squares", "f8")])


def morans_i(obj: XarrayT, neighborhood: Neighborhood, *, local: bool = False) -> XarrayT:
    """Return Moran's I: how alike cells and their neighbours are.

    Parameters
    ----------
    obj
        Cells of any type, dimensions (..., y, x); of a Dataset, every raster.
    neighborhood
        Which cells are neighbours: `Square(1)` for the eight around a cell, `Nesw(1)` for four. A
        `Kernel` weighs them, north up; its weights must not be negative. The focus is none of its
        neighbours.
    local
        One number for each cell, instead of one for each raster.

    Returns
    -------
    Floats without y and x: about 0 for cells in random order, towards 1 where like lies beside
    like, below 0 where unlike does. With `local`, a raster of each cell's part (float32 or float64,
    as averages are): positive within clusters of high or of low cells, negative for outliers. Lazy
    if `obj` is. NaN where all cells are equal, none has a value, or one is infinite or beyond
    1e150; a local one also where the cell or all of its neighbours have no value.

    Raises
    ------
    AlgebraError
        Something else than a neighbourhood; one with no cell but the focus; negative weights.

    Notes
    -----
    With z the differences of the n valid cells from their mean, m = sum(z**2) / n, and l the mean
    of the z of a cell's valid neighbours (so weights are row-standardised), the local index is
    z * l / m and the global one the mean of the local ones, over the cells that have neighbours
    (Moran 1950; Anselin, Geographical Analysis 27, 1995). Cells beyond the edge are no neighbours.
    Sums over the raster are exact: chunks change no bit. 64-bit integers are rounded to float64.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> from xcube_tiles.kernels.neighborhood import Nesw
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = assign_geobox(xr.DataArray([[1.0, 1, 5, 5, np.nan]], dims=("y", "x")), grid)
    >>> morans_i(cells, Nesw(1), local=True).values
    array([[ 1.,  0.,  0.,  1., nan]])
    >>> float(morans_i(cells, Nesw(1)))
    0.5
    """
    weights = _weights(neighborhood, focus=False)
    call = _local_moran if local else _global_moran
    return map_rasters(canonical(obj), partial(call, weights=weights))


def getis_ord(obj: XarrayT, neighborhood: Neighborhood) -> XarrayT:
    """Return Getis and Ord's Gi*: hot and cold spots, as z-scores.

    Parameters
    ----------
    obj
        Cells of any type, dimensions (..., y, x); of a Dataset, every raster.
    neighborhood
        Which cells are looked at: `Circle(5)`. A `Kernel` weighs them, north up; its weights must
        not be negative. A cell belongs to its own neighbourhood only if the focus is in it.

    Returns
    -------
    Floats (float32 or float64, as averages are), lazy if `obj` is: by how many standard deviations
    the sum of the neighbourhood is higher, or lower, than it would be in random order; beyond 1.96
    with a probability of 5 %. NaN for cells without a value; where nothing in the neighbourhood has
    one, or all cells of the raster are in it; where all cells are equal, or one is infinite.

    Raises
    ------
    AlgebraError
        Something else than a neighbourhood; negative weights.

    Notes
    -----
    (sum(w * x) - mean * sum(w)) / (s * sqrt((n * sum(w**2) - sum(w)**2) / (n - 1))), sums over the
    valid cells of the neighbourhood, with the mean, the population standard deviation s and the
    number n of all valid cells of the raster (Ord and Getis, Geographical Analysis 27, 1995,
    equation 14). Cells beyond the edge are in no neighbourhood. Sums over the raster are exact:
    chunks change no bit.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> from xcube_tiles.kernels.neighborhood import Nesw
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = assign_geobox(xr.DataArray([[1.0, 1, 5, 5, np.nan]], dims=("y", "x")), grid)
    >>> getis_ord(cells, Nesw(1)).round(3).values
    array([[-1.732, -1.   ,  1.   ,  1.732,    nan]])
    """
    weights = _weights(neighborhood, focus=True)
    return map_rasters(canonical(obj), partial(_getis_array, weights=weights))


def _weights(neighborhood: Neighborhood, *, focus: bool) -> NDArray[np.float64]:
    check_neighborhood(neighborhood)
    if isinstance(neighborhood, Kernel):
        weights = neighborhood.weights.copy()
        if (weights < 0).any():
            raise AlgebraError(
                "neighbours can't have negative weights, as they are shares of a mean; the least "
                f"of this kernel is {weights.min()}"
            )
    else:
        weights = neighborhood.mask().astype(np.float64)
    if not focus:
        weights[weights.shape[0] // 2, weights.shape[1] // 2] = 0
    if not weights.any():
        raise AlgebraError(f"{neighborhood!r} has no cell but the focus, which isn't a neighbour")
    return weights


def _over_halo(
    func: Any, array: xr.DataArray, weights: NDArray[np.float64], dtype: np.dtype[Any]
) -> Any:
    return map_halo(
        func,
        array.data,
        depth=(weights.shape[0] // 2, weights.shape[1] // 2),
        name="neighbours",
        dtype=dtype,
        cells=cell_type_of(array),
        weights=weights,
    )


def _global_moran(array: xr.DataArray, *, weights: NDArray[np.float64]) -> xr.DataArray:
    lags = _over_halo(_lag_block, array, weights, np.dtype(np.float64))
    data = fold_blocks(
        _pair_sums,
        array.data,
        lags,
        combine=kernels.merge_sums,
        finalize=kernels.moran,
        name="morans-i",
        shape=(),
        dtype=np.float64,
        over=2,
        cells=cell_type_of(array),
    )
    result = array.isel(y=0, x=0, drop=True).copy(data=data).drop_vars("spatial_ref")
    result.attrs = value_attrs(array.attrs, "drop")
    return set_cell_type(result, CellType.default(np.float64))


def _local_moran(array: xr.DataArray, *, weights: NDArray[np.float64]) -> xr.DataArray:
    lags = _over_halo(_lag_block, array, weights, np.dtype(np.float64))
    return _with_moments(_moran_block, array, lags, "local-moran")


def _getis_array(array: xr.DataArray, *, weights: NDArray[np.float64]) -> xr.DataArray:
    sums = _over_halo(_sums_block, array, weights, _SUMS)
    return _with_moments(_getis_block, array, sums, "getis-ord")


def _with_moments(func: Any, array: xr.DataArray, around: Any, name: str) -> xr.DataArray:
    """Combine cells, what is around them, and the moments of their whole raster."""
    result = CellType.default(average_dtype(array.dtype))
    cells = cell_type_of(array)
    # Three planes of one cell each: they broadcast over the blocks of a raster.
    moments = fold_blocks(
        _cell_sums,
        array.data,
        combine=kernels.merge_sums,
        finalize=kernels.moments,
        name="moments",
        shape=(3, 1, 1),
        dtype=np.float64,
        over=2,
        cells=cells,
    )
    count, mean, variance = (moments[..., at, :, :] for at in range(3))
    data = map_blocks(
        func, array.data, around, count, mean, variance, name=name, dtype=result.dtype, cells=cells
    )
    raster = array.copy(data=data)
    raster.attrs = value_attrs(array.attrs, "drop")
    return set_cell_type(raster, result)


def _plane(block: NDArray[Any], cells: CellType) -> NDArray[np.float64]:
    return with_nan(as_cells(block), cells.nodata, np.float64)


def _strips(
    plane: NDArray[Any], margins: Margins, weights: NDArray[np.float64], cells: CellType
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield strips of a plane as floats, NaN where there is no value or no raster."""
    depth = (weights.shape[0] // 2, weights.shape[1] // 2)
    beyond = Beyond("clip", np.nan)
    return strips(_plane(plane, cells), margins, depth, beyond, np.float64)


def _lag_block(
    window: NDArray[Any], *, margins: Margins, cells: CellType, weights: NDArray[np.float64]
) -> NDArray[Any]:
    passes, scratch = passes_of(weights), Scratch()

    def fill(plane: NDArray[Any], out: NDArray[Any]) -> None:
        for rows, strip in _strips(plane, margins, weights, cells):
            convolve_window(
                strip, passes, 0.0, False, normalize=True, out=out[rows], scratch=scratch
            )

    return fill_layers(fill, window, margins, np.float64)


def _sums_block(
    window: NDArray[Any], *, margins: Margins, cells: CellType, weights: NDArray[np.float64]
) -> NDArray[Any]:
    passes, squares = passes_of(weights), passes_of(weights**2)
    plain, scratch = bool(((weights == 0) | (weights == 1)).all()), Scratch()

    def fill(plane: NDArray[Any], out: NDArray[Any]) -> None:
        for rows, strip in _strips(plane, margins, weights, cells):
            values, valid, _ = split(strip, 0.0, False, scratch)
            block = out[rows]
            block["cells"] = weigh(values, passes, scratch)
            block["weights"] = weigh(valid, passes, scratch)
            block["squares"] = block["weights"] if plain else weigh(valid, squares, scratch)

    return fill_layers(fill, window, margins, _SUMS)


def _cell_sums(block: NDArray[Any], *, origin: object, cells: CellType) -> NDArray[Any]:
    return kernels.cell_sums(_plane(block, cells))


def _pair_sums(
    block: NDArray[Any], lags: NDArray[Any], *, origin: object, cells: CellType
) -> NDArray[Any]:
    return kernels.cell_sums(_plane(block, cells), lags)


def _moran_block(
    block: NDArray[Any],
    lags: NDArray[Any],
    count: NDArray[Any],
    mean: NDArray[Any],
    variance: NDArray[Any],
    *,
    cells: CellType,
) -> NDArray[Any]:
    with np.errstate(invalid="ignore", divide="ignore"):
        index = (_plane(block, cells) - mean) / variance * (lags - mean)
        # Adding 0 makes 0 of -0.
        return np.where(variance > 0, index + 0.0, np.nan).astype(average_dtype(block.dtype))


def _getis_block(
    block: NDArray[Any],
    sums: NDArray[Any],
    count: NDArray[Any],
    mean: NDArray[Any],
    variance: NDArray[Any],
    *,
    cells: CellType,
) -> NDArray[Any]:
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (count * sums["squares"] - sums["weights"] ** 2) / (count - 1)
        score = (sums["cells"] - mean * sums["weights"]) / np.sqrt(variance * spread)
    # Where all cells are in the neighbourhood, with one weight, the spread is 0 but for rounding.
    apart = spread > _LEAST * sums["weights"] ** 2
    known = ~np.isnan(_plane(block, cells)) & (variance > 0) & apart & (sums["weights"] > 0)
    return np.where(known, score, np.nan).astype(average_dtype(block.dtype))
