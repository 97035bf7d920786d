"""Three rows of elevations around a focus, as floats; what a cell takes from the rim.

A line holds a row of a block and one cell on either side: `line[j + 1]` belongs to column j. Cells
without a value are NaN, as are those outside the raster unless the surface is extrapolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOCUS, NODATA, EXTRAPOLATE = 0, 1, 2
"""What a focus sees where there is no elevation: itself, nothing, or beyond the edge of the raster
the line through the two cells before it."""


@njit(nogil=True, cache=True)
def three_lines(lines: NDArray[np.float64], row: int) -> tuple[Any, Any, Any]:
    """Return the lines north of a row of the block, at it and south of it."""
    return lines[(row + 2) % 3], lines[row % 3], lines[(row + 1) % 3]


@njit(nogil=True, cache=True)
def next_line(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    row: int,
    margins: tuple[int, int, int, int],
    edges: int,
    lines: NDArray[np.float64],
    spare: NDArray[np.float64],
) -> None:
    """Read the line south of where a walk stands; the first call reads the two lines before it too.

    Parameters
    ----------
    window
        Elevations, shape (h, w): a block and its rim.
    nodata, masked
        The number without value, in the dtype of `window`, and whether there is one.
    row
        Row of the block to read, which may lie outside the raster; the walk starts with row 0.
    margins
        Cells of rim at the top, bottom, left and right of the block.
    edges
        `FOCUS`, `NODATA` or `EXTRAPOLATE`.
    lines
        Shape (3, columns of the block + 2): receives the row, in place of the line three rows
        before it.
    spare
        Scratch, as long as a line.
    """
    top, _, left, right = margins
    if row == 0:
        _read(window, nodata, masked, top - 1, left, edges, lines[2], spare)
    _read(window, nodata, masked, row + top, left, edges, lines[row % 3], spare)
    if row == 0 or edges != EXTRAPOLATE or window.shape[1] < 2:
        return
    focus = row - 1 + top
    flat = focus == 0 or focus == window.shape[0] - 1
    for line in lines:
        _extrapolate_ends(line, left == 0, right == 0, flat)


@njit(nogil=True, cache=True)
def _read(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    row: int,
    left: int,
    edges: int,
    line: NDArray[np.float64],
    spare: NDArray[np.float64],
) -> None:
    """Read a row of the window; beyond the first and the last one, what is seen there."""
    height = window.shape[0]
    line[:] = np.nan
    if 0 <= row < height:
        _copy(window[row], nodata, masked, line[1 - left :])
    elif edges == EXTRAPOLATE and height > 1:
        first, second = (0, 1) if row < 0 else (height - 1, height - 2)
        spare[:] = np.nan
        _copy(window[first], nodata, masked, line[1 - left :])
        _copy(window[second], nodata, masked, spare[1 - left :])
        for j in range(line.shape[0]):
            line[j] = 2 * line[j] - spare[j]


@njit(nogil=True, cache=True)
def _copy(cells: NDArray[Any], nodata: Any, masked: bool, line: NDArray[np.float64]) -> None:
    for j in range(cells.shape[0]):
        value = cells[j]
        line[j] = np.nan if is_missing(value, nodata, masked) else np.float64(value)


@njit(nogil=True, cache=True)
def _extrapolate_ends(line: NDArray[np.float64], left: bool, right: bool, flat: bool) -> None:
    """Set the cells beyond the raster's left and right edge, where the line ends there.

    `flat` repeats the last cell, as `gdaldem` does in the first and the last row of the raster.
    """
    last = line.shape[0] - 1
    if left:
        line[0] = line[1] if flat else 2 * line[1] - line[2]
    if right:
        line[last] = line[last - 1] if flat else 2 * line[last - 1] - line[last - 2]


@njit(nogil=True, cache=True)
def known(value: float, otherwise: float) -> float:
    """Return a value, or what stands for it if it is NaN."""
    return value if value == value else otherwise


@njit(nogil=True, cache=True)
def drop_incomplete(
    north: NDArray[np.float64],
    focus: NDArray[np.float64],
    south: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    """Take the value of each cell that lacks one of its neighbours."""
    n = values.shape[0]
    for j in range(n):
        total = north[j] + north[j + 1] + north[j + 2]
        total += focus[j] + focus[j + 1] + focus[j + 2]
        total += south[j] + south[j + 1] + south[j + 2]
        values[j] = values[j] if total == total else np.nan
