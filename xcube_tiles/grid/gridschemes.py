"""Schemes that start from the grid of a raster."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import TYPE_CHECKING

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.grid.layout import TileLayout
from xcube_tiles.grid.zoom import THRESHOLD, Measure, level_for, wanted_size

if TYPE_CHECKING:
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

LOCAL = "local"
"""Name of the scheme of powers of two below a given grid."""

FLOATING = "floating"
"""Name of the scheme of a given grid alone."""


@dataclass(frozen=True, slots=True)
class LocalScheme:
    """The layouts of powers of two below a grid: level 0 is the grid, each next one half as fine.

    Raises
    ------
    GridError
        A geobox that isn't north-up; a tile size that isn't positive.

    Notes
    -----
    All levels start at the top-left corner of the grid and have cells of exactly `2**level` times
    its size. Where a number of tiles is odd the next level reaches beyond this one, to the right
    and to the bottom.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> geobox = GeoBox((1000, 700), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> scheme = LocalScheme(geobox)
    >>> [scheme.layout(level).layout_shape for level in scheme.zooms]
    [(4, 3), (2, 2), (1, 1)]
    """

    geobox: GeoBox
    """The grid of level 0, north-up."""

    _: KW_ONLY

    tile_size: int = 256
    """Cells along an edge of a tile."""

    def __post_init__(self) -> None:
        TileLayout.from_geobox(self.geobox, self.tile_size)

    @property
    def name(self) -> str:
        """The word `local`."""
        return LOCAL

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of the grid."""
        return as_crs(self.geobox.crs)

    @property
    def zooms(self) -> range:
        """The levels from 0, the finest, to the first that has a single tile."""
        tiles = math.ceil(max(self.geobox.shape.yx) / self.tile_size)
        return range((tiles - 1).bit_length() + 1)

    def layout(self, zoom: int) -> TileLayout:
        """Return the layout of a level.

        Parameters
        ----------
        zoom
            Level from 0, the finest; one beyond the last of `zooms` has a single tile.

        Raises
        ------
        GridError
            A negative level.
        """
        factor: int = 2 ** _checked_level(zoom)
        base = TileLayout.from_geobox(self.geobox, self.tile_size * factor)
        x, y = base.resolution
        return TileLayout(
            crs=base.crs,
            origin=base.origin,
            resolution=(x * factor, y * factor),
            tile_shape=(self.tile_size, self.tile_size),
            layout_shape=base.layout_shape,
        )

    def zoom_for(
        self, geobox: GeoBox, *, threshold: float = THRESHOLD, measure: Measure = "cells"
    ) -> int:
        """Return the level that keeps the cells of a raster.

        Parameters
        ----------
        geobox
            Grid of the raster, north-up.
        threshold
            Share, 0 to 1, of the step between two levels. The coarser of the two is taken when
            the raster is finer than it by no more than this share of the difference of their cell
            sizes.
        measure
            What cells are measured by, `cells` or `ground`; see `wanted_size`.

        Returns
        -------
        int
            The coarsest or finest level if the raster is coarser or finer than all.

        Raises
        ------
        GridError
            A geobox that isn't north-up, or whose cells have no place in the scheme's CRS.
        """
        wanted = wanted_size(geobox, self.crs, measure)
        levels = self.zooms[::-1]
        sizes = [min(self.layout(level).resolution) for level in levels]
        return levels[level_for(wanted, sizes, threshold)]

    def zoom_in(self, zoom: int) -> int:
        """Return the next finer level, one less.

        Raises
        ------
        GridError
            There is none finer than 0.
        """
        return _checked_level(_checked_level(zoom) - 1)

    def zoom_out(self, zoom: int) -> int:
        """Return the next coarser level, one more; there is always one.

        Raises
        ------
        GridError
            A negative level.
        """
        return _checked_level(zoom) + 1


@dataclass(frozen=True, slots=True)
class FloatingScheme:
    """A single level: the grid of a raster itself, cut into tiles.

    Raises
    ------
    GridError
        A geobox that isn't north-up; a tile size that isn't positive.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> geobox = GeoBox((1000, 700), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> FloatingScheme(geobox).layout(0).layout_shape
    (4, 3)
    """

    geobox: GeoBox
    """The grid, north-up."""

    _: KW_ONLY

    tile_size: int = 256
    """Cells along an edge of a tile."""

    def __post_init__(self) -> None:
        self.layout(0)

    @property
    def name(self) -> str:
        """The word `floating`."""
        return FLOATING

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of the grid."""
        return as_crs(self.geobox.crs)

    @property
    def zooms(self) -> range:
        """The only level, 0."""
        return range(1)

    def layout(self, zoom: int) -> TileLayout:
        """Return the layout of the grid, which reaches beyond it to the right and bottom.

        Raises
        ------
        GridError
            A level other than 0.
        """
        self._check(zoom)
        return TileLayout.from_geobox(self.geobox, self.tile_size)

    def zoom_for(
        self, geobox: GeoBox, *, threshold: float = THRESHOLD, measure: Measure = "cells"
    ) -> int:
        """Return 0, whatever the raster: there is no other level.

        Raises
        ------
        GridError
            A geobox that isn't north-up, or whose cells have no place in the scheme's CRS.
        """
        size = min(self.layout(0).resolution)
        return level_for(wanted_size(geobox, self.crs, measure), [size], threshold)

    def zoom_in(self, zoom: int) -> int:
        """Raise `GridError`: there is no finer level."""
        self._check(zoom)
        return self._check(zoom + 1)

    def zoom_out(self, zoom: int) -> int:
        """Raise `GridError`: there is no coarser level."""
        self._check(zoom)
        return self._check(zoom - 1)

    def _check(self, zoom: int) -> int:
        if not isinstance(zoom, Integral) or zoom != 0:
            raise GridError(f"a floating scheme has the level 0 only, got {zoom!r}")
        return 0


def _checked_level(level: int) -> int:
    if not isinstance(level, Integral) or level < 0:
        raise GridError(f"a local scheme has the levels 0 (finest), 1, 2 ..., got {level!r}")
    return int(level)
