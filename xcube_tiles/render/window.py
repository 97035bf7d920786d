"""Which level and which part of it a picture needs, and how its pixels find their cells there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xcube_tiles.errors import SizeLimitError
from xcube_tiles.render.pixels import TOLERANCE, PixelMap

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.source import TileSource

DrawResampling: TypeAlias = Literal["nearest", "bilinear"]
"""How a pixel gets its value from the cells around it."""

MOST_CELLS = 8192 * 8192
"""Most cells that one picture may read of one variable: beyond, the source lacks coarser levels."""

# Positions are exact to about 1e-9 cells; a pixel centre on the edge between two cells must not
# fall to either side by chance.
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a level that a picture needs, and where each pixel's cell lies in it."""

    level: int
    """Index of the level."""

    rows: slice
    """Rows of the level."""

    cols: slice
    """Columns of the level."""

    outside: NDArray[np.bool_] | None
    """Pixels that lie outside the level, shape (height, width); None: none does."""

    row_at: NDArray[np.float64]
    """Position of each pixel in cells from the top edge of the window; (height,) or 2-D."""

    col_at: NDArray[np.float64]
    """Position of each pixel in cells from the left edge of the window; (width,) or 2-D."""

    separable: bool
    """Whether `row_at` and `col_at` are 1-D."""

    def gather(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return the cell under each pixel, shape (height, width); outside is any cell."""
        rows, cols = self._indices(0.0, cells.shape)
        if self.separable:
            return cells.take(rows, axis=0).take(cols, axis=1)
        rows *= cells.shape[1]
        rows += cols
        return cells.reshape(-1).take(rows, mode="clip")

    def gather_bilinear(
        self, cells: NDArray[Any], missing: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return the weighted mean of the four cells around each pixel.

        Parameters
        ----------
        cells, missing
            The window, and which of its cells are NoData; shape (rows, cols).

        Returns
        -------
        ndarray of float64, shape (height, width)
            NaN where the cell under the pixel is NoData; elsewhere NoData cells weigh nothing.
        """
        weights = np.where(missing, 0.0, 1.0)
        values = np.where(missing, 0.0, cells)
        rows, cols = self.row_at - 0.5, self.col_at - 0.5
        down, right = rows - np.floor(rows), cols - np.floor(cols)
        total: NDArray[np.float64] | float = 0.0
        weight: NDArray[np.float64] | float = 0.0
        for row_step, row_share in ((-0.5, 1 - down), (0.5, down)):
            for col_step, col_share in ((-0.5, 1 - right), (0.5, right)):
                share = self._outer(row_share, col_share)
                index = self._flat(row_step, col_step, cells.shape)
                total = total + share * values.reshape(-1).take(index)
                weight = weight + share * weights.reshape(-1).take(index)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.asarray(total / weight, dtype=np.float64)
        mean[self.gather(missing)] = np.nan
        return mean

    def _outer(self, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows[:, np.newaxis] * cols if self.separable else rows * cols

    def _flat(self, row_step: float, col_step: float, shape: tuple[int, ...]) -> NDArray[np.intp]:
        rows, _ = self._indices(row_step, shape)
        _, cols = self._indices(col_step, shape)
        return (rows[:, np.newaxis] if self.separable else rows) * shape[1] + cols

    def _indices(
        self, step: float, shape: tuple[int, ...]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return row and column of the cells `step` cells further, kept inside the window."""
        return _whole(self.row_at + step, shape[0]), _whole(self.col_at + step, shape[1])


def find_window(
    source: TileSource,
    target: GeoBox,
    *,
    tolerance: float = TOLERANCE,
    rim: int = 0,
) -> Window | None:
    """Return what a picture needs of a source, None if it shows nothing of it.

    Parameters
    ----------
    source
        What is drawn.
    target
        Grid of the picture.
    tolerance
        Largest error of a pixel's position, in cells; 0: exact.
    rim
        Cells to read around the window, for interpolation.

    Raises
    ------
    GeoreferenceError
        A rotated grid, or one without a CRS.
    SizeLimitError
        Even the coarsest level has too many cells under the picture.

    Notes
    -----
    The level is the one whose cells are nearest in size to the pixels, on a logarithmic scale: the
    finest when zoomed in further. Sizes are compared where the picture shows the source, by the
    median of ``sqrt(|det J|)`` over a 16 x 16 grid, J being the Jacobian of pixels to cells.
    """
    pixels = PixelMap(target, source.geoboxes[0])
    scale = _cells_per_pixel(pixels, source.geoboxes[0])
    if scale is None:
        return None
    level = nearest_level(source.geoboxes, scale)
    for coarser in range(level, len(source.geoboxes)):
        window = _window(pixels, source.geoboxes[coarser], coarser, tolerance, rim)
        if window is None or _size(window) <= MOST_CELLS:
            return window
    raise SizeLimitError(
        f"this picture needs more than {MOST_CELLS} cells of the coarsest level "
        f"({'x'.join(map(str, source.geoboxes[-1].shape))}): zoom in, or store the data with "
        "coarser levels (ds.tiles.to_catalog)"
    )


def nearest_level(geoboxes: tuple[GeoBox, ...], scale: float) -> int:
    """Return the level whose cells are nearest in size to `scale` cells of the finest level."""
    finest = _cell_size(geoboxes[0])
    distance = [abs(math.log(_cell_size(box) / finest / scale)) for box in geoboxes]
    return min(range(len(distance)), key=distance.__getitem__)


def _cell_size(grid: GeoBox) -> float:
    return math.sqrt(abs(grid.affine.a * grid.affine.e))


def _size(window: Window) -> int:
    height = window.rows.stop - window.rows.start
    width = window.cols.stop - window.cols.start
    return int(height * width)


def _cells_per_pixel(pixels: PixelMap, grid: GeoBox) -> float | None:
    """Return the edge of a pixel in cells, None if the picture is off the grid."""
    affine, (height, width) = grid.affine, grid.shape
    col, row = (pixels.x - affine.c) / affine.a, (pixels.y - affine.f) / affine.e
    finite = np.isfinite(col) & np.isfinite(row)
    if not finite.any():
        return None
    if finite.all() and not (_overlaps(col, width) and _overlaps(row, height)):
        return None
    with np.errstate(invalid="ignore"):
        areas = _areas(col, row) / _areas(*np.meshgrid(pixels.node_cols, pixels.node_rows))
        col, row = (col[1:, 1:] + col[:-1, :-1]) / 2, (row[1:, 1:] + row[:-1, :-1]) / 2
        away = np.maximum(_distance(col, width), _distance(row, height))
        known = np.isfinite(areas) & (areas > 0)
    if not known.any():
        return 1.0
    near = known & (away <= max(0.0, float(away[known].min())))
    return math.sqrt(float(np.median(areas[near])))


def _overlaps(at: NDArray[np.float64], size: int) -> bool:
    low, high = float(at.min()), float(at.max())
    # Between nodes a curved edge can reach further than the nodes do.
    rim = (high - low) / 8 + 1
    return high + rim >= 0 and low - rim <= size


def _areas(col: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area between four neighbouring nodes."""
    right = col[:-1, 1:] - col[:-1, :-1], row[:-1, 1:] - row[:-1, :-1]
    down = col[1:, :-1] - col[:-1, :-1], row[1:, :-1] - row[:-1, :-1]
    return np.abs(right[0] * down[1] - right[1] * down[0])


def _distance(at: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.maximum(-at, at - size)


def _window(
    pixels: PixelMap, grid: GeoBox, level: int, tolerance: float, rim: int
) -> Window | None:
    affine, (height, width) = grid.affine, grid.shape
    found = pixels.positions((abs(affine.a), abs(affine.e)), tolerance=tolerance)
    row_at, col_at = (found.y - affine.f) / affine.e, (found.x - affine.c) / affine.a
    row_inside, col_inside = _inside(row_at, height), _inside(col_at, width)
    if found.separable:
        inside = row_inside[:, np.newaxis] & col_inside
    else:
        inside = row_inside = col_inside = row_inside & col_inside
    if not inside.any():
        return None
    rows, cols = _span(row_at[row_inside], height, rim), _span(col_at[col_inside], width, rim)
    return Window(
        level=level,
        rows=rows,
        cols=cols,
        outside=None if inside.all() else ~inside,
        row_at=row_at - rows.start,
        col_at=col_at - cols.start,
        separable=found.separable,
    )


def _inside(at: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    return (at >= -_EDGE) & (at < size - _EDGE)  # NaN is not inside


def _span(at: NDArray[np.float64], size: int, rim: int) -> slice:
    start, stop = math.floor(at.min() + _EDGE), math.floor(at.max() + _EDGE) + 1
    return slice(max(0, start - rim), min(size, stop + rim))


def _whole(at: NDArray[np.float64], size: int) -> NDArray[np.intp]:
    """Return the cell under each position, kept within 0..size-1; what isn't finite gets any."""
    at = np.fmin(np.fmax(at + _EDGE, 0.0), size - 1.0)  # fmax turns NaN into 0
    # Truncation is floor, as nothing is negative.
    return at.astype(np.intp)
