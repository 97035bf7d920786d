"""The mean and the most frequent value of what lies in a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from odc.geo.geobox import GeoBox

from xcube_tiles.kernels.nodata import average_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType

MOST_PLACES = 4
"""Most places across a pixel, and down, whose cells are looked at."""


def places_across(scale: float | None) -> int:
    """Return how many places across a pixel are looked at, of pixels so many cells wide.

    Examples
    --------
    >>> places_across(0.3), places_across(1.0), places_across(2.2), places_across(100.0)
    (1, 1, 2, 4)
    """
    return 1 if scale is None else int(min(MOST_PLACES, max(1, round(scale))))


def divided(target: GeoBox, count: int) -> GeoBox:
    """Return a grid with `count` times as many pixels along each axis."""
    height, width = target.shape
    affine = target.affine * type(target.affine).scale(1 / count)
    return GeoBox((int(height) * count, int(width) * count), affine, target.crs)


def grouped(cells: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the places of each pixel along a last axis, shape (height, width, count * count)."""
    height, width = (size // count for size in cells.shape)
    parts = cells.reshape(height, count, width, count).swapaxes(1, 2)
    return parts.reshape(height, width, count * count)


def mean_of(cells: NDArray[Any], missing: NDArray[np.bool_], cell_type: CellType) -> NDArray[Any]:
    """Return the mean of each pixel's places that have a value; NaN where none has.

    Parameters
    ----------
    cells, missing
        Shape (height, width, places), and which of them have none.
    cell_type
        Of the cells.

    Returns
    -------
    ndarray of `average_dtype`, shape (height, width)
    """
    total = np.where(missing, 0, cells).sum(axis=-1, dtype=np.float64)
    count = (~missing).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    means: NDArray[Any] = mean.astype(average_dtype(cell_type.dtype))
    return means


def mode_of(cells: NDArray[Any], missing: NDArray[np.bool_], cell_type: CellType) -> NDArray[Any]:
    """Return the most frequent value of each pixel's places; of several the least.

    Parameters
    ----------
    cells, missing
        Shape (height, width, places), and which of them have no value.
    cell_type
        Of the cells.

    Returns
    -------
    ndarray in the dtype of the cells, shape (height, width)
        NoData where no place has a value; any value if there is no NoData.
    """
    best = cells[..., 0].copy()
    most = np.zeros(best.shape, dtype=np.intp)
    for place in range(cells.shape[-1]):
        value = cells[..., place]
        same = (cells == value[..., np.newaxis]) & ~missing
        count = same.sum(axis=-1)
        count[missing[..., place]] = 0
        better = (count > most) | ((count == most) & (count > 0) & (value < best))
        best[better] = value[better]
        most[better] = count[better]
    if cell_type.nodata is not None:
        best[most == 0] = cell_type.nodata
    return best
