"""Methods of a catalog that keep its states: archives and history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.catalog.icechunk.versions import Versions
from xcube_tiles.catalog.methods.base import LayerFolder
from xcube_tiles.catalog.stores.archive import pack
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from xcube_tiles.catalog.icechunk.versions import Commit


class Archiving(LayerFolder):
    """States of a catalog."""

    __slots__ = ()

    def pack(
        self,
        path: str | os.PathLike[str],
        *,
        layers: Iterable[str] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write the catalog to a zip archive, from which it can be read.

        Parameters
        ----------
        path
            Path of the archive, ``*.zip``; it is there when it is complete.
        layers
            Names of layers; by default all.
        overwrite
            Whether an archive that is there is replaced.

        Raises
        ------
        LayerNotFoundError
            There is no layer of one of the names.
        CatalogError
            A path that isn't that of an archive, or is taken.
        StoreError
            The disk is full, or doesn't allow it.

        Examples
        --------
        >>> import tempfile, odc.geo.xr, xarray as xr, xcube_tiles as xt
        >>> cells = xr.DataArray([[1, 2], [3, 4]], {"y": [15, 5], "x": [5, 15]}, ("y", "x"), "h")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cube = cells.odc.assign_crs("EPSG:32633")
        ...     _ = cube.tiles.to_catalog(f"{folder}/c.zarr", "dem")
        ...     xt.open_catalog(f"{folder}/c.zarr").pack(f"{folder}/c.zip")
        ...     print(xt.open_catalog(f"{folder}/c.zip").read("dem").h.values)
        [[1 2]
         [3 4]]
        """
        if isinstance(layers, str):
            raise CatalogError(f"layers is a list of names, got {layers!r}; pass [{layers!r}]")
        names = self.layers if layers is None else tuple(layers)
        for name in names:
            self._check(name)
        pack(self.store, names, path, overwrite=overwrite)

    def history(self) -> list[Commit]:
        """Return the states of a catalog in an Icechunk repository, the newest first.

        Each can be read again: ``open_catalog(url, at=state.id)``. What happened to a single layer
        of any catalog is in ``catalog[name].metadata["history"]``.

        Raises
        ------
        CatalogError
            The catalog is no Icechunk repository: other stores keep no history.
        """
        if not isinstance(self.store, Versions):
            raise CatalogError(
                f"{self.url!r} keeps no history; catalogs in an Icechunk repository do: "
                "icechunk://folder, icechunk+s3://bucket/prefix. What happened to a layer is in "
                "catalog[name].metadata['history']"
            )
        return self.store.history()
