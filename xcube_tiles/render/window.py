"""Which level and which part of it a picture needs, and how its pixels find their cells there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xcube_tiles.errors import SizeLimitError
from xcube_tiles.render.pixels import TOLERANCE, PixelMap

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.source import TileSource

DrawResampling: TypeAlias = Literal["nearest", "bilinear", "average", "mode"]
"""How a pixel gets its value: of the cell under its middle, of the four around that, or of those in
it."""

MOST_CELLS = 8192 * 8192
"""Most cells that one picture may read of one variable: beyond, the source lacks coarser levels."""

# Positions are exact to about 1e-9 cells; a pixel centre on the edge between two cells must not
# fall to either side by chance.
_EDGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
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

    row_at: NDArray[Any]
    """Position of each pixel in cells from the top edge of the window; (height,) or 2-D."""

    col_at: NDArray[Any]
    """Position of each pixel in cells from the left edge of the window; (width,) or 2-D."""

    separable: bool
    """Whether `row_at` and `col_at` are 1-D."""

    index: NDArray[np.int32] | tuple[slice, slice] = field(init=False)
    """Place of each pixel's cell among the window's cells, counted along the rows; where pixels
    are cells, the part of the window that they are."""

    def __post_init__(self) -> None:
        # Once for all variables: several are read by the same window.
        rows = self._run(self.row_at, self.shape[0]) if self.separable else None
        cols = self._run(self.col_at, self.shape[1]) if rows is not None else None
        same = rows is not None and cols is not None
        object.__setattr__(self, "index", (rows, cols) if same else self._index(0.0, 0.0))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start

    @property
    def size(self) -> int:
        """Number of cells."""
        height, width = self.shape
        return int(height * width)

    def gather(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return the cell under each pixel, shape (height, width); outside it is any cell."""
        if isinstance(self.index, tuple):
            return cells[self.index].copy()
        return cells.reshape(-1).take(self.index, mode="clip")

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
        weights = np.where(missing, 0.0, 1.0).reshape(-1)
        values = np.where(missing, 0.0, cells).reshape(-1)
        down, right = _share(self.row_at), _share(self.col_at)
        pixels = np.broadcast_shapes(
            self.row_at[:, np.newaxis].shape if self.separable else self.row_at.shape,
            self.col_at.shape,
        )
        total, weight = np.zeros(pixels), np.zeros(pixels)
        for row_step, row_share in ((-0.5, 1 - down), (0.5, down)):
            for col_step, col_share in ((-0.5, 1 - right), (0.5, right)):
                share = (row_share[:, np.newaxis] if self.separable else row_share) * col_share
                index = self._index(row_step, col_step)
                total += share * values.take(index)
                weight += share * weights.take(index)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / weight
        mean[self.gather(missing)] = np.nan
        return mean

    def _index(self, row_step: float, col_step: float) -> NDArray[np.int32]:
        """Return the place of the cells some cells further, kept inside the window."""
        height, width = self.shape
        finite = self.outside is None
        rows = _whole(self.row_at, row_step, height, finite=finite)
        cols = _whole(self.col_at, col_step, width, finite=finite)
        rows *= width
        return rows[:, np.newaxis] + cols if self.separable else np.add(rows, cols, out=rows)

    def _run(self, at: NDArray[Any], size: int) -> slice | None:
        """Return the cells of a row or a column of pixels if they are one after another."""
        if self.outside is not None or not at.size:
            return None
        cells = _whole(at, 0.0, size, finite=True)
        first, last = int(cells[0]), int(cells[-1])
        if last - first != at.size - 1 or not (np.diff(cells) == 1).all():
            return None
        return slice(first, last + 1)


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
        if window is None or window.size <= MOST_CELLS:
            return window
    raise SizeLimitError(
        f"this picture needs more than {MOST_CELLS} cells of the coarsest level "
        f"({'x'.join(map(str, source.geoboxes[-1].shape))}): zoom in, or store the data with "
        "coarser levels (ds.tiles.to_catalog)"
    )


def cells_per_pixel(source: TileSource, target: GeoBox) -> float | None:
    """Return the edge of a picture's pixels in cells of the finest level; None: it is off that."""
    grid = source.geoboxes[0]
    return _cells_per_pixel(PixelMap(target, grid), grid)


def nearest_level(geoboxes: tuple[GeoBox, ...], scale: float) -> int:
    """Return the level whose cells are nearest in size to `scale` cells of the finest level."""
    finest = _cell_size(geoboxes[0])
    distance = [abs(math.log(_cell_size(box) / finest / scale)) for box in geoboxes]
    return min(range(len(distance)), key=distance.__getitem__)


def _cell_size(grid: GeoBox) -> float:
    return math.sqrt(abs(grid.affine.a * grid.affine.e))


