"""Methods of a catalog that make layers of files in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.catalog.cog.linking import link_cogs
from xcube_tiles.catalog.methods.base import LayerFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xcube_tiles.catalog.cog.linking import FileLike
    from xcube_tiles.catalog.layer import Layer


class Linking(LayerFolder):
    """Layers of files that stay where they are."""

    __slots__ = ()

    def link(
        self,
        files: Iterable[FileLike],
        layer: str,
        *,
        attrs: Mapping[str, object] | None = None,
        overwrite: bool = False,
    ) -> Layer:
        """Make GeoTIFFs a layer in place; parameters and errors are those of `link_cogs`.

        Examples
        --------
        >>> import tempfile, xarray as xr, xcube_tiles as xt
        >>> from zarr.storage import MemoryStore
        >>> coords = {"y": [15, 5], "x": [5, 15]}
        >>> cells = xr.DataArray([[1, 2], [3, 4]], coords, ("y", "x"), "height")
        >>> catalog = xt.Catalog(url="memory", store=MemoryStore())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = cells.tiles.set_crs("EPSG:32633").tiles.to_cog(f"{folder}/dem.tif")
        ...     _ = catalog.link(files, "dem")
        ...     print(catalog.read("dem").height.values)
        [[1 2]
         [3 4]]
        """
        return link_cogs(self.store, layer, files, attrs=attrs, overwrite=overwrite)
