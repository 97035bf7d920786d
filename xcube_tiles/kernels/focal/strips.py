"""Strips: the windows of neighbouring cells as columns, sorted side by side by a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """A raster with rims, seen as one window around each cell inside of them."""

    cells: NDArray[Any]
    """Cells (rows, cols) with rims, C-contiguous; the largest number of the dtype where NoData."""

    valid: NDArray[np.uint8]
    """1 where cells have a value, else 0; same shape."""

    down: NDArray[np.int64]
    """Row of each cell of the window, counted from the top of its box."""

    right: NDArray[np.int64]
    """Column of each cell of the window, counted from the left of its box."""

    @property
    def size(self) -> int:
        """Number of cells that one window has."""
        return len(self.down)


def windows(window: NDArray[Any], mask: NDArray[np.bool_], nodata: Any, masked: bool) -> Windows:
    """Return the windows of a raster.

    Parameters
    ----------
    window
        Integers or floats (rows, cols), with rims as wide as `mask` reaches.
    mask
        Which cells of the box around the focus are in.
    nodata
        The number that means NoData, in the cells' dtype. NaN always does.
    masked
        Whether `nodata` counts.
    """
    cells, valid = np.empty_like(window), np.empty(window.shape, np.uint8)
    _split(window, nodata, masked, largest(window.dtype), cells, valid)
    down, right = np.nonzero(mask)
    return Windows(cells=cells, valid=valid, down=down, right=right)


def largest(dtype: np.dtype[Any]) -> Any:
    """Return the largest number of a dtype, which sorts behind every value."""
    return dtype.type(np.inf if dtype.kind == "f" else np.iinfo(dtype).max)


@njit(nogil=True, cache=True)
def _split(
    window: NDArray[Any],
    nodata: Any,
    masked: bool,
    pad: Any,
    cells: NDArray[Any],
    valid: NDArray[np.uint8],
) -> None:
    for y in range(window.shape[0]):
        source, target, present = window[y], cells[y], valid[y]
        for x in range(window.shape[1]):
            missing = is_missing(source[x], nodata, masked)
            target[x] = pad if missing else source[x]
            present[x] = 0 if missing else 1


@njit(nogil=True, cache=True)
def gather_windows(
    cells: NDArray[Any],
    valid: NDArray[np.uint8],
    down: NDArray[np.int64],
    right: NDArray[np.int64],
    row: int,
    first: int,
    width: int,
    block: NDArray[Any],
    counts: NDArray[np.int32],
) -> None:
    """Copy the windows around `width` cells of a row into the columns of scratch; count values."""
    for w in range(counts.size):
        counts[w] = 0
    for k in range(down.size):
        start = first + right[k]
        source = cells[row + down[k], start : start + width]
        present = valid[row + down[k], start : start + width]
        target = block[k]
        for w in range(width):
            target[w] = source[w]
        for w in range(width):
            counts[w] += present[w]
