"""Polygons as clients send them: GeoJSON, read with suspicion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from shapely.errors import GEOSException

from xcube_tiles.errors import RegionError, SizeLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapely.geometry.base import BaseGeometry

MOST_VERTICES = 10_000
"""Vertices of a polygon; beyond, it should be simplified first."""


def polygon_of(document: Mapping[str, Any], *, most: int = MOST_VERTICES) -> BaseGeometry:
    """Return the polygons of a GeoJSON document as one geometry.

    Parameters
    ----------
    document
        A Polygon, a MultiPolygon, a Feature of one of them, or a FeatureCollection of such.
    most
        Most vertices.

    Raises
    ------
    RegionError
        Something else; a polygon without area, or one that isn't valid.
    SizeLimitError
        More vertices than `most`.

    Examples
    --------
    >>> square = [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]
    >>> polygon_of({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": square}}).area
    4.0
    """
    polygons = list(_geometries(document))
    if not polygons:
        raise RegionError("the GeoJSON has no polygon: it is an empty collection")
    count = sum(_vertices(each) for each in polygons)
    if count > most:
        raise SizeLimitError(
            f"the polygon has {count} vertices, and {most} are allowed: simplify it"
        )
    return shapely.union_all([_polygon(each) for each in polygons])


def _geometries(document: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the polygons of a GeoJSON document."""
    found = document if isinstance(document, dict) else {}
    kind, features = found.get("type"), found.get("features")
    if kind == "FeatureCollection" and depth == 0 and isinstance(features, list):
        for feature in features:
            yield from _geometries(feature, 1)
    elif kind == "Feature" and depth <= 1:
        yield from _geometries(found.get("geometry"), 2)
    elif kind in ("Polygon", "MultiPolygon"):
        yield found
    else:
        raise RegionError(
            "expected GeoJSON: a Polygon, a MultiPolygon, a Feature with one of them, or a "
            f"FeatureCollection of such; got {str(document)[:80]!r}"
        )


def _vertices(geometry: Mapping[str, Any]) -> int:
    """Return the number of positions of a polygon; RegionError where they aren't positions."""
    rings = geometry.get("coordinates")
    if geometry["type"] == "MultiPolygon" and isinstance(rings, list):
        rings = [ring for polygon in rings if isinstance(polygon, list) for ring in polygon]
    good = isinstance(rings, list) and all(
        isinstance(ring, list) and all(_is_position(each) for each in ring) for ring in rings
    )
    if not good or not isinstance(rings, list):
        raise RegionError("the coordinates of a polygon are lists of rings of [x, y]")
    return sum(len(ring) for ring in rings)


def _is_position(each: object) -> bool:
    return (
        isinstance(each, list)
        and 2 <= len(each) <= 4
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in each)
        and all(abs(x) < 1e300 for x in each)
    )


def _polygon(geometry: Mapping[str, Any]) -> BaseGeometry:
    try:
        found: BaseGeometry = shapely.force_2d(shapely.geometry.shape(geometry))
    except (GEOSException, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise RegionError(f"the polygon can't be read: {error}") from error
    if found.is_empty or not found.area:
        raise RegionError("the polygon has no area")
    if not found.is_valid:
        raise RegionError(f"the polygon isn't valid: {shapely.is_valid_reason(found)}")
    return found
