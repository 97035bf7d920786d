"""The rasters that are served by their keys, as they are at the moment."""

from __future__ import annotations

import logging
import os
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import finalize

from xcube_tiles.errors import CollectionError, DatabaseError, XcubeTilesError
from xcube_tiles.server.terracotta.opened import OpenedRasters, Pictures
from xcube_tiles.server.terracotta.options import TerracottaOptions
from xcube_tiles.sources.collection import Collection
from xcube_tiles.sources.finding import list_files
from xcube_tiles.sources.opening import is_database
from xcube_tiles.sources.remote_database import RemoteDatabase, is_remote_database
from xcube_tiles.sources.terracotta_table import KeyedRasters, open_keyed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xcube_tiles.server.terracotta.opened import OpenedRaster
    from xcube_tiles.sources.keys import KeyLike
    from xcube_tiles.sources.raster import RasterStatistics
    from xcube_tiles.sources.terracotta import Texts

REFRESH_SECONDS = 1.0
"""Age at which a database on a server is asked whether it has changed; files are at once."""

LOOKING_SECONDS = 3.0
"""After which a look at a database that isn't done counts as one that gets no answer."""

_IDLE = 20
# A value that took long to find is used for that many times as long.

_LOG = logging.getLogger("xcube_tiles.server.terracotta")


class Shelf:
    """Rasters that a running server serves by their keys.

    Parameters
    ----------
    rasters
        The rasters, or a collection of them.
    options
        How they are answered for.
    reload
        Gives them anew.
    version
        Gives a text that is another when they have changed; None: they change by `replace` alone.
    rgb_key
        Key that goes last, whose values are red, green and blue; None: the last one.

    Examples
    --------
    >>> shelf = Shelf(Collection(keys=["date", "band"]))
    >>> shelf.add("a.tif", date="2018-05-24", band="B04")
    >>> shelf.now().find(["20180524", "B04"])
    ('2018-05-24', 'B04')
    """

    def __init__(
        self,
        rasters: Collection | KeyedRasters,
        *,
        options: TerracottaOptions | None = None,
        reload: Callable[[], KeyedRasters] | None = None,
        version: Callable[[], object] | None = None,
        rgb_key: str | None = None,
    ) -> None:
        if not isinstance(rasters, Collection | KeyedRasters):
            raise TypeError(f"expected a Collection of rasters to serve, got {rasters!r}")
        self.options = options or TerracottaOptions()
        self._rgb_key = rgb_key
        self._reload, self._version = reload, version
        self._by_pattern = False
        self._known = None if version is None else version()
        self._rasters = self._ordered(rasters)
        self._looking = Lock()
        self._since = monotonic()
        self._trouble: Exception | None = None
        self._pause, self._failed = 0.0, float("-inf")
        self._opened = OpenedRasters(self._rasters.storage)
        self.pictures = Pictures(self.options.cache_bytes)

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str],
        *,
        options: TerracottaOptions | None = None,
        storage_options: Mapping[str, Any] | None = None,
        rgb_key: str | None = None,
        refresh: float = REFRESH_SECONDS,
    ) -> Shelf:
        """Return the rasters that a text names, read anew when that has changed.

        Parameters
        ----------
        source
            A path pattern with keys in braces, a database of ours or of Terracotta, or a file. An
            SQLite file may lie on an object store.
        options, rgb_key
            As for `Shelf`.
        storage_options
            Options of the file system that the files lie in.
        refresh
            Seconds for which a database on a server isn't asked whether it has changed, and the
            files of a pattern aren't listed. A list that takes long is made less often, so that no
            more than a twentieth of the time goes into it; 0: at each request.

        Raises
        ------
        PatternError, DuplicateKeysError, CollectionError, GeoreferenceError, MissingExtraError
            As `open_rasters`.
        UnknownKeyError
            `rgb_key` isn't a key.
        """
        text = os.fspath(source)
        options = options or TerracottaOptions()
        copy = _copy_of(text, options, storage_options) if is_remote_database(text) else None

        def read() -> KeyedRasters:
            return open_keyed(text if copy is None else copy.path, storage_options=storage_options)

        by_pattern = "{" in text
        version: Callable[[], object] | None = None
        if by_pattern:
            version = _Aged(lambda: list_files(text, storage_options=storage_options), refresh)
        elif copy is not None:
            version = copy.state
        elif is_database(text):
            version = _version_of(text, refresh)
        # The version before the rows: what comes between the two is read once more, never missed.
        before = None if version is None else version()
        shelf = cls(read(), options=options, reload=read, version=version, rgb_key=rgb_key)
        shelf._known = before
        shelf._by_pattern = by_pattern
        if copy is not None:
            finalize(shelf, copy.remove)
        if copy is not None or isinstance(version, _Aged):
            shelf._pause = refresh
        return shelf

    def now(self) -> KeyedRasters:
        """Return the rasters as they are now; those known if their database doesn't answer."""
        # While one request looks for changes, the others go on with what is known.
        if self._version is not None and self._looking.acquire(blocking=False):
            self._since = monotonic()
            try:
                self._look()
            finally:
                self._looking.release()
        return self._rasters

    def check(self) -> None:
        """Make sure that what is known is what the database holds; files aren't asked.

        A raster that is known can be drawn without it; a list, or that there is no such raster, is
        true only if it answers.

        Raises
        ------
        DatabaseError
            It can't be read at the moment.
        """
        self.now()
        if self._by_pattern:
            return  # a file that can't be taken in keeps nobody from the others
        hanging = self._looking.locked() and monotonic() - self._since > LOOKING_SECONDS
        if self._trouble is not None or hanging:
            raise DatabaseError(
                "the database of the rasters doesn't answer; tiles of rasters that are known are "
                "drawn, lists come back with it. Try again in a moment; the server's log says more"
            ) from self._trouble

    def _look(self) -> None:
        """Read the rasters anew if they have changed."""
        if self._version is None or self._reload is None:
            return
        if monotonic() - self._failed < self._pause:
            return  # a server that doesn't answer isn't asked by each request
        try:
            found = self._version()
            if found != self._known:
                # That no file is left is no mistake in a pattern that had some.
                gone = self._by_pattern and not found
                read = self._rasters.emptied() if gone else self._ordered(self._reload())
                self._rasters, self._known = read, found
        except (XcubeTilesError, OSError) as error:
            if self._trouble is None:
                _LOG.warning("the rasters can't be read anew, the ones known are served: %s", error)
            self._trouble, self._failed = error, monotonic()
        else:
            if self._trouble is not None:
                _LOG.warning("the rasters can be read again")
            self._trouble, self._failed = None, float("-inf")

    def replace(self, rasters: Collection | KeyedRasters) -> None:
        """Serve other rasters from the next request on.

        Raises
        ------
        TypeError
            Neither a collection nor rasters by keys.
        CollectionError
            The rasters come from a database, which is changed there.
        """
        self._check_own()
        if not isinstance(rasters, Collection | KeyedRasters):
            raise TypeError(f"expected a Collection of rasters to serve, got {rasters!r}")
        self._rasters = self._ordered(rasters)

    def add(
        self, path: str | os.PathLike[str], /, *, raster_band: int | None = None, **keys: KeyLike
    ) -> None:
        """Serve one raster more from the next request on; parameters as of `Collection.add`.

        Raises
        ------
        CollectionError
            Keys missing or too many, or the rasters come from a database, which is changed there.
        DuplicateKeysError
            There is a raster with these keys.
        """
        self._check_own()
        with self._looking:
            self._rasters = self._rasters.added(os.fspath(path), keys, raster_band)

    def open_raster(self, rasters: KeyedRasters, texts: Texts) -> OpenedRaster:
        """Return a raster that can be drawn."""
        return self._opened.open(rasters[texts])

    def statistics(self, rasters: KeyedRasters, texts: Texts) -> RasterStatistics:
        """Return statistics of a raster's cells as stored; they are computed if nobody has."""
        return self._opened.statistics(
            rasters[texts], stored=rasters.stored, max_shape=self.options.lazy_shape
        )

    def _check_own(self) -> None:
        if self._by_pattern:
            # From now on they are what they are told to be: files no longer come and go.
            self._by_pattern, self._version = False, None
        if self._version is not None:
            raise CollectionError(
                "these rasters come from a database: change it there (`xcube-tiles ingest`, "
                "Collection.save), and the next request sees it"
            )

    def _ordered(self, rasters: Collection | KeyedRasters) -> KeyedRasters:
        keyed = rasters if isinstance(rasters, KeyedRasters) else KeyedRasters.of(rasters)
        return keyed if self._rgb_key is None else keyed.with_last(self._rgb_key)


