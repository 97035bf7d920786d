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

from xcube_tiles.catalog.model import Catalog, Layer
from xcube_tiles.errors import LayerNotFoundError
from xcube_tiles.render.source import TileSource
from xcube_tiles.server.served import ServedLayer

REFRESH_SECONDS = 1.0
"""Age at which what is known of the catalog is looked up again."""


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
        self._given = dict(sources)
        constant = {name: repeat(uuid4().hex).__next__ for name in sources}
        self._versions = constant | dict(versions or {})
        self._refresh = refresh
        self._opened: dict[str, tuple[ServedLayer, float]] = {}
        self._opening = Lock()

    def names(self) -> tuple[str, ...]:
        """Return the names of all layers, sorted."""
        there = self._catalog.layers if self._catalog is not None else ()
        return tuple(sorted({*there, *self._given}))

    def __getitem__(self, name: str) -> ServedLayer:
        """Return a layer.

        Raises
        ------
        LayerNotFoundError
            There is none of that name; the text lists those that are there.
        """
        known, checked = self._opened.get(name, (None, 0.0))
        if known is not None and monotonic() - checked < self._refresh:
            return known
        # While one request looks for changes, the others go on with what is known.
        if not self._opening.acquire(blocking=known is None):
            assert known is not None
            return known
        try:
            return self._open(name)
        finally:
            self._opening.release()

    def _open(self, name: str) -> ServedLayer:
        known, checked = self._opened.get(name, (None, 0.0))
        if known is not None and monotonic() - checked < self._refresh:
            return known  # opened while this request waited
        found = self._find(name)
        if found is None:
            self._opened.pop(name, None)
            there = ", ".join(self.names()) or "none"
            raise LayerNotFoundError(f"no layer {name!r}; the layers are: {there}")
        source, version = found
        if known is None or known.version != version:
            title = _title_of(source) if isinstance(source, Layer) else None
            known = ServedLayer(name, source, version=version, title=title)
        self._opened[name] = known, monotonic()
        return known

    def _find(self, name: str) -> tuple[TileSource, str] | None:
        if name in self._given:
            return self._given[name], self._versions[name]()
        if self._catalog is None or name not in self._catalog:
            return None
        layer = self._catalog[name]
        return layer, _version_of(layer)


def version_of_files(paths: Iterable[str]) -> str:
    """Return a text that changes when local files do; files elsewhere are not looked at."""
    state = []
    for path in paths:
        if "://" not in path:
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


def library_of(request: Request) -> Library:
    """Return the library of the application that answers a request."""
    library = request.app.state.library
    assert isinstance(library, Library)
    return library


def layer_of(
    library: Annotated[Library, Depends(library_of)],
    layer: Annotated[str, Path(description="Name of a layer")],
) -> ServedLayer:
    """Return the layer that a request's path names."""
    return library[layer]
