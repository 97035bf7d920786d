"""A folder in a store, of Zarr or with Zarr below it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import zarr
from zarr.abc.store import Store
from zarr.storage import LocalStore

from xcube_tiles.catalog.stores.objects import get
from xcube_tiles.catalog.stores.store import StoreLike, open_store, shown
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROUP = ("zarr.json", ".zgroup", ".zmetadata")
"""Documents of which a group has one at least, whatever the version of Zarr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder in a store."""

    store: Store
    """The store, opened for reading."""

    path: str
    """Path in the store, without slashes at its ends; empty: the store's root."""

    url: str | None
    """Path or URL of the store; None: it was given as a store."""

    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    """Options that the store was opened with."""

    def __str__(self) -> str:
        if self.url is None:
            return f"{self.store!s}/{self.path}"
        return f"{self.url}/{self.path}" if self.path else self.url

    @property
    def name(self) -> str:
        """Name of the folder."""
        return str(self).rstrip("/").rpartition("/")[2]

    def get(self, name: str) -> bytes | None:
        """Return the content of a file of the folder; None if there is none."""
        if isinstance(self.store, LocalStore) and not self.store.root.is_dir():
            return None  # a local store makes its folder when it is first used
        return get(self.store, f"{self.path}/{name}".lstrip("/"))

    def is_group(self, below: str = "") -> bool:
        """Whether there is a Zarr group."""
        prefix = f"{below}/" if below else ""
        return any(self.get(prefix + name) is not None for name in _GROUP)

    def below(self, name: str) -> Place:
        """Return a folder in this one."""
        return self.beside(f"{self.path}/{name}".lstrip("/"))

    def beside(self, path: str) -> Place:
        """Return another folder of the store.

        Raises
        ------
        CatalogError
            A path that leads out of the store, where only the store is known.
        """
        if not path.startswith(".."):
            return Place(store=self.store, path=path, url=self.url, options=self.options)
        if self.url is None:
            raise CatalogError(f"a link leads out of the store, to {path!r}; open it by its URL")
        base, rest = self.url.rstrip("/"), path
        while rest.startswith(".."):
            base, rest = base.rpartition("/")[0], rest[2:].lstrip("/")
        return open_place(f"{base}/{rest}", self.options)

    def elsewhere(self, target: str) -> Place:
        """Return what an absolute path or URL leads to.

        Raises
        ------
        CatalogError
            A local path, and this store isn't local.
        """
        if "://" not in target and not isinstance(self.store, LocalStore):
            raise CatalogError(f"{self!s} links to {target!r}, a path on its maker's computer")
        return open_place(target, self.options)

    def open(self) -> zarr.Group:
        """Return the folder's Zarr group.

        Raises
        ------
        CatalogError
            There is none.
        """
        if not self.is_group():
            raise CatalogError(f"no Zarr group at {self!s}")
        return zarr.open_group(self.store, path=self.path, mode="r")


def open_place(url: StoreLike, options: Mapping[str, object] | None = None) -> Place:
    """Return the folder of a path, a URL or a store; nothing is read.

    Raises
    ------
    CatalogError
        Something that is neither.
    """
    options = dict(options or {})
    if isinstance(url, Store):
        return Place(store=url, path="", url=None, options=options)
    if not isinstance(url, str | os.PathLike):
        raise CatalogError(f"expected a path, a URL or a Zarr store, got {url!r}")
    text = os.fspath(url).rstrip("/")
    if "://" not in text:
        text = os.path.abspath(text)
    if not text:
        raise CatalogError(f"expected a path, a URL or a Zarr store, got {shown(url)}")
    store = open_store(text, read_only=True, storage_options=options)
    return Place(store=store, path="", url=text, options=options)
