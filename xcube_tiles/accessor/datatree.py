"""`tree.tiles` of a DataTree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from xcube_tiles.accessor.looking import LookingMethods

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.stores.store import StoreLike
    from xcube_tiles.render.instants import TimeMatch
    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import ImageFormat


class DataTreeTiles(LookingMethods[xr.DataTree]):
    """`tree.tiles` of a DataTree: a pyramid whose children "0", "1", ... are its levels."""

    __slots__ = ()

    def to_catalog(
        self,
        url: StoreLike,
        layer: str,
        *,
        overwrite: bool = False,
        resume: bool = False,
        sharded: bool = True,
        chunk: int | None = None,
        shard: int | None = None,
        provenance: Mapping[str, object] | None = None,
        progress: bool | None = None,
        storage_options: Mapping[str, object] | None = None,
    ) -> Layer:
        """Write the pyramid as a layer; see `xcube_tiles.catalog.writer.to_catalog`."""
        from xcube_tiles.catalog.writer import to_catalog

        return to_catalog(
            self._obj,
            url,
            layer,
            overwrite=overwrite,
            resume=resume,
            sharded=sharded,
            chunk=chunk,
            shard=shard,
            provenance=provenance,
            progress=progress,
            storage_options=storage_options,
        )

    def render(
        self,
        style: Style | None = None,
        *,
        size: int = 512,
        time: str | np.datetime64 | None = None,
        time_match: TimeMatch = "exact",
        format: ImageFormat = "png",
    ) -> bytes:
        """Return a picture of the pyramid; see `xcube_tiles.render.preview.render_preview`."""
        from xcube_tiles.render.cube import CubeSource
        from xcube_tiles.render.preview import render_preview

        return render_preview(
            CubeSource(self._obj),
            style,
            size=size,
            time=time,
            time_match=time_match,
            format=format,
        )
