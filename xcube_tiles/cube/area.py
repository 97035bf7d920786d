"""Cells whose centres lie in an extent or a geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely
import shapely.affinity
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from rasterio.features import rasterize
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from xcube_tiles.cube.positions import full_turn, positions, same_plane
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.crs import CRS

Area: TypeAlias = Extent | BaseGeometry | Mapping[str, Any]
"""A part of the plane: an extent, a geometry of shapely, or a GeoJSON object."""

_PIECES = 512
"""Pieces into which the longer side of a geometry's bounds is cut before it is projected: edges
are curves over there."""


@dataclass(frozen=True, slots=True)
class AreaReader:
    """Reads whether the centres of cells lie in an area, window by window."""

    area: Extent | BaseGeometry
    """In any CRS if an extent, else in that of the grid."""

    geobox: GeoBox
    """The grid."""

    def __call__(self, index: tuple[slice, ...]) -> NDArray[np.uint8]:
        """Return 1 where the cells of (rows, columns) lie in the area, else 0."""
        rows, cols = ((part.start, part.stop) for part in index)
        if isinstance(self.area, Extent):
            return _in_extent(self.area, self.geobox, rows, cols).astype(np.uint8)
        return _in_geometry(self.area, self.geobox, rows, cols).astype(np.uint8)


def area_on(area: Area, crs: object, geobox: GeoBox) -> Extent | BaseGeometry:
    """Return an area as `AreaReader` takes it.

    Parameters
    ----------
    area
        An extent, a polygon or several of them, or a GeoJSON object. Longitudes that differ by a
        full turn are one place.
    crs
        CRS of a geometry; None: that of the grid, for GeoJSON longitude and latitude.
    geobox
        The grid.

    Raises
    ------
    GridError
        A geometry without area or that isn't valid; GeoJSON that can't be read, or whose
        coordinates aren't longitudes and latitudes; a CRS beside an extent, which has its own.
    """
    if isinstance(area, Extent):
        if crs is not None:
            raise GridError(f"an extent has a CRS of its own ({area.crs}), so crs={crs!r} is wrong")
        return area
    if isinstance(area, Mapping):
        geometry = _from_geojson(area)
        own = as_crs("EPSG:4326" if crs is None else crs)
        if crs is None:
            _check_degrees(geometry)
    else:
        geometry, own = area, as_crs(geobox.crs if crs is None else crs)
    if geometry.is_empty or not geometry.area:
        raise GridError(
            f"cells are masked by areas, got {geometry.geom_type} without area; "
            "buffer points and lines first: geometry.buffer(distance)"
        )
    if not geometry.is_valid:
        raise GridError(
            f"the geometry isn't valid ({shapely.is_valid_reason(geometry)}); "
            "mend it: shapely.make_valid(geometry)"
        )
    return _all_turns(_projected(geometry, own, as_crs(geobox.crs)), geobox)


def _from_geojson(document: Mapping[str, Any]) -> BaseGeometry:
    kind = document.get("type")
    if kind == "FeatureCollection":
        return shapely.union_all([_from_geojson(each) for each in document["features"]])
    if kind == "Feature":
        return _from_geojson(document["geometry"])
    try:
        return shapely.geometry.shape(document)
    except (GEOSException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise GridError(
            f"expected GeoJSON with 'type' and 'coordinates', got {str(document)[:80]!r}"
        ) from error


def _check_degrees(geometry: BaseGeometry) -> None:
    xmin, ymin, xmax, ymax = geometry.bounds
    if xmin < -360 or xmax > 540 or ymin < -90.001 or ymax > 90.001:
        raise GridError(
            f"GeoJSON holds longitudes and latitudes, got the bounds {geometry.bounds!r}; "
            "if it is in another CRS, pass crs="
        )


def _projected(geometry: BaseGeometry, own: CRS, target: CRS) -> BaseGeometry:
    point = GeoBox((1, 1), Affine.identity(), own), GeoBox((1, 1), Affine.identity(), target)
    if same_plane(*point):
        return geometry
    xmin, ymin, xmax, ymax = geometry.bounds
    longest = max(xmax - xmin, ymax - ymin) / _PIECES
    found: BaseGeometry = Geometry(geometry, own).to_crs(target, resolution=longest).geom
    if found.is_empty or not np.isfinite(found.bounds).all():
        raise GridError(f"the geometry, in {own}, has no place in {target}")
    return found


def _all_turns(geometry: BaseGeometry, geobox: GeoBox) -> BaseGeometry:
    """Add the same places a full turn of longitude away, where the grid reaches them."""
    if not full_turn(geobox):
        return geometry
    grid = shapely.box(*geobox.boundingbox)
    copies = [shapely.affinity.translate(geometry, turn) for turn in (0, -360, 360)]
    here = [copy for copy in copies if copy.intersects(grid)]
    return shapely.union_all(here) if here else geometry


def _in_extent(
    extent: Extent, geobox: GeoBox, rows: tuple[int, int], cols: tuple[int, int]
) -> NDArray[np.bool_]:
    """Whether centres lie in an extent; its south and east edges are outside."""
    if not (extent.width and extent.height):
        return np.zeros((rows[1] - rows[0], cols[1] - cols[0]), np.bool_)
    affine = Affine(extent.width, 0, extent.xmin, 0, -extent.height, extent.ymax)
    cell = GeoBox((1, 1), affine, extent.crs)
    down, across = positions(cell, geobox, rows, cols, corners=False)
    return np.asarray((down >= 0) & (down < 1) & (across >= 0) & (across < 1))


def _in_geometry(
    geometry: BaseGeometry, geobox: GeoBox, rows: tuple[int, int], cols: tuple[int, int]
) -> NDArray[np.bool_]:
    """Whether centres lie in a geometry or on its boundary."""
    shape, affine = (rows[1] - rows[0], cols[1] - cols[0]), geobox.affine
    x = affine.c + (np.arange(*cols) + 0.5) * affine.a
    y = affine.f + (np.arange(*rows) + 0.5) * affine.e
    if not min(shape):
        return np.zeros(shape, np.bool_)
    box = shapely.box(x[0] - affine.a, y[-1] + affine.e, x[-1] + affine.a, y[0] - affine.e)
    if not geometry.intersects(box):
        return np.zeros(shape, np.bool_)
    part = affine * Affine.translation(cols[0], rows[0])
    filled = rasterize([geometry], shape, transform=part, dtype="uint8")
    inside: NDArray[np.bool_] = filled.astype(np.bool_)
    # GDAL counts from the part's corner: on the boundary its rounding could depend on the part.
    doubt = rasterize([geometry.boundary], shape, transform=part, dtype="uint8", all_touched=True)
    row, col = np.nonzero(doubt)
    shapely.prepare(geometry)
    inside[row, col] = shapely.intersects_xy(geometry, x[col], y[row])
    return inside
