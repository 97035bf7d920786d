"""Native zoom: the level of a scheme that keeps the cells of a raster."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

from pyproj import Geod

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import as_crs, same_crs
from xcube_tiles.grid.geobox import north_up_resolution
from xcube_tiles.grid.world import period

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from odc.geo import SomeCRS
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

THRESHOLD = 0.1
"""Share of the step to the next finer level that a raster may be finer than the level it gets.
Arbitrary; GeoTrellis has the same."""

_GEOD = Geod(ellps="WGS84")

_NOISE = 1e-6
# Relative difference of two cell sizes that is rounding, not resolution.


Measure = Literal["cells", "ground"]
"""What the cells of a raster are measured by: the CRS of the scheme, or the ground."""

_EQUATOR = 2 * math.pi * 6378137
# Metres once around, of the sphere that scale denominators of TileMatrixSets are for.


def wanted_size(geobox: GeoBox, crs: SomeCRS, measure: Measure = "cells") -> float:
    """Return the size of a raster's cells as a scheme of some CRS compares it.

    Parameters
    ----------
    geobox
        Grid of the raster, north-up.
    crs
        CRS of the scheme; anything that `odc.geo.CRS` reads.
    measure
        `cells`: as they lie in `crs`, see `resolution_in`. `ground`: their true length, see
        `ground_resolution`, in units of `crs` at the Equator, or where it is true to scale.

    Raises
    ------
    GridError
        A geobox that isn't north-up, whose cells have no place there, or an unknown measure.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> at_60_north = GeoBox((2, 2), Affine(10, 0, 500_000, 0, -10, 6_651_411), "EPSG:32633")
    >>> [round(wanted_size(at_60_north, "EPSG:3857", measure)) for measure in ("cells", "ground")]
    [20, 10]
    """
    if measure not in get_args(Measure):
        raise GridError(
            f"unknown measure {measure!r}; those known are {', '.join(get_args(Measure))}"
        )
    if measure == "cells":
        return resolution_in(geobox, crs)
    target = as_crs(crs)
    if target.geographic:
        return ground_resolution(geobox) * (period(target) or math.nan) / _EQUATOR
    return ground_resolution(geobox) / target.proj.axis_info[0].unit_conversion_factor


def ground_resolution(geobox: GeoBox) -> float:
    """Return the length of a raster's cells on the ground, in metres.

    Parameters
    ----------
    geobox
        Grid of the raster, north-up.

    Returns
    -------
    float
        The longer edge of a cell on the WGS 84 ellipsoid: the smallest of those at the centre and a
        quarter of the way from each corner.

    Raises
    ------
    GridError
        A geobox that isn't north-up, or whose cells have no place on Earth.

    Notes
    -----
    GeoTrellis measures the cell at the lower-left corner in its UTM zone, and beyond 84° north and
    80° south along its diagonal.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> web = GeoBox((2, 2), Affine(20, 0, 0, 0, -20, 8_399_738), "EPSG:3857")  # 60° north
    >>> round(ground_resolution(web), 1)
    10.0
    """
    north_up_resolution(geobox)
    there = as_crs(geobox.crs).transformer(as_crs("EPSG:4326")).transform
    lengths = []
    for x, y in _places(geobox):
        half_width, half_height = geobox.affine.a / 2, geobox.affine.e / 2
        across = *there(x - half_width, y), *there(x + half_width, y)
        down = *there(x, y - half_height), *there(x, y + half_height)
        if all(map(math.isfinite, across + down)):
            lengths.append(max(_GEOD.inv(*ends)[2] for ends in (across, down)))
    if not any(lengths):
        raise GridError(f"the cells of {geobox!r} have no place on Earth")
    return float(min(length for length in lengths if length))


def resolution_in(geobox: GeoBox, crs: SomeCRS) -> float:
    """Return the size of a raster's cells in a CRS.

    Parameters
    ----------
    geobox
        Grid of the raster, north-up.
    crs
        Anything that `odc.geo.CRS` reads.

    Returns
    -------
    float
        In units of `crs`. In the raster's own CRS: the smaller of a cell's edges. Elsewhere: the
        edge of the square that has the area of a cell; the smallest of those at the centre and a
        quarter of the way from each corner.

    Raises
    ------
    GridError
        A geobox that isn't north-up, or whose cells have no place in `crs`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> at_60_north = GeoBox((2, 2), Affine(10, 0, 500_000, 0, -10, 6_651_411), "EPSG:32633")
    >>> round(resolution_in(at_60_north, "EPSG:3857"))
    20
    """
    x, y = north_up_resolution(geobox)
    target = as_crs(crs)
    if same_crs(as_crs(geobox.crs), target):
        return min(x, y)
    sizes = [size for size in _sizes(geobox, target) if math.isfinite(size) and size > 0]
    if not sizes:
        raise GridError(f"the cells of {geobox!r} have no place in {target!s}")
    return min(sizes)


def _sizes(geobox: GeoBox, target: CRS) -> Iterator[float]:
    """Yield the square root of the area that some cells have in another CRS."""
    transform = as_crs(geobox.crs).transformer(target).transform
    for x, y in _places(geobox):
        half_width, half_height = geobox.affine.a / 2, geobox.affine.e / 2
        west, east = transform(x - half_width, y), transform(x + half_width, y)
        north, south = transform(x, y - half_height), transform(x, y + half_height)
        along = east[0] - west[0], east[1] - west[1]
        down = south[0] - north[0], south[1] - north[1]
        yield math.sqrt(abs(along[0] * down[1] - along[1] * down[0]))


def _places(geobox: GeoBox) -> Iterator[tuple[float, float]]:
    """Yield the centre, and the places a quarter of the way from each corner."""
    affine, (rows, cols) = geobox.affine, geobox.shape.yx
    for row, col in ((2, 2), (1, 1), (1, 3), (3, 1), (3, 3)):
        yield affine.c + affine.a * col * cols / 4, affine.f + affine.e * row * rows / 4


def level_for(wanted: float, sizes: Sequence[float], threshold: float) -> int:
    """Return which of some cell sizes keeps cells of a given size.

    Parameters
    ----------
    wanted
        Size of the cells to keep.
    sizes
        Cell sizes of the levels, coarsest first.
    threshold
        Share, 0 to 1, of the step between two levels. The coarser of the two is taken when
        `wanted` is finer than it by no more than this share of the difference of their sizes.

    Returns
    -------
    int
        Index into `sizes`; the first or last if `wanted` is coarser or finer than all.

    Raises
    ------
    GridError
        A threshold outside 0 to 1.

    Notes
    -----
    The rule is that of GeoTrellis' `ZoomedLayoutScheme`, for any sequence of sizes. GeoTrellis
    measures `wanted` as distance on the ground: see `wanted_size`.

    Examples
    --------
    >>> sizes = [40.0, 20.0, 10.0]
    >>> [level_for(wanted, sizes, 0.1) for wanted in (100, 20, 19.5, 18, 5)]
    [0, 1, 1, 2, 2]
    """
    if not 0 <= threshold <= 1:
        raise GridError(f"threshold must lie between 0 and 1, got {threshold!r}")
    for index, (coarse, fine) in enumerate(pairwise(sizes)):
        if coarse - wanted <= threshold * (coarse - fine) + _NOISE * coarse:
            return index
    return len(sizes) - 1
