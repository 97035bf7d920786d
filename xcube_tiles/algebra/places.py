"""Places given by coordinates, as cells of a raster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.cube.georef import extent_of, geobox_of
from xcube_tiles.errors import AlgebraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


def cells_at(
    name: str, points: Sequence[tuple[float, float]], array: xr.DataArray
) -> tuple[tuple[int, int], ...]:
    """Return the cells that places lie in.

    Parameters
    ----------
    name
        What the places are called in an error.
    points
        Pairs (x, y) in the CRS of the raster.
    array
        The raster, in canonical form.

    Returns
    -------
    Row and column of each. A place on the line between two cells lies in the lower or right one.

    Raises
    ------
    AlgebraError
        Anything but pairs of numbers, at least one; places outside the raster.
    """
    try:
        pairs = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        pairs = np.empty(0)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all():
        raise AlgebraError(
            f"{name} must be given by coordinates (x, y) in the cube's CRS, got {points!r}; a list "
            "of places has at least one pair, as in [(x, y)]"
        )
    geobox = geobox_of(array)
    height, width = geobox.shape
    cols = np.floor((pairs[:, 0] - geobox.affine.c) / geobox.affine.a)
    rows = np.floor((pairs[:, 1] - geobox.affine.f) / geobox.affine.e)
    outside = (cols < 0) | (cols >= width) | (rows < 0) | (rows >= height)
    if outside.any():
        x, y = pairs[outside][0].tolist()
        raise AlgebraError(
            f"{name}: ({x!r}, {y!r}) lies outside the raster, which covers "
            f"{tuple(extent_of(array).bounds)} (xmin, ymin, xmax, ymax) in {geobox.crs}"
        )
    return tuple((int(row), int(col)) for row, col in zip(rows, cols, strict=True))
