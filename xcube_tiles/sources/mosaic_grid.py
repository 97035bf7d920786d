"""The grid of files that lie side by side, and its coarser levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.georef import GRID_TOLERANCE
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs, same_crs
from xcube_tiles.sources.footprints import HALF_WORLD, MERCATOR, Footprints
from xcube_tiles.sources.grids import continued, resolution_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.crs import CRS

SMALLEST = 256
"""The coarsest level fits a square of this many cells."""

_TILE = 256


def mosaic_grid(
    grids: Sequence[GeoBox], *, crs: object | None = None, resolution: float | None = None
) -> tuple[GeoBox, Footprints]:
    """Return a grid that covers others, and where these lie in its CRS.

    Parameters
    ----------
    grids
        North-up grids; at least one.
    crs
        CRS; None: that of all grids, or EPSG:3857 if they have several.
    resolution
        Edge of a cell in units of the CRS; None: the finest of the grids.

    Returns
    -------
    grid : GeoBox
        The finest of the grids, continued, where that is possible: the cells of files that fit it
        stay as they are. In EPSG:3857 the pixels of a zoom level of web maps, no coarser than the
        finest cells, so that tiles at that zoom and below are drawn without a second resampling.
        Else cell edges are multiples of the resolution.
    footprints : Footprints
        In the same order as `grids`.

    Raises
    ------
    GridError
        A resolution that isn't a positive number; an unknown CRS.
    """
    if resolution is not None and not _is_size(resolution):
        raise GridError(
            f"resolution must be a positive number in units of the CRS, got {resolution!r}"
        )
    own = _distinct_crs(grids)
    goal = as_crs(crs) if crs is not None else own[0] if len(own) == 1 else MERCATOR
    places = Footprints(grids, goal)
    whole = Extent.from_bounds(places.bounds, goal)
    if len(own) == 1 and same_crs(own[0], goal) and resolution is None:
        finest = min(grids, key=lambda grid: abs(grid.affine.a * grid.affine.e))
        return continued(finest, whole), places
    edge = resolution or min(resolution_in(grid, goal) for grid in grids)
    if goal == MERCATOR and resolution is None:
        return _zoom_grid(places, edge), places
    return GeoBox.from_bbox(whole.bounds, goal, resolution=edge, tight=False), places


def coarser_levels(grid: GeoBox, count: int) -> tuple[GeoBox, ...]:
    """Return a grid and some coarser ones, each of half the resolution of the one before."""
    height, width = grid.shape
    return tuple(
        GeoBox(
            (-(-height // factor), -(-width // factor)),
            grid.affine * Affine.scale(factor),
            grid.crs,
        )
        for factor in (2**level for level in range(count))
    )


def level_count(grid: GeoBox) -> int:
    """Return how many levels a grid has until the coarsest is as small as a tile.

    Examples
    --------
    >>> level_count(GeoBox((1000, 300), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633"))
    3
    """
    return 1 + max(0, math.ceil(math.log2(max(grid.shape) / SMALLEST)))


def _zoom_grid(places: Footprints, edge: float) -> GeoBox:
    """Return the pixels of the zoom level of web maps whose pixels are no larger than an edge."""
    zoom = max(0, math.ceil(math.log2(2 * HALF_WORLD / _TILE / edge) - GRID_TOLERANCE))
    size = 2 * HALF_WORLD / _TILE / 2**zoom
    xmin, ymin, xmax, ymax = places.bounds
    first = math.floor((xmin + HALF_WORLD) / size), math.floor((HALF_WORLD - ymax) / size)
    last = math.ceil((xmax + HALF_WORLD) / size), math.ceil((HALF_WORLD - ymin) / size)
    cells = max(last[0] - first[0], last[1] - first[1])
    # Coarser levels are pixels of the zoom levels below only if they begin where those do.
    step = 2 ** max(0, math.ceil(math.log2(cells / SMALLEST)))
    left, top = (start // step * step for start in first)
    affine = Affine(size, 0, left * size - HALF_WORLD, 0, -size, HALF_WORLD - top * size)
    return GeoBox((last[1] - top, last[0] - left), affine, MERCATOR)


def _distinct_crs(grids: Sequence[GeoBox]) -> list[CRS]:
    found: list[CRS] = []
    for crs in dict.fromkeys(as_crs(grid.crs) for grid in grids):
        if not any(same_crs(crs, other) for other in found):
            found.append(crs)
    return found


def _is_size(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < float(value) < math.inf  # type: ignore[arg-type]
