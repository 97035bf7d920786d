"""Open a catalog."""

from __future__ import annotations

from os import fspath
from typing import TYPE_CHECKING, cast

from zarr.abc.store import Store

from xcube_tiles.catalog.folders import open_root
from xcube_tiles.catalog.foreign.catalog import foreign_catalog
from xcube_tiles.catalog.index import is_database
from xcube_tiles.catalog.model import Catalog
from xcube_tiles.catalog.stores.store import StoreLike, is_archive, open_store
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def open_catalog(
    url: StoreLike,
    *,
    at: str | datetime | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Catalog:
    """Open a catalog for reading and writing.

    A folder of stores that others made, named `*.zarr` or `*.levels`, is a catalog, too, with these
    names: it can be read only.

    Parameters
    ----------
    url
        Path or URL of the catalog, or a Zarr store; zip archives and web servers can be read only.
        The URL of a database (``sqlite:///layers.db``): a `LayerIndex`, which reads as a catalog.
    at
        State of a catalog in an Icechunk repository, which can be read only: the identifier of one
        that `Catalog.history` lists, a tag, or an instant, without a time zone in UTC. By default
        always the newest.
    storage_options
        Options of an object store.

    Raises
    ------
    CatalogError
        There is no catalog, or a single layer; no such state, or a catalog that keeps no history.
    StoreError
        The store can't be reached or doesn't allow it: no permission, credentials or bucket.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from xcube_tiles.catalog.writer import to_catalog
    >>> from xcube_tiles.cube.georef import set_crs
    >>> cells = xr.DataArray(
    ...     np.arange(6, dtype="int16").reshape(2, 3),
    ...     coords={"y": [15.0, 5.0], "x": [5.0, 15.0, 25.0]},
    ...     dims=("y", "x"),
    ...     name="height",
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = to_catalog(set_crs(cells, "EPSG:32633"), folder, "dem")
    ...     catalog = open_catalog(folder)
    ...     print(catalog.layers, catalog["dem"].variables)
    ...     print(catalog.read("dem", extent=(10, 0, 30, 10)).height.values)
    ('dem',) ('height',)
    [[4 5]]
    """
    if is_database(url):
        from xcube_tiles.catalog.index.layers import LayerIndex  # needs an extra

        # Its methods that read are those of a catalog; layers are written where their tiles are.
        return cast(
            "Catalog", LayerIndex.open(str(url), create=False, storage_options=storage_options)
        )
    # Whether a place can be written to shows when writing: web servers and the past refuse it then.
    store = open_store(url, read_only=is_archive(url), at=at, storage_options=storage_options)
    shown = str(url) if isinstance(url, Store) else fspath(url)
    try:
        open_root(store, url)
    except CatalogError:
        foreign = foreign_catalog(store, shown)
        if foreign is None:
            raise
        return foreign
    return Catalog(url=shown, store=store)
