"""The values of variables under the pixels of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import ExpressionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.render.aggregate import divided, grouped, mean_of, mode_of, places_across
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.render.source import read_cells
from xcube_tiles.render.window import DrawResampling, Window, cells_per_pixel, find_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.algebra.expression import Expression
    from xcube_tiles.render.source import TileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Values of some variables under the pixels of a picture."""

    values: Mapping[str, NDArray[Any]]
    """Cells of each variable, shape (height, width); where `outside` holds they mean nothing."""

    types: Mapping[str, CellType]
    """Cell type of each variable's values."""

    outside: NDArray[np.bool_] | None
    """Pixels outside the source, shape (height, width); None: none is."""

    def floats(self, name: str) -> NDArray[Any]:
        """Return the values of a variable as floats; NaN where there is none."""
        floats = as_floats(self.values[name], self.types[name])
        if self.outside is not None:
            floats[self.outside] = np.nan
        return floats

    def evaluate(self, expression: Expression) -> NDArray[Any]:
        """Return the values of an expression as floats; NaN where there is none."""
        inputs = {name: self.floats(name) for name in expression.names}
        with np.errstate(all="ignore"):
            result = np.asarray(expression.evaluate(inputs))
        dtype = np.result_type(np.float32, *inputs.values())
        result = np.broadcast_to(result, next(iter(inputs.values())).shape).astype(dtype)
        if self.outside is not None:
            result[self.outside] = np.nan
        return result


def sample(
    source: TileSource,
    target: GeoBox,
    names: tuple[str, ...],
    *,
    time: int | None = None,
    resampling: DrawResampling = "nearest",
    tolerance: float = TOLERANCE,
) -> Sample | None:
    """Return the values of variables under each pixel of a picture.

    Parameters
    ----------
    source
        What is drawn.
    target
        Grid of the picture.
    names
        Variables to read, each of them once and by one window.
    time
        Index into the source's times.
    resampling
        `nearest`: the cell that holds the pixel's centre, in its own dtype. `bilinear`: floats, the
        weighted mean of the four cells around; NoData weighs nothing, and a pixel whose nearest
        cell is NoData is NoData. `average`: floats, the mean of up to 4 x 4 places spread over the
        pixel, of which each has the value of its cell; NoData doesn't count. `mode`: the most
        frequent value of them, the least of several.
    tolerance
        Largest error of a pixel's position, in cells; 0: exact.

    Returns
    -------
    Sample or None
        None: the picture shows nothing of the source, and nothing was read.

    Raises
    ------
    ExpressionError
        No name at all: an expression of nothing but numbers.
    DimensionError
        A variable with a dimension that is neither time nor space.
    GeoreferenceError, SizeLimitError
        See `find_window`.
    """
    if not names:
        raise ExpressionError(
            "the expression names no variable: there is nothing to draw; the variables are "
            + ", ".join(source.variables)
        )
    if resampling in ("average", "mode"):
        return _aggregated(
            source, target, names, time=time, mode=resampling == "mode", tolerance=tolerance
        )
    smooth = resampling == "bilinear"
    window = find_window(source, target, tolerance=tolerance, rim=int(smooth))
    if window is None:
        return None
    values, types = {}, {}
    for name in names:
        cell_type = source.cell_type(name)
        cells = read_cells(
            source, name, level=window.level, rows=window.rows, cols=window.cols, time=time
        )
        if smooth:
            values[name] = _smooth(window, cells, cell_type)
            types[name] = CellType.default(values[name].dtype)
        else:
            values[name], types[name] = window.gather(cells), cell_type
    return Sample(values=values, types=types, outside=window.outside)


def _aggregated(
    source: TileSource,
    target: GeoBox,
    names: tuple[str, ...],
    *,
    time: int | None,
    mode: bool,
    tolerance: float,
) -> Sample | None:
    # One pixel alone has no width that could be measured: its halves have.
    halves = 2 if 1 in target.shape else 1
    scale = cells_per_pixel(source, divided(target, halves))
    count = places_across(None if scale is None else halves * scale)
    found = sample(source, divided(target, count), names, time=time, tolerance=tolerance)
    if found is None:
        return None
    outside = None if found.outside is None else grouped(found.outside, count)
    values, types = {}, {}
    for name in names:
        cell_type = found.types[name]
        cells = grouped(found.values[name], count)
        missing = cell_type.is_nodata(cells)
        if outside is not None:
            missing = missing | outside
        if mode:
            values[name], types[name] = mode_of(cells, missing, cell_type), cell_type
        else:
            values[name] = mean_of(cells, missing, cell_type)
            types[name] = CellType.default(values[name].dtype)
    gone = None if outside is None else np.asarray(outside.all(axis=-1))
    return Sample(values=values, types=types, outside=gone)


def as_floats(values: NDArray[Any], cell_type: CellType) -> NDArray[Any]:
    """Return cells as floats of `average_dtype`, with NaN for NoData; always a copy."""
    floats = values.astype(average_dtype(cell_type.dtype))
    if cell_type.nodata is not None and not math.isnan(cell_type.nodata):
        floats[cell_type.is_nodata(values)] = np.nan
    return floats


def _smooth(window: Window, cells: NDArray[Any], cell_type: CellType) -> NDArray[Any]:
    mean = window.gather_bilinear(cells, cell_type.is_nodata(cells))
    return mean.astype(average_dtype(cell_type.dtype))
