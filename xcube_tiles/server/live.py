"""The layers that are served, some of which come and go by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from xcube_tiles.server.library import Library

if TYPE_CHECKING:
    from xcube_tiles.catalog.model import Catalog
    from xcube_tiles.render.source import TileSource


class LiveLayers(Protocol):
    """Layers as they are at the moment; asked often, it does next to nothing if nothing changed."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all layers."""

    def find(self, name: str) -> tuple[TileSource, str] | None:
        """Return a layer's source and a text that changes with its data; None: there is none."""


class LiveLibrary(Library):
    """A library with layers that come and go.

    Parameters
    ----------
    catalog, options
        As for `Library`; a layer that is given there hides a live one of the same name, and this
        one of the catalog.
    live
        The layers that come and go; None: there are none.
    """

    def __init__(self, catalog: Catalog | None, *, live: LiveLayers | None, **options: Any) -> None:
        super().__init__(catalog, **options)
        self._live = live

    def names(self) -> tuple[str, ...]:
        """Return the names of all layers, sorted."""
        return tuple(sorted({*super().names(), *self._coming()}))

    def _state(self, name: str) -> tuple[int, int, int] | None:
        # What hides a layer of the catalog doesn't change with that.
        return None if name in self._coming() else super()._state(name)

    def _find(self, name: str) -> tuple[TileSource, str] | None:
        found = None
        if self._live is not None and name not in self._given:
            found = self._live.find(name)
        return super()._find(name) if found is None else found

    def _coming(self) -> tuple[str, ...]:
        return () if self._live is None else self._live.names()
