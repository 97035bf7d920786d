"""An index of layers in SQL: found, opened and read without a request for their metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zarr.storage import MemoryStore

from xcube_tiles.catalog.cubes import checked_name
from xcube_tiles.catalog.index.rows import (
    SCHEMA_VERSION,
    database,
    layer_of_row,
    layers,
    metadata,
    period,
    row_of,
)
from xcube_tiles.catalog.methods.reading import Reading
from xcube_tiles.catalog.stores.objects import get_document
from xcube_tiles.catalog.stores.store import open_store
from xcube_tiles.database import create_tables, sa, snapshot
from xcube_tiles.errors import CatalogError, LayerExistsError, LayerNotFoundError
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from zarr.abc.store import Store

    from xcube_tiles.catalog.layer import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What `LayerIndex.refresh` has found."""

    changed: tuple[str, ...]
    """Layers that had changed since; their rows say now what the layers say."""

    gone: tuple[str, ...]
    """Layers that aren't there any more; their rows are kept, `remove` takes them out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerIndex(Reading):
    """Layers by name in a database, their tiles in any number of places.

    A row holds all of a layer's metadata: layers are listed, found and opened by the database
    alone, and only cells are read from where they stand. It reads as a catalog does; layers are
    written to their catalogs, and registered here.
    """

    storage_options: Mapping[str, object] = field(default_factory=dict, repr=False)
    """Options of the object stores; they aren't kept in the database, as they may be secret."""

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        *,
        create: bool = True,
        storage_options: Mapping[str, object] | None = None,
    ) -> LayerIndex:
        """Open an index.

        Parameters
        ----------
        url
            ``sqlite:///layers.db``, ``postgresql://...``, ``mysql://...`` or ``mariadb://...``, or
            the path of an SQLite file.
        create
            Whether its table is made if it isn't there.
        storage_options
            Options of the object stores that the tiles are in.

        Raises
        ------
        CatalogError
            No URL of a database; one that doesn't answer; no index, and `create` is False.
        MissingExtraError
            SQLAlchemy or the database's driver isn't installed.

        Examples
        --------
        >>> import tempfile, xarray as xr, xcube_tiles as xt
        >>> from xcube_tiles.cube.georef import set_crs
        >>> cells = xr.DataArray([[1, 2], [3, 4]], {"y": [15, 5], "x": [5, 15]}, ("y", "x"), "z")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = set_crs(cells, "EPSG:32633").tiles.to_catalog(f"{folder}/a.zarr", "dem")
        ...     index = LayerIndex.open(f"sqlite:///{folder}/layers.db")
        ...     _ = index.register("terrain", f"{folder}/a.zarr", "dem")
        ...     print(index.layers, index.where(name="t*", extent=(10, 0, 20, 1)))
        ...     print(index.read("terrain").z.values)
        ('terrain',) ('terrain',)
        [[1 2]
         [3 4]]
        """
        text = fspath(url)
        if not isinstance(text, str):
            raise CatalogError(f"expected a database URL or a path, got {url!r}")
        with database.engine(text, create=create) as engine:
            if create:
                create_tables(engine, metadata)
            elif not sa.inspect(engine).has_table(layers.name):
                raise CatalogError(f"{database.shown(text)} holds no layers; {database.advice}")
        options = dict(storage_options or {})
        return cls(url=text, store=MemoryStore(read_only=True), storage_options=options)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, sorted."""
        return self.where()

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._rows(name))

    def __getitem__(self, name: str) -> Layer:
        """Return a layer from its row; its tiles' store isn't asked.

        Raises
        ------
        LayerNotFoundError
            There is none of that name; the text lists those that are there.
        """
        row = self._row(name)
        return layer_of_row(row, self._store(row["catalog"]))

    def register(
        self, name: str, catalog: str | os.PathLike[str], layer: str | None = None
    ) -> Layer:
        """Take a layer into the index; if it is there already, what has changed is noted.

        Parameters
        ----------
        name
            Name in the index.
        catalog
            Path or URL of the layer's catalog; a path is stored as an absolute one.
        layer
            Name in that catalog; by default that in the index.

        Raises
        ------
        LayerNotFoundError
            The catalog has no such layer.
        LayerExistsError
            The index has another layer of that name.
        CatalogError
            A name that isn't possible; a layer that another program made without the conventions.
        """
        checked_name(name)
        path = checked_name(name if layer is None else layer)
        url = _absolute(catalog)
        row = row_of(name, url, self._store(url), path)
        with database.engine(self.url, create=False) as engine, engine.begin() as connection:
            query = sa.select(layers.c.catalog, layers.c.path).where(layers.c.name == name)
            found = connection.execute(query.with_for_update()).one_or_none()
            if found is not None and tuple(found) != (url, path):
                raise LayerExistsError(
                    f"the index has a layer {name!r} already, {found.path!r} of {found.catalog!r};"
                    " remove it first or choose another name"
                )
            connection.execute(sa.delete(layers).where(layers.c.name == name))
            connection.execute(sa.insert(layers), row)
        return self[name]

    def remove(self, name: str) -> None:
        """Take a layer out of the index; the layer itself stays where it is.

        Raises
        ------
        LayerNotFoundError
            There is none of that name.
        """
        self._row(name)
        with database.engine(self.url, create=False) as engine, engine.begin() as connection:
            connection.execute(sa.delete(layers).where(layers.c.name == name))

    def refresh(self, name: str | None = None) -> Refreshed:
        """Note what has changed in layers since they were registered.

        Parameters
        ----------
        name
            Name of a layer; None: all of them, one document of each is read.

        Raises
        ------
        LayerNotFoundError
            There is no such layer in the index, or it was named and isn't in its catalog any more.
        """
        changed, gone = [], []
        for row in [self._row(name)] if name is not None else self._rows():
            try:
                state = self._state(row)
                if state != row["document"]:
                    self.register(row["name"], row["catalog"], row["path"])
                    changed.append(row["name"])
            except LayerNotFoundError:
                if name is not None:
                    raise
                gone.append(row["name"])
        return Refreshed(changed=tuple(changed), gone=tuple(gone))

    def check_current(self, name: str) -> None:
        """Make sure that a layer is as the index has it; one document of it is read.

        Raises
        ------
        LayerNotFoundError
            There is no such layer in the index, or in its catalog.
        CatalogError
            It has changed since.
        """
        row = self._row(name)
        if self._state(row) != row["document"]:
            raise CatalogError(
                f"layer {name!r} has changed since revision {row['revision']}, which the index "
                f"has; index.refresh({name!r}) notes how it is now"
            )

    def where(
        self,
        *,
        name: str | None = None,
        extent: Extent | tuple[float, float, float, float] | None = None,
        time: object = None,
    ) -> tuple[str, ...]:
        """Return the names of layers, sorted; conditions are all met, and no layer is opened.

        Parameters
        ----------
        name
            Pattern with ``*`` and ``?``.
        extent
            What a layer's extent touches: an extent in any CRS, or (west, south, east, north) in
            degrees.
        time
            An instant, a period such as ``"2018-05"``, or a range ``(start, stop)`` with both ends
            included: what a layer's first to last time touches.

        Raises
        ------
        CatalogError
            A name that is no text, or something that is no time.
        """
        query = sa.select(layers.c.name)
        if extent is not None:
            box = extent if isinstance(extent, Extent) else Extent.from_bounds(extent, "EPSG:4326")
            west, south, east, north = map(float, box.to_crs("EPSG:4326").bounds)
            query = query.where(layers.c.west <= east, layers.c.east >= west)
            query = query.where(layers.c.south <= north, layers.c.north >= south)
        if time is not None:
            first, last = period(time)
            if last is not None:
                query = query.where(layers.c.first_time <= last)
            if first is not None:
                query = query.where(layers.c.last_time >= first)
        if name is not None and not isinstance(name, str):
            raise CatalogError(f"name must be a pattern such as 'ndvi*', got {name!r}")
        with database.engine(self.url, create=False) as engine, snapshot(engine) as connection:
            names = connection.scalars(query).all()
        return tuple(sorted(each for each in names if name is None or fnmatchcase(each, name)))

    def _rows(self, name: str | None = None) -> list[dict[str, Any]]:
        query = sa.select(layers)
        if name is not None:
            query = query.where(layers.c.name == name)
        with database.engine(self.url, create=False) as engine, snapshot(engine) as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        for row in found:
            if row["schema_version"] != SCHEMA_VERSION:
                raise CatalogError(
                    f"layer {row['name']!r} was registered with version {row['schema_version']} of "
                    f"the table; this package reads version {SCHEMA_VERSION}"
                )
        return sorted(found, key=lambda row: str(row["name"]))

    def _row(self, name: str) -> dict[str, Any]:
        found = self._rows(name) if isinstance(name, str) else []
        if not found:
            raise LayerNotFoundError(
                f"no layer {name!r} in the index {database.shown(self.url)}; it has "
                f"{', '.join(self.layers) or 'none'}"
            )
        return found[0]

    def _check(self, name: str) -> None:
        self._row(name)

    def _store(self, catalog: str) -> Store:
        options = self.storage_options if "://" in catalog else None
        return open_store(catalog, read_only=True, storage_options=options)

    def _state(self, row: Mapping[str, Any]) -> str:
        """Return the document that a layer has now, as a row holds it."""
        found = get_document(self._store(row["catalog"]), f"{row['path']}/zarr.json")
        if found is None:
            raise LayerNotFoundError(
                f"layer {row['name']!r} isn't in {row['catalog']!r} any more; "
                f"index.remove({row['name']!r}) takes it out of the index"
            )
        return json.dumps(found)


def _absolute(catalog: str | os.PathLike[str]) -> str:
    text = fspath(catalog) if hasattr(catalog, "__fspath__") or isinstance(catalog, str) else None
    if not isinstance(text, str):
        raise CatalogError(f"expected the path or URL of a catalog, got {catalog!r}")
    return text if "://" in text else str(Path(text).absolute())
