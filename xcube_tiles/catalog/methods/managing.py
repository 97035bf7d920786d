"""Methods of a catalog that manage layers as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from xcube_tiles.catalog.building.changing import change_attributes
from xcube_tiles.catalog.building.leftovers import has_record
from xcube_tiles.catalog.folders import create_root, delete_layer
from xcube_tiles.catalog.foreign.opening import layer_in
from xcube_tiles.catalog.format.conventions import PRIVATE, public_attributes
from xcube_tiles.catalog.format.documents import Encoding
from xcube_tiles.catalog.layer import open_layer
from xcube_tiles.catalog.managing.copying import copy_layer, rename_layer, vacuum_layers
from xcube_tiles.catalog.managing.distribution import level_statistics
from xcube_tiles.catalog.managing.reindex import reindex_layer
from xcube_tiles.catalog.methods.base import LayerFolder
from xcube_tiles.catalog.pyramids.pyramid import SHARD
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.store import open_store
from xcube_tiles.catalog.verify.run import verify_layers
from xcube_tiles.errors import CatalogError, LayerBusyError

if TYPE_CHECKING:
    from zarr.abc.store import Store

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.managing.copying import Removed
    from xcube_tiles.catalog.stores.store import StoreLike
    from xcube_tiles.catalog.verify.report import Report
    from xcube_tiles.grid.curves import Order


class Managing(LayerFolder):
    """Layers as a whole."""

    __slots__ = ()

    def copy(self, layer: str, new: str, *, to: LayerFolder | StoreLike | None = None) -> Layer:
        """Copy a layer, cells and attributes, byte by byte.

        Parameters
        ----------
        layer
            Name of the layer.
        new
            Name of the copy.
        to
            Another catalog, or its path or URL; it is made if it isn't there. By default this one.

        Returns
        -------
        Layer
            The copy. It is seen when it is complete.

        Raises
        ------
        LayerNotFoundError, LayerExistsError
            There is no such layer, or there is one of the new name.
        LayerBusyError
            Somebody is writing to one of both.
        CatalogError
            A name that isn't possible; a folder that is no catalog.

        Notes
        -----
        Within a catalog no byte is moved where the store can copy by itself; on a local disk a copy
        shares its files with the layer until one of both changes.

        Examples
        --------
        >>> import xarray as xr, xcube_tiles as xt
        >>> from zarr.storage import MemoryStore
        >>> from xcube_tiles.cube.georef import set_crs
        >>> cells = xr.DataArray([[1, 2], [3, 4]], {"y": [15, 5], "x": [5, 15]}, ("y", "x"), "z")
        >>> catalog = xt.Catalog(url="memory", store=MemoryStore())
        >>> _ = catalog.write(set_crs(cells, "EPSG:32633"), "dem")
        >>> catalog.copy("dem", "backup").variables
        ('z',)
        >>> catalog.rename("backup", "old").name, catalog.layers
        ('old', ('dem', 'old'))
        """
        self._check(layer)
        target = self._store_of(to)
        copy_layer(self.store, layer, target, new)
        return layer_in(target, new, self.url if to is None else str(to))

    def rename(self, layer: str, new: str) -> Layer:
        """Give a layer another name.

        On a local disk that is one step. In object stores the layer is copied and then deleted: if
        that is cut off in between, both are there, and complete.

        Raises
        ------
        LayerNotFoundError, LayerExistsError
            There is no such layer, or there is one of the new name.
        LayerBusyError
            Somebody is writing to one of both.
        CatalogError
            A name that isn't possible.
        """
        self._check(layer)
        rename_layer(self.store, layer, new)
        return layer_in(self.store, new, self.url)

    def delete(self, layer: str) -> None:
        """Delete a layer, also one that is broken.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        LayerBusyError
            Somebody is writing to it.
        """
        self._check(layer)
        with Lock(self.store, layer):
            delete_layer(self.store, layer)

    def vacuum(self, layer: str | None = None) -> Removed:
        """Remove what is no longer needed: unfinished changes, and levels that were replaced.

        Who still reads levels that were replaced gets an error that says so.

        Parameters
        ----------
        layer
            Name of a layer, or of one that was never finished; None: all that nobody is writing to.

        Returns
        -------
        Removed
            Number of objects, bytes, and the layers concerned.

        Raises
        ------
        LayerNotFoundError
            There is neither a layer of that name nor the beginning of one.
        LayerBusyError
            Somebody is writing to the layer.
        """
        if layer is not None and not self._has_record(layer):
            self._check(layer)
        return vacuum_layers(self.store, layer)

    def set_attributes(self, layer: str, attributes: Mapping[str, object]) -> Layer:
        """Change attributes of a layer in one step; its cells stay as they are.

        Parameters
        ----------
        layer
            Name of the layer.
        attributes
            What is set; None removes an attribute. Others stay. `source`, `expression`, `title`
            and `references` are part of the layer's `provenance`.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        LayerBusyError
            Somebody is writing to it.
        CatalogError
            A name that the format needs for itself, or a value that JSON can't hold.
        """
        self._check(layer)
        if not isinstance(attributes, Mapping):
            raise CatalogError(f"attributes must be a mapping of names, got {attributes!r}")
        given = public_attributes(attributes)
        refused = sorted(str(key) for key in attributes if key not in given)
        if refused:
            raise CatalogError(
                f"attribute {refused[0]!r} describes the grid on disk, or the format, and can't be "
                "set; choose another name"
            )

        def changed(found: dict[str, Any]) -> dict[str, Any]:
            return {key: value for key, value in {**found, **given}.items() if value is not None}

        change_attributes(self.store, layer, "set_attributes", changed, names=sorted(given))
        return open_layer(self.store, layer)

    def compute_statistics(
        self, layer: str, *, levels: Literal["all"] | Iterable[int] = "all"
    ) -> Layer:
        """Compute statistics and histograms of levels from all of their cells, and store them.

        They are read by `Layer.level_statistics` and `Layer.histogram`, and hold until cells change
        the next time.

        Parameters
        ----------
        layer
            Name of the layer.
        levels
            Numbers of levels, 0 the finest; by default all, which takes about 2.7 times as long as
            reading the finest.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        LayerBusyError
            Somebody has changed it meanwhile, or is writing to it.
        CatalogError
            A level that isn't there; a layer that another program made.

        Notes
        -----
        Percentiles are those of `numpy.percentile` for integers that differ by less than 65536.
        Others are taken from 65536 equal bins, and are off by half a bin at most. Each cell is
        read twice.
        """
        found = self[layer]
        numbers = _levels_of(found, levels)
        computed = level_statistics(found, numbers)

        def changed(attributes: dict[str, Any]) -> dict[str, Any]:
            private = attributes.get(PRIVATE, {})
            if private.get("revision") != found.revision:
                raise LayerBusyError(
                    f"layer {layer!r} was changed while its statistics were computed; try again"
                )
            known = {**private.get("level_statistics", {}), **computed}
            return {**attributes, PRIVATE: {**private, "level_statistics": known}}

        change_attributes(self.store, layer, "compute_statistics", changed, levels=numbers)
        return open_layer(self.store, layer)

    def reindex(
        self,
        layer: str,
        *,
        sharded: bool = True,
        chunk: int | None = None,
        shard: int | None = None,
        order: Order = "hilbert",
        progress: bool | None = None,
    ) -> Layer:
        """Pack a layer anew; its cells and attributes stay the same.

        Who has the layer open reads on from its old levels, until the next change or `vacuum`.

        Parameters
        ----------
        layer
            Name of the layer.
        sharded, chunk, shard
            As in `write`.
        order
            Curve along which tiles are written: ``hilbert``, ``zorder`` or ``rowmajor``.
        progress
            Whether to show a progress bar; by default the option `progress`.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        LayerBusyError
            Somebody is writing to it.
        CatalogError
            A chunk or shard size that isn't possible; a layer that another program made.
        GridError
            An unknown order.
        """
        found = self[layer]
        encoding = Encoding(
            sharded=sharded,
            chunk=(256 if sharded else 512) if chunk is None else chunk,
            shard=SHARD if shard is None else shard,
        )
        reindex_layer(self.store, found, encoding, order, progress=progress)
        return open_layer(self.store, layer)

    def verify(
        self, layer: str | None = None, *, deep: bool = False, checksums: bool = True
    ) -> Report:
        """Check whether layers are whole, and name what is broken.

        Parameters
        ----------
        layer
            Name of a layer; None: all, and what is left of others.
        deep
            Whether to read all cells: each object is decoded, and the coarser levels are computed
            anew and compared.
        checksums
            Whether to compare the bytes of all objects with their checksums, which finds each bit
            that has changed. Layers written with ``sharded=False``, or by versions that had no
            checksums, have none: of their objects, as of all with False, some bytes are read.

        Returns
        -------
        Report
            `ok`, `problems` by their paths; it prints as text. What is unfinished, was replaced or
            is being written is noted and isn't broken.

        Raises
        ------
        LayerNotFoundError
            There is neither a layer of that name nor the beginning of one.
        CatalogError
            All layers of a store that can't be listed.

        Examples
        --------
        >>> import xarray as xr, xcube_tiles as xt
        >>> from zarr.storage import MemoryStore
        >>> from xcube_tiles.cube.georef import set_crs
        >>> cells = xr.DataArray([[1, 2], [3, 4]], {"y": [15, 5], "x": [5, 15]}, ("y", "x"), "z")
        >>> catalog = xt.Catalog(url="dems", store=MemoryStore())
        >>> _ = catalog.write(set_crs(cells, "EPSG:32633"), "dem")
        >>> print(catalog.verify())
        dems: 1 checked, nothing broken (checksums of cells compared)
        """
        if layer is not None and not self._has_record(layer):
            self._check(layer)
        elif layer is None:
            _ = self.layers  # tells where nothing can be listed
        return verify_layers(self.store, self.url, layer, deep=deep, checksums=checksums)

    def _has_record(self, layer: str) -> bool:
        return isinstance(layer, str) and has_record(self.store, layer)

    def _store_of(self, to: LayerFolder | StoreLike | None) -> Store:
        if to is None:
            return self.store
        if isinstance(to, LayerFolder):
            return to.store
        store = open_store(to, read_only=False)
        create_root(store, to)
        return store


def _levels_of(layer: Layer, levels: Literal["all"] | Iterable[int]) -> list[int]:
    """Return the numbers of levels.

    Raises
    ------
    CatalogError
        One that isn't there; a layer that another program made.
    """
    if not layer.revision:
        raise CatalogError(
            f"another program made layer {layer.name!r}, and statistics have no place in it; "
            "read it and write the cube"
        )
    if levels == "all":
        return [level.number for level in layer.levels]
    given: list[Any] = [levels] if isinstance(levels, str | int) else list(levels)
    for number in given:
        layer.shape_of(number)
    return sorted(set(given))
