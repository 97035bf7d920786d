"""Terrain: slope, aspect and hillshade of an elevation raster."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical, geobox_of
from xcube_tiles.errors import DimensionError, GeoreferenceError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels import terrain as kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHADE = CellType.parse("uint8ud0")
_DEGREES = CellType.parse("float32")


def slope(elevation: xr.DataArray, *, z_factor: float | None = None) -> xr.DataArray:
    """Return the slope in degrees.

    Parameters
    ----------
    elevation
        Elevations, of any cell type, dimensions (..., y, x).
    z_factor
        What elevations are multiplied by to have the unit of the coordinates; 1 by default.
        Needed where cells are in degrees: 1 / (111320 cos(latitude)) for metres.

    Returns
    -------
    float32, 0 to 90, NaN for NoData; lazy if `elevation` is.

    Raises
    ------
    GeoreferenceError
        A geographic CRS without `z_factor`.
    ValueError
        A `z_factor` that isn't positive.

    Notes
    -----
    Horn's gradient; NoData neighbours, and those outside the raster, take the focus' value.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ramp = assign_geobox(xr.DataArray([[0.0, 10.0, 20.0]] * 3, dims=("y", "x")), grid)
    >>> slope(ramp).values[1, 1], slope(ramp * np.nan).values[1, 1]
    (np.float32(45.0), np.float32(nan))
    """
    return _terrain(elevation, "slope", _DEGREES, z_factor, units="degree")


def aspect(elevation: xr.DataArray, *, z_factor: float | None = None) -> xr.DataArray:
    """Return the direction that each cell faces, in degrees clockwise from north.

    Parameters
    ----------
    elevation, z_factor
        As for `slope`.

    Returns
    -------
    float32, 0 to 360, -1 where it is flat, NaN for NoData; lazy if `elevation` is.

    Raises
    ------
    GeoreferenceError
        A geographic CRS without `z_factor`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ramp = assign_geobox(xr.DataArray([[0.0, 10.0, 20.0]] * 3, dims=("y", "x")), grid)
    >>> aspect(ramp).values[1, 1], aspect(ramp * 0).values[1, 1]
    (np.float32(270.0), np.float32(-1.0))
    """
    return _terrain(elevation, "aspect", _DEGREES, z_factor, units="degree")


def hillshade(
    elevation: xr.DataArray,
    *,
    azimuth: float = 315.0,
    altitude: float = 45.0,
    z_factor: float | None = None,
) -> xr.DataArray:
    """Return the shaded relief.

    Parameters
    ----------
    elevation, z_factor
        As for `slope`. A larger `z_factor` exaggerates the relief.
    azimuth
        Direction of the light in degrees clockwise from north.
    altitude
        Height of the light above the horizon in degrees, 0 to 90.

    Returns
    -------
    uint8 from 1 (dark) to 255 (faces the light), 0 for NoData, as `gdaldem hillshade` has it; lazy
    if `elevation` is.

    Raises
    ------
    GeoreferenceError
        A geographic CRS without `z_factor`.
    ValueError
        An altitude outside 0 to 90; an azimuth that isn't finite.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> dem = assign_geobox(xr.DataArray([[5.0, 5.0, np.nan]], dims=("y", "x")), grid)
    >>> hillshade(dem).values
    array([[181, 181,   0]], dtype=uint8)
    """
    if not np.isfinite(azimuth):
        raise ValueError(f"azimuth must be degrees clockwise from north, got {azimuth!r}")
    if not 0 <= altitude <= 90:
        raise ValueError(f"altitude must be 0 to 90 degrees above the horizon, got {altitude!r}")
    return _terrain(
        elevation, "hillshade", _SHADE, z_factor, azimuth=float(azimuth), altitude=float(altitude)
    )


def _terrain(
    elevation: xr.DataArray,
    what: Literal["slope", "aspect", "hillshade"],
    cells: CellType,
    z_factor: float | None,
    *,
    units: str | None = None,
    azimuth: float = 0.0,
    altitude: float = 0.0,
) -> xr.DataArray:
    elevation = _elevation(elevation)
    geobox = geobox_of(elevation)
    if z_factor is None and geobox.crs is not None and geobox.crs.geographic:
        raise GeoreferenceError(
            f"the cells are in degrees ({geobox.crs}), elevations are not: reproject to a "
            "projected CRS, or pass z_factor=9e-6 (degrees in a metre, at the equator)"
        )
    if z_factor is not None and not (z_factor > 0 and np.isfinite(z_factor)):
        raise ValueError(f"z_factor must be positive and finite, got {z_factor!r}")
    stretch = 1.0 if z_factor is None else 1 / float(z_factor)
    data = map_halo(
        partial(
            _terrain_block,
            what=what,
            source=cell_type_of(elevation),
            cell_height=abs(geobox.affine.e) * stretch,
            cell_width=abs(geobox.affine.a) * stretch,
            azimuth=azimuth,
            altitude=altitude,
        ),
        elevation.data,
        depth=(1, 1),
        name=what,
        dtype=cells.dtype,
    )
    result = elevation.copy(data=data).rename(what)
    result.attrs = {} if units is None else {"units": units}
    return set_cell_type(result, cells)


def _elevation(array: xr.DataArray) -> xr.DataArray:
    if isinstance(array, xr.Dataset):
        raise DimensionError(
            "terrain is computed of one raster, not of a Dataset; "
            "name the variable: cube['dem'].tiles.slope()"
        )
    return canonical(array)


def _terrain_block(
    window: NDArray[Any],
    *,
    margins: tuple[int, int, int, int],
    what: str,
    source: CellType,
    cell_height: float,
    cell_width: float,
    azimuth: float,
    altitude: float,
) -> NDArray[Any]:
    top, bottom, left, right = margins
    shape = (window.shape[-2] - top - bottom, window.shape[-1] - left - right)
    lead = window.shape[:-2]
    layers = window.reshape(-1, *window.shape[-2:])
    out = np.empty((len(layers), *shape), np.uint8 if what == "hillshade" else np.float32)
    for at, layer in enumerate(layers):
        valid = ~source.is_nodata(layer)
        dx, dy = kernel.gradient(layer, valid, margins, cell_height, cell_width)
        if what == "slope":
            out[at] = kernel.slope_degrees(dx, dy)
        elif what == "aspect":
            out[at] = kernel.aspect_degrees(dx, dy)
        else:
            light = kernel.hillshade(dx, dy, azimuth, altitude)
            out[at] = np.where(np.isnan(light), 0, np.rint(1 + 254 * light))
    return out.reshape(*lead, *shape)