def _copy_of(
    url: str, options: TerracottaOptions, storage_options: Mapping[str, Any] | None
) -> RemoteDatabase:
    return RemoteDatabase(
        url,
        storage_options=storage_options,
        folder=options.remote_folder,
        ttl=options.remote_seconds,
    )


def _version_of(source: str, refresh: float) -> Callable[[], object]:
    """Return a call that gives another value when a database has changed."""
    path = source.removeprefix("sqlite:///") if "://" in source else source
    if "://" not in path:
        return lambda: _state_of_file(path)
    return _Aged(lambda: _state_of_server(source), refresh)


def _state_of_file(path: str) -> object:
    # What is written goes to the log beside the file first, where there is one.
    states: list[tuple[int, int, int] | None] = []
    for name in (path, f"{path}-wal"):
        try:
            found = os.stat(name)
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(states)


def _state_of_server(url: str) -> object:
    from xcube_tiles.sources.sql import table_version
    from xcube_tiles.sources.terracotta import holds_terracotta, terracotta_version

    found = table_version(url, name="rasters")
    if found is None and holds_terracotta(url):
        return terracotta_version(url)
    return found


class _Aged:
    """A value that is found anew once it is too old."""

    def __init__(self, find: Callable[[], object], seconds: float) -> None:
        self._find, self._seconds = find, seconds
        self._found: object = None
        self._until = float("-inf")

    def __call__(self) -> object:
        begin = monotonic()
        if begin >= self._until:
            self._found = self._find()
            end = monotonic()
            # Finding it may take seconds, of a bucket: that mustn't be all that a server does.
            self._until = end + (max(self._seconds, _IDLE * (end - begin)) if self._seconds else 0)
        return self._found
