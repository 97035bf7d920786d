"""SQLite databases on object stores: read through a copy on this machine."""

from __future__ import annotations

import os
import tempfile
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import CollectionError, DatabaseError
from xcube_tiles.sources.storage import filesystem, is_local, store_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})
"""Endings of the names of SQLite files."""

TTL_SECONDS = 600.0
"""Age at which the store is asked whether it has another one, as Terracotta does."""

_MAGIC = b"SQLite format 3\x00"


def is_remote_database(source: str) -> bool:
    """Return whether a text is the URL of an SQLite file that isn't on this machine.

    Examples
    --------
    >>> is_remote_database("s3://bucket/rasters.sqlite"), is_remote_database("rasters.sqlite")
    (True, False)
    """
    inside = not is_local(source) and not source.startswith("sqlite:")
    return inside and PurePosixPath(source).suffix in SUFFIXES


class RemoteDatabase:
    """An SQLite file on an object store, and its copy on this machine; it is only read.

    Parameters
    ----------
    url
        Such as `s3://bucket/rasters.sqlite`.
    storage_options
        Options of the file system that it lies in.
    folder
        Where the copy lies; None: in a folder for temporary files.
    ttl
        Seconds for which the store isn't asked whether it has another one.
    """

    def __init__(
        self,
        url: str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        folder: str | os.PathLike[str] | None = None,
        ttl: float = TTL_SECONDS,
    ) -> None:
        self._url, self._options, self._ttl = url, storage_options, ttl
        # Processes don't share a copy: one would read what another writes.
        digest = blake2b(url.encode(), digest_size=8).hexdigest()
        self._folder = Path(folder or Path(tempfile.gettempdir()) / "xcube-tiles")
        self._name = f"{digest}-{os.getpid()}-{id(self):x}.sqlite"
        self._state: str | None = None
        self._asked = float("-inf")

    @property
    def path(self) -> str:
        """Path of the copy, once `state` was asked for."""
        return str(self._folder / self._name)

    def state(self) -> str:
        """Return a text that is another when the store has another database; then it is copied.

        Raises
        ------
        DatabaseError
            The store doesn't answer, or has no such object.
        CollectionError
            The object is no SQLite database, or the store can't be opened.
        """
        if self._state is not None and monotonic() - self._asked < self._ttl:
            return self._state
        try:
            store, inner = filesystem(self._url, self._options)
            store.invalidate_cache()
            found = store.info(inner)
            state = str([found.get(name) for name in ("ETag", "e_tag", "LastModified", "size")])
            if state != self._state:
                self._keep(store.cat_file(inner))
        except CollectionError:
            raise
        except FileNotFoundError as error:
            raise DatabaseError(f"there is no database at {self._url!r}") from error
        except store_errors() as error:
            reason = str(error).partition("\n")[0]
            raise DatabaseError(f"database {self._url!r} can't be fetched: {reason}") from error
        self._state, self._asked = state, monotonic()
        return state

    def _keep(self, content: bytes) -> None:
        if not content.startswith(_MAGIC):
            raise CollectionError(f"{self._url!r} is no SQLite database")
        self._folder.mkdir(parents=True, exist_ok=True)
        part = Path(f"{self.path}.part")
        part.write_bytes(content)
        part.replace(self.path)  # who has the old one open reads that to its end

    def remove(self) -> None:
        """Delete the copy."""
        Path(self.path).unlink(missing_ok=True)
