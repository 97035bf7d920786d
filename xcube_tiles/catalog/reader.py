"""Open a catalog."""

from __future__ import annotations

from os import fspath
from typing import TYPE_CHECKING

from zarr.abc.store import Store

from xcube_tiles.catalog.model import Catalog
from xcube_tiles.catalog.store import StoreLike, open_root, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping


def open_catalog(url: StoreLike, *, storage_options: Mapping[str, object] | None = None) -> Catalog:
    """Open a catalog for reading and writing.

    Parameters
    ----------
    url
        Path or URL of the catalog, or a Zarr store.
    storage_options
        Options of an object store.

    Raises
    ------
    CatalogError
        There is no catalog, or a single layer.

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
    # Plain HTTP can't be written to; whether a bucket can be shows when writing.
    read_only = isinstance(url, str) and url.startswith(("http://", "https://"))
    store = open_store(url, read_only=read_only, storage_options=storage_options)
    open_root(store, url)
    return Catalog(url=str(url) if isinstance(url, Store) else fspath(url), store=store)
