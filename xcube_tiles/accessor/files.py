"""Cubes to GeoTIFFs: methods that Datasets and DataArrays share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from xcube_tiles.catalog.cog.encoding import BigTiff, Compression
    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.typing import PyramidResampling


class FileMethods(Accessor[XarrayT]):
    """Cubes to GeoTIFFs."""

    __slots__ = ()

    def to_cog(
        self,
        path: str | os.PathLike[str],
        *,
        compression: Compression = "deflate",
        level: int | None = None,
        max_error: float = 0.0,
        block_size: int = 512,
        resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
        levels: int | None = None,
        min_valid: float = 0.0,
        pad: bool = False,
        bigtiff: BigTiff = "if needed",
        overwrite: bool = False,
        progress: bool | None = None,
    ) -> tuple[Path, ...]:
        """Write Cloud Optimized GeoTIFFs; see `xcube_tiles.catalog.cog.export.to_cog`."""
        from xcube_tiles.catalog.cog.export import to_cog

        return to_cog(
            self._obj,
            path,
            compression=compression,
            level=level,
            max_error=max_error,
            block_size=block_size,
            resampling=resampling,
            levels=levels,
            min_valid=min_valid,
            pad=pad,
            bigtiff=bigtiff,
            overwrite=overwrite,
            progress=progress,
        )

    def to_cog_layer(
        self,
        folder: str | os.PathLike[str],
        name: str,
        *,
        scheme: str = "WebMercatorQuad",
        tile_size: int = 256,
        max_tile_size: int = 4096,
        min_zoom: int = 0,
        resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
        min_valid: float = 0.0,
        compression: Compression = "deflate",
        level: int | None = None,
        max_error: float = 0.0,
        overwrite: bool = False,
        progress: bool | None = None,
    ) -> Layer:
        """Write zooms as a grid of COGs; see `xcube_tiles.catalog.cog.structured.write_cog_layer`.

        The result can be opened with `xcube_tiles.open_layer`.
        """
        from xcube_tiles.catalog.cog.structured import write_cog_layer

        return write_cog_layer(
            self._obj,
            folder,
            name,
            scheme=scheme,
            tile_size=tile_size,
            max_tile_size=max_tile_size,
            min_zoom=min_zoom,
            resampling=resampling,
            min_valid=min_valid,
            compression=compression,
            level=level,
            max_error=max_error,
            overwrite=overwrite,
            progress=progress,
        )
