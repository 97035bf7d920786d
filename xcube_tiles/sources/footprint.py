"""Where on Earth a raster has values: bounds and footprint in longitude and latitude."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import MultiPoint, Polygon, box, mapping

from xcube_tiles.grid.extent import Bounds, as_crs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

_EDGE_POINTS = 21
"""Points put on an edge before it is projected, as GDAL does: edges are curves elsewhere."""

_SIMPLIFIED = 0.25
"""Cells that the footprint may miss, once on the grid and once in degrees; a hull to the last cell
would have thousands of corners."""


def hull_points(valid: NDArray[np.bool_], row: int, col: int) -> NDArray[np.float64]:
    """Return points that have the same convex hull as the valid cells of a block.

    Parameters
    ----------
    valid
        Which cells have a value, shape (rows, cols).
    row, col
        Place of the block in the raster.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Corners of cells as (col, row), in cells from the raster's upper left corner.
    """
    rows = np.flatnonzero(valid.any(axis=1))
    if not rows.size:
        return np.empty((0, 2))
    first = valid[rows].argmax(axis=1)
    last = valid.shape[1] - valid[rows, ::-1].argmax(axis=1)
    cols = np.concatenate([first, first, last, last])
    edges = np.concatenate([rows, rows + 1, rows, rows + 1])
    return corners_of(np.column_stack([cols + col, edges + row]).astype(np.float64))


def corners_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners of the convex hull of points."""
    if not len(points):
        return points
    return np.asarray(shapely.get_coordinates(MultiPoint(points).convex_hull))


def footprint(points: NDArray[np.float64], geobox: GeoBox) -> Mapping[str, Any] | None:
    """Return the convex hull of valid cells as GeoJSON.

    Parameters
    ----------
    points
        As `hull_points` returns them, of one block or several.
    geobox
        Grid of the raster.

    Returns
    -------
    dict or None
        Polygon in WGS84, or MultiPolygon if the antimeridian cuts it; None without points.
    """
    if not len(points):
        return None
    hull = Polygon(corners_of(points)).simplify(_SIMPLIFIED)
    ring = _geographic_ring(hull, geobox)
    west, south, east, north = ring.bounds
    cell = min(east - west, north - south) / max(geobox.shape)
    simple = ring.simplify(_SIMPLIFIED * cell)
    found: Mapping[str, Any] = mapping(_between_antimeridians(simple))
    return found


def bounds_wgs84(geobox: GeoBox) -> Bounds:
    """Return west, south, east and north of a grid; west > east across the antimeridian."""
    ring = _geographic_ring(box(0, 0, geobox.shape.x, geobox.shape.y), geobox)
    west, south, east, north = ring.bounds
    if east - west >= 360:
        return Bounds(-180.0, south, 180.0, north)
    turns = 360 * math.floor((west + 180) / 360)
    west, east = west - turns, east - turns
    return Bounds(west, south, east - 360 if east > 180 else east, north)


def _geographic_ring(cells: Polygon, geobox: GeoBox) -> Polygon:
    """Return a polygon of cells in degrees, its longitudes without a jump."""
    length = cells.length / (4 * _EDGE_POINTS)
    coords = shapely.get_coordinates(shapely.segmentize(cells, length))
    x, y = geobox.affine * (coords[:, 0], coords[:, 1])
    lon, lat = as_crs(geobox.crs).transformer_to_crs(as_crs("EPSG:4326"))(x, y)
    lon = np.unwrap(np.asarray(lon), period=360)
    points = list(zip(lon.tolist(), np.asarray(lat).tolist(), strict=True))
    if abs(lon[-1] - lon[0]) > 180:
        # The ring runs around a pole: it is closed along the pole itself.
        pole = math.copysign(90.0, float(np.mean(lat)))
        points += [(float(lon[-1]), pole), (float(lon[0]), pole)]
    return Polygon(points)


def _between_antimeridians(ring: Polygon) -> Any:
    west, _, east, _ = ring.bounds
    turns = range(math.floor((west + 180) / 360), math.ceil((east + 180) / 360))
    pieces: Iterable[Any] = (
        translate(ring.intersection(box(360 * turn - 180, -90, 360 * turn + 180, 90)), -360 * turn)
        for turn in turns
    )
    parts = [piece for piece in pieces if piece.area > 0]
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)
