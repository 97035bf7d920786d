"""Open a single layer by its own address, whoever wrote it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zarr.abc.store import Store

from xcube_tiles.catalog.cog.stored import virtual_layer
from xcube_tiles.catalog.cog.structured import is_cog_layer, open_cog_layer
from xcube_tiles.catalog.folders import read_attributes
from xcube_tiles.catalog.foreign import multiscale, xcube
from xcube_tiles.catalog.foreign.grids import place_finest
from xcube_tiles.catalog.foreign.layer import make_layer
from xcube_tiles.catalog.foreign.nodes import read_node
from xcube_tiles.catalog.foreign.places import Place, open_place
from xcube_tiles.catalog.format.conventions import PRIVATE, is_layer, is_virtual
from xcube_tiles.catalog.layer import Layer
from xcube_tiles.catalog.layer import open_layer as open_own
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import zarr

    from xcube_tiles.catalog.stores.store import StoreLike


def open_layer(url: StoreLike, *, storage_options: Mapping[str, object] | None = None) -> Layer:
    """Open one layer for reading: of a catalog, or a store that other software made.

    What can be opened, of Zarr v2 and v3: groups with the convention *multiscales* (GeoZarr), with
    the older list of datasets (ndpyramid), xcube's `.levels`, and plain CF datasets, which have one
    level; and on a local disk layers of COGs. Rows may run in either direction; cells are neither
    copied nor scaled.

    Parameters
    ----------
    url
        Path or URL of the layer, or a Zarr store whose root it is.
    storage_options
        Options of an object store.

    Returns
    -------
    Layer
        Levels, variables, times and cells. `scale_factor` and `add_offset` of others' variables
        are left to apply: they are in `layer.variable_attrs(name)`.

    Raises
    ------
    CatalogError
        There is nothing, or nothing that is a layer: no variable with rows and columns, or levels
        that don't fit together.
    GeoreferenceError
        No CRS, or a grid that is rotated or irregular.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> heat = xr.DataArray(
    ...     np.float32([[1, 2, 3], [4, 5, np.nan]]),
    ...     coords={"lat": [45.0, 46.0], "lon": [5.0, 6.0, 7.0]},
    ...     dims=("lat", "lon"),
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = heat.to_dataset(name="heat").to_zarr(f"{folder}/heat.zarr", consolidated=False)
    ...     layer = open_layer(f"{folder}/heat.zarr")
    ...     print(layer, layer.extent.bounds[:2])
    ...     print(layer.read("heat", level=0, rows=slice(0, 2), cols=slice(0, 3)))
    <Layer 'heat.zarr': heat; EPSG:4326; 1 level, 2 x 3 to 2 x 3> (4.5, 44.5)
    [[ 4.  5. nan]
     [ 1.  2.  3.]]
    """
    if not isinstance(url, Store) and is_cog_layer(url):
        return open_cog_layer(os.fspath(url))
    return layer_at(open_place(url, storage_options))


def layer_in(store: Store, name: str, url: str) -> Layer:
    """Return a layer of a catalog, whoever wrote it; errors are those of `open_layer`."""
    try:
        layer = open_own(store, name)
        if PRIVATE in layer.group.attrs:
            return layer
    except CatalogError:
        attributes = read_attributes(store, name) or {}
        if is_virtual(attributes):
            return virtual_layer(store, name)
        if PRIVATE in attributes:
            raise
    # Others leave out what a layer of ours always says, and trim levels where we pad them.
    return layer_at(Place(store=store, path=name, url=url))


def layer_at(place: Place) -> Layer:
    """Return the layer that is in a folder; errors are those of `open_layer`."""
    if xcube.is_levels(place):
        nodes, places = xcube.read_levels(place)
        return make_layer(place.name, nodes[0].group, nodes, places)
    if not place.is_group():
        raise CatalogError(
            f"no layer at {place!s}: no Zarr group there, and no folder of levels ('.zlevels')"
        )
    group = place.open()
    attributes: dict[str, Any] = group.attrs.asdict()
    if PRIVATE in attributes and is_layer(attributes):
        return _own_layer(place)
    if attributes.get(PRIVATE, {}).get("kind") == "catalog":
        raise CatalogError(
            f"{place!s} is a catalog, not a layer; use xt.open_catalog(url)[name] or append the "
            "layer's name to the address"
        )
    if multiscale.is_multiscale(attributes):
        return make_layer(place.name, group, *multiscale.read_levels(group))
    return _single(place, group)


def _own_layer(place: Place) -> Layer:
    """Return a layer of ours, as its catalog has it."""
    folder, _, name = str(place).rpartition("/")
    if place.url is None or place.path:
        return layer_in(place.store, place.path, str(place))
    return layer_in(open_place(folder, place.options).store, name, folder)


def _single(place: Place, group: zarr.Group) -> Layer:
    node = read_node(group)
    return make_layer(place.name, group, [node], [place_finest(node)])
