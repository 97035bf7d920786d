"""What of one grid the cells of another one need."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.cube.georef import GRID_TOLERANCE
from xcube_tiles.cube.positions import exact, full_turn, is_round
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

_SAMPLES = 17
"""Points per edge at which a part of a grid is projected back to find what it needs."""


def scale(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    """Return source cells per target cell along (x, y), at least 1, at the source's middle.

    Where that lies outside the target, the target's cell next to it is measured.
    """
    middle = np.array(source.shape) // 2
    row, col = exact(target, source, middle[:1] + 0.5, middle[1:] + 0.5)
    at = [_cell(row, target.shape[0]), _cell(col, target.shape[1])]
    rows, cols = _samples(source, target, *((cell, cell + 1) for cell in at), count=2)
    if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
        return 1.0, 1.0
    return max(1.0, float(np.ptp(cols))), max(1.0, float(np.ptp(rows)))


def _cell(along: NDArray[np.float64], size: int) -> int:
    first = float(along[0])
    return min(max(floor(first), 0), size - 1) if np.isfinite(first) else size // 2


def _samples(
    source: GeoBox,
    target: GeoBox,
    rows: tuple[int, int],
    cols: tuple[int, int],
    *,
    count: int | None = _SAMPLES,
    inset: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where points spread over a part of the target lie; all its corners without a count."""
    down, across = (
        np.linspace(first + inset, last - inset, count or last - first + 1)
        for first, last in (rows, cols)
    )
    return exact(source, target, *np.meshgrid(down, across, indexing="ij"))


def covers(source: GeoBox, target: GeoBox) -> bool:
    """Whether the centres of all target cells lie in the source, as far as samples tell."""
    height, width = target.shape
    rows, cols = _samples(source, target, (0, height), (0, width), inset=0.5)
    height, width = source.shape
    return bool(
        ((rows >= -GRID_TOLERANCE) & (rows <= height + GRID_TOLERANCE)).all()
        and ((cols >= -GRID_TOLERANCE) & (cols <= width + GRID_TOLERANCE)).all()
    )


def window(
    source: GeoBox,
    target: GeoBox,
    rows: tuple[int, int],
    cols: tuple[int, int],
    reach: tuple[float, float],
) -> tuple[slice, slice]:
    """Return the rows and columns of the source that a part of the target needs.

    Parameters
    ----------
    source, target
        North-up grids.
    rows, cols
        First row and column of the part, and the first ones behind it.
    reach
        Source cells needed around each position, along (y, x).
    """
    down, across = _samples(source, target, rows, cols)
    if not (np.isfinite(down).all() and np.isfinite(across).all()):
        # The edge of what can be projected runs between the samples.
        down, across = _samples(source, target, rows, cols, count=None)
    (low, high), (left, right) = _span(down, reach[0]), _span(across, reach[1])
    height, width = source.shape
    if is_round(source) and (left < 0 or right > width):
        left, right = 0, width
    return _clipped(low, high, height), _clipped(left, right, width)


def _span(cells: NDArray[np.float64], reach: float) -> tuple[int, int]:
    """Return the first and last cell, with what may lie beyond the samples.

    A smooth curve departs from the chord between two samples by an eighth of their second
    difference, one with a kink (at a pole) by half of it, one with a jump (at the antimeridian)
    by less than it.
    """
    cells = np.where(np.isfinite(cells), cells, np.nan)
    bends = [np.abs(np.diff(cells, 2, axis)) for axis in (0, 1)]
    bends = [bend[np.isfinite(bend)].max(initial=0.0) for bend in bends]
    cells = cells[np.isfinite(cells)]
    if not cells.size:
        return 0, 0
    pad = reach + max(bends)
    return floor(cells.min() - pad), ceil(cells.max() + pad)


def _clipped(start: int, stop: int, size: int) -> slice:
    low = min(max(start, 0), size)
    return slice(low, max(low, min(stop, size)))


def touched(geobox: GeoBox, extent: Extent) -> tuple[slice, slice]:
    """Return the rows and columns of a grid that an extent touches.

    Parameters
    ----------
    geobox
        North-up grid.
    extent
        An extent in any CRS. Cells that only share an edge with it aren't touched, but by an
        extent without width or height, which touches the cell that holds it. Longitudes that
        differ by a full turn are one place.

    Returns
    -------
    Slices of the grid; empty where the extent lies beside it.

    Raises
    ------
    GridError
        The extent touches both ends of the grid, but not all between: its parts lie apart.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> world = GeoBox((18, 36), Affine(10, 0, 0, 0, -10, 90), "EPSG:4326")
    >>> touched(world, Extent.from_bounds((-95, 0, -85, 7), "EPSG:4326"))
    (slice(8, 9, None), slice(26, 28, None))
    """
    (height, width), affine = geobox.shape, ~geobox.affine
    part = extent.to_crs(as_crs(geobox.crs))
    left, top = affine * (part.xmin, part.ymax)
    right, bottom = affine * (part.xmax, part.ymin)
    turn = full_turn(geobox)
    spans = [
        _touched(left + at, right + at, width) for at in ((0.0, turn, -turn) if turn else (0.0,))
    ]
    found = [span for span in spans if span.start < span.stop]
    if len(found) > 1 and sum(span.stop - span.start for span in found) >= width:
        found = [slice(0, width)]
    if len(found) > 1:
        raise GridError(
            f"the extent {tuple(part.bounds)!r} touches the west and the east end of the grid, "
            f"which covers {tuple(Extent.from_geobox(geobox).bounds)!r}: take each part by itself, "
            "or reproject to a grid that holds both side by side"
        )
    return _touched(top, bottom, height), found[0] if found else slice(0, 0)


def _touched(start: float, stop: float, size: int) -> slice:
    first = floor(start + GRID_TOLERANCE)
    # A point or a line on an edge touches the cell after it.
    last = max(ceil(stop - GRID_TOLERANCE), first + int(stop - start < GRID_TOLERANCE))
    return _clipped(first, last, size)
