"""Keys of a layout: which tile holds a place, and which lie beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.curves.ordering import Order, check_order
from xcube_tiles.grid.curves.ordering import order as ordered
from xcube_tiles.grid.extent import Extent, check_extent, is_finite, same_crs
from xcube_tiles.grid.geobox import TOLERANCE
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey
from xcube_tiles.grid.world import goes_round, pieces_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray
    from odc.geo.crs import CRS


class KeyRange(NamedTuple):
    """The columns and rows of a rectangle of tiles; both empty if it has none."""

    cols: range
    rows: range


class KeyArrays(NamedTuple):
    """Many tile keys, as arrays of one shape."""

    cols: NDArray[np.int64]
    """Columns."""

    rows: NDArray[np.int64]
    """Rows."""


class LayoutKeys:
    """The arithmetic of keys that `TileLayout` has; the fields are documented there."""

    __slots__ = ()

    crs: CRS
    origin: tuple[float, float]
    resolution: tuple[float, float]
    tile_shape: tuple[int, int]
    layout_shape: tuple[int, int]

    @property
    def bounds(self) -> KeyBounds:
        """The keys of all tiles."""
        rows, cols = self.layout_shape
        return KeyBounds(TileKey(0, 0), TileKey(cols - 1, rows - 1))

    @property
    def goes_round(self) -> bool:
        """Whether the first and the last column meet at the far side of the Earth."""
        width = self.layout_shape[1] * self.tile_shape[1] * self.resolution[0]
        return goes_round(self.crs, width, self.resolution[0])

    def key_at(self, x: float, y: float) -> TileKey:
        """Return the key of the tile that holds a point.

        Parameters
        ----------
        x, y
            Position in CRS units. A point on an edge belongs to the tile to its right and below.

        Raises
        ------
        GridError
            A point outside the layout; its east and south edges are outside.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> from xcube_tiles.grid.layout import TileLayout
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> TileLayout.from_geobox(geobox).key_at(256, 300)
        TileKey(col=1, row=0)
        """
        if not (is_finite(x) and is_finite(y)):
            raise GridError(f"expected a point with finite coordinates, got {(x, y)!r}")
        (height, width), (rows, cols) = self.tile_shape, self.layout_shape
        col = _tile_index(self._col_position(x), width, cols)
        row = _tile_index(self._row_position(y), height, rows)
        if col is None or row is None:
            raise GridError(
                f"the point {(x, y)!r} lies outside the layout, which covers "
                f"{self._around()!r} of {self.crs!s} (without its east and south edge)"
            )
        return TileKey(col, row)

    def keys_at(
        self, x: ArrayLike, y: ArrayLike, *, outside: Literal["raise", "mark"] = "raise"
    ) -> KeyArrays:
        """Return the keys of the tiles that hold many points, as `key_at` does for one.

        Parameters
        ----------
        x, y
            Positions in CRS units, of one shape or ones that broadcast.
        outside
            What happens to a point outside the layout, or one that isn't finite: `raise` an error,
            or `mark` it by -1 as its column and row.

        Raises
        ------
        GridError
            A point outside the layout, unless marked; shapes that don't fit.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> from xcube_tiles.grid.layout import TileLayout
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> TileLayout.from_geobox(geobox).keys_at([0, 256], [512, 100])
        KeyArrays(cols=array([0, 1]), rows=array([0, 1]))
        """
        if outside not in ("raise", "mark"):
            raise GridError(f"outside must be 'raise' or 'mark', got {outside!r}")
        try:
            xs, ys = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        except (TypeError, ValueError) as error:
            raise GridError(f"expected numbers of one shape as x and y: {error}") from error
        (height, width), (rows, cols) = self.tile_shape, self.layout_shape
        col = _tile_indexes((xs - self.origin[0]) / self.resolution[0], width, cols)
        row = _tile_indexes((self.origin[1] - ys) / self.resolution[1], height, rows)
        missed = (col < 0) | (row < 0)
        if missed.any():
            if outside == "raise":
                place = np.unravel_index(int(np.argmax(missed)), missed.shape)
                raise GridError(
                    f"{int(missed.sum())} of {missed.size} points lie outside the layout, "
                    f"the first is {(float(xs[place]), float(ys[place]))!r}; outside='mark' "
                    "gives them -1"
                )
            col[missed] = row[missed] = -1
        return KeyArrays(col, row)

    def extents(self, cols: ArrayLike, rows: ArrayLike) -> NDArray[np.float64]:
        """Return the edges of many tiles, as `extent` does of one.

        Parameters
        ----------
        cols, rows
            Columns and rows: integers, of one shape or ones that broadcast.

        Returns
        -------
        float64 array, (..., 4)
            xmin, ymin, xmax and ymax in CRS units; neighbours share their edge to the last bit.

        Raises
        ------
        GridError
            A key outside the layout, numbers that aren't integers.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> from xcube_tiles.grid.layout import TileLayout
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> TileLayout.from_geobox(geobox).extents([0, 1], 1).tolist()
        [[0.0, 0.0, 256.0, 256.0], [256.0, 0.0, 512.0, 256.0]]
        """
        (x, y), (dx, dy), (height, width) = self.origin, self.resolution, self.tile_shape
        col = _indexes("cols", cols, self.layout_shape[1]) * width
        row = _indexes("rows", rows, self.layout_shape[0]) * height
        edges = x + col * dx, y - (row + height) * dy, x + (col + width) * dx, y - row * dy
        try:
            return np.stack(np.broadcast_arrays(*edges), axis=-1)
        except ValueError as error:
            raise GridError(f"cols and rows must have shapes that fit: {error}") from error

    def key_range(self, extent: Extent) -> KeyRange:
        """Return the columns and rows of the tiles that an extent touches.

        Parameters
        ----------
        extent
            A rectangle in the layout's CRS. Where its east or south edge runs along an edge of
            tiles the tiles beyond don't count, unless it has no width or height: a point or a
            line touches the tiles that hold it.

        Returns
        -------
        KeyRange
            Clipped to the layout; both ranges are empty if nothing is left.

        Raises
        ------
        GridError
            An extent in another CRS, or something else than an extent.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> from xcube_tiles.grid.layout import TileLayout
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> layout = TileLayout.from_geobox(geobox)
        >>> layout.key_range(Extent(xmin=0, ymin=200, xmax=256, ymax=300, crs="EPSG:32633"))
        KeyRange(cols=range(0, 1), rows=range(0, 2))
        >>> layout.key_range(Extent(xmin=512, ymin=200, xmax=600, ymax=300, crs="EPSG:32633"))
        KeyRange(cols=range(0, 0), rows=range(0, 0))
        """
        check_extent(extent)
        if not same_crs(extent.crs, self.crs):
            raise GridError(
                f"the extent is in {extent.crs!s}, the layout in {self.crs!s}; "
                f"bring the extent there with to_crs({str(self.crs)!r})"
            )
        (height, width), (rows, cols) = self.tile_shape, self.layout_shape
        col_range = _index_range(
            self._col_position(extent.xmin), self._col_position(extent.xmax), width, cols
        )
        row_range = _index_range(
            self._row_position(extent.ymax), self._row_position(extent.ymin), height, rows
        )
        if not col_range or not row_range:
            return KeyRange(range(0), range(0))
        return KeyRange(col_range, row_range)

    def key_ranges(self, extent: Extent) -> tuple[KeyRange, ...]:
        """Return the tiles that an extent of any CRS touches, across the antimeridian too.

        Parameters
        ----------
        extent
            A rectangle. In a layout that goes round the Earth its part beyond the east or west edge
            is found at the other one; what lies beyond the poles or outside the layout isn't there.

        Returns
        -------
        tuple of KeyRange
            None if no tile is touched, two where the extent crosses the antimeridian.

        Raises
        ------
        GridError
            An extent that has no place in the layout's CRS, or something else than an extent.

        Examples
        --------
        >>> from xcube_tiles.grid.scheme import ZoomedScheme
        >>> layout = ZoomedScheme("WebMercatorQuad").layout(3)
        >>> layout.key_ranges(Extent(xmin=170, ymin=-20, xmax=190, ymax=-10, crs=4326))
        (KeyRange(cols=range(0, 1), rows=range(4, 5)), KeyRange(cols=range(7, 8), rows=range(4, 5)))
        """
        check_extent(extent)
        area = Extent.from_bounds(self._around(), self.crs)
        pieces = pieces_on(extent, area, self.resolution[0])
        found = [self.key_range(piece) for piece in pieces]
        return _merged([one for one in found if one.cols])

    def keys(self, extent: Extent | None = None, *, order: Order = "rowmajor") -> Iterator[TileKey]:
        """Yield the keys of the tiles that an extent touches, or all, in the order of a curve.

        Parameters
        ----------
        extent
            A rectangle in the layout's CRS; see `key_range` for its edges.
        order
            Name of the curve: `rowmajor`, `hilbert` or `zorder`.

        Raises
        ------
        GridError
            An extent in another CRS, or something else than an extent; an unknown order.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> from xcube_tiles.grid.layout import TileLayout
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> layout = TileLayout.from_geobox(geobox)
        >>> [str(key) for key in layout.keys()]
        ['0/0', '1/0', '0/1', '1/1']
        >>> [str(key) for key in layout.keys(order="hilbert")]
        ['0/0', '0/1', '1/1', '1/0']
        """
        check_order(order)
        if extent is None:
            rows, cols = map(range, self.layout_shape)
        else:
            cols, rows = self.key_range(extent)
        if order == "rowmajor":
            return (TileKey(col, row) for row in rows for col in cols)
        places = ordered(len(rows), len(cols), by=order)
        return (TileKey(cols[col], rows[row]) for row, col in places)

    def neighbours(self, key: TileKey | SpaceTimeKey) -> tuple[TileKey | SpaceTimeKey, ...]:
        """Return the keys of the tiles around one, up to eight, in row-major order.

        In a layout that goes round the Earth the first column lies beside the last; beyond the
        first and last row there is nothing.

        Raises
        ------
        GridError
            A key outside the layout.

        Examples
        --------
        >>> from xcube_tiles.grid.scheme import ZoomedScheme
        >>> layout = ZoomedScheme("WebMercatorQuad").layout(2)
        >>> [str(key) for key in layout.neighbours(TileKey(0, 0))]
        ['3/0', '1/0', '3/1', '0/1', '1/1']
        """
        if not isinstance(key, TileKey | SpaceTimeKey):
            raise GridError(f"expected a TileKey or SpaceTimeKey, got {key!r}")
        if key not in self.bounds:
            raise GridError(f"the tile key {key!s} lies outside the layout: {self.bounds!r}")
        cols = self.layout_shape[1]
        found: dict[TileKey | SpaceTimeKey, None] = {}
        for near in key.neighbours():
            place = near.moved(near.col % cols - near.col, 0) if self.goes_round else near
            if place in self.bounds and place != key:
                found[place] = None
        return tuple(found)

    def _around(self) -> tuple[float, float, float, float]:
        """Return the edges of the layout, as (xmin, ymin, xmax, ymax)."""
        (height, width), (rows, cols) = self.tile_shape, self.layout_shape
        (x, y), (dx, dy) = self.origin, self.resolution
        return x, y - rows * height * dy, x + cols * width * dx, y

    def _col_position(self, x: float) -> float:
        return (x - self.origin[0]) / self.resolution[0]

    def _row_position(self, y: float) -> float:
        return (self.origin[1] - y) / self.resolution[1]


def _snapped(position: float, size: int) -> float:
    """Return a position in cells as one in tiles; on an edge if it is closer than the tolerance."""
    edge = round(position / size)
    return float(edge) if abs(position - edge * size) <= TOLERANCE else position / size


def _tile_index(position: float, size: int, count: int) -> int | None:
    index = math.floor(_snapped(position, size))
    if index == count and position < count * size:
        # noise moved a point of the last tile onto the layout's edge
        index -= 1
    return index if 0 <= index < count else None


def _index_range(start: float, stop: float, size: int, count: int) -> range:
    first = math.floor(_snapped(start, size))
    last = max(math.ceil(_snapped(stop, size)), first + 1)
    return range(max(first, 0), min(last, count))


def _tile_indexes(positions: NDArray[np.float64], size: int, count: int) -> NDArray[np.int64]:
    """Return the tiles that hold many positions; -1 for those outside."""
    positions = np.where(np.isfinite(positions), positions, -size)
    edge = np.rint(positions / size)
    snapped = np.where(np.abs(positions - edge * size) <= TOLERANCE, edge, positions / size)
    index = np.floor(snapped)
    index -= (index == count) & (positions < count * size)
    return np.where((index >= 0) & (index < count), index, -1).astype(np.int64)


def _indexes(name: str, values: ArrayLike, count: int) -> NDArray[np.int64]:
    found = np.asarray(values)
    if found.dtype.kind not in "iu" and found.size:
        raise GridError(f"{name} must be integers, got the dtype {found.dtype.name!r}")
    if found.size and (int(found.min()) < 0 or int(found.max()) >= count):
        wrong = found[(found < 0) | (found >= count)].ravel()[0]
        raise GridError(f"{name} of this layout go from 0 to {count - 1}, got {wrong}")
    return found.astype(np.int64)


def _merged(ranges: list[KeyRange]) -> tuple[KeyRange, ...]:
    """Return ranges in order of their columns, those that touch made one."""
    found: list[KeyRange] = []
    for one in sorted(ranges, key=lambda key_range: key_range.cols.start):
        if found and one.cols.start <= found[-1].cols.stop:
            last = found.pop()
            found.append(KeyRange(_spanned(last.cols, one.cols), _spanned(last.rows, one.rows)))
        else:
            found.append(one)
    return tuple(found)


def _spanned(first: range, second: range) -> range:
    return range(min(first.start, second.start), max(first.stop, second.stop))
