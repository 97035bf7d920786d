"""Geometry of grids: other grids, parts of grids, grids put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from morecantile import TileMatrixSet

    from xcube_tiles.algebra.tiles import TileFunction, Tiling
    from xcube_tiles.cube.overlap import Overlap
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.grid.keys import TileKey
    from xcube_tiles.grid.layout import TileLayout
    from xcube_tiles.grid.scheme import Scheme
    from xcube_tiles.typing import ResamplingName


class GridMethods(Accessor[XarrayT]):
    """Geometry of grids: other grids, parts of grids, grids put together."""

    __slots__ = ()

    def layout(self, tile_size: int = 256) -> TileLayout:
        """Return the grid of tiles over the cube; see `xcube_tiles.TileLayout`."""
        from xcube_tiles.cube.georef import geobox_of
        from xcube_tiles.grid.layout import TileLayout

        return TileLayout.from_geobox(geobox_of(self._obj), tile_size)

    def reproject(
        self,
        target: object,
        *,
        resolution: float | None = None,
        resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
    ) -> XarrayT:
        """Bring the cube onto another grid; see `xcube_tiles.algebra.reproject.reproject`."""
        from xcube_tiles.algebra.reproject import reproject

        return reproject(self._obj, target, resolution=resolution, resampling=resampling)

    def crop(self, extent: Extent | tuple[float, float, float, float]) -> XarrayT:
        """Cut out the cells that an extent touches; see `xcube_tiles.algebra.reproject.crop`."""
        from xcube_tiles.algebra.reproject import crop

        return crop(self._obj, extent)

    def resample(
        self,
        *,
        resolution: float | tuple[float, float] | None = None,
        shape: tuple[int, int] | None = None,
        factor: float | tuple[float, float] | None = None,
        resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
    ) -> XarrayT:
        """Give the cube cells of another size; see `xcube_tiles.algebra.resample.resample`."""
        from xcube_tiles.algebra.resample import resample

        return resample(
            self._obj, resolution=resolution, shape=shape, factor=factor, resampling=resampling
        )

    def mosaic(
        self,
        others: Sequence[XarrayT],
        *,
        overlap: Overlap = "first",
        target: object = None,
        resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
    ) -> XarrayT:
        """Put cubes of several places together; see `xcube_tiles.algebra.mosaic.mosaic`."""
        from xcube_tiles.algebra.mosaic import mosaic

        return mosaic(self._obj, others, overlap=overlap, target=target, resampling=resampling)

    def split(self, layout: Tiling = 256, *, pad: bool = False) -> dict[TileKey, XarrayT]:
        """Cut the cube into the tiles of a layout; see `xcube_tiles.algebra.tiles.split`."""
        from xcube_tiles.algebra.tiles import split

        return split(self._obj, layout, pad=pad)

    def tile(
        self,
        col: int,
        row: int,
        zoom: int,
        *,
        scheme: str | TileMatrixSet | Scheme = "WebMercatorQuad",
        tile_size: int | None = None,
        resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
    ) -> XarrayT:
        """Return the cells of a tile; see `xcube_tiles.algebra.map_tile.tile`."""
        from xcube_tiles.algebra.map_tile import tile

        return tile(
            self._obj,
            col,
            row,
            zoom,
            scheme=scheme,
            tile_size=tile_size,
            resampling=resampling,
        )

    def map_tiles(
        self,
        func: TileFunction,
        layout: Tiling = 256,
        *,
        depth: int = 0,
        cell_type: CellType | str | None = None,
    ) -> XarrayT:
        """Apply a function to each tile of a layout; see `xcube_tiles.algebra.tiles.map_tiles`."""
        from xcube_tiles.algebra.tiles import map_tiles

        return map_tiles(self._obj, func, layout, depth=depth, cell_type=cell_type)
