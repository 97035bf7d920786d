"""Parts of a source that values are asked for, as a bbox or as a polygon."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from odc.geo.geom import Geometry
from shapely.errors import GEOSException

from xcube_tiles.cube.area import AreaReader, area_on
from xcube_tiles.errors import GridError, RegionError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.render.bounds import EDGE_POINTS
from xcube_tiles.render.pixels import transformer
from xcube_tiles.render.point import WGS84
from xcube_tiles.render.region_geojson import MOST_VERTICES, polygon_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox
    from shapely.geometry.base import BaseGeometry

    from xcube_tiles.render.source import TileSource

NATIVE = "native"
"""Name of a source's own CRS, which may have no code."""

_PIECES = 512  # into which the longer edge of a polygon's bounds is cut: edges become curves
_RIM = 0.05  # of a grid's bounds in another CRS, which are taken from points along its edges
_CODE = re.compile(r"[A-Za-z]+:[A-Za-z0-9]+")

Bbox = tuple[float, float, float, float]


def named_crs(name: str, source: TileSource) -> CRS:
    """Return the CRS that a client names.

    Parameters
    ----------
    name
        `EPSG:32633` or another authority's code, or `native`. Nothing else: PROJ strings can name
        files of this machine.
    source
        Has the native CRS.

    Raises
    ------
    RegionError
        No code of a CRS.
    """
    if name == NATIVE:
        return source.crs
    if not isinstance(name, str) or not _CODE.fullmatch(name):
        raise RegionError(f"a CRS is named by a code such as EPSG:32633, or {NATIVE!r}: {name!r}")
    try:
        return as_crs(name)
    except GridError as error:
        raise RegionError(f"unknown CRS {name!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the plane that values are asked for."""

    area: Extent | BaseGeometry
    """A rectangle, or a polygon in `crs`."""

    crs: CRS
    """CRS of the coordinates."""

    @property
    def is_box(self) -> bool:
        """Whether it is a rectangle in its own CRS."""
        return isinstance(self.area, Extent)

    @classmethod
    def from_bbox(cls, bbox: Sequence[float], crs: CRS = WGS84) -> Region:
        """Return the region of four edges.

        Parameters
        ----------
        bbox
            West, south, east, north. In degrees, a west that is more than the east means that the
            region lies across the antimeridian.
        crs
            CRS of the edges, x before y.

        Raises
        ------
        RegionError
            Edges that make no rectangle.

        Examples
        --------
        >>> Region.from_bbox((170, -10, -170, 10)).area.bounds
        Bounds(xmin=170.0, ymin=-10.0, xmax=190.0, ymax=10.0)
        """
        edges = [float(edge) for edge in bbox]
        if len(edges) != 4 or not all(map(math.isfinite, edges)):
            raise RegionError(
                f"a bbox has four finite numbers: west, south, east, north; got {bbox!r}"
            )
        west, south, east, north = edges
        if crs.geographic:
            if (
                not -90.001 <= south <= north <= 90.001
                or not -540 <= west <= 540
                or abs(east) > 540
            ):
                raise RegionError(
                    f"a bbox in degrees is west, south, east, north within -540..540 and -90..90; "
                    f"got {bbox!r}"
                )
            if east < west:
                east += 360
        if not (
            west < east and south < north and east - west <= (360 if crs.geographic else math.inf)
        ):
            raise RegionError(
                f"a bbox is west, south, east, north, west less than east and south less than "
                f"north; got {bbox!r}"
            )
        area = Extent(xmin=west, ymin=south, xmax=east, ymax=north, crs=crs)
        return cls(area=area, crs=crs)

    @classmethod
    def from_geojson(
        cls, document: Mapping[str, Any], crs: CRS = WGS84, *, most: int = MOST_VERTICES
    ) -> Region:
        """Return the region of a GeoJSON polygon, feature or collection of features.

        Parameters
        ----------
        document
            Polygons or multipolygons; several features are one region.
        crs
            CRS of the coordinates; of GeoJSON itself EPSG:4326.
        most
            Most vertices.

        Raises
        ------
        RegionError
            Something else, or a polygon that isn't valid.
        SizeLimitError
            More vertices than `most`.
        """
        geometry = polygon_of(document, most=most)
        if crs.geographic:
            xmin, ymin, xmax, ymax = geometry.bounds
            if xmin < -540 or xmax > 540 or ymin < -90.001 or ymax > 90.001:
                raise RegionError(
                    f"the coordinates are to be degrees, longitude first, got the bounds "
                    f"{geometry.bounds!r}; coord_crs names another CRS"
                )
        return cls(area=geometry, crs=crs)

    def bounds_in(self, crs: CRS, middle: float | None = None) -> Bbox:
        """Return left, bottom, right, top of the region in a CRS.

        Parameters
        ----------
        crs
            Any CRS.
        middle
            Longitude within 180 degrees of which the middle of the region is to lie, where the CRS
            is geographic.

        Raises
        ------
        RegionError
            The region has no place in that CRS.
        """
        left, bottom, right, top = self._shape_in(crs).bounds
        transform = transformer(self.crs, crs)
        if transform is not None and (self.is_box or crs.geographic):
            left, bottom, right, top = transform.transform_bounds(
                left, bottom, right, top, densify_pts=EDGE_POINTS
            )
        if not all(map(math.isfinite, (left, bottom, right, top))):
            raise RegionError(f"the region has no place in {crs}")
        if crs.geographic and right < left:
            right += 360
        if middle is not None:
            turns = math.floor(((left + right) / 2 - middle + 180) / 360)
            left, right = left - 360 * turns, right - 360 * turns
        return left, bottom, right, top

    def _shape_in(self, crs: CRS) -> Extent | BaseGeometry:
        """Return a polygon in a projected CRS, where its bounds are less than its bounds' bounds.

        In degrees it stays as it is: there it may have to be cut at the antimeridian.
        """
        if isinstance(self.area, Extent) or crs.geographic or crs == self.crs:
            return self.area
        xmin, ymin, xmax, ymax = self.area.bounds
        step = max(xmax - xmin, ymax - ymin) / _PIECES
        projected: BaseGeometry = Geometry(self.area, self.crs).to_crs(crs, resolution=step).geom
        if projected.is_empty:
            raise RegionError(f"the polygon has no place in {crs}")
        return projected

    def near(self, grid: GeoBox) -> Region | None:
        """Return the part of the region around a grid in another CRS, None if there is none.

        What is far from the grid may have no place in its CRS: a region of the whole world is as
        good as one of the grid's surroundings.
        """
        if grid.crs is None or grid.crs == self.crs:
            return self
        around = Region(area=Extent.from_geobox(grid), crs=grid.crs)
        west, south, east, north = self.area.bounds
        middle = (west + east) / 2 if self.crs.geographic else None
        try:
            left, bottom, right, top = around.bounds_in(self.crs, middle)
        except RegionError:  # a grid of the whole world, whose poles aren't in Mercator's
            return self
        rim = max(right - left, top - bottom) * _RIM
        left, bottom, right, top = left - rim, bottom - rim, right + rim, top + rim
        if isinstance(self.area, Extent):
            west, south = max(west, left), max(south, bottom)
            east, north = min(east, right), min(north, top)
            if not (west < east and south < north):
                return None
            area = Extent(xmin=west, ymin=south, xmax=east, ymax=north, crs=self.crs)
            return Region(area=area, crs=self.crs)
        turns = (0, -360, 360) if self.crs.geographic else (0,)
        boxes = [shapely.box(left + turn, bottom, right + turn, top) for turn in turns]
        cut = shapely.get_parts(shapely.intersection(self.area, shapely.union_all(boxes)))
        # Where edges touch, lines and points are left over.
        polygons = [part for part in cut if part.area]
        return Region(area=shapely.union_all(polygons), crs=self.crs) if polygons else None

    def inside(self, grid: GeoBox) -> NDArray[np.bool_]:
        """Return which cells of a grid have their centre in the region, shape (rows, columns).

        Raises
        ------
        RegionError
            A polygon that isn't valid, or has no place in the CRS of the grid.
        """
        try:
            near = self.near(grid)
            if near is None:
                return np.zeros(grid.shape, dtype=bool)
            own = None if near.is_box else near.crs
            area = area_on(near.area, own, grid)
            rows, cols = (slice(0, int(size)) for size in grid.shape)
            return AreaReader(area, grid)((rows, cols)).astype(bool)
        except (GridError, GEOSException) as error:
            raise RegionError(str(error)) from error
