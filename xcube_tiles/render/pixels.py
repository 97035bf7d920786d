"""Where the pixels of a picture lie in the grid of a source: few exact points, then interpolation.

Transforming all 65 536 pixels of a tile between two CRSs takes four times as long as everything
else. Three cases avoid it: the same CRS; a pair of CRSs in which x depends on x alone and y on y
alone (EPSG:3857 and EPSG:4326), where one row and one column are transformed exactly; and the rest,
where a coarse grid of points is, with its error measured and the grid doubled until that is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of pixel centres in the CRS of the source.

    Separable positions have x of shape (width,) and y of shape (height,): a pixel's x depends on
    its column alone. Others have x and y of shape (height, width). What has no position there is
    not finite.
    """

    x: Floats
    y: Floats
    separable: bool


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
        crs, source_crs = checked_crs(target), checked_crs(source)
        self._transformer = None if crs == source_crs else transformer(crs, source_crs)
        self._middle = middle_longitude(source)
        height, width = self.shape
        self.node_rows = _nodes(height, FIRST_NODES)
        self.node_cols = _nodes(width, FIRST_NODES)
        self.x, self.y = self._transform_grid(self.node_rows, self.node_cols)

    def positions(self, cell: tuple[float, float], *, tolerance: float = TOLERANCE) -> Positions:
        """Return the position of every pixel.

        Parameters
        ----------
        cell
            Width and height of a cell in CRS units of the source: the unit of `tolerance`.
        tolerance
            Largest error, in cells; 0: every position is computed.
        """
        width, height = cell
        if self._is_separable(width * tolerance / 100, height * tolerance / 100):
            return self._separable_positions()
        scale = np.array([1 / width, 1 / height]) / tolerance if tolerance > 0 else None
        nodes = self._refined(scale) if scale is not None else None
        rows, cols = _centres(self.shape[0]), _centres(self.shape[1])
        if nodes is None:
            x, y = self._transform_grid(rows, cols)
        else:
            node_rows, node_cols, node_x, node_y = nodes
            x = _interpolate(node_x, node_rows, node_cols, rows, cols)
            y = _interpolate(node_y, node_rows, node_cols, rows, cols)
        return Positions(x, y, separable=False)

    def _is_separable(self, x_tolerance: float, y_tolerance: float) -> bool:
        if self._transformer is None:
            return True
        # NaN compares as false: positions that don't exist are never called separable.
        return bool(
            (np.abs(self.x - self.x[:1]) <= x_tolerance).all()
            and (np.abs(self.y - self.y[:, :1]) <= y_tolerance).all()
        )

    def _separable_positions(self) -> Positions:
        height, width = self.shape
        x, _ = self._transform_grid(self.node_rows[:1], _centres(width))
        _, y = self._transform_grid(_centres(height), self.node_cols[:1])
        return Positions(x[0], y[:, 0], separable=True)

    def _refined(self, scale: Floats) -> tuple[Floats, Floats, Floats, Floats] | None:
        """Return nodes between which linear interpolation is good enough, None if only all are."""
        rows, cols, x, y = self.node_rows, self.node_cols, self.x, self.y
        while True:
            # Dropping every second node shows the error of a grid of half the density. That of
            # the full grid is a quarter of it (linear interpolation is of second order); half is
            # demanded, for positions whose second derivative jumps.
            error = max(_halving_error(x) * scale[0], _halving_error(y) * scale[1])
            if error <= 2:
                return rows, cols, x, y
            finer = 2 * max(rows.size, cols.size) - 1
            if not np.isfinite(error) or finer > min(MOST_NODES, max(self.shape)):
                return None
            rows, cols = _nodes(self.shape[0], finer), _nodes(self.shape[1], finer)
            x, y = self._transform_grid(rows, cols)

    def _transform_grid(self, rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
        """Return positions of the pixel positions rows x cols, each of shape (rows, cols)."""
        affine = self.target.affine
        x = np.broadcast_to(affine.c + affine.a * cols, (rows.size, cols.size))
        y = np.broadcast_to((affine.f + affine.e * rows)[:, np.newaxis], x.shape)
        if self._transformer is not None:
            x, y = self._transformer.transform(x, y)
        if self._middle is not None:
            x = wrap_longitude(x, self._middle)
        return x, y


@lru_cache(maxsize=256)
def transformer(source: CRS, target: CRS) -> Transformer:
    """Return the transformer between two CRSs; x is always east and comes first."""
    # Making one takes milliseconds. It is safe to share: pyproj keeps one context per thread.
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


def _interpolate(
    values: Floats, node_rows: Floats, node_cols: Floats, rows: Floats, cols: Floats
) -> Floats:
    """Return bilinear interpolation between equally spaced nodes, shape (rows, cols).

    Written as two linear passes: a product of matrices would start BLAS threads, which takes longer
    than a whole tile.
    """
    left, weight = _brackets(node_cols, cols)
    low, high = values[:, left], values[:, left + 1]
    across = low + (high - low) * weight
    upper, weight = _brackets(node_rows, rows)
    steps = np.diff(across, axis=0)
    result: Floats = np.take(steps, upper, axis=0)
    result *= weight[:, np.newaxis]
    result += np.take(across, upper, axis=0)
    return result


def _brackets(nodes: Floats, at: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the node below each position, and the share of the way to the next one."""
    spacing = (nodes[-1] - nodes[0]) / (nodes.size - 1)
    if spacing == 0:
        return np.zeros(at.size, dtype=np.intp), np.zeros(at.size)
    place = (at - nodes[0]) / spacing
    below = np.clip(np.floor(place).astype(np.intp), 0, nodes.size - 2)
    return below, place - below
