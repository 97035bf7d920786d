"""The values of one raster under the pixels of a picture, and the grids of pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.render.sample import sample
from xcube_tiles.render.window import find_window
from xcube_tiles.sources.footprint import bounds_wgs84

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.render.source import TileSource

Method: TypeAlias = Literal["nearest", "linear", "average"]
"""How a pixel gets its value: the cell under it, the four around it, or all that it covers."""

WEB_MERCATOR = "EPSG:3857"

_HALF_WORLD = math.pi * 6_378_137.0
_MOST_NORTH = math.degrees(math.atan(math.sinh(math.pi)))
_DEEPEST = 30
"""Zoom level beyond which nothing is drawn: a pixel there is smaller than a millimetre."""

_AVERAGED_FROM = 1.5
_MOST_STEPS = 8
_MOST_PLACES = 2**22
"""Places at which cells are looked up for one picture, at most."""


class Size(NamedTuple):
    """Size of a picture in pixels."""

    height: int
    width: int


def web_tile(z: int, x: int, y: int, size: Size) -> GeoBox | None:
    """Return the grid of a map tile's pixels, None for a tile that nothing lies in.

    Examples
    --------
    >>> web_tile(1, 0, 0, Size(256, 256)).boundingbox.right
    0.0
    >>> web_tile(1, 2, 0, Size(256, 256)) is None
    True
    """
    if not (0 <= z <= _DEEPEST and 0 <= x < 2**z and 0 <= y < 2**z):
        return None
    edge = 2 * _HALF_WORLD / 2**z
    left, top = x * edge - _HALF_WORLD, _HALF_WORLD - y * edge
    affine = Affine(edge / size.width, 0.0, left, 0.0, -edge / size.height, top)
    return GeoBox((size.height, size.width), affine, WEB_MERCATOR)


def whole(source: TileSource, size: Size) -> GeoBox | None:
    """Return the grid of a picture of a whole source in Web Mercator.

    Parameters
    ----------
    source
        What is drawn; what lies beyond 85.06 degrees north and south is left out.
    size
        Size of the picture. The source keeps its proportions and lies in the middle.

    Returns
    -------
    GeoBox or None
        None: all of it lies beyond.
    """
    west, south, east, north = bounds_wgs84(source.geoboxes[0])
    east += 360 if east < west else 0
    south, north = max(south, -_MOST_NORTH), min(north, _MOST_NORTH)
    if not (west < east and south < north):
        return None
    left, right = (math.radians(lon) * 6_378_137.0 for lon in (west, east))
    bottom, top = (math.asinh(math.tan(math.radians(lat))) * 6_378_137.0 for lat in (south, north))
    unit = max((right - left) / size.width, (top - bottom) / size.height)
    corner_x = (left + right - unit * size.width) / 2
    corner_y = (top + bottom + unit * size.height) / 2
    affine = Affine(unit, 0.0, corner_x, 0.0, -unit, corner_y)
    return GeoBox((size.height, size.width), affine, WEB_MERCATOR)


def values_under(
    source: TileSource, target: GeoBox, method: Method = "average"
) -> NDArray[np.floating] | None:
    """Return the values of a source's first variable under each pixel of a picture.

    Parameters
    ----------
    source
        What is drawn.
    target
        Grid of the picture.
    method
        `average` takes the mean of the cells that a pixel covers where these are smaller than the
        pixel and there is no overview that fits, else it is `linear`.

    Returns
    -------
    ndarray of float or None
        Shape (height, width), NaN where there is no value; float32 where that holds every cell
        exactly. None: the picture shows nothing of the source.

    Raises
    ------
    SizeLimitError
        Far too many cells would have to be read.
    """
    names = source.variables[:1]
    if method == "average":
        steps = _steps(source, target)
        if steps is None:
            return None
        if steps > 1:
            return _averaged(source, target, steps)
    resampling: Literal["nearest", "bilinear"] = "nearest" if method == "nearest" else "bilinear"
    found = sample(source, target, names, resampling=resampling)
    return None if found is None else found.floats(names[0])


def _steps(source: TileSource, target: GeoBox) -> int | None:
    """Return how many cells a pixel has along an edge; 1 if hardly more than one."""
    window = find_window(source, target)
    if window is None:
        return None
    pixels = math.prod(target.shape) - (0 if window.outside is None else int(window.outside.sum()))
    cells = math.sqrt(window.size / max(pixels, 1))
    if cells < _AVERAGED_FROM:
        return 1
    affordable = math.isqrt(_MOST_PLACES // math.prod(target.shape))
    return max(1, min(math.ceil(cells), _MOST_STEPS, affordable))


def _averaged(source: TileSource, target: GeoBox, steps: int) -> NDArray[np.floating] | None:
    (name,) = source.variables[:1]
    height, width = target.shape
    fine = GeoBox(
        (height * steps, width * steps), target.affine * Affine.scale(1 / steps), target.crs
    )
    found = sample(source, fine, (name,))
    if found is None:
        return None
    places = found.floats(name).reshape(height, steps, width, steps)
    valid = ~np.isnan(places)
    count = valid.sum(axis=(1, 3))
    total = np.where(valid, places, 0).sum(axis=(1, 3), dtype=np.float64)
    # Less than half of the pixel covered: NoData, as the cell in its middle mostly is.
    return np.where(2 * count >= steps**2, total / np.maximum(count, 1), np.nan)
