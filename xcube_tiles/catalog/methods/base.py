"""Named layers in one place: what all methods of a catalog share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xcube_tiles.catalog.folders import has_layer, layer_names, may_be_layer
from xcube_tiles.catalog.foreign.opening import layer_in
from xcube_tiles.catalog.format.conventions import is_layer
from xcube_tiles.errors import CatalogError, LayerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.abc.store import Store

    from xcube_tiles.catalog.layer import Layer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerFolder:
    """Named layers in one place; what is listed is what lies there at that moment."""

    url: str
    """Path or URL, as it was given."""

    store: Store = field(repr=False)
    """The Zarr store."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, sorted."""
        return layer_names(self.store)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __contains__(self, name: object) -> bool:
        return has_layer(self.store, name)

    def __getitem__(self, name: str) -> Layer:
        """Return a layer.

        Raises
        ------
        LayerNotFoundError
            There is none of that name; the text lists those that are there.
        """
        if not may_be_layer(name):
            raise self._absent(name)
        # One request opens it; only where that fails another one asks whether there is one.
        try:
            layer = layer_in(self.store, name, self.url)
        except (CatalogError, FileNotFoundError):
            self._check(name)
            raise
        if not is_layer(layer.group.attrs.asdict()):
            raise self._absent(name)
        return layer

    def _listed(self) -> tuple[str, ...]:
        try:
            return self.layers
        except CatalogError:
            return ("layers that can't be listed",)

    def _check(self, name: str) -> None:
        if name not in self:
            raise self._absent(name)

    def _absent(self, name: object) -> LayerNotFoundError:
        there = f"it has {', '.join(self._listed()) or 'none'}"
        return LayerNotFoundError(f"no layer {name!r} in the catalog {self.url!r}; {there}")
