"""Schemes: the layout of every zoom level."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from morecantile import Tile, TileMatrixSet

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.grid.layout import TileLayout
from xcube_tiles.grid.matrixset import regular_tms, tms_crs, tms_names
from xcube_tiles.grid.zoom import THRESHOLD, level_for, resolution_in

if TYPE_CHECKING:
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

LOCAL = "local"
"""Name of the scheme of powers of two below a given grid."""


@runtime_checkable
class Scheme(Protocol):
    """What names the layout of every zoom level."""

    @property
    def name(self) -> str:
        """Name of the scheme: that of the TileMatrixSet, or `local`."""

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all layouts."""

    @property
    def zooms(self) -> range:
        """The zoom levels, ascending."""

    def layout(self, zoom: int) -> TileLayout:
        """Return the layout of a zoom level."""

    def zoom_for(self, geobox: GeoBox, *, threshold: float = THRESHOLD) -> int:
        """Return the zoom level that keeps the cells of a raster."""

    def zoom_in(self, zoom: int) -> int:
        """Return the next finer zoom level."""

    def zoom_out(self, zoom: int) -> int:
        """Return the next coarser zoom level."""


@dataclass(frozen=True, slots=True, init=False)
class ZoomedScheme:
    """The layouts of a TileMatrixSet: zoom levels grow finer, the coarsest covers its world.

    Parameters
    ----------
    tms
        A TileMatrixSet of morecantile, or the name of one that morecantile knows.
    tile_size
        Cells along an edge of a tile; tiles keep their place and extent, so that 512 in place of
        256 halves the cells. None: as the TileMatrixSet says.

    Raises
    ------
    GridError
        An unknown name; a TileMatrixSet whose tiles are no regular grid counted from the top left
        (variable matrix widths, bottom-left corner); a tile size that isn't positive.

    Notes
    -----
    Cell sizes are those written in the TileMatrixSet, for tiles to agree with other software. Some
    documents round them, so that tiles of two zoom levels may differ by some cells far from the
    origin; WebMercatorQuad, WorldCRS84Quad and most others are exact halves.

    Examples
    --------
    >>> ZoomedScheme("WebMercatorQuad").layout(3).layout_shape
    (8, 8)
    >>> ZoomedScheme("WorldCRS84Quad").layout(0).layout_shape
    (1, 2)
    """

    tms: TileMatrixSet
    """The TileMatrixSet that defines the zoom levels."""

    _: KW_ONLY

    tile_size: int | None
    """Cells along an edge of a tile; None: as the TileMatrixSet says."""

    def __init__(self, tms: TileMatrixSet | str, *, tile_size: int | None = None) -> None:
        if tile_size is not None and not (isinstance(tile_size, Integral) and tile_size >= 1):
            raise GridError(f"tile_size must be a positive integer or None, got {tile_size!r}")
        object.__setattr__(self, "tms", regular_tms(tms))
        object.__setattr__(self, "tile_size", tile_size)

    # TileMatrixSets compare by value, but aren't hashable
    def __hash__(self) -> int:
        return hash((self.tms.id, self.tile_size))

    # and their pickles, which dask would make names of, differ with what they have cached
    def __dask_tokenize__(self) -> tuple[str, str, int | None]:
        return "ZoomedScheme", self.tms.model_dump_json(), self.tile_size

    @property
    def name(self) -> str:
        """Name of the TileMatrixSet; `custom` if it has none."""
        return str(self.tms.id or "custom")

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all layouts."""
        return tms_crs(self.tms)

    @property
    def zooms(self) -> range:
        """The zoom levels of the TileMatrixSet, coarsest first."""
        return range(self.tms.minzoom, self.tms.maxzoom + 1)

    def layout(self, zoom: int) -> TileLayout:
        """Return the layout of a zoom level.

        Raises
        ------
        GridError
            A zoom level that the TileMatrixSet doesn't have.
        """
        matrix = self.tms.matrix(self._checked(zoom))
        corner = self.tms.xy_bounds(Tile(0, 0, zoom))
        width, height = matrix.tileWidth, matrix.tileHeight
        if self.tile_size is not None:
            width, height = self.tile_size, round(height * self.tile_size / width)
        return TileLayout(
            crs=self.crs,
            origin=(corner.left, corner.top),
            resolution=(
                matrix.cellSize * matrix.tileWidth / width,
                matrix.cellSize * matrix.tileHeight / height,
            ),
            tile_shape=(height, width),
            layout_shape=(matrix.matrixHeight, matrix.matrixWidth),
        )

    def zoom_for(self, geobox: GeoBox, *, threshold: float = THRESHOLD) -> int:
        """Return the zoom level that keeps the cells of a raster.

        Parameters
        ----------
        geobox
            Grid of the raster, north-up.
        threshold
            Share, 0 to 1, of the step between two levels. The coarser of the two is taken when
            the raster is finer than it by no more than this share of the difference of their cell
            sizes.

        Returns
        -------
        int
            The coarsest or finest zoom level if the raster is coarser or finer than all.

        Raises
        ------
        GridError
            A geobox that isn't north-up, or whose cells have no place in the scheme's CRS.

        Notes
        -----
        Cell sizes are compared in the CRS of the scheme (see `resolution_in`). In Web Mercator at
        60° north cells measure twice their length on the ground, and a raster of 10 m gets the
        level for 20 m.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> geobox = GeoBox((256, 256), Affine(10, 0, 500_000, 0, -10, 1000), "EPSG:32633")
        >>> ZoomedScheme("WebMercatorQuad").zoom_for(geobox)
        14
        """
        wanted = resolution_in(geobox, self.crs)
        sizes = [min(self.layout(zoom).resolution) for zoom in self.zooms]
        return self.zooms[level_for(wanted, sizes, threshold)]

    def zoom_in(self, zoom: int) -> int:
        """Return the next finer zoom level.

        Raises
        ------
        GridError
            There is none.
        """
        return self._checked(self._checked(zoom) + 1)

    def zoom_out(self, zoom: int) -> int:
        """Return the next coarser zoom level.

        Raises
        ------
        GridError
            There is none.
        """
        return self._checked(self._checked(zoom) - 1)

    def _checked(self, zoom: int) -> int:
        if not isinstance(zoom, Integral) or zoom not in self.zooms:
            raise GridError(
                f"{self.name} has no zoom level {zoom!r}; it has "
                f"{self.zooms.start} to {self.zooms.stop - 1}"
            )
        return int(zoom)


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

    def zoom_for(self, geobox: GeoBox, *, threshold: float = THRESHOLD) -> int:
        """Return the level that keeps the cells of a raster.

        Parameters
        ----------
        geobox
            Grid of the raster, north-up.
        threshold
            Share, 0 to 1, of the step between two levels. The coarser of the two is taken when
            the raster is finer than it by no more than this share of the difference of their cell
            sizes.

        Returns
        -------
        int
            The coarsest or finest level if the raster is coarser or finer than all.

        Raises
        ------
        GridError
            A geobox that isn't north-up, or whose cells have no place in the scheme's CRS.
        """
        wanted = resolution_in(geobox, self.crs)
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


def resolve_scheme(
    scheme: str | TileMatrixSet | Scheme,
    geobox: GeoBox | None = None,
    *,
    tile_size: int | None = None,
) -> Scheme:
    """Return a scheme from its name, a TileMatrixSet, or itself.

    Parameters
    ----------
    scheme
        `local`, the name of a TileMatrixSet (see `tms_names`), a TileMatrixSet, or a scheme.
    geobox
        The grid of level 0, which a local scheme needs; other schemes don't use it.
    tile_size
        Cells along an edge of a tile; None: 256 for a local scheme, else as the TileMatrixSet says.
        A scheme that is given keeps its own.

    Raises
    ------
    GridError
        An unknown name, or a local scheme without a geobox.

    Examples
    --------
    >>> resolve_scheme("WebMercatorQuad").crs.epsg
    3857
    """
    if isinstance(scheme, str) and scheme == LOCAL:
        if geobox is None:
            raise GridError("a local scheme needs the grid of its finest level: pass geobox")
        return LocalScheme(geobox, tile_size=256 if tile_size is None else tile_size)
    if isinstance(scheme, str | TileMatrixSet):
        return ZoomedScheme(scheme, tile_size=tile_size)
    if isinstance(scheme, Scheme):
        return scheme
    raise GridError(
        "expected the name of a scheme, a TileMatrixSet or a scheme, "
        f"got {scheme!r}; the names are {', '.join((LOCAL, *tms_names()))}"
    )


def _checked_level(level: int) -> int:
    if not isinstance(level, Integral) or level < 0:
        raise GridError(f"a local scheme has the levels 0 (finest), 1, 2 ..., got {level!r}")
    return int(level)
