"""How far a source reaches in any CRS, and which tiles of a set show something of it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from xcube_tiles.render.bounds import native_bounds, zoom_range
from xcube_tiles.render.pixels import transformer
from xcube_tiles.render.tms import named_tms, tile_geobox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from morecantile.models import TileMatrix
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.source import TileSource

    Bounds = tuple[float, float, float, float]

# The square of the world that maps in Mercator's projection show; it goes on to infinity.
_MERCATOR = (3857, 3395)
_SQUARE = 20_037_508.342789244

_NODES = 33  # an edge; what lies between them is bounded by the curvature there


class TileLimits(NamedTuple):
    """Tiles of one zoom level that show something of a source; all ends are included."""

    z: int
    min_col: int
    max_col: int
    min_row: int
    max_row: int


def bounds_in(source: TileSource, crs: CRS) -> Bounds:
    """Return left, bottom, right, top of a source in another CRS; x before y.

    Parameters
    ----------
    source
        What is asked.
    crs
        Any CRS.

    Returns
    -------
    left, bottom, right, top : float
        Never less than the source covers. An infinity where it reaches a place that the CRS
        doesn't have. In degrees -180 to 180 for a source across the antimeridian; in Mercator's
        projections within the square of the world.

    Notes
    -----
    A grid of 33 x 33 points is transformed. Beyond an extreme point inside an edge the rectangle
    grows by its second differences: little where the edge is curved, all the way where it jumps.
    """
    left, bottom, right, top = native_bounds(source)
    transform = transformer(source.crs, crs)
    if transform is None:
        return _kept((left, bottom, right, top), crs)
    x, y = np.meshgrid(np.linspace(left, right, _NODES), np.linspace(top, bottom, _NODES))
    x, y = transform.transform(x, y)
    (west, east), (south, north) = _ends(np.asarray(x)), _ends(np.asarray(y))
    return _kept((west, south, east, north), crs)


def _kept(bounds: Bounds, crs: CRS) -> Bounds:
    west, south, east, north = bounds
    if crs.to_epsg() in _MERCATOR:
        return (
            max(west, -_SQUARE),
            max(south, -_SQUARE),
            min(east, _SQUARE),
            min(north, _SQUARE),
        )
    if not crs.geographic:
        return bounds
    if west < -180 or east > 180:
        west, east = -180.0, 180.0
    return west, max(south, -90.0), east, min(north, 90.0)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the lowest and the highest value, widened by what may lie between the points."""
    finite = np.isfinite(values)
    if not finite.any():
        return -math.inf, math.inf
    low = np.unravel_index(np.argmin(np.where(finite, values, np.inf)), values.shape)
    high = np.unravel_index(np.argmax(np.where(finite, values, -np.inf)), values.shape)
    return (
        float(values[low]) - _bend(values, low),
        float(values[high]) + _bend(values, high),
    )


def _bend(values: NDArray[np.float64], place: tuple[np.intp, ...]) -> float:
    """Return the second differences at a point, along those axes whose end it is not at."""
    row, col = (int(at) for at in place)
    total = 0.0
    for line, at in ((values[:, col], row), (values[row], col)):
        if 0 < at < line.size - 1:
            bend = abs(float(line[at - 1]) - 2 * float(line[at]) + float(line[at + 1]))
            total += bend if math.isfinite(bend) else math.inf
    return total


def tile_limits(source: TileSource, tms: str) -> tuple[TileLimits, ...]:
    """Return the tiles of a set that may show something of a source, by zoom level.

    Parameters
    ----------
    source
        What is drawn.
    tms
        Name of a tile matrix set.

    Returns
    -------
    tuple of TileLimits
        From the coarsest zoom of the set to the one at which the source's cells are pixels: beyond,
        there is no more detail to ask for. Empty: the source lies outside the set.

    Raises
    ------
    GridError
        An unknown set.
    """
    return _limits_of(_Place(source.crs, source.geoboxes[:1]), tms)


class _Place(NamedTuple):
    """Where a source is: all that is asked of it here, without holding on to its data."""

    crs: CRS
    geoboxes: tuple[GeoBox, ...]


@lru_cache(maxsize=4096)
def _limits_of(place: _Place, tms: str) -> tuple[TileLimits, ...]:
    # Ten milliseconds a set: the capabilities of a thousand layers would take minutes each time.
    source = cast("TileSource", place)
    matrices = named_tms(tms)
    crs = tile_geobox((tms, matrices.minzoom, 0, 0)).crs
    assert crs is not None
    bounds = bounds_in(source, crs)
    _, deepest = zoom_range(source, tms)
    return tuple(_limits(tms, bounds, range(matrices.minzoom, deepest + 1)))


def _limits(tms: str, bounds: Bounds, zooms: range) -> Iterator[TileLimits]:
    matrices = named_tms(tms)
    for z in zooms:
        matrix = matrices.matrix(z)
        first = tile_geobox((tms, z, 0, 0)).boundingbox
        wide, high = first.right - first.left, first.top - first.bottom
        if matrix.variableMatrixWidths:
            # The first row's tiles are wider than the matrix's own.
            wide = matrix.cellSize * matrix.tileWidth
        cols = _span((bounds[0] - first.left) / wide, (bounds[2] - first.left) / wide)
        rows = _span((first.top - bounds[3]) / high, (first.top - bounds[1]) / high)
        min_col, max_col = max(cols[0], 0), min(cols[1], matrix.matrixWidth - 1)
        min_row, max_row = max(rows[0], 0), min(rows[1], matrix.matrixHeight - 1)
        if min_col > max_col or min_row > max_row:
            return
        joined = _joined(matrix, range(int(min_row), int(max_row) + 1))
        min_col, max_col = min_col - min_col % joined, max_col + joined - 1 - max_col % joined
        found = (min_col, max_col, min_row, max_row)
        yield TileLimits(z, *map(int, found))


def _joined(matrix: TileMatrix, rows: range) -> int:
    """Return how many columns one tile takes at most in some rows of a matrix."""
    wide = (
        width.coalesce
        for width in matrix.variableMatrixWidths or ()
        if width.minTileRow < rows.stop and width.maxTileRow >= rows.start
    )
    return max(wide, default=1)


def _span(low: float, high: float) -> tuple[float, float]:
    """Return the first and the last whole step that a span touches; one that ends on an edge, not.

    Infinities stay what they are.
    """
    first = math.floor(low + 1e-9) if math.isfinite(low) else low
    last = math.ceil(high - 1e-9) - 1 if math.isfinite(high) else high
    return first, last
