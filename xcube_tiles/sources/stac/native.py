"""What STAC items tell of their own grids: CRS, cell size, footprint."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from pyproj import Geod

from xcube_tiles.errors import GridError, StacError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.sources.stac.bands import band_field
from xcube_tiles.sources.stac.query import flat_bbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from shapely.geometry.base import BaseGeometry

    from xcube_tiles.sources.stac.bands import Band
    from xcube_tiles.sources.stac.query import Json


class MixedCRSWarning(UserWarning):
    """The items are in several CRSs and the cube takes the most common one."""


class CellSize(NamedTuple):
    """Edges of a cell, both positive, in units of some CRS."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeGrid:
    """What an asset tells of its own grid."""

    crs: CRS | None
    """CRS of `size`; None: `size` is in metres on the ground."""

    size: CellSize
    """Edges of a cell."""

    origin: tuple[float, float] | None = None
    """A corner of a cell as (x, y), if the whole transform is known and north-up."""


def item_crs(item: Json, bands: Sequence[Band]) -> CRS | None:
    """Return the CRS that an item declares for its bands' assets, or None.

    `proj:code`, `proj:epsg`, `proj:wkt2` or `proj:projjson` of an asset, else of the item.

    Raises
    ------
    StacError
        A declaration that names no CRS.
    """
    places = [item["assets"].get(name, {}) for name in dict.fromkeys(b.asset for b in bands)]
    for place in (*places, item["properties"]):
        for key in ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson"):
            if place.get(key):
                try:
                    return as_crs(place[key])
                except GridError as error:
                    raise StacError(f"{key} of item {item['id']!r} is no CRS: {error}") from error
    return None


def choose_crs(items: Sequence[Json], bands: Sequence[Band], fallback: CRS) -> CRS:
    """Return the most common CRS of the items; of equally common ones, that of the earliest item.

    A `MixedCRSWarning` tells the choice if there was one. Without any declared CRS: `fallback`.
    """
    counts = Counter(crs for item in items if (crs := item_crs(item, bands)) is not None)
    if not counts:
        return fallback
    (best, _), *others = counts.most_common()
    if others:
        found = ", ".join(f"{crs!s} ({count} items)" for crs, count in counts.most_common())
        warnings.warn(
            f"the items are in several CRSs: {found}; the cube takes {best!s}. "
            f"Choose with target_crs={str(best)!r}",
            MixedCRSWarning,
            stacklevel=3,
        )
    return best


def native_grids(item: Json, collection: Json, bands: Sequence[Band]) -> set[NativeGrid]:
    """Return the grids of an item's assets, one for each distinct cell size and origin.

    Looked for, in this order: `proj:transform`; `proj:shape` with `proj:bbox`; the spatial
    resolution of the raster extension (`raster:bands`, or `bands` of STAC 1.1) and `gsd`, both in
    metres; `proj:shape` with the item's geometry, which may be smaller than the raster.
    """
    grids = set()
    for band in bands:
        asset = item["assets"].get(band.asset)
        if asset is None:
            continue
        crs = item_crs(item, [band])
        grid = None if crs is None else _projected_grid({**item["properties"], **asset}, crs)
        if grid is None:
            metres = band_field(item, collection, band, "spatial_resolution")
            metres = band_field(item, collection, band, "gsd") if metres is None else metres
            grid = None if metres is None else _metre_grid(float(metres), crs)
        if grid is None and crs is not None:
            grid = _drawn_grid({**item["properties"], **asset}, item, crs)
        if grid is not None:
            grids.add(grid)
    return grids


def _projected_grid(fields: Json, crs: CRS) -> NativeGrid | None:
    transform, shape, bbox = (fields.get(f"proj:{name}") for name in ("transform", "shape", "bbox"))
    if transform:
        a, b, x, d, e, y = map(float, transform[:6])
        size = CellSize(math.hypot(a, d), math.hypot(b, e))
        return NativeGrid(crs=crs, size=size, origin=(x, y) if b == d == 0 else None)
    if shape and bbox:
        xmin, ymin, xmax, ymax = flat_bbox(bbox)
        size = CellSize((xmax - xmin) / shape[1], (ymax - ymin) / shape[0])
        return NativeGrid(crs=crs, size=size, origin=(xmin, ymax))
    return None


def _drawn_grid(fields: Json, item: Json, crs: CRS) -> NativeGrid | None:
    shape, geometry = fields.get("proj:shape"), item.get("geometry")
    if not shape or not geometry:
        return None
    area = reproject(shapely.geometry.shape(geometry), as_crs("EPSG:4326"), crs)
    xmin, ymin, xmax, ymax = area.bounds
    return NativeGrid(crs=crs, size=CellSize((xmax - xmin) / shape[1], (ymax - ymin) / shape[0]))


def _metre_grid(metres: float, crs: CRS | None) -> NativeGrid:
    if crs is None or not crs.projected:
        return NativeGrid(crs=None, size=CellSize(metres, metres))
    # Metres of the item's own projection: 10 m bands of a UTM tile are 10 units, not 10.004.
    units = metres / crs.proj.axis_info[0].unit_conversion_factor
    return NativeGrid(crs=crs, size=CellSize(units, units))


