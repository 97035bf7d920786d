"""Files as they are drawn: opened once, looked at again when they have changed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

from xcube_tiles.sources.collection import Collection
from xcube_tiles.sources.geotiff import GeoTiffSource
from xcube_tiles.sources.header import read_header
from xcube_tiles.sources.raster import Raster
from xcube_tiles.sources.storage import fingerprint
from xcube_tiles.sources.terracotta_record import quick_statistics, unscaled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.raster import RasterStatistics

MOST_OPENED = 1024
"""Files whose headers and statistics are kept."""

_ONLY = "raster"


@dataclass(slots=True)
class OpenedRaster:
    """A raster that can be drawn."""

    raster: Raster
    """What it is; its band has a number."""

    header: RasterHeader
    """What its file says."""

    source: GeoTiffSource
    """Its cells as stored, neither scaled nor offset."""

    statistics: RasterStatistics | None = None
    """Of the cells as stored, once they are known."""

    lock: Lock = field(default_factory=Lock)
    """Held while statistics are computed: requests that come together wait for one of them."""


class OpenedRasters:
    """Files that were opened, those used last.

    Parameters
    ----------
    storage
        Options of the file system that they lie in.
    """

    def __init__(self, storage: Mapping[str, Any] | None) -> None:
        self._storage = dict(storage) if storage else None
        self._opened: OrderedDict[tuple[object, ...], OpenedRaster] = OrderedDict()
        self._lock = Lock()

    def open(self, raster: Raster) -> OpenedRaster:
        """Return a raster that can be drawn; the first band where none was named.

        Raises
        ------
        CollectionError, GeoreferenceError
            The file can't be opened, or has no CRS.
        """
        place = (raster.path, raster.raster_band, _state(raster.path))
        with self._lock:
            known = self._opened.get(place)
            if known is not None:
                self._opened.move_to_end(place)
                return known
        # Outside the lock: two requests may open the same at once, which does no harm.
        found = self._read(raster)
        with self._lock:
            found = self._opened.setdefault(place, found)
            while len(self._opened) > MOST_OPENED:
                self._opened.popitem(last=False)
        return found

    def statistics(
        self, raster: Raster, *, stored: bool, max_shape: tuple[int, int]
    ) -> RasterStatistics:
        """Return statistics of a raster's cells as stored.

        Parameters
        ----------
        raster
            What is known of it counts before what its cells say.
        stored
            Whether its statistics are already of cells as stored.
        max_shape
            See `quick_statistics`.
        """
        if raster.statistics is not None and stored:
            return raster.statistics
        opened = self.open(raster)
        if raster.statistics is not None:
            return unscaled(raster.statistics, opened.header, opened.raster.raster_band)
        with opened.lock:
            if opened.statistics is None:
                opened.statistics = quick_statistics(
                    opened.raster, opened.header, self._storage, max_shape=max_shape
                )
            return opened.statistics

    def _read(self, raster: Raster) -> OpenedRaster:
        header = read_header(raster.path, self._storage)
        if raster.raster_band is None:
            raster = replace(raster, raster_band=1)  # Terracotta knows no other
        only = Raster(path=raster.path, keys={"band": _ONLY}, raster_band=raster.raster_band)
        rasters = Collection([only], keys=["band"], storage_options=self._storage)
        source = GeoTiffSource(rasters, scaled=False)
        return OpenedRaster(raster=raster, header=header, source=source)


class Pictures:
    """Pictures that were drawn, those asked for last.

    Parameters
    ----------
    most_bytes
        Bytes that are kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, tag: str, make: Callable[[], bytes]) -> bytes:
        """Return a picture by its tag, drawing it unless it is held."""
        with self._lock:
            known = self._pictures.get(tag)
            if known is not None:
                self._pictures.move_to_end(tag)
                return known
        picture = make()
        with self._lock:
            if tag not in self._pictures and len(picture) <= self._most:
                self._pictures[tag] = picture
                self._held += len(picture)
                while self._held > self._most:
                    self._held -= len(self._pictures.popitem(last=False)[1])
        return picture


def version_of(raster: Raster) -> str:
    """Return a text that changes when a raster's file, path or statistics do."""
    state = (raster.path, raster.raster_band, _state(raster.path), raster.statistics)
    return blake2b(repr(state).encode(), digest_size=12).hexdigest()


def _state(path: str) -> tuple[int, int] | None:
    try:
        return fingerprint(path)
    except OSError:
        return None  # it is opened later, and the error says what is wrong
