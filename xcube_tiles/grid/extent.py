"""Extents: rectangles in a coordinate reference system."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError, ProjError

from xcube_tiles.errors import GridError

if TYPE_CHECKING:
    from odc.geo import SomeCRS

_EDGE_POINTS = 21
# Points put on each edge before it is reprojected, as GDAL does; edges are curves over there.


class Bounds(NamedTuple):
    """The four edges of a rectangle."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


@dataclass(frozen=True, slots=True, init=False)
class Extent:
    """A rectangle in a coordinate reference system.

    It may have no width or no height (a line, a point), never a negative one.

    Raises
    ------
    GridError
        An edge that isn't finite, edges in the wrong order, or an unknown CRS.

    Examples
    --------
    >>> extent = Extent(xmin=0, ymin=0, xmax=20, ymax=10, crs="EPSG:32633")
    >>> extent.width, extent.height, extent.crs.epsg
    (20.0, 10.0, 32633)
    """

    xmin: float
    """West edge in CRS units."""

    ymin: float
    """South edge in CRS units."""

    xmax: float
    """East edge in CRS units."""

    ymax: float
    """North edge in CRS units."""

    crs: CRS
    """Coordinate reference system; anything that `odc.geo.CRS` reads is accepted. Coordinates are
    always x (east) before y (north), whatever axis order the CRS defines."""

    def __init__(self, *, xmin: float, ymin: float, xmax: float, ymax: float, crs: SomeCRS) -> None:
        for name, value in zip(Bounds._fields, (xmin, ymin, xmax, ymax), strict=True):
            if not is_finite(value):
                raise GridError(f"{name} of an extent must be a finite number, got {value!r}")
            object.__setattr__(self, name, float(value))
        if self.xmin > self.xmax or self.ymin > self.ymax:
            raise GridError(
                "an extent needs xmin <= xmax and ymin <= ymax, got "
                f"{tuple(self.bounds)!r}; the order is xmin, ymin, xmax, ymax"
            )
        object.__setattr__(self, "crs", as_crs(crs))

    @classmethod
    def from_bounds(cls, bounds: tuple[float, float, float, float], crs: SomeCRS | None) -> Extent:
        """Return the extent of `(xmin, ymin, xmax, ymax)`.

        Examples
        --------
        >>> Extent.from_bounds((0, 1, 2, 3), 4326).bounds
        Bounds(xmin=0.0, ymin=1.0, xmax=2.0, ymax=3.0)
        """
        try:
            xmin, ymin, xmax, ymax = bounds
        except (TypeError, ValueError):
            raise GridError(f"expected (xmin, ymin, xmax, ymax), got {bounds!r}") from None
        return cls(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=as_crs(crs))

    @classmethod
    def from_geobox(cls, geobox: GeoBox) -> Extent:
        """Return the rectangle around the cells of a geobox.

        Raises
        ------
        GridError
            A geobox without a CRS, or something else than a geobox.

        Examples
        --------
        >>> from affine import Affine
        >>> Extent.from_geobox(GeoBox((3, 4), Affine(10, 0, 0, 0, -10, 30), 32633)).bounds
        Bounds(xmin=0.0, ymin=0.0, xmax=40.0, ymax=30.0)
        """
        if not isinstance(geobox, GeoBox):
            raise GridError(f"expected a GeoBox of odc.geo, got {geobox!r}")
        box = geobox.boundingbox
        return cls.from_bounds((box.left, box.bottom, box.right, box.top), geobox.crs)

    @property
    def bounds(self) -> Bounds:
        """The edges, without the CRS."""
        return Bounds(self.xmin, self.ymin, self.xmax, self.ymax)

    @property
    def width(self) -> float:
        """Distance from the west to the east edge, in CRS units."""
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        """Distance from the south to the north edge, in CRS units."""
        return self.ymax - self.ymin

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the rectangle as `(x, y)`, in CRS units."""
        return (self.xmin + self.xmax) / 2, (self.ymin + self.ymax) / 2

    def to_crs(self, crs: SomeCRS) -> Extent:
        """Return the smallest rectangle of another CRS around this one.

        Parameters
        ----------
        crs
            The CRS wanted; anything that `odc.geo.CRS` reads.

        Returns
        -------
        Extent
            One that crosses the antimeridian of a geographic CRS spans all its longitudes.

        Raises
        ------
        GridError
            An extent that doesn't exist there (infinite after the transformation).

        Notes
        -----
        Each edge is followed at 21 points besides the corners, as an edge is a curve in the
        other CRS; poles inside the rectangle count (`pyproj.Transformer.transform_bounds`).
        Longitudes beyond 180 degrees, as in grids from 0 to 360, mean the places 360 degrees less.

        Examples
        --------
        >>> extent = Extent(xmin=0, ymin=0, xmax=180, ymax=45, crs=4326)
        >>> round(extent.to_crs("EPSG:3857").xmax)
        20037508
        """
        target = as_crs(crs)
        if same_crs(target, self.crs):
            return Extent.from_bounds(self.bounds, target)
        first, *others = [_projected(piece, target) for piece in self._pieces()]
        for other in others:
            first = first.union(other)
        return first

    def _pieces(self) -> list[Extent]:
        """Return the parts of a geographic extent between -180 and 180 degrees, moved there."""
        if not self.crs.geographic or (self.xmin >= -180 and self.xmax <= 180):
            return [self]
        turns = range(math.floor((self.xmin + 180) / 360), math.ceil((self.xmax + 180) / 360))
        return [
            replace(
                self,
                xmin=max(self.xmin - 360 * turn, -180.0),
                xmax=min(self.xmax - 360 * turn, 180.0),
            )
            for turn in turns
        ]

    def intersects(self, other: Extent) -> bool:
        """Return whether two extents share a point, be it one on an edge.

        Raises
        ------
        GridError
            Extents of different CRSs.
        """
        self._check_crs(other)
        return (
            self.xmin <= other.xmax
            and other.xmin <= self.xmax
            and self.ymin <= other.ymax
            and other.ymin <= self.ymax
        )

    def intersection(self, other: Extent) -> Extent | None:
        """Return the rectangle that two extents share; None if they don't share a point.

        Raises
        ------
        GridError
            Extents of different CRSs.

        Examples
        --------
        >>> extent = Extent(xmin=0, ymin=0, xmax=2, ymax=2, crs=3857)
        >>> extent.intersection(Extent(xmin=1, ymin=1, xmax=3, ymax=3, crs=3857)).bounds
        Bounds(xmin=1.0, ymin=1.0, xmax=2.0, ymax=2.0)
        >>> extent.intersection(Extent(xmin=3, ymin=1, xmax=4, ymax=3, crs=3857)) is None
        True
        """
        if not self.intersects(other):
            return None
        return Extent(
            xmin=max(self.xmin, other.xmin),
            ymin=max(self.ymin, other.ymin),
            xmax=min(self.xmax, other.xmax),
            ymax=min(self.ymax, other.ymax),
            crs=self.crs,
        )

    def union(self, other: Extent) -> Extent:
        """Return the smallest rectangle around two extents.

        Raises
        ------
        GridError
            Extents of different CRSs.

        Examples
        --------
        >>> extent = Extent(xmin=0, ymin=0, xmax=2, ymax=2, crs=3857)
        >>> extent.union(Extent(xmin=3, ymin=1, xmax=4, ymax=3, crs=3857)).bounds
        Bounds(xmin=0.0, ymin=0.0, xmax=4.0, ymax=3.0)
        """
        self._check_crs(other)
        return Extent(
            xmin=min(self.xmin, other.xmin),
            ymin=min(self.ymin, other.ymin),
            xmax=max(self.xmax, other.xmax),
            ymax=max(self.ymax, other.ymax),
            crs=self.crs,
        )

    def contains(self, other: Extent) -> bool:
        """Return whether no point of another extent lies outside this one.

        Raises
        ------
        GridError
            Extents of different CRSs.
        """
        self._check_crs(other)
        return (
            self.xmin <= other.xmin
            and self.ymin <= other.ymin
            and self.xmax >= other.xmax
            and self.ymax >= other.ymax
        )

    def buffered(self, x: float, y: float | None = None) -> Extent:
        """Return the extent with its edges moved outwards.

        Parameters
        ----------
        x, y
            Distances in CRS units; inwards if negative. `y` is `x` unless given.

        Raises
        ------
        GridError
            A negative distance of more than half the width or height, or one that isn't finite.

        Examples
        --------
        >>> Extent(xmin=0, ymin=0, xmax=2, ymax=2, crs=3857).buffered(1, 0).bounds
        Bounds(xmin=-1.0, ymin=0.0, xmax=3.0, ymax=2.0)
        """
        y = x if y is None else y
        if not (is_finite(x) and is_finite(y)):
            raise GridError(f"distances must be finite numbers, got {(x, y)!r}")
        return Extent(
            xmin=self.xmin - x,
            ymin=self.ymin - y,
            xmax=self.xmax + x,
            ymax=self.ymax + y,
            crs=self.crs,
        )

    def _check_crs(self, other: Extent) -> None:
        check_extent(other)
        if not same_crs(self.crs, other.crs):
            raise GridError(
                f"the extents have different CRSs, {self.crs!s} and {other.crs!s}; "
                "bring one to the other with to_crs()"
            )


def _projected(extent: Extent, target: CRS) -> Extent:
    xmin, ymin, xmax, ymax = edges_in(extent, target)
    if xmin > xmax:
        xmin, xmax = -180.0, 180.0
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=target)


def edges_in(extent: Extent, target: CRS) -> Bounds:
    """Return the edges of the rectangle of another CRS around an extent.

    In a geographic CRS xmin is above xmax where it crosses the antimeridian.

    Raises
    ------
    GridError
        An extent that doesn't exist there.
    """
    transformer = extent.crs.transformer(target)
    try:
        edges = transformer.transform_bounds(
            *extent.bounds, densify_pts=_EDGE_POINTS, errcheck=True
        )
    except ProjError as error:
        raise GridError(f"{extent!r} has no place in {target!s}: {error}") from error
    if not all(math.isfinite(edge) for edge in edges):
        raise GridError(f"{extent!r} has no place in {target!s}: its edges there are {edges!r}")
    return Bounds(*edges)


def as_crs(crs: Any) -> CRS:
    """Return a CRS from anything that `odc.geo.CRS` reads.

    Raises
    ------
    GridError
        Something that names no CRS.

    Examples
    --------
    >>> as_crs("EPSG:4326") == as_crs(4326)
    True
    """
    if isinstance(crs, CRS):
        return crs
    try:
        return CRS(crs)
    except (CRSError, ValueError, TypeError) as error:
        raise GridError(
            f"expected a CRS (an EPSG code such as 32633 or 'EPSG:32633', WKT, PROJ), got {crs!r}"
        ) from error


@lru_cache(maxsize=256)
def same_crs(first: CRS, second: CRS) -> bool:
    """Return whether two CRSs give a place the same coordinates.

    The axis order that a CRS defines doesn't count, as coordinates are x before y everywhere in
    the package: OGC:CRS84 and EPSG:4326 are the same.

    Examples
    --------
    >>> same_crs(as_crs("OGC:CRS84"), as_crs("EPSG:4326"))
    True
    >>> same_crs(as_crs("EPSG:3857"), as_crs("EPSG:4326"))
    False
    """
    return first == second or bool(first.proj.equals(second.proj, ignore_axis_order=True))


def check_extent(extent: object) -> None:
    """Raise `GridError` for what isn't an extent."""
    if not isinstance(extent, Extent):
        raise GridError(
            f"expected an Extent, got {extent!r}; make one with Extent.from_bounds(bounds, crs)"
        )


def is_finite(value: object) -> bool:
    """Return whether something is a finite real number, of Python or numpy.

    Examples
    --------
    >>> is_finite(1), is_finite(float("nan")), is_finite("1")
    (True, False, False)
    """
    return isinstance(value, Real) and math.isfinite(value)