def finest(grids: Iterable[NativeGrid], crs: CRS, centre: tuple[float, float]) -> CellSize | None:
    """Return the finest cell size, per axis, of some grids in another CRS.

    Parameters
    ----------
    grids
        Native grids.
    crs
        The CRS wanted.
    centre
        Point (x, y) in `crs` where sizes are compared: a cell of 10 m is wider in degrees in the
        north.

    Notes
    -----
    With the Jacobian J of the projection at the centre, the size along x is the length of
    `(Jxx * sx, Jxy * sy)`: equal to `s` for square cells under any rotation.
    """
    sizes = [size_in(grid, crs, centre) for grid in grids]
    if not sizes:
        return None
    return CellSize(min(size.x for size in sizes), min(size.y for size in sizes))


def size_in(grid: NativeGrid, crs: CRS, centre: tuple[float, float]) -> CellSize:
    """Return the cell size of one grid in another CRS, at a point of that CRS."""
    if grid.crs == crs:
        return grid.size
    x_end, y_end = (
        _metre_steps(grid, crs, centre) if grid.crs is None else _steps(grid, crs, centre)
    )
    return CellSize(
        math.hypot(x_end[0] - centre[0], y_end[0] - centre[0]),
        math.hypot(x_end[1] - centre[1], y_end[1] - centre[1]),
    )


def _steps(
    grid: NativeGrid, crs: CRS, centre: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where, in `crs`, a step of one cell along the grid's x and along its y leads."""
    assert grid.crs is not None
    x, y = crs.transformer(grid.crs).transform(*centre)
    back = grid.crs.transformer(crs)
    return back.transform(x + grid.size.x, y), back.transform(x, y + grid.size.y)


def _metre_steps(
    grid: NativeGrid, crs: CRS, centre: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    globe = as_crs("EPSG:4326")
    lon, lat = crs.transformer(globe).transform(*centre)
    back, geod = globe.transformer(crs), Geod(ellps="WGS84")
    east, north = (geod.fwd(lon, lat, azimuth, grid.size.x)[:2] for azimuth in (90, 0))
    return back.transform(*east), back.transform(*north)


def footprint(item: Json, bands: Sequence[Band], crs: CRS) -> BaseGeometry:
    """Return the area of an item in a CRS: of its raster if its grid is known, else its geometry.

    Raises
    ------
    StacError
        An item that tells neither.
    """
    for name in dict.fromkeys(band.asset for band in bands):
        fields = {**item["properties"], **item["assets"].get(name, {})}
        own = item_crs(item, [band for band in bands if band.asset == name])
        transform, shape = fields.get("proj:transform"), fields.get("proj:shape")
        if name in item["assets"] and own is not None and transform and shape:
            return reproject(_outline(transform, shape), own, crs)
    if item.get("geometry"):
        area = shapely.geometry.shape(item["geometry"])
    elif item.get("bbox"):
        area = shapely.box(*flat_bbox(item["bbox"]))
    else:
        raise StacError(f"item {item['id']!r} has neither geometry nor bbox nor proj:transform")
    return reproject(area, as_crs("EPSG:4326"), crs)


def _outline(transform: Sequence[float], shape: Sequence[int]) -> BaseGeometry:
    a, b, x, d, e, y = map(float, transform[:6])
    corners = ((0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0]))
    return shapely.Polygon([(x + a * i + b * j, y + d * i + e * j) for i, j in corners])


def reproject(area: BaseGeometry, source: CRS, target: CRS) -> BaseGeometry:
    """Return an area in another CRS, its edges followed at 25 points along the longer side.

    Parts that have no place there (the poles in a Mercator projection) are left out. In degrees an
    area across the antimeridian is cut there.
    """
    if source == target:
        return area
    xmin, ymin, xmax, ymax = area.bounds
    # A straight edge is a curve over there; a point has no edges.
    step = max(xmax - xmin, ymax - ymin) / 25
    dense = shapely.segmentize(area, step) if step > 0 else area
    transformer = source.transformer(target)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = np.stack(transformer.transform(points[:, 0], points[:, 1]), axis=1)
        finite = moved[np.isfinite(moved).all(axis=1)]
        return _eastward(finite) if target.geographic else finite

    polygons = (part for part in shapely.get_parts(dense) if part.geom_type == "Polygon")
    rings = [move(shapely.get_coordinates(part.exterior)) for part in polygons]
    parts = [shapely.Polygon(ring) for ring in rings if len(ring) >= 3]
    whole = shapely.union_all(shapely.make_valid(parts))
    return _cut(whole) if target.geographic and whole.bounds[2] > 180 else whole


def _eastward(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a ring with longitudes up to 360 if neighbours lie more than half the globe apart."""
    if np.abs(np.diff(ring[:, 0])).max(initial=0) <= 180:
        return ring
    return np.stack([ring[:, 0] % 360, ring[:, 1]], axis=1)


def _cut(area: BaseGeometry) -> BaseGeometry:
    """Return an area with longitudes up to 360, cut at 180 degrees and brought below them."""
    beyond = shapely.intersection(area, shapely.box(180, -90, 540, 90))
    back = shapely.transform(beyond, lambda points: points - (360, 0))
    return shapely.union_all([shapely.intersection(area, shapely.box(-180, -90, 180, 90)), back])
