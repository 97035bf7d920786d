"""Where the pixels of a picture lie in the grid of a source: few exact points, then interpolation.

Transforming all 65 536 pixels of a tile between two CRSs takes four times as long as everything
else. Three cases avoid it: the same CRS; a pair of CRSs in which x depends on x alone and y on y
alone (EPSG:3857 and EPSG:4326), where one row and one column are transformed exactly; and the rest,
where a coarse grid of points is, with its error measured and the grid doubled until that is small.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import Transformer

from xcube_tiles.errors import GeoreferenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    Floats = NDArray[np.float64]

TOLERANCE = 0.125
"""Largest error of an interpolated position, in cells of the level that is read."""

# 17 points an edge: 0.1 ms. A grid of 129 is a quarter of a 256 tile: from there on exact positions
# cost about as much.
FIRST_NODES = 17
MOST_NODES = 129


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the pixels of a picture lie in a grid, in cells from its top-left corner.

    A position of 2.5 is the middle of the third cell. What has no position is not finite.
    """

    row_at: Floats
    """Row of each pixel, or of each node: see `nodes`."""

    col_at: Floats
    """Column of each pixel, or of each node."""

    separable: bool
    """Whether `row_at` is (height,) and `col_at` (width,): a pixel's row and column fix them."""

    nodes: tuple[Floats, Floats] | None
    """Pixel rows and columns of the nodes between which to interpolate; None: all pixels."""

    shape: tuple[int, int]
    """Height and width of the picture."""

    def relative_to(self, row: int, col: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the row and the column of every pixel, counted from a cell of the grid."""
        row_at, col_at = self.row_at - row, self.col_at - col
        if self.nodes is None:
            return row_at, col_at
        # Within a window float32 is exact to a thousandth of a cell, and twice as fast.
        rows, cols = self.nodes
        return (
            _interpolate(row_at.astype(np.float32), rows, cols, self.shape),
            _interpolate(col_at.astype(np.float32), rows, cols, self.shape),
        )


class PixelMap:
    """Positions of a picture's pixel centres in another CRS.

    Parameters
    ----------
    target
        Grid of the picture; not rotated.
    source
        Grid of the source, finest level; not rotated. Where its CRS is geographic, longitudes are
        given within 180 degrees of its middle: a source may lie on -180..180, on 0..360 or across
        the antimeridian.

    Raises
    ------
    GeoreferenceError
        A rotated grid, or one without a CRS.
    """

    __slots__ = ("_middle", "_transformer", "node_cols", "node_rows", "shape", "target", "x", "y")

    def __init__(self, target: GeoBox, source: GeoBox) -> None:
        self.target = target
        self.shape = (int(target.shape[0]), int(target.shape[1]))
        self._transformer = transformer(checked_crs(target), checked_crs(source))
        self._middle = middle_longitude(source)
        self.node_rows = _nodes(self.shape[0], FIRST_NODES)
        self.node_cols = _nodes(self.shape[1], FIRST_NODES)
        self.x, self.y = self._transform_grid(self.node_rows, self.node_cols)

    def node_cells(self, grid: GeoBox) -> tuple[Floats, Floats]:
        """Return the row and the column of the first nodes, in cells of a level's grid."""
        return _to_cells(self.x, self.y, grid)

    def locate(self, grid: GeoBox, *, tolerance: float = TOLERANCE) -> Located:
        """Return where the pixels lie in a level.

        Parameters
        ----------
        grid
            Grid of the level.
        tolerance
            Largest error, in cells; 0: every position is computed.
        """
        row_at, col_at = self.node_cells(grid)
        if self._is_separable(row_at, col_at, tolerance / 100):
            return self._separable(grid)
        nodes = (self.node_rows, self.node_cols)
        while tolerance > 0:
            # Dropping every second node shows the error of a grid of half the density. That of
            # the full grid is a quarter of it (linear interpolation is of second order); half is
            # demanded, for positions whose second derivative jumps.
            error = max(_halving_error(row_at), _halving_error(col_at))
            if error <= 2 * tolerance:
                return Located(
                    row_at=row_at, col_at=col_at, separable=False, nodes=nodes, shape=self.shape
                )
            finer = 2 * max(nodes[0].size, nodes[1].size) - 1
            if not np.isfinite(error) or finer > min(MOST_NODES, max(self.shape)):
                break
            nodes = _nodes(self.shape[0], finer), _nodes(self.shape[1], finer)
            row_at, col_at = _to_cells(*self._transform_grid(*nodes), grid)
        return self._exact(grid)

    def _is_separable(self, row_at: Floats, col_at: Floats, tolerance: float) -> bool:
        if self._transformer is None:
            return True
        # NaN compares as false: positions that don't exist are never called separable.
        return bool(
            (np.abs(col_at - col_at[:1]) <= tolerance).all()
            and (np.abs(row_at - row_at[:, :1]) <= tolerance).all()
        )

    def _separable(self, grid: GeoBox) -> Located:
        height, width = self.shape
        x, _ = self._transform_grid(self.node_rows[:1], _centres(width))
        _, y = self._transform_grid(_centres(height), self.node_cols[:1])
        row_at, col_at = _to_cells(x[0], y[:, 0], grid)
        return Located(row_at=row_at, col_at=col_at, separable=True, nodes=None, shape=self.shape)

    def _exact(self, grid: GeoBox) -> Located:
        height, width = self.shape
        x, y = self._transform_grid(_centres(height), _centres(width))
        row_at, col_at = _to_cells(x, y, grid)
        return Located(row_at=row_at, col_at=col_at, separable=False, nodes=None, shape=self.shape)

    def _transform_grid(self, rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
        """Return positions of the pixel positions rows x cols, each of shape (rows, cols)."""
        affine = self.target.affine
        x = np.broadcast_to(affine.c + affine.a * cols, (rows.size, cols.size))
        y = np.broadcast_to((affine.f + affine.e * rows)[:, np.newaxis], x.shape)
        if self._transformer is not None:
            x, y = self._transformer.transform(x, y)
            # NaN passes through arithmetic in silence; infinities don't.
            x[np.isinf(x)] = y[np.isinf(y)] = np.nan
        if self._middle is not None:
            x = wrap_longitude(x, self._middle)
        return x, y


_known: dict[tuple[int, int], tuple[CRS, CRS, Transformer | None]] = {}
_MOST_KNOWN = 256


def transformer(source: CRS, target: CRS) -> Transformer | None:
    """Return the transformer between two CRSs, x first; None if they are equal."""
    # A CRS is compared and hashed by its text, which takes longer than to transform a tile; the
    # objects themselves are the same from tile to tile. They are kept, so that no other gets their
    # identity.
    key = (id(source), id(target))
    known = _known.get(key)
    if known is None:
        while len(_known) >= _MOST_KNOWN:
            with suppress(KeyError, StopIteration, RuntimeError):  # another thread was first
                del _known[next(iter(_known))]
        known = _known[key] = source, target, _transformer(source, target)
    return known[2]


@lru_cache(maxsize=256)
def _transformer(source: CRS, target: CRS) -> Transformer | None:
    # Making one takes milliseconds. It is safe to share: pyproj keeps one context per thread.
    if source == target:
        return None
    return Transformer.from_crs(source.proj, target.proj, always_xy=True)


def checked_crs(grid: GeoBox) -> CRS:
    """Return the CRS of a grid that can be rendered.

    Raises
    ------
    GeoreferenceError
        No CRS, or rows and columns that don't run along x and y.
    """
    if grid.crs is None:
        raise GeoreferenceError("a grid without a CRS can't be drawn: assign its CRS first")
    if grid.affine.b != 0 or grid.affine.d != 0:
        raise GeoreferenceError(
            f"a rotated grid can't be drawn: reproject it first (its transform is "
            f"{tuple(grid.affine)[:6]})"
        )
    return grid.crs


def middle_longitude(grid: GeoBox) -> float | None:
    """Return the longitude in the middle of a grid in degrees, None if its CRS is projected."""
    if grid.crs is None or not grid.crs.geographic:
        return None
    affine = grid.affine
    return float(affine.c + affine.a * grid.shape[1] / 2)


def wrap_longitude(longitude: Floats, middle: float) -> Floats:
    """Return longitudes, in degrees, within 180 degrees of another one.

    Examples
    --------
    >>> wrap_longitude(np.array([-90.0, 10.0, 190.0]), 180.0).tolist()
    [270.0, 10.0, 190.0]
    """
    with np.errstate(invalid="ignore"):
        turns = np.floor((longitude - middle + 180.0) / 360.0)
    # Subtracting whole turns leaves what needs no turn untouched to the last bit.
    turns[~np.isfinite(turns)] = 0
    return longitude - 360.0 * turns


def _nodes(size: int, count: int) -> Floats:
    """Return pixel positions from the first to the last pixel centre, an odd number of them."""
    return np.linspace(0.5, size - 0.5, count, dtype=np.float64)


def _centres(size: int) -> Floats:
    return np.arange(0.5, size, dtype=np.float64)


def _halving_error(values: Floats) -> float:
    """Return how far every second node is from the mean of its neighbours; NaN if any is lost."""
    across = np.abs(values[:, 1::2] - (values[:, :-1:2] + values[:, 2::2]) / 2)
    along = np.abs(values[1::2] - (values[:-1:2] + values[2::2]) / 2)
    # Along both axes at once: the centre of four nodes can be off by the sum of the two.
    return float(across.max() + along.max())


def _to_cells(x: Floats, y: Floats, grid: GeoBox) -> tuple[Floats, Floats]:
    """Return positions in a CRS as rows and columns of a grid."""
    affine = grid.affine
    return (y - affine.f) / affine.e, (x - affine.c) / affine.a


def _interpolate(
    values: NDArray[np.float32], node_rows: Floats, node_cols: Floats, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return bilinear interpolation between equally spaced nodes at all pixel centres.

    Written as two linear passes: a product of matrices would start BLAS threads, which takes longer
    than a whole tile.
    """
    left, weight = _brackets(node_cols, shape[1])
    low, high = values[:, left], values[:, left + 1]
    across = low + (high - low) * weight
    upper, weight = _brackets(node_rows, shape[0])
    result: NDArray[np.float32] = np.diff(across, axis=0).take(upper, axis=0)
    result *= weight[:, np.newaxis]
    result += across.take(upper, axis=0)
    return result


def _brackets(nodes: Floats, size: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the node before each pixel centre, and the share of the way to the next one."""
    spacing = (nodes[-1] - nodes[0]) / (nodes.size - 1)
    if spacing == 0:
        return np.zeros(size, dtype=np.intp), np.zeros(size, dtype=np.float32)
    place = (_centres(size) - nodes[0]) / spacing
    before = np.minimum(place.astype(np.intp), nodes.size - 2)
    return before, (place - before).astype(np.float32)
