"""Slope and aspect: how steep a surface is, and where it faces."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.local.operands import number
from xcube_tiles.algebra.terrain.run import METHODS, run_product
from xcube_tiles.errors import AlgebraError

if TYPE_CHECKING:
    import xarray as xr

    from xcube_tiles.algebra.terrain.cells import ZFactor
    from xcube_tiles.algebra.terrain.run import Edges, GradientMethod

_UNITS = MappingProxyType(
    {
        "degrees": (True, 180 / np.pi, "degree"),
        "radians": (True, 1.0, "radian"),
        "percent": (False, 100.0, "percent"),
    }
)
"""Whether the kernel gives angles, what they are multiplied by, and the attribute."""


def slope(
    elevation: xr.DataArray,
    *,
    method: GradientMethod = "horn",
    units: Literal["degrees", "percent", "radians"] = "degrees",
    z_factor: ZFactor = None,
    edges: Edges = "focus",
) -> xr.DataArray:
    """Return how steep the surface is.

    Parameters
    ----------
    elevation
        Elevations, of any cell type, dimensions (..., y, x).
    method
        `"horn"`: the gradient of all eight neighbours, those next to the focus weighing double;
        `"zevenbergen-thorne"`: of the four next to the focus, for smooth surfaces.
    units
        Degrees (0 to 90), radians, or percent (100 at 45 degrees).
    z_factor
        What elevations are multiplied by to have the unit of the coordinates. `"latitude"` where
        elevations are in metres and coordinates in degrees: every row then has the true size of its
        cells. None: both are in metres.
    edges
        What a cell sees in place of a neighbour without a value, or outside the raster. `"focus"`:
        its own elevation. `"nodata"`: the result is NoData, as `gdaldem` has it.
        `"extrapolate"`: outside the raster the straight line through the two cells at the edge, its
        own elevation else, as `gdaldem -compute_edges` has it.

    Returns
    -------
    float32, NaN for NoData; lazy if `elevation` is, with one task per block.

    Raises
    ------
    GeoreferenceError
        A CRS whose unit isn't the metre without `z_factor`; `"latitude"` for a projected CRS.
    AlgebraError
        An unknown method, unit or rule for edges; a `z_factor` that isn't positive.
    DimensionError
        A Dataset: name the variable.

    Notes
    -----
    ``arctan(sqrt(dx**2 + dy**2))``, or 100 times the root in percent, with

    - Horn, B. K. P. (1981), Hill shading and the reflectance map, Proc. IEEE 69:
      ``dx = ((ne + 2 e + se) - (nw + 2 w + sw)) / (8 width)``,
      ``dy = ((sw + 2 s + se) - (nw + 2 n + ne)) / (8 height)``;
    - Zevenbergen, L. W. and Thorne, C. R. (1987), Quantitative analysis of land surface
      topography, Earth Surface Processes and Landforms 12: ``dx = (e - w) / (2 width)``,
      ``dy = (s - n) / (2 height)``.

    Computed in float64. Angles agree with the exact ones to the last digit of float32.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ramp = assign_geobox(xr.DataArray([[0.0, 10.0, 20.0]] * 3, dims=("y", "x")), grid)
    >>> slope(ramp).values[1, 1], slope(ramp, units="percent").values[1, 1]
    (np.float32(45.0), np.float32(100.0))
    >>> slope(ramp * np.nan).values[1, 1]
    np.float32(nan)
    """
    angles, factor, unit = chosen("unit", units, _UNITS)
    four = chosen("method", method, METHODS)
    return run_product(
        elevation,
        "slope",
        (four, angles),
        edges=edges,
        z_factor=z_factor,
        scale=(factor, 0.0),
        units=unit,
    )


def aspect(
    elevation: xr.DataArray,
    *,
    method: GradientMethod = "horn",
    trigonometric: bool = False,
    flat: float = -1.0,
    z_factor: ZFactor = None,
    edges: Edges = "focus",
) -> xr.DataArray:
    """Return the direction that each cell faces: that of steepest descent.

    Parameters
    ----------
    elevation, method, z_factor, edges
        As for `slope`.
    trigonometric
        Count counter-clockwise from east, as `gdaldem -trigonometric` does, instead of clockwise
        from north.
    flat
        What a level cell has: -1 as GeoTrellis and ArcGIS have it, NaN for NoData as `gdaldem`
        does, 0 as `gdaldem -zero_for_flat`.

    Returns
    -------
    float32 in degrees, from 0 to less than 360, or `flat`; NaN for NoData. Lazy if `elevation` is,
    with one task per block.

    Raises
    ------
    GeoreferenceError, AlgebraError, DimensionError
        As for `slope`.

    Notes
    -----
    ``arctan2(-dx, dy)`` with the gradient of `slope`. Cells that aren't square, or change their
    width with latitude, are taken as they are; `gdaldem aspect` takes all for squares.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ramp = assign_geobox(xr.DataArray([[0.0, 10.0, 20.0]] * 3, dims=("y", "x")), grid)
    >>> aspect(ramp).values[1, 1], aspect(ramp * 0).values[1, 1], aspect(ramp * np.nan).values[1, 1]
    (np.float32(270.0), np.float32(-1.0), np.float32(nan))
    """
    four = chosen("method", method, METHODS)
    if not isinstance(trigonometric, bool):
        raise AlgebraError(f"trigonometric must be True or False, got {trigonometric!r}")
    level = float(number(flat, "flat, the value of level cells (-1, 0 or nan),"))
    return run_product(
        elevation,
        "aspect",
        (four, trigonometric, level),
        edges=edges,
        z_factor=z_factor,
        units="degree",
    )
