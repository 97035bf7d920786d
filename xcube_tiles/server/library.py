"""The layers that are served: those of a catalog as it is at the moment, and those given."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from threading import Lock
from time import monotonic
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Path, Request
from zarr.storage import LocalStore

from xcube_tiles.catalog.folders import can_list
from xcube_tiles.catalog.model import Catalog, Layer
from xcube_tiles.errors import LayerNotFoundError
from xcube_tiles.render.source import TileSource
from xcube_tiles.server.operations.access import VISITOR, Visitor
from xcube_tiles.server.served import ServedLayer

REFRESH_SECONDS = 1.0
"""Age at which what is known of the catalog is looked up again."""

_LONGEST_NAME = 255  # bytes, of a folder on the usual file systems


class Library:
    """The layers that are served.

    Parameters
    ----------
    catalog
        Its layers are served; new, changed and deleted ones are noticed.
    sources
        Further layers by name. One of the catalog with the same name is hidden by them.
    versions
        For sources whose data may change: a call that returns a text which changes with them.
    refresh
        Seconds for which an opened layer is used without looking whether it has changed.

    Raises
    ------
    ValueError
        A source's name that no address can have, see `check_name`.
    """

    def __init__(
        self,
        catalog: Catalog | None,
        *,
        sources: Mapping[str, TileSource],
        versions: Mapping[str, Callable[[], str]] | None = None,
        refresh: float = REFRESH_SECONDS,
    ) -> None:
        self._catalog = catalog
        for name in sources:
            check_name(name)
        self._given = dict(sources)
        constant = {name: repeat(uuid4().hex).__next__ for name in sources}
        self._versions = constant | dict(versions or {})
        self._refresh = refresh
        self._opened: dict[str, tuple[ServedLayer, float]] = {}
        self._opening = Lock()
        self._states: dict[str, tuple[int, int, int]] = {}
        store = None if catalog is None else catalog.store
        self.is_listed = store is None or can_list(store)
        self._folder = os.fspath(store.root) if isinstance(store, LocalStore) else None

    def names(self) -> tuple[str, ...]:
        """Return the names of all layers, sorted.

        Of a catalog that can't be listed, as on a web server, they are those that were asked for.
        """
        there: Iterable[str] = () if self._catalog is None else self._opened.copy()
        if self._catalog is not None and self.is_listed:
            there = self._catalog.layers
        return tuple(sorted({*there, *self._given}))

    def __getitem__(self, name: str) -> ServedLayer:
        """Return a layer.

        Raises
        ------
        LayerNotFoundError
            There is none of that name; the text lists those that are there.
        """
        known = self.current(name)
        if known is not None:
            return known
        known, _ = self._opened.get(name, (None, 0.0))
        # While one request looks for changes, the others go on with what is known.
        if not self._opening.acquire(blocking=known is None):
            assert known is not None
            return known
        try:
            return self._open(name)
        finally:
            self._opening.release()

    def current(self, name: str) -> ServedLayer | None:
        """Return a layer that is known to be as it is in the catalog now, else None.

        Of a catalog on a local disk the state of the layer's document tells that, at the price of
        some microseconds; of others their age does. Nothing is opened.
        """
        known, checked = self._opened.get(name, (None, 0.0))
        if known is None:
            return None
        state = self._states.get(name)
        if state is not None:
            return known if self._state(name) == state else None
        return known if monotonic() - checked < self._refresh else None

    def knows(self, name: str) -> bool:
        """Return whether a layer has been opened, however long ago."""
        return name in self._opened

    def is_remote(self, name: str) -> bool:
        """Return whether reading a layer waits for a server: its catalog is on no local disk."""
        return name not in self._given and self._folder is None

    def _state(self, name: str) -> tuple[int, int, int] | None:
        """Return what changes when the document of a layer on a local disk is replaced."""
        if self._folder is None or name in self._given:
            return None
        try:
            found = os.stat(os.path.join(self._folder, name, "zarr.json"))
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _open(self, name: str) -> ServedLayer:
        current = self.current(name)
        if current is not None:
            return current  # opened while this request waited
        known, _ = self._opened.get(name, (None, 0.0))
        if name not in self._given and not _is_name(name):
            raise self._absent(name)
        state = self._state(name)  # before it is read: what changes meanwhile is seen next time
        found = self._find(name)
        if found is None:
            self._opened.pop(name, None)
            self._states.pop(name, None)
            raise self._absent(name)
        source, version = found
        if known is None or known.version != version:
            title = _title_of(source) if isinstance(source, Layer) else None
            known = ServedLayer(name, source, version=version, title=title)
        self._opened[name] = known, monotonic()
        if state is not None:
            self._states[name] = state
        return known

    def _absent(self, name: str) -> LayerNotFoundError:
        there = ", ".join(self.names()) or "none"
        what = "layers" if self.is_listed else "layers that were found by their names"
        return LayerNotFoundError(f"no layer {name!r}; the {what} are: {there}")

    def _find(self, name: str) -> tuple[TileSource, str] | None:
        if name in self._given:
            return self._given[name], self._versions[name]()
        if self._catalog is None or name not in self._catalog:
            return None
        layer = self._catalog[name]
        return layer, _version_of(layer)


def _is_name(name: str) -> bool:
    """Return whether a text can name a layer of a catalog; a path or an address is never tried."""
    if not name.isprintable() or name.startswith(".") or set(name) & set("/\\"):
        return False
    # A disk that is asked for a longer name fails, as one does that can't be read.
    return len(name.encode()) <= _LONGEST_NAME


def check_name(name: str) -> None:
    """Refuse a name that can't be asked for on every route.

    Proxies take an escaped slash for one that parts folders, WMS parts names by commas, and folders
    named by dots are resolved by the clients.

    Raises
    ------
    ValueError
        A name that is empty, begins with a dot, or has a slash, a backslash, a comma or a control
        character.

    Examples
    --------
    >>> check_name("a & b")
    >>> check_name("a/b")
    Traceback (most recent call last):
      ...
    ValueError: a layer's name has no slash, backslash or comma, and no dot first; got 'a/b'
    """
    if not name or not _is_name(name) or "," in name:
        raise ValueError(
            f"a layer's name has no slash, backslash or comma, and no dot first; got {name!r}"
        )


def version_of_files(paths: Iterable[str]) -> str:
    """Return a text that changes when local files do; of files elsewhere only the names count."""
    state = []
    for path in paths:
        if "://" in path:
            state.append((path, 0, 0))
            continue
        try:
            found = os.stat(path)
        except OSError:
            state.append((path, 0, 0))
        else:
            state.append((path, found.st_mtime_ns, found.st_size))
    return hashlib.blake2b(repr(sorted(set(state))).encode(), digest_size=12).hexdigest()


def _version_of(layer: Layer) -> str:
    # The writer notes when it made a layer; whatever else is noted may change later without it.
    document = json.dumps([layer.metadata, layer.attrs], sort_keys=True, default=str)
    return hashlib.blake2b(document.encode(), digest_size=12).hexdigest()


def _title_of(layer: Layer) -> str | None:
    title = layer.attrs.get("title")
    return str(title) if title else None


class VisibleLibrary(Library):
    """The layers of a library that a visitor may see; others are as if they weren't there.

    Parameters
    ----------
    library
        All layers.
    visitor
        Who asks.
    """

    def __init__(self, library: Library, visitor: Visitor) -> None:
        self._library = library
        self._visitor = visitor
        self.is_listed = library.is_listed

    def names(self) -> tuple[str, ...]:
        """Return the names of the layers that may be seen, sorted."""
        return tuple(name for name in self._library.names() if self._visitor.sees(name))

    def __getitem__(self, name: str) -> ServedLayer:
        """Return a layer that may be seen.

        Raises
        ------
        LayerNotFoundError
            There is none of that name, or it may not be seen: the text is the same.
        """
        if self._visitor.sees(name):
            try:
                return self._library[name]
            except LayerNotFoundError:
                pass  # its text lists all layers
        raise self._absent(name)

    def current(self, name: str) -> ServedLayer | None:
        """Return a layer that may be seen and is known to be as it is now, else None."""
        return self._library.current(name) if self._visitor.sees(name) else None


def library_of(request: Request) -> Library:
    """Return the library of the application, or what the one who asks may see of it."""
    library = request.app.state.library
    assert isinstance(library, Library)
    visitor = request.scope.get(VISITOR)
    return library if visitor is None else VisibleLibrary(library, visitor)


def layer_of(
    library: Annotated[Library, Depends(library_of)],
    layer: Annotated[str, Path(description="Name of a layer")],
) -> ServedLayer:
    """Return the layer that a request's path names."""
    return library[layer]
