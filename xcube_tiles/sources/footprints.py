"""Where many files lie in one CRS: a spatial index of the rectangles around them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely

from xcube_tiles.grid.extent import Bounds, Extent, as_crs, same_crs
from xcube_tiles.sources.footprint import bounds_wgs84

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

MERCATOR = as_crs("EPSG:3857")
"""CRS of the maps in browsers: files of several CRSs meet in it."""

HALF_WORLD = 20_037_508.342789244
"""Half the width of the square that these maps show, in metres."""

_MOST_LATITUDE = 85.05112877980659
_WORLD = 360.0

# Edges are transformed at points; between them a curved one may reach a little further.
_RIM = 1e-3


class Footprints:
    """Rectangles around grids, found by the places that they touch.

    Parameters
    ----------
    grids
        North-up grids in any CRSs.
    crs
        CRS of the rectangles. A grid across its antimeridian has two of them.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> west = GeoBox((2, 2), Affine(10, 0, 0, 0, -10, 20), "EPSG:32633")
    >>> east = GeoBox((2, 2), Affine(10, 0, 20, 0, -10, 20), "EPSG:32633")
    >>> places = Footprints([west, east], as_crs("EPSG:32633"))
    >>> places.touching((25, 5, 26, 6))
    [1]
    """

    __slots__ = ("_owners", "_tree", "bounds")

    def __init__(self, grids: Sequence[GeoBox], crs: CRS) -> None:
        found = [(number, box) for number, grid in enumerate(grids) for box in _boxes(grid, crs)]
        whole = _around([box for _, box in found])
        if crs.geographic and whole.xmax - whole.xmin > _WORLD * (1 + 1e-9):
            # The same place would lie in the grid twice, at longitudes 360 degrees apart.
            found = [(number, part) for number, box in found for part in _wrapped(box)]
            whole = _around([box for _, box in found])
        self.bounds = whole
        """Rectangle around all of them."""
        self._owners = np.array([number for number, _ in found], dtype=np.intp)
        self._tree = shapely.STRtree(shapely.box(*np.array([box for _, box in found]).T))

    def touching(self, bounds: tuple[float, float, float, float]) -> list[int]:
        """Return the places, in the order they were given, of the grids that touch a rectangle.

        Parameters
        ----------
        bounds
            xmin, ymin, xmax, ymax in the CRS of the rectangles.
        """
        found = self._owners[self._tree.query(shapely.box(*bounds))]
        return [int(number) for number in np.unique(found)]

    def most_together(self, size: float, weights: NDArray[np.float64]) -> float:
        """Return how much at most lies about one place.

        Parameters
        ----------
        size
            Edge of a square around the middle of each rectangle, in units of the CRS.
        weights
            What each grid counts, shape (grids,); those that count nothing aren't looked at.
        """
        seeds = np.flatnonzero(weights[self._owners] > 0)
        middles = shapely.centroid(self._tree.geometries[seeds])
        x, y, half = shapely.get_x(middles), shapely.get_y(middles), size / 2
        squares = shapely.box(x - half, y - half, x + half, y + half)
        square, place = self._tree.query(squares)
        totals = np.bincount(square, weights=weights[self._owners[place]], minlength=len(seeds))
        return float(totals.max(initial=0.0))


def _boxes(grid: GeoBox, crs: CRS) -> Iterator[Bounds]:
    """Yield the rectangles of a grid in a CRS."""
    if _same(as_crs(grid.crs), crs):
        yield Extent.from_geobox(grid).bounds
    elif crs.geographic or crs == MERCATOR:
        for west, south, east, north in _degrees(bounds_wgs84(grid)):
            if crs.geographic:
                yield Bounds(west, south, east, north)
            else:
                yield Bounds(*_metres(west, south), *_metres(east, north))
    else:
        yield _widened(Extent.from_geobox(grid).to_crs(crs).bounds)


# Thousands of grids share a few CRSs, and comparing two takes longer than anything else here.
_same = lru_cache(maxsize=256)(same_crs)


def _degrees(bounds: Bounds) -> Iterator[Bounds]:
    west, south, east, north = bounds
    high = _RIM * (north - south)
    south, north = max(south - high, -90.0), min(north + high, 90.0)
    wide = _RIM * ((east - west) % _WORLD)
    yield from _wrapped(
        Bounds(west - wide, south, east + wide + (_WORLD if west > east else 0.0), north)
    )


def _wrapped(box: Bounds) -> Iterator[Bounds]:
    """Yield a rectangle in degrees within -180 and 180, in two parts across the antimeridian."""
    if box.xmax - box.xmin >= _WORLD:
        yield box._replace(xmin=-180.0, xmax=180.0)
        return
    turns = _WORLD * math.floor((box.xmin + 180) / _WORLD)
    west, east = box.xmin - turns, box.xmax - turns
    yield box._replace(xmin=west, xmax=min(east, 180.0))
    if east > 180:
        yield box._replace(xmin=-180.0, xmax=east - _WORLD)


def _metres(longitude: float, latitude: float) -> tuple[float, float]:
    """Return a place in the square of Mercator's world."""
    angle = math.radians(max(-_MOST_LATITUDE, min(latitude, _MOST_LATITUDE)))
    return longitude / 180 * HALF_WORLD, math.asinh(math.tan(angle)) / math.pi * HALF_WORLD


def _widened(box: Bounds) -> Bounds:
    wide, high = _RIM * (box.xmax - box.xmin), _RIM * (box.ymax - box.ymin)
    return Bounds(box.xmin - wide, box.ymin - high, box.xmax + wide, box.ymax + high)


def _around(boxes: Sequence[Bounds]) -> Bounds:
    low, high = np.array(boxes)[:, :2].min(axis=0), np.array(boxes)[:, 2:].max(axis=0)
    return Bounds(*map(float, (*low, *high)))
