"""Cells of another size, in the cube's own CRS."""

from __future__ import annotations

from math import ceil
from numbers import Integral
from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.georef import GRID_TOLERANCE, geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import is_finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.typing import ResamplingName, XarrayT


def resample(
    obj: XarrayT,
    *,
    resolution: float | tuple[float, float] | None = None,
    shape: tuple[int, int] | None = None,
    factor: float | tuple[float, float] | None = None,
    resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
) -> XarrayT:
    """Give a cube cells of another size.

    Parameters
    ----------
    obj
        A cube.
    resolution
        Size of the new cells in units of the CRS: one number, or (x, y).
    shape
        Number of new cells, (rows, columns).
    factor
        Edge of a new cell in cells of the cube: 2 makes them twice as large, 0.5 half as large. One
        number, or (x, y). One of `resolution`, `shape` and `factor` is needed.
    resampling
        Method, or one for each variable: nearest, bilinear, cubic, cubic_spline, lanczos, average,
        mode, median, min, max, sum, q1, q3.

    Returns
    -------
    The cube on the new grid, lazy if it was. The CRS and the top-left corner stay. With `shape` all
    edges do, and the size of the cells follows. Otherwise cells have just the size asked for, and
    the last row and column reach beyond the cube where its extent is no multiple of it; what they
    hold is computed from the cells that there are.

    Raises
    ------
    GridError
        None or several of `resolution`, `shape` and `factor`; numbers that aren't positive; an
        unknown method.
    CellTypeError
        A raw integer type that can't be NoData beyond the cube.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 4), Affine(10, 0, 0, 0, -10, 20), "EPSG:32633")
    >>> cells = [[1.0, 2.0, 5.0, np.nan], [3.0, 4.0, np.nan, np.nan]]
    >>> cube = assign_geobox(xr.DataArray(cells, dims=("y", "x")), grid)
    >>> resample(cube, factor=2, resampling="average").values
    array([[2.5, 5. ]])
    >>> resample(cube, resolution=(20, 10)).shape
    (2, 2)
    """
    given = {
        name: value
        for name, value in {"resolution": resolution, "shape": shape, "factor": factor}.items()
        if value is not None
    }
    if len(given) != 1:
        raise GridError(
            "pass one of resolution (size of a cell), shape (rows, columns) and factor (2: cells "
            f"twice as large), got {', '.join(given) or 'none of them'}"
        )
    source = geobox_of(obj)
    if shape is not None:
        return warp(obj, _of_shape(source, shape), resampling)
    if resolution is not None:
        x, y = _pair("resolution", resolution)
    else:
        times_x, times_y = _pair("factor", factor)
        x, y = source.affine.a * times_x, -source.affine.e * times_y
    return warp(obj, _of_resolution(source, x, y), resampling)


def _of_shape(source: GeoBox, shape: object) -> GeoBox:
    if not (
        isinstance(shape, tuple)
        and len(shape) == 2
        and all(isinstance(size, Integral) and int(size) >= 1 for size in shape)
    ):
        raise GridError(f"shape must be two positive integers (rows, columns), got {shape!r}")
    rows, cols = (int(size) for size in shape)
    height, width = source.shape
    affine = source.affine * Affine.scale(width / cols, height / rows)
    return GeoBox((rows, cols), affine, source.crs)


def _of_resolution(source: GeoBox, x: float, y: float) -> GeoBox:
    affine = source.affine
    height, width = source.shape
    rows, cols = height * -affine.e / y, width * affine.a / x
    shape = max(1, ceil(rows - GRID_TOLERANCE)), max(1, ceil(cols - GRID_TOLERANCE))
    return GeoBox(shape, Affine(x, 0, affine.c, 0, -y, affine.f), source.crs)


def _pair(name: str, value: object) -> tuple[float, float]:
    numbers = value if isinstance(value, tuple) else (value, value)
    if len(numbers) != 2 or not all(is_finite(number) and number > 0 for number in numbers):
        raise GridError(f"{name} must be a positive number, or two (x, y), got {value!r}")
    return float(numbers[0]), float(numbers[1])
