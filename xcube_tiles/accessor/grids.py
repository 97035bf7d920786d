"""Geometry of grids: other grids, parts of grids, grids put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.grid.layout import TileLayout
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
