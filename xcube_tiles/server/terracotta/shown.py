"""Rasters as layers of the map page, as they are at the moment."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias

from xcube_tiles.errors import CollectionError, UnknownKeyError, XcubeTilesError
from xcube_tiles.render.mosaic import MosaicSource
from xcube_tiles.server.library import version_of_files
from xcube_tiles.sources.geotiff import GeoTiffSource
from xcube_tiles.sources.keys import Key, value_text
from xcube_tiles.sources.places import place_keys
from xcube_tiles.sources.table import with_headers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.server.terracotta.shelf import Shelf
    from xcube_tiles.sources.collection import Collection
    from xcube_tiles.sources.terracotta_table import KeyedRasters

_LOG = logging.getLogger("xcube_tiles.server.terracotta")

ROOT_NAME = "rasters"
"""Name of the layer of rasters that no key tells apart; API keys give it to all of them."""

MOST_SHOWN = 500
"""Rasters of which layers of the map page are made; of more than these the headers aren't read."""

MOST_MOSAICKED = 20_000
"""The same where they lie side by side."""

MosaicKeys: TypeAlias = "Sequence[str] | Literal['auto'] | None"
"""Keys whose values lie side by side in one layer; `auto`: those along which rasters cover
different areas; None: each layer has one grid."""

_BANDS = ("band", "bands")


@dataclass(slots=True)
class _Shown:
    """A layer: what it is made of, and what that was when it was looked at."""

    files: Collection
    version: str
    source: TileSource | None


class ShownRasters:
    """The rasters of a shelf as layers, by the values of keys that are no time, band or place.

    Those that can't be a layer are left out; the log says why. Headers are read of files that are
    new or have changed, and only when a list of rasters or a layer's files are others than before.

    Parameters
    ----------
    shelf
        The rasters.
    mosaic
        Keys whose values lie side by side in one layer; `auto`: those along which rasters cover
        different areas. None: rasters on several grids are no layer.

    Raises
    ------
    UnknownKeyError
        `mosaic` names no key of the rasters.
    CollectionError
        `mosaic` is neither a list of keys nor `auto`.
    """

    def __init__(self, shelf: Shelf, *, mosaic: MosaicKeys = None) -> None:
        if isinstance(mosaic, str) and mosaic != "auto":
            raise CollectionError(
                f"mosaic is a list of keys, such as [{mosaic!r}], or 'auto', got {mosaic!r}"
            )
        self._shelf, self._mosaic = shelf, mosaic
        self._rasters: KeyedRasters | None = None
        self._layers: dict[str, _Shown] = {}
        self._files: Collection | None = None
        self._looking = Lock()
        keys = shelf.now().keys
        unknown = [] if mosaic in (None, "auto") else [key for key in mosaic if key not in keys]
        if unknown and keys:
            raise UnknownKeyError(f"no key {unknown[0]!r}; the keys are {', '.join(keys)}")

    def names(self) -> tuple[str, ...]:
        """Return the names of the layers."""
        self._look()
        return tuple(name for name, layer in self._layers.items() if layer.source is not None)

    def find(self, name: str) -> tuple[TileSource, str] | None:
        """Return a layer's source and a text that changes with its files; None: there is none."""
        self._look()
        layer = self._layers.get(name)
        if layer is None:
            return None
        version = _version(layer.files)
        if version != layer.version:
            files = with_headers_of(layer.files, layer.files)
            layer = self._layers[name] = _Shown(files, version, self._source(name, files))
        return None if layer.source is None else (layer.source, layer.version)

    def _look(self) -> None:
        rasters = self._shelf.now()
        # While one request looks at what is new, the others go on with what is known.
        if rasters is self._rasters or not self._looking.acquire(blocking=self._rasters is None):
            return
        try:
            if rasters is not self._rasters:
                self._layers = self._shown(rasters)
                self._rasters = rasters
        finally:
            self._looking.release()

    def _shown(self, rasters: KeyedRasters) -> dict[str, _Shown]:
        most = MOST_SHOWN if self._mosaic is None else MOST_MOSAICKED
        if len(rasters) > most:
            _LOG.info("%d rasters: too many to look for layers of the map page", len(rasters))
        if not 0 < len(rasters) <= most:
            return {}
        try:
            files = rasters.collection()
            if self._files is not None:
                files = with_headers_of(files, self._files)
            self._files = files
            places = self._places(files)
        except (XcubeTilesError, OSError) as error:
            _LOG.info("no layers of the map page: %s", error)
            return {}
        return {name: self._layer(name, chosen) for name, chosen in _groups(files, places)}

    def _layer(self, name: str, files: Collection) -> _Shown:
        known, version = self._layers.get(name), _version(files)
        if known is not None and known.version == version and known.files == files:
            return known
        return _Shown(files, version, self._source(name, files))

    def _places(self, files: Collection) -> Sequence[str]:
        if self._mosaic is None:
            return ()
        if self._mosaic != "auto":
            return self._mosaic
        keys = [Key(name=name, type=kind) for name, kind in files.key_types.items()]
        return place_keys(list(files), keys, files.headers())

    def _source(self, name: str, files: Collection) -> TileSource | None:
        try:
            return layer_source(files, self._mosaic)
        except (XcubeTilesError, OSError) as error:
            _LOG.info("%s is no layer of the map page: %s", name, error)
            return None


def layer_source(files: Collection, mosaic: MosaicKeys) -> TileSource:
    """Return files as a layer: on their grid, or put together.

    Parameters
    ----------
    files
        The rasters.
    mosaic
        As for `ShownRasters`; keys that the files don't have don't count.

    Raises
    ------
    CollectionError, GeoreferenceError, GridError
        They can't be one.
    """
    if mosaic is None:
        return GeoTiffSource(files)
    if mosaic != "auto":
        return MosaicSource(files, over=[key for key in mosaic if key in files.keys])
    try:
        return GeoTiffSource(files)  # on one grid: nothing is put together
    except CollectionError:
        return MosaicSource(files)


def _groups(files: Collection, places: Sequence[str]) -> Iterator[tuple[str, Collection]]:
    """Yield the rasters of each layer, and its name."""
    others = [
        key
        for key, kind in files.key_types.items()
        if kind != "time" and key not in _BANDS and key not in places
    ]
    groups = {tuple(raster.keys[key] for key in others) for raster in files}
    taken: set[str] = set()
    for values in sorted(groups, key=lambda values: tuple(map(value_text, values))):
        name = "-".join(map(value_text, values)).replace("/", "-") or ROOT_NAME
        if name in taken:
            _LOG.info("there are several layers %r: the first is shown", name)
            continue
        taken.add(name)
        yield (
            name,
            files.where(**{key: [value] for key, value in zip(others, values, strict=True)}),
        )


def _version(files: Collection) -> str:
    # Bands and keys count: a row may name another band of the same file, or another time.
    rows = [(raster.path, raster.raster_band, dict(raster.keys)) for raster in files]
    listed = blake2b(repr(rows).encode(), digest_size=6).hexdigest()
    return listed + version_of_files(raster.path for raster in files)
