"""Grids: bring a cube onto another one, or cut a part out of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr
from odc.geo.geobox import GeoBox

from xcube_tiles.cube import warp
from xcube_tiles.cube.georef import GRID_TOLERANCE, canonical, extent_of, geobox_of
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs
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
    """
    geobox = _target_grid(obj, target, resolution)
    return warp.warp(obj, geobox, resampling)


def _target_grid(obj: XarrayObject, target: object, resolution: float | None) -> GeoBox:
    grid = _given_grid(target)
    if grid is not None and resolution is not None:
        raise GridError("the target's grid has a resolution of its own; pass a CRS instead")
    if grid is not None:
        return grid
    if resolution is not None and not resolution > 0:
        raise GridError(f"resolution must be positive, got {resolution!r}")
    source, crs = geobox_of(obj), as_crs(target)
    if source.crs == crs and resolution is None:
        return source
    if resolution is None:
        return source.to_crs(crs)
    # odc-geo's annotation of `resolution` leaves out the number that it documents.
    return source.to_crs(crs, resolution=resolution)  # type: ignore[arg-type]


def _given_grid(target: object) -> GeoBox | None:
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
    are left out.

    Raises
    ------
    GridError
        The extent doesn't touch the cube.
    """
    obj = canonical(obj)
    own = extent_of(obj)
    wanted = extent if isinstance(extent, Extent) else Extent.from_bounds(extent, own.crs)
    part = wanted.to_crs(own.crs)
    affine = ~geobox_of(obj).affine
    left, top = affine * (part.xmin, part.ymax)
    right, bottom = affine * (part.xmax, part.ymin)
    rows, cols = _cells(top, bottom, obj.sizes["y"]), _cells(left, right, obj.sizes["x"])
    if rows.start >= rows.stop or cols.start >= cols.stop:
        raise GridError(
            f"the extent {tuple(part.bounds)!r} doesn't touch the cube, which covers "
            f"{tuple(own.bounds)!r} in {own.crs}"
        )
    return canonical(obj.isel(y=rows, x=cols))


def _cells(start: float, stop: float, size: int) -> slice:
    low = int(max(start + GRID_TOLERANCE, 0) // 1)
    high = -int(-(stop - GRID_TOLERANCE) // 1)
    return slice(low, min(max(high, low), size))
