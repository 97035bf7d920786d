"""Products of an elevation raster: a walk over the rows of a block, nothing as large in between.

Every kernel takes

- ``window``: elevations, shape (h, w): a block and at most one cell of rim on each side,
- ``nodata``, ``masked``: the number without value, in the dtype of the elevations, and whether
  there is one; NaN never is a value,
- ``margins``: cells of rim at the top, bottom, left and right; 0 at the raster's edge,
- ``edges``: `lines.FOCUS`, `lines.NODATA` or `lines.EXTRAPOLATE`,
- ``cells``: shape (rows of the block, 2): height and width of a cell in the unit of the elevations,
- ``scale``: factor and offset of the result, and what is written for NoData; integers are rounded,

and fills ``out``, of the block's shape. Everything between is float64, of the length of a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.terrain.bends import contrasts, curvatures
from xcube_tiles.kernels.terrain.gradient import aspects, horn, lights, rises, zevenbergen_thorne
from xcube_tiles.kernels.terrain.lines import NODATA, drop_incomplete, next_line, three_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Margins = tuple[int, int, int, int]
_Scale = tuple[float, float, float]


@njit(nogil=True, cache=True)
def slope(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    margins: _Margins,
    edges: int,
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    four: bool,
    angles: bool,
) -> None:
    """Compute the steepest rise: the angle in radians, or its tangent.

    `four`: Zevenbergen and Thorne's gradient of four neighbours, else Horn's of eight.
    """
    lines, spare, dx, dy, values = _lines(out.shape[1])
    for i in range(-1, out.shape[0]):
        next_line(window, nodata, masked, i + 1, margins, edges, lines, spare)
        if i >= 0:
            _gradient(lines, i, cells, edges, four, dx, dy)
            rises(dx, dy, angles, values)
            _write(lines, i, edges, values, scale, out)


@njit(nogil=True, cache=True)
def aspect(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    margins: _Margins,
    edges: int,
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    four: bool,
    trigonometric: bool,
    flat: float,
) -> None:
    """Compute the direction of steepest descent; see `gradient.aspects`."""
    lines, spare, dx, dy, values = _lines(out.shape[1])
    for i in range(-1, out.shape[0]):
        next_line(window, nodata, masked, i + 1, margins, edges, lines, spare)
        if i >= 0:
            _gradient(lines, i, cells, edges, four, dx, dy)
            aspects(dx, dy, trigonometric, flat, values)
            _write(lines, i, edges, values, scale, out)


@njit(nogil=True, cache=True)
def light(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    margins: _Margins,
    edges: int,
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    four: bool,
    kind: int,
    sun: tuple[float, float, float, float],
) -> None:
    """Compute the light on the surface; see `gradient.lights`."""
    lines, spare, dx, dy, values = _lines(out.shape[1])
    for i in range(-1, out.shape[0]):
        next_line(window, nodata, masked, i + 1, margins, edges, lines, spare)
        if i >= 0:
            _gradient(lines, i, cells, edges, four, dx, dy)
            lights(dx, dy, kind, sun, values)
            _write(lines, i, edges, values, scale, out)


@njit(nogil=True, cache=True)
def curvature(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    margins: _Margins,
    edges: int,
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    kind: int,
) -> None:
    """Compute the curvature of the surface; see `bends.curvatures`."""
    lines, spare, _, _, values = _lines(out.shape[1])
    for i in range(-1, out.shape[0]):
        next_line(window, nodata, masked, i + 1, margins, edges, lines, spare)
        if i >= 0:
            north, focus, south = three_lines(lines, i)
            cell = (cells[i, 0], cells[i, 1])
            curvatures(north, focus, south, _rule(edges), cell, kind, values)
            _write(lines, i, edges, values, scale, out)


@njit(nogil=True, cache=True)
def contrast(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    margins: _Margins,
    edges: int,
    cells: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
    kind: int,
) -> None:
    """Compare each cell with its neighbours; see `bends.contrasts`. `cells` doesn't matter."""
    lines, spare, _, _, values = _lines(out.shape[1])
    for i in range(-1, out.shape[0]):
        next_line(window, nodata, masked, i + 1, margins, edges, lines, spare)
        if i >= 0:
            north, focus, south = three_lines(lines, i)
            contrasts(north, focus, south, _rule(edges), kind, values)
            _write(lines, i, edges, values, scale, out)


@njit(nogil=True, cache=True)
def _lines(width: int) -> tuple[Any, Any, Any, Any, Any]:
    """Return the lines of a walk, one to spare, and three rows of the block."""
    return (
        np.full((3, width + 2), np.nan),
        np.empty(width + 2),
        np.empty(width),
        np.empty(width),
        np.empty(width),
    )


@njit(nogil=True, cache=True)
def _rule(edges: int) -> float:
    return np.nan if edges == NODATA else 0.0


@njit(nogil=True, cache=True)
def _gradient(
    lines: NDArray[np.float64],
    row: int,
    cells: NDArray[np.float64],
    edges: int,
    four: bool,
    dx: NDArray[np.float64],
    dy: NDArray[np.float64],
) -> None:
    north, focus, south = three_lines(lines, row)
    cell = (cells[row, 0], cells[row, 1])
    if four:
        zevenbergen_thorne(north, focus, south, _rule(edges), cell, dx, dy)
    else:
        horn(north, focus, south, _rule(edges), cell, dx, dy)


@njit(nogil=True, cache=True)
def _write(
    lines: NDArray[np.float64],
    row: int,
    edges: int,
    values: NDArray[np.float64],
    scale: _Scale,
    out: NDArray[Any],
) -> None:
    """Write a row of values in the unit and the dtype of the result."""
    if edges == NODATA:
        north, focus, south = three_lines(lines, row)
        drop_incomplete(north, focus, south, values)
    factor, offset, missing = scale
    target = out[row]
    if missing != missing:
        for j in range(target.shape[0]):
            target[j] = values[j] * factor + offset
        return
    for j in range(target.shape[0]):
        value = np.rint(values[j] * factor + offset)
        target[j] = missing if value != value else value
