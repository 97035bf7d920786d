"""Grids: bring a cube onto another one, or cut a part out of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from xcube_tiles.cube import warp
from xcube_tiles.cube.footprint import touched
from xcube_tiles.cube.georef import canonical, extent_of, geobox_of
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs, same_crs
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.typing import ResamplingName, XarrayObject, XarrayT


def reproject(
    obj: XarrayT,
    target: object,
    *,
    resolution: float | None = None,
    resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
) -> XarrayT:
    """Bring a cube onto another grid.

    Parameters
    ----------
    obj
        A cube.
    target
        A CRS in any form (the grid then covers the cube in square cells of about its own size),
        a GeoBox, a TileLayout, or a georeferenced xarray object whose grid is taken.
    resolution
        Cell size in units of the target CRS; only with a CRS.
    resampling
        Method, or one for each variable: nearest, bilinear, cubic, cubic_spline, lanczos, average,
        mode, median, min, max, sum, q1, q3.

    Returns
    -------
    The cube on the target grid, lazy if it was; cells outside the source are NoData.

    Raises
    ------
    GridError
        A target that isn't one of these; a resolution that isn't positive, or with a given grid;
        an unknown method.
    CellTypeError
        A raw integer type that can't be NoData outside the source.

    Examples
    --------
    >>> from affine import Affine
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 2), Affine(10, 0, 0, 0, -10, 20), "EPSG:32633")
    >>> cube = assign_geobox(xr.DataArray([[1.0, 2.0], [3.0, np.nan]], dims=("y", "x")), grid)
    >>> reproject(cube, grid.zoom_out(2), resampling="average").values
    array([[2.]])
    """
    geobox = _target_grid(obj, target, resolution)
    return warp.warp(obj, geobox, resampling)


def _target_grid(obj: XarrayObject, target: object, resolution: float | None) -> GeoBox:
    grid = given_grid(target)
    if grid is not None and resolution is not None:
        raise GridError("the target's grid has a resolution of its own; pass a CRS instead")
    if grid is not None:
        return grid
    if resolution is not None and not (resolution > 0 and np.isfinite(resolution)):
        raise GridError(f"resolution must be positive, got {resolution!r}")
    source, crs = geobox_of(obj), as_crs(target)
    if resolution is None and same_crs(as_crs(source.crs), crs):
        return source
    if resolution is None:
        return source.to_crs(crs)
    # odc-geo's annotation of `resolution` leaves out the number that it documents.
    return source.to_crs(crs, resolution=resolution)  # type: ignore[arg-type]


def given_grid(target: object) -> GeoBox | None:
    """Return the grid of a GeoBox, a TileLayout or an xarray object; None of anything else."""
    if isinstance(target, GeoBox):
        return target
    if isinstance(target, TileLayout):
        return target.geobox()
    if isinstance(target, xr.DataArray | xr.Dataset):
        return geobox_of(target)
    return None


def crop(obj: XarrayT, extent: Extent | tuple[float, float, float, float]) -> XarrayT:
    """Cut out the cells that an extent touches.

    Parameters
    ----------
    obj
        A cube.
    extent
        An Extent in any CRS, or `(xmin, ymin, xmax, ymax)` in the cube's own.

    Returns
    -------
    A view of the cube: whole cells, none resampled. Cells that only share an edge with the extent
    are left out, but a point or a line takes the cells that hold it. Longitudes that differ by a
    full turn are one place: -10 is found at 350 in a cube from 0 to 360.

    Raises
    ------
    GridError
        The extent doesn't touch the cube, or touches both its ends: its parts lie apart then.

    Examples
    --------
    >>> from affine import Affine
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 3), Affine(10, 0, 0, 0, -10, 20), "EPSG:32633")
    >>> cube = assign_geobox(xr.DataArray([[1, 2, 3], [4, 5, 6]], dims=("y", "x")), grid)
    >>> crop(cube, (12, 0, 25, 10)).values
    array([[5, 6]])
    """
    obj = canonical(obj)
    own = extent_of(obj)
    wanted = extent if isinstance(extent, Extent) else Extent.from_bounds(extent, own.crs)
    rows, cols = touched(geobox_of(obj), wanted)
    if rows.start >= rows.stop or cols.start >= cols.stop:
        raise GridError(
            f"the extent {tuple(wanted.bounds)!r} of {wanted.crs} doesn't touch the cube, which "
            f"covers {tuple(own.bounds)!r} in {own.crs}"
        )
    return canonical(obj.isel(y=rows, x=cols))
