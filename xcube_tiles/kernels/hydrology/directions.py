"""Directions of flow: their codes, and the steepest one of each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES = np.array([1, 2, 4, 8, 16, 32, 64, 128], np.uint8)
"""Codes of east, south-east, south and so on, clockwise."""

DOWN = np.array([0, 1, 1, 1, 0, -1, -1, -1], np.int64)
"""Rows that a step in each direction goes down."""

RIGHT = np.array([1, 1, 0, -1, -1, -1, 0, 1], np.int64)
"""Columns that a step in each direction goes to the right."""

END = 0
"""Code of a cell that no neighbour is lower than: its water goes nowhere."""

NODATA = 255
"""Code of a cell without elevation."""

_NO_STEP = -1

STEP = np.full(256, _NO_STEP, np.int8)
"""Index of each code's direction; -1 of other numbers."""
STEP[CODES] = np.arange(8)


@njit(nogil=True, cache=True)
def steepest(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    margins: tuple[int, int, int, int],
    sizes: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Fill `out` with the direction of the steepest way down from each cell.

    Parameters
    ----------
    cells
        Elevations (rows, cols) with rims, of which the raster's edge may lack some.
    nodata, masked
        The number that means NoData, in the cells' dtype, and whether it counts.
    margins
        Rows and columns of rim: top, bottom, left, right; 0 or 1.
    sizes
        (height, width) of the cells of each row of `out`, in any unit.
    out
        Codes (rows, cols); of equally steep ways the first, clockwise from east.
    """
    top, left = margins[0], margins[2]
    height, width = out.shape
    # A rim of NaN all around: no comparison with it is true.
    heights = np.full((height + 2, width + 2), np.nan)
    for y in range(cells.shape[0]):
        for x in range(cells.shape[1]):
            value = cells[y, x]
            if not is_missing(value, nodata, masked):
                heights[y + 1 - top, x + 1 - left] = value
    best = np.empty(width)
    for i in range(height):
        best[:] = 0.0
        own, codes = heights[i + 1, 1 : width + 1], out[i]
        for j in range(width):
            codes[j] = END if own[j] == own[j] else NODATA
        for k in range(8):
            run, rise = RIGHT[k] * sizes[i, 1], DOWN[k] * sizes[i, 0]
            distance = np.sqrt(run * run + rise * rise)
            other = heights[i + 1 + DOWN[k], 1 + RIGHT[k] : width + 1 + RIGHT[k]]
            code = CODES[k]
            for j in range(width):
                drop = (own[j] - other[j]) / distance
                steeper = drop > best[j]
                best[j] = drop if steeper else best[j]
                codes[j] = code if steeper else codes[j]


@njit(nogil=True, cache=True)
def receivers(codes: NDArray[np.uint8], out: NDArray[np.int64]) -> None:
    """Fill `out` with the index of the cell that each cell flows to, cells counted by rows.

    -1 where the water goes nowhere, to NoData or off the raster; -2 for NoData.
    """
    height, width = codes.shape
    for i in range(height):
        for j in range(width):
            at, code = i * width + j, codes[i, j]
            out[at] = -2 if code == NODATA else -1
            step = STEP[code]
            if step < 0:
                continue
            y, x = i + DOWN[step], j + RIGHT[step]
            if 0 <= y < height and 0 <= x < width and codes[y, x] != NODATA:
                out[at] = y * width + x
