"""How a cell stands among its neighbours: position, ruggedness, roughness."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.terrain.run import run_product
from xcube_tiles.kernels.terrain import bends

if TYPE_CHECKING:
    import xarray as xr

    from xcube_tiles.algebra.terrain.run import Edges

_TRI = MappingProxyType({"riley": bends.RILEY, "wilson": bends.WILSON})


def tpi(elevation: xr.DataArray, *, edges: Edges = "focus") -> xr.DataArray:
    """Return the topographic position index: how far a cell stands above its neighbours.

    Parameters
    ----------
    elevation, edges
        As for `slope`. The CRS doesn't matter, as distances don't.

    Returns
    -------
    float32 in the unit of the elevations, positive on ridges, negative in valleys, NaN for NoData;
    lazy if `elevation` is, with one task per block.

    Raises
    ------
    AlgebraError
        An unknown rule for edges.
    DimensionError
        A Dataset: name the variable.

    Notes
    -----
    The focus less the mean of its eight neighbours, as `gdaldem TPI` has it. For other
    neighbourhoods subtract the focal mean of an annulus (Weiss, A. D. 2001, Topographic position
    and landforms analysis).

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> dem = assign_geobox(xr.DataArray([[8.0, 0.0, np.nan]], dims=("y", "x")), grid)
    >>> tpi(dem).values
    array([[ 1., -1., nan]], dtype=float32)
    """
    return run_product(elevation, "tpi", (bends.RELATIVE,), edges=edges, units=_units(elevation))


def tri(
    elevation: xr.DataArray,
    *,
    method: Literal["riley", "wilson"] = "riley",
    edges: Edges = "focus",
) -> xr.DataArray:
    """Return the terrain ruggedness index: how much a cell differs from its neighbours.

    Parameters
    ----------
    elevation, edges
        As for `tpi`.
    method
        `"riley"`: the root of the sum of the squared differences; `"wilson"`: their mean without
        sign, made for the sea floor.

    Returns
    -------
    float32 in the unit of the elevations, 0 or more, NaN for NoData; lazy if `elevation` is, with
    one task per block.

    Raises
    ------
    AlgebraError
        An unknown method or rule for edges.
    DimensionError
        A Dataset: name the variable.

    Notes
    -----
    Riley, S. J., De Gloria, S. D. and Elliot, R. (1999), A terrain ruggedness index that quantifies
    topographic heterogeneity, Intermountain Journal of Sciences 5. Wilson, M. F. J. et al. (2007),
    Multiscale terrain analysis of multibeam bathymetry data, Marine Geodesy 30. As
    `gdaldem TRI -alg` has them.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> dem = assign_geobox(xr.DataArray([[8.0, 0.0, np.nan]], dims=("y", "x")), grid)
    >>> tri(dem).values, tri(dem, method="wilson").values
    (array([[ 8.,  8., nan]], dtype=float32), array([[ 1.,  1., nan]], dtype=float32))
    """
    row = chosen("method", method, _TRI)
    return run_product(elevation, "tri", (row,), edges=edges, units=_units(elevation))


def roughness(elevation: xr.DataArray, *, edges: Edges = "focus") -> xr.DataArray:
    """Return the largest difference between any two of a cell and its eight neighbours.

    Parameters
    ----------
    elevation, edges
        As for `tpi`.

    Returns
    -------
    float32 in the unit of the elevations, 0 or more, NaN for NoData; lazy if `elevation` is, with
    one task per block.

    Raises
    ------
    AlgebraError
        An unknown rule for edges.
    DimensionError
        A Dataset: name the variable.

    Notes
    -----
    Maximum less minimum of the nine cells (Wilson et al. 2007), as `gdaldem roughness` has it.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> dem = assign_geobox(xr.DataArray([[8.0, 0.0, np.nan]], dims=("y", "x")), grid)
    >>> roughness(dem).values
    array([[ 8.,  8., nan]], dtype=float32)
    """
    units = _units(elevation)
    return run_product(elevation, "roughness", (bends.RANGE,), edges=edges, units=units)


def _units(elevation: xr.DataArray) -> str | None:
    units = elevation.attrs.get("units")
    return None if units is None else str(units)
