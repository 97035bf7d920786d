"""A folder of stores that others made, as a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zarr.core.sync import sync
from zarr.storage import LocalStore

from xcube_tiles.catalog.folders import read_attributes
from xcube_tiles.catalog.foreign import xcube
from xcube_tiles.catalog.foreign.opening import layer_at
from xcube_tiles.catalog.foreign.places import Place
from xcube_tiles.catalog.model import Catalog
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from zarr.abc.store import Store

    from xcube_tiles.catalog.layer import Layer

_SUFFIXES = (".zarr", xcube.SUFFIX)


class ForeignCatalog(Catalog):
    """The stores of a folder as layers, under the names of their folders; nothing is written.

    A layer is what is named `*.zarr` or `*.levels` and can be opened.
    """

    __slots__ = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the stores, sorted.

        Raises
        ------
        CatalogError
            The folder can't be listed, as those of web servers can't.
        """
        return tuple(name for name in foreign_names(self.store) if self._has(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and "/" not in name and self._has(name)

    def __getitem__(self, name: str) -> Layer:
        """Return a layer.

        Raises
        ------
        LayerNotFoundError
            There is no store of that name.
        CatalogError, GeoreferenceError
            It can't be read as a layer.
        """
        self._check(name)
        return layer_at(self._place(name))

    def _place(self, name: str) -> Place:
        return Place(store=self.store, path=name, url=self.url)

    def _has(self, name: str) -> bool:
        place = self._place(name)
        return name.endswith(_SUFFIXES) and (xcube.is_levels(place) or place.is_group())


def foreign_catalog(store: Store, url: str) -> ForeignCatalog | None:
    """Return the catalog of a folder that others filled; None if it isn't one.

    Parameters
    ----------
    store
        Store of the folder, opened for reading.
    url
        Path or URL of the folder, as it was given.

    Raises
    ------
    CatalogError
        It is a single store of others.
    """
    if isinstance(store, LocalStore) and not store.root.is_dir():
        return None
    place = Place(store=store, path="", url=url)
    if xcube.is_levels(place) or (place.is_group() and read_attributes(store) is None):
        raise CatalogError(
            f"{place!s} is a single store, not a catalog; use xt.open_layer(url), or open the "
            "folder above it"
        )
    if place.is_group() or not _lists(store) or not foreign_names(store):
        return None
    frozen = store if store.read_only else store.with_read_only(read_only=True)
    return ForeignCatalog(url=url, store=frozen)


def foreign_names(store: Store) -> tuple[str, ...]:
    """Return the names in a folder that stores of others have, sorted.

    Raises
    ------
    CatalogError
        The store can't list what it has.
    """
    if not _lists(store):
        raise CatalogError(f"{store!s} can't be listed; open layers by their names")
    names = {name.rstrip("/") for name in sync(_folders(store))}
    return tuple(sorted(name for name in names if name.endswith(_SUFFIXES)))


def _lists(store: Store) -> bool:
    return store.supports_listing and type(getattr(store, "store", None)).__name__ != "HTTPStore"


async def _folders(store: Store) -> list[str]:
    return [name async for name in store.list_dir("")]
