"""Small surfaces, and the eight neighbours of a cell as each rule for edges has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GRID = GeoBox.from_bbox((0, 0, 120, 80), crs="EPSG:32633", resolution=10)
"""Twelve cells wide, eight high, each 10 m."""

OBLONG = GeoBox((8, 12), Affine(10, 0, 0, 0, -20, 160), "EPSG:32633")
"""Cells 10 m wide and 20 m high."""

ROWS, COLS = np.mgrid[: GRID.shape[0], : GRID.shape[1]]


def dem(values: NDArray[Any], *, grid: GeoBox = GRID, **attrs: object) -> xr.DataArray:
    """Return elevations on a grid of their shape."""
    grid = GeoBox(values.shape[-2:], grid.affine, grid.crs)
    array = xr.DataArray(values, dims=("y", "x"), name="dem", attrs=attrs)
    return assign_geobox(array, grid)


def rough(seed: int = 0, *, holes: float = 0.0) -> NDArray[np.float64]:
    """Return random elevations from 0 to 50, a share of them NaN."""
    chance = np.random.default_rng(seed)
    values = chance.random(GRID.shape) * 50
    values[chance.random(values.shape) < holes] = np.nan
    return values


def around(
    values: NDArray[np.float64], row: int, col: int, edges: str
) -> NDArray[np.float64] | None:
    """Return the 3x3 window of a cell; None where it has no value by the rule for edges."""
    height, width = values.shape
    focus = values[row, col]
    if np.isnan(focus):
        return None
    window = np.full((3, 3), np.nan)
    for r in range(3):
        for c in range(3):
            y, x = row + r - 1, col + c - 1
            if 0 <= y < height and 0 <= x < width:
                window[r, c] = values[y, x]
            elif edges == "extrapolate":
                window[r, c] = _beyond(values, y, x, row)
    if edges == "nodata":
        return None if np.isnan(window).any() else window
    return np.where(np.isnan(window), focus, window)


def _beyond(values: NDArray[np.float64], y: int, x: int, row: int) -> float:
    """Return what gdaldem -compute_edges has outside the raster: along y first, then along x."""
    height, width = values.shape
    if row in (0, height - 1):
        x = min(max(x, 0), width - 1)
    if not 0 <= y < height:
        if height < 2:
            return np.nan
        inward = 1 if y < 0 else -1
        return float(2 * values[y + inward, x] - values[y + 2 * inward, x])
    if not 0 <= x < width:
        if width < 2:
            return np.nan
        inward = 1 if x < 0 else -1
        return float(2 * values[y, x + inward] - values[y, x + 2 * inward])
    return float(values[y, x])


def by_cell(
    values: NDArray[np.float64], edges: str, formula: Callable[[NDArray[np.float64]], float]
) -> NDArray[np.float64]:
    """Apply a formula to the window of each cell."""
    result = np.full(values.shape, np.nan)
    for row, col in np.ndindex(values.shape):
        window = around(values, row, col, edges)
        if window is not None:
            result[row, col] = formula(window)
    return result


def horn(window: NDArray[np.float64], *, width: float = 10, height: float = 10) -> Any:
    """Return the gradient of a window, towards the east and the south."""
    weights = np.array([1, 2, 1])
    dx = (window[:, 2] - window[:, 0]) @ weights / (8 * width)
    dy = (window[2] - window[0]) @ weights / (8 * height)
    return dx, dy


def zevenbergen_thorne(
    window: NDArray[np.float64], *, width: float = 10, height: float = 10
) -> Any:
    """Return the gradient of the four nearest cells of a window."""
    return (
        (window[1, 2] - window[1, 0]) / (2 * width),
        (window[2, 1] - window[0, 1]) / (2 * height),
    )


GRADIENTS: dict[str, Callable[..., Any]] = {
    "horn": horn,
    "zevenbergen-thorne": zevenbergen_thorne,
}
EDGES = ("focus", "nodata", "extrapolate")
