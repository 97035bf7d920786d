"""Where on Earth a source lies, and at which zoom levels its own detail shows."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from xcube_tiles.render.pixels import checked_crs, transformer
from xcube_tiles.render.point import WGS84
from xcube_tiles.render.tms import named_tms, tile_geobox

if TYPE_CHECKING:
    from xcube_tiles.render.source import TileSource

EDGE_POINTS = 21
"""Points along each edge that are transformed: edges are curved in another CRS."""

OUTLINE_POINTS = 8
"""Parts of each edge of an outline."""

WORLD = (-180.0, -90.0, 180.0, 90.0)

# Of the equator of WGS 84, as in TileMatrixSets.
_METRES_PER_DEGREE = 111_319.49
_MERCATOR = (3857, 3395)


def native_bounds(source: TileSource) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a source in its own CRS."""
    left, bottom, right, top = source.geoboxes[0].boundingbox.bbox
    return float(left), float(bottom), float(right), float(top)


def wgs84_bounds(source: TileSource) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a source in degrees, EPSG:4326.

    West is less than east: a source across the antimeridian has -180 and 180, as the clients of
    TileJSON know no other way to say so.

    Notes
    -----
    Edges are densified; poles inside the source are found (`pyproj.Transformer.transform_bounds`).
    """
    bounds = native_bounds(source)
    transform = transformer(source.crs, WGS84)
    if transform is not None and not source.crs.geographic:
        bounds = transform.transform_bounds(*bounds, densify_pts=EDGE_POINTS)
    west, south, east, north = bounds
    if not all(map(math.isfinite, bounds)):
        return WORLD
    if east - west >= 360:
        west, east = -180.0, 180.0
    turns = math.floor((west + 180) / 360)
    west, east = west - 360 * turns, east - 360 * turns
    if east < west or east > 180:
        west, east = -180.0, 180.0
    return west, max(south, -90.0), east, min(north, 90.0)


def wgs84_outline(source: TileSource) -> list[tuple[float, float]]:
    """Return the edge of a source as longitudes and latitudes, EPSG:4326.

    Parameters
    ----------
    source
        What is drawn.

    Returns
    -------
    list of (longitude, latitude)
        A closed ring, counterclockwise, rounded to 1e-6 degrees. Edges of another CRS are curved:
        each has `OUTLINE_POINTS` parts. Where a source reaches across the antimeridian or a pole,
        the ring is that of `wgs84_bounds`.
    """
    left, bottom, right, top = native_bounds(source)
    transform = transformer(source.crs, WGS84)
    if transform is not None:
        parts = [step / OUTLINE_POINTS for step in range(OUTLINE_POINTS)]
        corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
        ring = [
            (x + part * (to_x - x), y + part * (to_y - y))
            for (x, y), (to_x, to_y) in pairwise(corners)
            for part in parts
        ]
        closed = [*ring, ring[0]]
        points = [(float(lon), float(lat)) for lon, lat in transform.itransform(closed)]
        jumps = [abs(after[0] - before[0]) for before, after in pairwise(points)]
        # What isn't finite is smaller than nothing.
        if all(jump < 180 for jump in jumps) and all(math.isfinite(lat) for _, lat in points):
            return [(round(lon, 6), round(lat, 6)) for lon, lat in points]
    west, south, east, north = (round(float(end), 6) for end in wgs84_bounds(source))
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def zoom_range(source: TileSource, tms: str = "WebMercatorQuad") -> tuple[int, int]:
    """Return the zoom levels at which a source fits one tile, and at which its cells are pixels.

    Parameters
    ----------
    source
        What is drawn.
    tms
        Name of a tile matrix set.

    Returns
    -------
    minzoom, maxzoom : int
        The finest level whose tiles are as large as the source, and the coarsest whose pixels are
        no larger than the source's finest cells; both within the set's own zoom levels. Sizes are
        compared on the ground, in metres at the middle of the source. A source that can't be drawn
        by wider pixels, as a mosaic of many files, says so by `widest_pixel`.
    """
    matrices = named_tms(tms)
    metres = _ground_resolution(source)
    _, south, _, north = wgs84_bounds(source)
    shrink = 1.0
    if matrices.crs.to_epsg() in _MERCATOR:
        # Mercator's pixels stand for less ground the farther they are from the equator.
        shrink = max(0.05, math.cos(math.radians((south + north) / 2)))
        if source.crs.to_epsg() in _MERCATOR:
            metres *= shrink
    crs = checked_crs(tile_geobox((tms, matrices.minzoom, 0, 0)))
    per_unit = _METRES_PER_DEGREE if crs.geographic else 1.0
    sizes = {
        z: matrices.matrix(z).cellSize * per_unit * shrink
        for z in range(matrices.minzoom, matrices.maxzoom + 1)
    }
    largest = max(source.geoboxes[0].shape) * metres
    fitting = [z for z, size in sizes.items() if size * matrices.matrix(z).tileWidth >= largest]
    finest = [z for z, size in sizes.items() if size <= metres * 1.01]
    maxzoom = min(finest, default=matrices.maxzoom)
    minzoom = max(fitting, default=matrices.minzoom)
    widest = getattr(source, "widest_pixel", None)
    if widest is not None:
        # A picture is drawn from the level that is nearest in size.
        most = widest * metres / _cell_size(source) * math.sqrt(2)
        minzoom = max(minzoom, min((z for z, size in sizes.items() if size <= most), default=0))
    return min(minzoom, maxzoom), maxzoom


def _ground_resolution(source: TileSource) -> float:
    size = _cell_size(source)
    return size * _METRES_PER_DEGREE if source.crs.geographic else size


def _cell_size(source: TileSource) -> float:
    grid = source.geoboxes[0]
    return math.sqrt(abs(grid.affine.a * grid.affine.e))
