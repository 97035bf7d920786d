"""Tile layouts: a regular grid of equal tiles over a plane, and its keys."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.extent import Extent, as_crs, check_extent, is_finite
from xcube_tiles.grid.geobox import TOLERANCE, north_up_resolution
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey
from xcube_tiles.grid.layoutkeys import KeyRange, LayoutKeys

if TYPE_CHECKING:
    from odc.geo.crs import CRS

__all__ = ["KeyRange", "TileLayout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TileLayout(LayoutKeys):
    """A regular grid of equal tiles, anchored at its top-left corner.

    Raises
    ------
    GridError
        A field out of its range.

    Notes
    -----
    North and west edges belong to a tile, south and east edges to its neighbour, as in
    GeoTrellis. Positions within a millionth of a cell of an edge lie on it.

    Examples
    --------
    >>> layout = TileLayout(
    ...     crs=as_crs("EPSG:32633"),
    ...     origin=(500_000, 5_200_000),
    ...     resolution=(10, 10),
    ...     tile_shape=(256, 256),
    ...     layout_shape=(3, 4),
    ... )
    >>> layout.key_at(502_560, 5_200_000)
    TileKey(col=1, row=0)
    >>> layout.extent(TileKey(col=1, row=0)).bounds
    Bounds(xmin=502560.0, ymin=5197440.0, xmax=505120.0, ymax=5200000.0)
    """

    crs: CRS
    """Coordinate reference system of `origin` and `resolution`; anything that `odc.geo.CRS` reads
    is accepted."""

    origin: tuple[float, float]
    """Top-left corner of tile (col 0, row 0), as (x, y) in CRS units."""

    resolution: tuple[float, float]
    """Width and height of a cell, as (x, y) in CRS units; both positive."""

    tile_shape: tuple[int, int]
    """Cells of a tile, as (height, width)."""

    layout_shape: tuple[int, int]
    """Tiles of the layout, as (rows, columns)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "crs", as_crs(self.crs))
        for name in ("origin", "resolution"):
            numbers = _pair(name, getattr(self, name))
            if not all(is_finite(number) for number in numbers):
                raise GridError(f"{name} must be two finite numbers, got {numbers!r}")
            object.__setattr__(self, name, tuple(float(number) for number in numbers))
        if min(self.resolution) <= 0:
            raise GridError(
                f"resolution must be positive along x and y, got {self.resolution!r}; rows grow "
                "to the south without a sign"
            )
        for name in ("tile_shape", "layout_shape"):
            sizes = _pair(name, getattr(self, name))
            if not all(isinstance(size, Integral) and size >= 1 for size in sizes):
                raise GridError(f"{name} must be two positive integers, got {sizes!r}")
            object.__setattr__(self, name, tuple(int(size) for size in sizes))

    @classmethod
    def from_geobox(cls, geobox: GeoBox, tile_size: int | tuple[int, int] = 256) -> TileLayout:
        """Return the layout that covers a geobox, cell on cell.

        Parameters
        ----------
        geobox
            A north-up grid with a CRS.
        tile_size
            Cells along an edge of a square tile, or (height, width).

        Returns
        -------
        TileLayout
            It starts at the top-left corner of the geobox; the last column and row reach beyond
            the geobox where its shape is no multiple of the tile's.

        Raises
        ------
        GridError
            A geobox that is rotated, south-up, empty or has no CRS.

        Examples
        --------
        >>> geobox = GeoBox((300, 600), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
        >>> TileLayout.from_geobox(geobox).layout_shape
        (2, 3)
        """
        x, y = north_up_resolution(geobox)
        height, width = _tile_shape(tile_size)
        rows, cols = geobox.shape.yx
        return cls(
            crs=as_crs(geobox.crs),
            origin=(geobox.affine.c, geobox.affine.f),
            resolution=(x, y),
            tile_shape=(height, width),
            layout_shape=(math.ceil(rows / height), math.ceil(cols / width)),
        )

    @classmethod
    def from_extent(
        cls,
        extent: Extent,
        resolution: float | tuple[float, float],
        tile_size: int | tuple[int, int] = 256,
    ) -> TileLayout:
        """Return the layout that covers an extent with cells of a given size.

        Parameters
        ----------
        extent
            A rectangle with a width and a height.
        resolution
            Edge of a square cell, or (width, height), in units of the extent's CRS.
        tile_size
            Cells along an edge of a square tile, or (height, width).

        Returns
        -------
        TileLayout
            It starts at the top-left corner of the extent and reaches beyond it to the right and
            bottom where no whole number of tiles fits.

        Raises
        ------
        GridError
            A cell size that isn't positive, an extent without width or height.

        Examples
        --------
        >>> extent = Extent(xmin=0, ymin=0, xmax=6000, ymax=2560, crs="EPSG:32633")
        >>> TileLayout.from_extent(extent, 10).layout_shape
        (1, 3)
        """
        check_extent(extent)
        sizes = (resolution, resolution) if is_finite(resolution) else resolution
        x, y = _pair("resolution", sizes)  # type: ignore[arg-type]
        if not (is_finite(x) and is_finite(y) and min(x, y) > 0):
            raise GridError(f"resolution must be one or two positive numbers, got {resolution!r}")
        if not (extent.width and extent.height):
            raise GridError(f"expected an extent with a width and a height, got {extent!r}")
        height, width = _tile_shape(tile_size)
        tiles = (
            max(math.ceil((length / size - TOLERANCE) / count), 1)
            for length, size, count in (
                (extent.height, y, height),
                (extent.width, x, width),
            )
        )
        return cls(
            crs=extent.crs,
            origin=(extent.xmin, extent.ymax),
            resolution=(x, y),
            tile_shape=(height, width),
            layout_shape=(next(tiles), next(tiles)),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Cells of the whole layout, as (height, width)."""
        (height, width), (rows, cols) = self.tile_shape, self.layout_shape
        return rows * height, cols * width

    def extent(self, key: TileKey | SpaceTimeKey | None = None) -> Extent:
        """Return the extent of a tile, or of the whole layout.

        Neighbours share their edge to the last bit.

        Raises
        ------
        GridError
            A key outside the layout.

        Examples
        --------
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> TileLayout.from_geobox(geobox).extent(TileKey(1, 1)).bounds
        Bounds(xmin=256.0, ymin=0.0, xmax=512.0, ymax=256.0)
        """
        (top, left), (bottom, right) = self._corners(key)
        (x, y), (width, height) = self.origin, self.resolution
        return Extent(
            xmin=x + left * width,
            ymin=y - bottom * height,
            xmax=x + right * width,
            ymax=y - top * height,
            crs=self.crs,
        )

    def geobox(self, key: TileKey | SpaceTimeKey | None = None) -> GeoBox:
        """Return the grid of cells of a tile, or of the whole layout.

        Raises
        ------
        GridError
            A key outside the layout.

        Examples
        --------
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> layout = TileLayout.from_geobox(geobox)
        >>> layout.geobox() == geobox, layout.geobox(TileKey(1, 1)).shape
        (True, Shape2d(x=256, y=256))
        """
        (top, left), (bottom, right) = self._corners(key)
        (x, y), (width, height) = self.origin, self.resolution
        affine = Affine(width, 0, x + left * width, 0, -height, y - top * height)
        return GeoBox((bottom - top, right - left), affine, self.crs)

    def coarser(self) -> TileLayout:
        """Return the layout of twice the cell size, with as many cells in a tile.

        The last column or row reaches beyond this layout where their number is odd.
        """
        rows, cols = self.layout_shape
        x, y = self.resolution
        shape = (math.ceil(rows / 2), math.ceil(cols / 2))
        return replace(self, resolution=(2 * x, 2 * y), layout_shape=shape)

    def finer(self) -> TileLayout:
        """Return the layout of half the cell size, with as many cells in a tile."""
        rows, cols = self.layout_shape
        x, y = self.resolution
        return replace(self, resolution=(x / 2, y / 2), layout_shape=(2 * rows, 2 * cols))

    def part(self, bounds: KeyBounds) -> TileLayout:
        """Return the layout of some of the tiles, counted from the first of them.

        Parameters
        ----------
        bounds
            The tiles; instants don't count.

        Raises
        ------
        GridError
            Tiles outside the layout, something else than key bounds.

        Examples
        --------
        >>> geobox = GeoBox((512, 512), Affine(1, 0, 0, 0, -1, 512), "EPSG:32633")
        >>> layout = TileLayout.from_geobox(geobox)
        >>> layout.part(KeyBounds(TileKey(1, 0), TileKey(1, 1))).origin
        (256.0, 512.0)
        """
        if not isinstance(bounds, KeyBounds):
            raise GridError(f"expected KeyBounds, got {bounds!r}")
        corner, _ = self._corners(bounds.first)
        self._corners(bounds.last)
        (x, y), (width, height) = self.origin, self.resolution
        return replace(
            self,
            origin=(x + corner[1] * width, y - corner[0] * height),
            layout_shape=(len(bounds.rows), len(bounds.cols)),
        )

    def __contains__(self, key: TileKey | SpaceTimeKey) -> bool:
        rows, cols = self.layout_shape
        return 0 <= key.col < cols and 0 <= key.row < rows

    def _corners(
        self, key: TileKey | SpaceTimeKey | None
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """(row, column) of the first cell, and of the cell after the last one."""
        if key is None:
            return (0, 0), self.shape
        if not isinstance(key, TileKey | SpaceTimeKey):
            raise GridError(f"expected a TileKey or SpaceTimeKey, got {key!r}")
        if key not in self:
            rows, cols = self.layout_shape
            raise GridError(
                f"the tile key {key.col}/{key.row} (col/row) lies outside the layout, which has "
                f"{cols} columns and {rows} rows"
            )
        height, width = self.tile_shape
        top, left = key.row * height, key.col * width
        return (top, left), (top + height, left + width)


def _tile_shape(tile_size: int | tuple[int, int]) -> tuple[int, int]:
    shape = (tile_size, tile_size) if isinstance(tile_size, int) else tile_size
    if not (
        isinstance(shape, tuple)
        and len(shape) == 2
        and all(isinstance(size, Integral) and size >= 1 for size in shape)
    ):
        raise GridError(
            f"tile_size must be a positive integer or a pair (height, width), got {tile_size!r}"
        )
    return shape


def _pair(name: str, value: tuple[int, int]) -> tuple[int, int]:
    try:
        first, second = value
    except (TypeError, ValueError):
        raise GridError(f"{name} must be a pair of numbers, got {value!r}") from None
    return first, second
