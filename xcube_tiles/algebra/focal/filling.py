"""Filling gaps: NoData cells get values from the valid cells around them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.algebra.focal.layers import (
    check_neighborhood,
    core,
    fill_layers,
    number_of,
    places_of,
)
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.kernels.focal import filling as kernels
from xcube_tiles.kernels.neighborhood import Square

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.layers import Margins
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.kernels.neighborhood import Neighborhood
    from xcube_tiles.typing import XarrayT

Filling: TypeAlias = Literal["mean", "median", "idw", "nearest"]
"""How a cell without value gets one."""

_KERNELS: dict[tuple[str, str], Callable[..., None]] = {
    ("mean", "f"): kernels.fill_weighted_floats,
    ("mean", "i"): kernels.fill_mean_integers,
    ("idw", "f"): kernels.fill_weighted_floats,
    ("idw", "i"): kernels.fill_weighted_integers,
    ("median", "f"): kernels.fill_median_floats,
    ("median", "i"): kernels.fill_median_integers,
    ("nearest", "f"): kernels.fill_nearest,
    ("nearest", "i"): kernels.fill_nearest,
}
"""The kernel of each method, for floats and for integers."""


def fill_gaps(
    obj: XarrayT,
    *,
    method: Filling = "mean",
    neighborhood: Neighborhood | None = None,
    passes: int = 1,
    power: float = 2.0,
) -> XarrayT:
    """Fill NoData cells from the valid cells around them; cells with a value stay as they are.

    Parameters
    ----------
    obj
        Cells of any type with NoData, dimensions (..., y, x); of a Dataset, every raster.
    method
        `mean` or `median` of the valid cells; `idw`: their mean, weighted by the inverse of their
        distance; `nearest`: the nearest of them, and of several the first from the north, then
        from the west.
    neighborhood
        Which cells are looked at: by default `Square(1)`, the eight around a cell; `Circle(r)` for
        all within r cells. Weights of a `Kernel` count as in or out (0).
    passes
        How often to fill, each time also from cells filled before: a gap may then be `passes`
        times as wide.
    power
        Of `idw`: weights are 1 / distance**power.

    Returns
    -------
    Cells of the same type; lazy if `obj` is. Those too far from a valid cell stay NoData.

    Raises
    ------
    CellTypeError
        A cell type without NoData; `idw` of integers of 64 bits.
    AlgebraError
        An unknown method; something else than a neighbourhood; passes that aren't an integer of at
        least 1; a power that isn't positive.

    Notes
    -----
    Distances are in cells. Cells beyond the edge of the raster have no value. Integers are rounded
    half to even, and moved to the next number where that would be NoData; their means and medians
    are exact.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 6), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = xr.DataArray([[1, np.nan, 3, np.nan, np.nan, np.nan]], dims=("y", "x"))
    >>> cells = assign_geobox(cells, grid)
    >>> fill_gaps(cells).values
    array([[ 1.,  2.,  3.,  3., nan, nan]])
    >>> fill_gaps(cells, passes=2).values
    array([[ 1.,  2.,  3.,  3.,  3., nan]])
    """
    check_choice("method of filling", method, get_args(Filling))
    whole = isinstance(passes, int | np.integer) and not isinstance(passes, bool)
    if not whole or passes < 1:
        raise AlgebraError(f"passes must be an integer of at least 1, got {passes!r}")
    if not (power > 0 and np.isfinite(power)):
        raise AlgebraError(f"power must be positive and finite, got {power!r}")
    neighborhood = Square(1) if neighborhood is None else neighborhood
    check_neighborhood(neighborhood)
    places, weights = _neighbours(neighborhood, method, float(power))
    call = partial(_fill_array, method=method, places=places, weights=weights, passes=int(passes))
    return map_rasters(canonical(obj), call)


def _neighbours(
    neighborhood: Neighborhood, method: Filling, power: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of the neighbours, nearest first, and their weights."""
    places = places_of(neighborhood)
    if not len(places):
        raise AlgebraError(f"{neighborhood!r} has no cell but the focus, which has no value")
    squares = (places**2).sum(axis=1)
    # A stable sort: of places as far away, the first row is first, and of a row the first column.
    order = np.argsort(squares, kind="stable")
    weights = squares[order] ** (-power / 2) if method == "idw" else np.ones(len(order))
    return places[order], weights


def _fill_array(
    array: xr.DataArray,
    *,
    method: Filling,
    places: NDArray[np.int64],
    weights: NDArray[np.float64],
    passes: int,
) -> xr.DataArray:
    cells = cell_type_of(array)
    if cells.nodata is None:
        raise CellTypeError(
            f"{array.name!r} has no NoData value ({cells.name}), so there is nothing to fill; "
            "declare which number means NoData, e.g. array.assign_attrs(_FillValue=0)"
        )
    if method == "idw" and cells.dtype.kind in "iu" and cells.dtype.itemsize == 8:
        raise CellTypeError(
            f"idw computes with floats, which can't hold all {cells.dtype} cells; use 'mean', "
            "'median' or 'nearest', or convert them: cube.tiles.convert('float64')"
        )
    down, across = (int(reach) * passes for reach in np.abs(places).max(axis=0))
    data = map_halo(
        _fill_block,
        array.data,
        depth=(down, across),
        name=f"fill-{method}",
        dtype=array.dtype,
        cells=cells,
        method=method,
        places=places,
        weights=weights,
        passes=passes,
    )
    return set_cell_type(array.copy(data=data), cells)


def _fill_block(
    window: NDArray[Any],
    *,
    margins: Margins,
    cells: CellType,
    method: Filling,
    places: NDArray[np.int64],
    weights: NDArray[np.float64],
    passes: int,
) -> NDArray[Any]:
    floats = cells.dtype.kind == "f"
    kernel = _KERNELS[method, "f" if floats else "i"]

    def fill(plane: NDArray[Any], out: NDArray[Any]) -> None:
        nodata, known = number_of(cells, plane.dtype)
        if not floats:
            nodata, plane = kernels.as_int64(np.array([nodata]))[0], kernels.as_int64(plane)
        # Rims become wrong from their outer end, by one reach a pass; the block never does.
        for _ in range(passes):
            filled = plane.copy()
            kernel(plane, places, nodata, known, weights, filled)
            plane = filled
        block = core(plane, margins)
        out[...] = block if floats else kernels.from_int64(np.ascontiguousarray(block), out.dtype)

    return fill_layers(fill, window, margins, window.dtype)
