"""The world as a CRS shows it: where it ends, and where its east and west edges meet."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs, edges_in, same_crs

if TYPE_CHECKING:
    from odc.geo import SomeCRS
    from odc.geo.crs import CRS

_CYLINDRICAL = {
    "Equidistant Cylindrical",
    "Equidistant Cylindrical (Spherical)",
    "Lambert Cylindrical Equal Area",
    "Lambert Cylindrical Equal Area (Spherical)",
    "Mercator (Spherical)",
    "Mercator (variant A)",
    "Mercator (variant B)",
    "Popular Visualisation Pseudo Mercator",
}
# Projections whose x is longitude but for a factor.

_WEB_MERCATOR_EDGE = math.pi * 6378137


@lru_cache(maxsize=64)
def world_extent(crs: SomeCRS) -> Extent:
    """Return the rectangle that a CRS is made for.

    Parameters
    ----------
    crs
        Anything that `odc.geo.CRS` reads.

    Returns
    -------
    Extent
        All longitudes and latitudes of a geographic CRS; the square of Web Mercator; of any other
        the rectangle around its area of use as its register states it.

    Raises
    ------
    GridError
        A CRS without an area of use.

    Examples
    --------
    >>> world_extent("EPSG:4326").bounds
    Bounds(xmin=-180.0, ymin=-90.0, xmax=180.0, ymax=90.0)
    >>> round(world_extent("EPSG:3857").ymax, 2)
    20037508.34
    """
    target = as_crs(crs)
    if target.geographic:
        half = _turn(target) / 2
        return Extent.from_bounds((-half, -half / 2, half, half / 2), target)
    if same_crs(target, as_crs("EPSG:3857")):
        edge = _WEB_MERCATOR_EDGE
        return Extent.from_bounds((-edge, -edge, edge, edge), target)
    area = target.proj.area_of_use
    if area is None:
        raise GridError(f"{target!s} states no area of use: pass the extent that counts as world")
    # East of the antimeridian longitudes go on beyond 180.
    east = area.east + 360 if area.east < area.west else area.east
    pieces = [
        Extent(xmin=west, ymin=area.south, xmax=stop, ymax=area.north, crs="EPSG:4326")
        for west, stop in ((area.west, min(east, 180)), (-180, east - 360))
        if west < stop
    ]
    first, *others = [piece.to_crs(target) for piece in pieces]
    for other in others:
        first = first.union(other)
    return first


@lru_cache(maxsize=256)
def period(crs: CRS) -> float | None:
    """Return the distance along x once around the Earth; None where x isn't longitude.

    Examples
    --------
    >>> period(as_crs("EPSG:4326")), period(as_crs("EPSG:32633"))
    (360.0, None)
    """
    if crs.geographic:
        return _turn(crs)
    operation = crs.proj.coordinate_operation
    if operation is None or operation.method_name not in _CYLINDRICAL:
        return None
    there = as_crs("EPSG:4326").transformer(crs).transform
    back = crs.transformer(as_crs("EPSG:4326")).transform
    lon, lat = back(0, 0)
    return float(360 * abs(there(lon + 0.5, lat)[0] - there(lon - 0.5, lat)[0]))


def _turn(crs: CRS) -> float:
    """Return a full turn in units of a geographic CRS: 360 degrees or 400 grads."""
    return float(round(2 * math.pi / crs.proj.axis_info[0].unit_conversion_factor, 6))


def goes_round(crs: CRS, width: float, cell: float) -> bool:
    """Return whether a width is that of the world, to half a cell."""
    around = period(crs)
    return around is not None and abs(width - around) <= cell / 2


def pieces_on(extent: Extent, area: Extent, cell: float) -> list[Extent]:
    """Return the parts of an extent of any CRS as they lie on an area, cut at its edges.

    Parameters
    ----------
    extent
        A rectangle.
    area
        The rectangle of a layout; what lies outside it is left out as far as it's easy to see.
    cell
        Width of a cell of the layout.

    Raises
    ------
    GridError
        An extent that has no place in the CRS of the area.
    """
    around = period(area.crs)
    moved = []
    for piece in _to_crs(extent, area, around):
        if around is None or not goes_round(area.crs, area.width, cell):
            moved.append(piece)
        elif piece.width >= around:
            moved.append(replace(piece, xmin=area.xmin, xmax=area.xmax))
        else:
            turns = math.floor((piece.xmin - area.xmin) / around)
            west = replace(
                piece, xmin=piece.xmin - turns * around, xmax=piece.xmax - turns * around
            )
            moved += [west, replace(west, xmin=west.xmin - around, xmax=west.xmax - around)]
    return moved


def _to_crs(extent: Extent, area: Extent, around: float | None) -> list[Extent]:
    if same_crs(extent.crs, area.crs):
        return [replace(extent, crs=area.crs)]
    if around is None:
        return [extent.to_crs(area.crs)]
    if area.crs.geographic:
        xmin, ymin, xmax, ymax = edges_in(extent, area.crs)
        # East of the antimeridian longitudes go on beyond 180.
        bounds = xmin, ymin, xmax + around if xmax < xmin else xmax, ymax
        return [Extent.from_bounds(bounds, area.crs)]
    if not extent.crs.geographic:
        xmin, ymin, xmax, ymax = edges_in(extent, as_crs("EPSG:4326"))
        bounds = xmin, ymin, xmax + 360 if xmax < xmin else xmax, ymax
        return _to_crs(Extent.from_bounds(bounds, "EPSG:4326"), area, around)
    return _from_geographic(extent, area, around)


def _from_geographic(extent: Extent, area: Extent, around: float) -> list[Extent]:
    """Bring longitudes and latitudes to a cylindrical projection: both axes on their own."""
    there = extent.crs.transformer(area.crs).transform
    back = area.crs.transformer(extent.crs).transform
    x, _ = area.center
    south, north = (back(x, y)[1] for y in (area.ymin, area.ymax))
    bottom, top = max(extent.ymin, south), min(extent.ymax, north)
    if bottom > top:
        return []
    lon, lat = back(x, area.center[1])
    left = there(lon, lat)[0] + (extent.xmin - lon) * around / 360
    right = left + extent.width * around / 360
    bounds = left, there(lon, bottom)[1], right, there(lon, top)[1]
    return [Extent.from_bounds(bounds, area.crs)]
