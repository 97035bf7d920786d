"""Schemes: the layout of every zoom level."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from morecantile import Tile, TileMatrixSet

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.grid.gridschemes import FLOATING, LOCAL, FloatingScheme, LocalScheme
from xcube_tiles.grid.layout import TileLayout
from xcube_tiles.grid.matrixset import named, regular_tms, square_tms, tms_crs, tms_names
from xcube_tiles.grid.world import world_extent
from xcube_tiles.grid.zoom import THRESHOLD, Measure, level_for, wanted_size

if TYPE_CHECKING:
    from odc.geo import SomeCRS
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

__all__ = [
    "FLOATING",
    "LOCAL",
    "FloatingScheme",
    "LocalScheme",
    "Scheme",
    "ZoomedScheme",
    "resolve_scheme",
]

_WORLD = "world_"
# The names of schemes over the world of a CRS: world_EPSG_3035.


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

    def zoom_for(
        self, geobox: GeoBox, *, threshold: float = THRESHOLD, measure: Measure = "cells"
    ) -> int:
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

    @classmethod
    def from_crs(
        cls,
        crs: SomeCRS,
        *,
        extent: Extent | None = None,
        tile_size: int = 256,
        zooms: int = 25,
    ) -> ZoomedScheme:
        """Return a scheme over the world of a CRS: one tile at zoom 0, each zoom half the last.

        Parameters
        ----------
        crs
            Anything that `odc.geo.CRS` reads.
        extent
            The rectangle that counts as the world; None: that of `world_extent`.
        tile_size
            Cells along an edge of a tile.
        zooms
            How many zoom levels.

        Returns
        -------
        ZoomedScheme
            Cells are square, as they aren't in GeoTrellis: the world starts at the top-left corner
            of the tile and fills it along its longer side, or twice as long as high two tiles.
            Without `extent` its name, such as `world_EPSG_3035`, is known to `resolve_scheme`.

        Raises
        ------
        GridError
            A CRS without an area of use; an extent of another CRS or without width or height;
            numbers that aren't positive.

        Examples
        --------
        >>> scheme = ZoomedScheme.from_crs("EPSG:3035")
        >>> scheme.name, scheme.layout(2).layout_shape
        ('world_EPSG_3035', (4, 4))
        """
        for name, count in (("tile_size", tile_size), ("zooms", zooms)):
            if not isinstance(count, Integral) or count < 1:
                raise GridError(f"{name} must be a positive integer, got {count!r}")
        target = as_crs(crs)
        world = world_extent(target) if extent is None else extent
        tms = square_tms(world, target, int(tile_size), int(zooms))
        return cls(tms if extent is not None else named(tms, _WORLD, target))

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

    def zoom_for(
        self, geobox: GeoBox, *, threshold: float = THRESHOLD, measure: Measure = "cells"
    ) -> int:
        """Return the zoom level that keeps the cells of a raster.

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
            The coarsest or finest zoom level if the raster is coarser or finer than all.

        Raises
        ------
        GridError
            A geobox that isn't north-up, or whose cells have no place in the scheme's CRS; an
            unknown measure.

        Notes
        -----
        By `cells`, sizes are compared in the CRS of the scheme. In Web Mercator at 60° north cells
        measure twice their length on the ground, and a raster of 10 m gets the level for 20 m,
        whose cells are 10 m there. By `ground` the true length of the raster's cells is compared
        with that of the level's at the Equator, as GeoTrellis does: the same raster gets the level
        for 10 m, whose cells are 5 m there.

        Examples
        --------
        >>> from affine import Affine
        >>> from odc.geo.geobox import GeoBox
        >>> geobox = GeoBox((256, 256), Affine(10, 0, 500_000, 0, -10, 1000), "EPSG:32633")
        >>> ZoomedScheme("WebMercatorQuad").zoom_for(geobox)
        14
        """
        wanted = wanted_size(geobox, self.crs, measure)
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
        `local`, `floating`, `world_` and a CRS such as `world_EPSG_3035`, the name of a
        TileMatrixSet (see `tms_names`), a TileMatrixSet, or a scheme.
    geobox
        The grid of level 0, which a local or floating scheme needs; others don't use it.
    tile_size
        Cells along an edge of a tile; None: as the TileMatrixSet says, else 256.
        A scheme that is given keeps its own.

    Raises
    ------
    GridError
        An unknown name, or a local or floating scheme without a geobox.

    Examples
    --------
    >>> resolve_scheme("WebMercatorQuad").crs.epsg
    3857
    """
    if isinstance(scheme, str) and scheme in (LOCAL, FLOATING):
        if geobox is None:
            raise GridError(f"a {scheme} scheme needs the grid of its finest level: pass geobox")
        kind = LocalScheme if scheme == LOCAL else FloatingScheme
        return kind(geobox, tile_size=256 if tile_size is None else tile_size)
    if isinstance(scheme, str) and scheme.startswith(_WORLD):
        crs = scheme.removeprefix(_WORLD).replace("_", ":")
        return ZoomedScheme.from_crs(crs, tile_size=256 if tile_size is None else tile_size)
    if isinstance(scheme, str | TileMatrixSet):
        return ZoomedScheme(scheme, tile_size=tile_size)
    if isinstance(scheme, Scheme):
        return scheme
    raise GridError(
        "expected the name of a scheme, a TileMatrixSet or a scheme, "
        f"got {scheme!r}; the names are {', '.join((LOCAL, FLOATING, *tms_names()))}"
    )
