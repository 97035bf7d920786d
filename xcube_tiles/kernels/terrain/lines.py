"""Strips of elevations around the rows of a block, as floats; what a cell takes from the rim.

Strips are made by numpy, so that there is little to compile, and the same for every cell type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FOCUS, NODATA, EXTRAPOLATE = 0, 1, 2
"""What a focus sees where there is no elevation: itself, nothing, or beyond the edge of the raster
the line through the two cells before it."""

_STRIP_BYTES = 1 << 18
"""Size of a strip, which stays in a near cache until its cells are computed."""

_Margins = tuple[int, int, int, int]


def strips(
    window: NDArray[Any], nodata: Any, masked: bool, margins: _Margins, edges: int
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield strips of a block with one cell around them, from top to bottom.

    Parameters
    ----------
    window
        Elevations, shape (h, w): a block and its rim.
    nodata, masked
        The number without value, in the dtype of `window`, and whether there is one.
    margins
        Cells of rim at the top, bottom, left and right of the block, at most 1; 0 at the raster's
        edge.
    edges
        `FOCUS`, `NODATA` or `EXTRAPOLATE`.

    Yields
    ------
    (rows, strip): the rows of the block, and their elevations, shape (rows + 2, columns + 2). NaN
    for cells without a value, and for those outside the raster unless the surface is extrapolated.
    The next strip uses the same memory.

    Examples
    --------
    >>> cells = np.array([[1, 2], [3, 0]], np.uint8)
    >>> for rows, strip in strips(cells, np.uint8(0), True, (0, 0, 0, 0), FOCUS):
    ...     print(rows, strip.tolist()[1])
    slice(0, 2, None) [nan, 1.0, 2.0, nan]
    """
    top, bottom, left, right = margins
    height = window.shape[0] - top - bottom
    columns = window.shape[1] + 2 - left - right
    each = max(1, _STRIP_BYTES // (8 * columns))
    memory = np.empty((min(each, height) + 2, columns))
    ends = edges == EXTRAPOLATE and window.shape[1] > 1
    for rows in _cuts(height, each, ends and top == 0, ends and bottom == 0):
        strip = memory[: rows.stop - rows.start + 2]
        _fill(strip, window, nodata, masked, (rows.start - 1 + top, left, right))
        if edges == EXTRAPOLATE and window.shape[0] > 1:
            _extrapolate_rows(strip, rows.start + top == 0, rows.stop + top == window.shape[0])
        if ends:
            flat = rows.start + top == 0 or rows.stop + top == window.shape[0]
            _extrapolate_ends(strip, left == 0, right == 0, flat)
        yield rows, strip


def _cuts(height: int, each: int, first: bool, last: bool) -> Iterator[slice]:
    """Yield rows of strips; the raster's `first` and `last` row have ends of their own."""
    start = 0
    while start < height:
        stop = min(start + each, height)
        stop = 1 if first and start == 0 else stop
        stop = height - 1 if last and stop == height and start < height - 1 else stop
        yield slice(start, stop)
        start = stop


def _fill(
    strip: NDArray[np.float64],
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    place: tuple[int, int, int],
) -> None:
    """Copy the rows of a window from `place` (first row, rim at the left and right)."""
    first, left, right = place
    start, stop = max(first, 0), min(first + len(strip), len(window))
    strip[: start - first] = np.nan
    strip[stop - first :] = np.nan
    strip[:, : 1 - left] = np.nan
    strip[:, strip.shape[1] - 1 + right :] = np.nan
    cells = window[start:stop]
    body = strip[start - first : stop - first, 1 - left : strip.shape[1] - 1 + right]
    body[...] = cells
    if masked:
        np.copyto(body, np.nan, where=cells == nodata)


def _extrapolate_rows(strip: NDArray[np.float64], top: bool, bottom: bool) -> None:
    if top:
        strip[0] = 2 * strip[1] - strip[2]
    if bottom:
        strip[-1] = 2 * strip[-2] - strip[-3]


def _extrapolate_ends(strip: NDArray[np.float64], left: bool, right: bool, flat: bool) -> None:
    """Set the cells beyond the raster's left and right edge.

    `flat` repeats the last cell, as `gdaldem` does in the first and the last row of the raster.
    """
    if left:
        strip[:, 0] = strip[:, 1] if flat else 2 * strip[:, 1] - strip[:, 2]
    if right:
        strip[:, -1] = strip[:, -2] if flat else 2 * strip[:, -2] - strip[:, -3]


@njit(nogil=True, cache=True)
def drop_incomplete(strip: NDArray[np.float64], missing: Any, out: NDArray[Any]) -> None:
    """Write `missing`, of the dtype of `out`, where a cell or one of its neighbours is NaN."""
    for i in range(out.shape[0]):
        north, focus, south, row = strip[i], strip[i + 1], strip[i + 2], out[i]
        for j in range(row.shape[0]):
            total = north[j] + north[j + 1] + north[j + 2]
            total += focus[j] + focus[j + 1] + focus[j + 2]
            total += south[j] + south[j + 1] + south[j + 2]
            row[j] = row[j] if total == total else missing


@njit(nogil=True, cache=True)
def known(value: float, otherwise: float) -> float:
    """Return a value, or what stands for it if it is NaN."""
    return value if value == value else otherwise
