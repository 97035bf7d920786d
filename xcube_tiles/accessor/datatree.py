"""`tree.tiles` of a DataTree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.store import StoreLike
    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import (
        ImageFormat,
    )


class DataTreeTiles:
    """`tree.tiles` of a DataTree: a pyramid whose children "0", "1", ... are its levels."""

    __slots__ = ("_obj",)

    def __init__(self, obj: xr.DataTree) -> None:
        self._obj = obj

    def to_catalog(
        self,
        url: StoreLike,
        layer: str,
        *,
        overwrite: bool = False,
        sharded: bool = True,
        progress: bool | None = None,
    ) -> Layer:
        """Write the pyramid as a layer; see `xcube_tiles.catalog.writer.to_catalog`."""
        from xcube_tiles.catalog.writer import to_catalog

        return to_catalog(
            self._obj, url, layer, overwrite=overwrite, sharded=sharded, progress=progress
        )

    def render(
        self,
        style: Style | None = None,
        *,
        size: int = 512,
        time: str | None = None,
        format: ImageFormat = "png",
    ) -> bytes:
        """Return a picture of the pyramid; see `xcube_tiles.render.preview.render_preview`."""
        from xcube_tiles.render.cube import CubeSource
        from xcube_tiles.render.preview import render_preview

        return render_preview(CubeSource(self._obj), style, size=size, time=time, format=format)