def _cells_per_pixel(pixels: PixelMap, grid: GeoBox) -> float | None:
    """Return the edge of a pixel in cells, None if the picture is off the grid."""
    height, width = grid.shape
    row, col = pixels.node_cells(grid)
    finite = np.isfinite(col) & np.isfinite(row)
    if not finite.any():
        return None
    if finite.all() and not (_overlaps(col, width) and _overlaps(row, height)):
        return None
    rows, cols = pixels.node_rows, pixels.node_cols
    pixels_between = (rows[1] - rows[0]) * (cols[1] - cols[0])
    with np.errstate(invalid="ignore"):
        areas = _areas(col, row) / (pixels_between or 1.0)
        col, row = (col[1:, 1:] + col[:-1, :-1]) / 2, (row[1:, 1:] + row[:-1, :-1]) / 2
        away = np.maximum(_distance(col, width), _distance(row, height))
        # An area needs three of its four corners, its distance the fourth as well.
        known = np.isfinite(areas) & (areas > 0) & np.isfinite(away)
    if not known.any():
        return 1.0
    near = known & (away <= max(0.0, float(away[known].min())))
    return math.sqrt(_median(areas[near]))


def _median(values: NDArray[np.float64]) -> float:
    """Return what `np.median` does, which for so few values spends its time elsewhere."""
    ordered = np.sort(values, axis=None)
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2


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
    found = pixels.locate(grid, tolerance=tolerance)
    rows, all_rows = _span(found.row_at, int(grid.shape[0]))
    cols, all_cols = _span(found.col_at, int(grid.shape[1]))
    if not rows or not cols:
        return None
    row_at, col_at = found.relative_to(rows.start, cols.start)
    outside = None
    if not (all_rows and all_cols):
        row_inside, col_inside = _inside(row_at, len(rows)), _inside(col_at, len(cols))
        if not found.separable:
            row_inside = col_inside = row_inside & col_inside
        if not (row_inside.any() and col_inside.any()):
            return None
        # Nodes, and positions that jump, span more than the pixels between them need.
        rows, row_at = _shrunk(rows, row_at, row_inside)
        cols, col_at = _shrunk(cols, col_at, col_inside)
        outside = ~(row_inside[:, np.newaxis] & col_inside if found.separable else row_inside)
    wide_rows, wide_cols = _widened(rows, rim, grid.shape[0]), _widened(cols, rim, grid.shape[1])
    return Window(
        level=level,
        rows=slice(wide_rows.start, wide_rows.stop),
        cols=slice(wide_cols.start, wide_cols.stop),
        outside=outside if outside is not None and outside.any() else None,
        row_at=row_at + (rows.start - wide_rows.start) if rim else row_at,
        col_at=col_at + (cols.start - wide_cols.start) if rim else col_at,
        separable=found.separable,
    )


def _span(at: NDArray[np.float64], size: int) -> tuple[range, bool]:
    """Return the cells between the lowest and the highest position, and whether all are inside."""
    low, high = float(at.min()), float(at.max())
    if low >= -_EDGE and high < size - _EDGE:
        return range(math.floor(low + _EDGE), math.floor(high + _EDGE) + 1), True
    finite = at[np.isfinite(at)]
    if not finite.size:
        return range(0), False
    low, high = max(0.0, float(finite.min())), min(size - 1.0, float(finite.max()))
    return range(math.floor(low + _EDGE), math.floor(high + _EDGE) + 1), False


def _inside(at: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Return which positions lie in a span that begins at 0; what isn't finite does not."""
    return (at >= -_EDGE) & (at < size - _EDGE)


def _shrunk(span: range, at: NDArray[Any], inside: NDArray[np.bool_]) -> tuple[range, NDArray[Any]]:
    """Return the part of a span that the inner positions need, and positions counted from it."""
    low, high = float(at[inside].min()), float(at[inside].max())
    first, last = max(0, math.floor(low + _EDGE)), math.floor(high + _EDGE)
    return span[first : last + 1], at - first


def _share(at: NDArray[Any]) -> NDArray[Any]:
    """Return how far each position is on its way from one cell's middle to that of the next."""
    # Counted from the cell that `_whole` finds: a middle missed by a rounding error is that middle.
    with np.errstate(invalid="ignore"):
        share: NDArray[Any] = at - 0.5 - np.floor(at + at.dtype.type(_EDGE - 0.5))
    np.maximum(share, 0, out=share)
    return share


def _widened(span: range, rim: int, size: int) -> range:
    return range(max(0, span.start - rim), min(int(size), span.stop + rim))


def _whole(at: NDArray[Any], step: float, size: int, *, finite: bool) -> NDArray[np.int32]:
    """Return the cell under each position, kept within 0..size-1; what isn't finite gets any.

    A window has at most `MOST_CELLS` cells: 32 bits are enough, and far faster than 64.
    """
    moved = at + at.dtype.type(step + _EDGE)
    if not finite:
        np.fmax(moved, 0, out=moved)  # NaN becomes 0
        np.fmin(moved, size - 1, out=moved)
    # Truncation is floor where nothing is negative; from -1 on it gives 0, as is wanted.
    cells: NDArray[np.int32] = moved.astype(np.int32)
    np.maximum(cells, 0, out=cells)
    np.minimum(cells, size - 1, out=cells)
    return cells
