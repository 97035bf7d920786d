"""A catalog: a Zarr group of named layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xcube_tiles.catalog.layer import Layer, Level, open_layer
from xcube_tiles.catalog.selection import read_layer
from xcube_tiles.catalog.store import delete_folder, has_layer, layer_names
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError, LayerNotFoundError
from xcube_tiles.grid.scheme import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import xarray as xr
    from zarr.abc.store import Store

    from xcube_tiles.catalog.selection import TimeSelection
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.typing import PyramidResampling, XarrayObject

__all__ = ["Catalog", "Layer", "Level"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalog:
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
        self._check(name)
        return open_layer(self.store, name)

    def read(
        self,
        layer: str,
        *,
        zoom: int | None = None,
        extent: Extent | tuple[float, float, float, float] | None = None,
        time: TimeSelection | None = None,
        bands: str | Iterable[str] | None = None,
    ) -> xr.Dataset:
        """Return a layer, or a part of it, as a lazy cube.

        Parameters
        ----------
        layer
            Name of the layer.
        zoom, extent, time, bands
            As in `catalog.selection.read_layer`: what is left out isn't restricted.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        CatalogError
            A zoom, time or band that the layer hasn't.
        GridError
            An extent that doesn't touch the layer.
        """
        return read_layer(self[layer], zoom=zoom, extent=extent, time=time, bands=bands)

    def write(
        self,
        cube: XarrayObject | xr.DataTree,
        layer: str,
        *,
        scheme: str = LOCAL,
        resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
        levels: int | None = None,
        min_valid: float = 0.0,
        overwrite: bool = False,
        sharded: bool = True,
        chunk: int | None = None,
        shard: int | None = None,
        progress: bool | None = None,
    ) -> Layer:
        """Write a cube as a layer; parameters and errors are those of `to_catalog`."""
        return to_catalog(
            cube,
            self.store,
            layer,
            scheme=scheme,
            resampling=resampling,
            levels=levels,
            min_valid=min_valid,
            overwrite=overwrite,
            sharded=sharded,
            chunk=chunk,
            shard=shard,
            progress=progress,
        )

    def delete(self, layer: str) -> None:
        """Delete a layer.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        """
        self._check(layer)
        delete_folder(self.store, layer)

    def _listed(self) -> tuple[str, ...]:
        try:
            return self.layers
        except CatalogError:
            return ("layers that can't be listed",)

    def _check(self, name: str) -> None:
        if name not in self:
            there = f"it has {', '.join(self._listed()) or 'none'}"
            raise LayerNotFoundError(f"no layer {name!r} in the catalog {self.url!r}; {there}")
