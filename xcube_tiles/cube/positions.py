"""Where the cells of one grid lie in another."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.georef import GRID_TOLERANCE
from xcube_tiles.errors import GridError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

_SAMPLES = 17
"""Points per edge at which a part of a grid is projected back to find what it needs."""

_STEPS = 2.0**24
"""Positions are multiples of a cell over this many."""


def positions(
    source: GeoBox,
    target: GeoBox,
    rows: tuple[int, int],
    cols: tuple[int, int],
    *,
    corners: bool,
    samples: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where (rows, cols) of a part of a target grid lie in the source, in its cells.

    Parameters
    ----------
    source, target
        North-up grids.
    rows, cols
        First row and column of the part, and the first ones behind it.
    corners
        Positions of the corners of cells, else of their centres.
    samples
        That many points along each edge of the part instead of all.

    Notes
    -----
    Positions are counted from the grids' own corners and rounded to a 2^24th of a cell: whatever
    part is asked for, a cell's position is the same to the last bit, also less an integer offset.
    Longitudes that differ by a full turn are one place: the one nearest to the source's middle.
    """
    inset = 0.0 if corners else 0.5
    down, across = (
        np.linspace(first + inset, last - inset, samples or last - first + int(corners))
        for first, last in (rows, cols)
    )
    to, back = target.affine, ~source.affine
    x, y = np.meshgrid(to.c + across * to.a, to.f + down * to.e)
    if target.crs != source.crs:
        x, y = _transformer(target.crs, source.crs)(x, y)
    row = back.f + np.asarray(y) * back.e
    return _rounded(row), _wrapped(_rounded(back.c + np.asarray(x) * back.a), source)


def _rounded(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.rint(cells * _STEPS) / _STEPS)


def _wrapped(cols: NDArray[np.float64], source: GeoBox) -> NDArray[np.float64]:
    turn = full_turn(source)
    if not turn:
        return cols
    with np.errstate(invalid="ignore"):
        turns = np.rint((cols - source.shape[1] / 2) / turn)
        return np.where(turns == 0, cols, _rounded(cols - turn * turns))


def full_turn(source: GeoBox) -> float:
    """Return the columns in 360 degrees of longitude; 0 where columns aren't longitudes."""
    if source.crs is None or not source.crs.geographic:
        return 0.0
    units = {axis.unit_name for axis in source.crs.proj.axis_info[:2]}
    return 360 / abs(source.affine.a) if units <= {"degree"} else 0.0


def is_round(source: GeoBox) -> bool:
    """Whether a grid goes once around the earth: its last column is next to its first."""
    width: int = source.shape[1]
    return abs(full_turn(source) - width) < GRID_TOLERANCE * width


def _transformer(source: CRS | None, target: CRS | None) -> Any:
    if source is None or target is None:
        raise GridError("a grid without a CRS can't be warped")
    return source.transformer_to_crs(target)


def scale(source: GeoBox, target: GeoBox) -> tuple[float, float]:
    """Return source cells per target cell along (x, y), at least 1, at the source's middle.

    Where that lies outside the target, the target's cell next to it is measured.
    """
    middle = (source.shape[0] / 2, source.shape[1] / 2)
    rows, cols = positions(target, source, *((int(at), int(at) + 1) for at in middle), corners=True)
    at = [_cell(rows, target.shape[0]), _cell(cols, target.shape[1])]
    rows, cols = positions(source, target, *((cell, cell + 1) for cell in at), corners=True)
    if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
        return 1.0, 1.0
    return max(1.0, float(np.ptp(cols))), max(1.0, float(np.ptp(rows)))


def _cell(along: NDArray[np.float64], size: int) -> int:
    first = float(along.flat[0])
    return min(max(floor(first), 0), size - 1) if np.isfinite(first) else size // 2


def covers(source: GeoBox, target: GeoBox) -> bool:
    """Whether the centres of all target cells lie in the source, as far as samples tell."""
    height, width = target.shape
    rows, cols = positions(source, target, (0, height), (0, width), corners=False, samples=_SAMPLES)
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
    source, target, rows, cols
        As for `positions`.
    reach
        Source cells needed around each position, along (y, x).
    """
    down, across = positions(source, target, rows, cols, corners=True, samples=_SAMPLES)
    if not (np.isfinite(down).all() and np.isfinite(across).all()):
        # The edge of what can be projected runs between the samples.
        down, across = positions(source, target, rows, cols, corners=True)
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
