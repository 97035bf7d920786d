"""Databases by URL: SQLite, PostgreSQL, MariaDB or MySQL, and their errors as ours."""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import TYPE_CHECKING

from xcube_tiles.errors import MissingExtraError, XcubeTilesError
from xcube_tiles.options import get_options

try:
    import sqlalchemy as sa
except ImportError as missing:
    raise MissingExtraError("sqlalchemy", "sql") from missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

__all__ = ["NAME", "NAME_LENGTH", "TEXT", "Database", "create_tables", "sa", "snapshot"]

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_PATIENCE = 60
# Seconds that a writer of SQLite waits for another.
_CONNECTING = 10
# Seconds for which a server may make wait for a connection; the URL may say another number.
_READING = 60
# Seconds for which MySQL may make wait for the answer to one query, or to the first greeting.

NAME_LENGTH = 191
"""Characters of a name that all databases can index."""

# Binary collations: MySQL's own would make B04 and b04 one name.
NAME = sa.String(NAME_LENGTH).with_variant(
    sa.String(NAME_LENGTH, collation="utf8mb4_bin"), "mysql", "mariadb"
)
"""Column type of names."""

TEXT = sa.Text().with_variant(sa.Text(2**24 - 1, collation="utf8mb4_bin"), "mysql", "mariadb")
"""Column type of long texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Databases that hold one kind of thing.

    Examples
    --------
    >>> database = Database(holds="layers", error=ValueError, unavailable=OSError, advice="")
    >>> database.shown("postgresql://me:secret@host/db")
    'postgresql://me:***@host/db'
    """

    holds: str
    """What is stored there, for errors."""

    error: type[Exception]
    """Class of the errors."""

    unavailable: type[Exception]
    """Class of the errors that may be over in a moment: it refuses, or doesn't answer."""

    advice: str
    """How a database that isn't there is made."""

    @contextmanager
    def engine(self, url: str, *, create: bool) -> Iterator[Engine]:
        """Give a database engine, and turn what goes wrong in it into our errors.

        Within the block are never two connections at once, and in all blocks of this process
        together no more to one database than the option `database_connections` allows: who comes
        later waits.
        """
        try:
            parsed = self._parsed(url, create=create)
            # No pool: nothing outlives the call, so that a server may restart between two calls.
            engine = sa.create_engine(
                parsed, poolclass=sa.pool.NullPool, connect_args=_patience(parsed)
            )
        except XcubeTilesError:
            raise
        except (sa.exc.ArgumentError, ValueError) as error:
            raise self.error(f"{self.shown(url)} is no database URL: {error}") from error
        except ModuleNotFoundError as error:
            raise MissingExtraError(str(error.name), "sql") from error
        try:
            with _CONNECTIONS.one(parsed):
                yield engine
        except _NoneFreeError as error:
            raise self.unavailable(f"database {self.shown(url)}: {error}") from None
        except sa.exc.SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            lost = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
            if lost or getattr(error, "connection_invalidated", False):
                raise self.unavailable(f"database {self.shown(url)}: {cause}") from error
            raise self.error(f"database {self.shown(url)}: {cause}") from error
        finally:
            engine.dispose()

    def _parsed(self, url: str, *, create: bool) -> sa.URL:
        if "://" not in url:
            url = f"sqlite:///{url}"
        parsed = sa.make_url(url)
        if parsed.drivername.startswith("sqlite"):
            self._check_file(parsed.database, create=create)
        if parsed.drivername in {"mysql", "mariadb"}:
            parsed = parsed.update_query_dict({"charset": "utf8mb4"})
        if parsed.get_backend_name() not in ("sqlite", *_DRIVERS):
            raise self.error(
                f"{self.shown(url)} is no database URL for {self.holds}; expected the path of an "
                "SQLite file, or sqlite:///..., postgresql://..., mysql://... or mariadb://..."
            )
        return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))

    def _check_file(self, path: str | None, *, create: bool) -> None:
        if path in (None, "", ":memory:"):
            raise self.error("an SQLite database in memory ends with the call; name a file")
        # SQLite would make an empty database of a file that isn't there.
        if not create and not Path(str(path)).is_file():
            raise self.error(f"{path!r} doesn't exist; {self.advice}")

    def shown(self, url: str) -> str:
        """Return a URL without its password, also one that can't be parsed."""
        return re.sub(r"(//[^/@:]*):.*@", r"\1:***@", url) if "://" in url else repr(url)


def _patience(url: sa.URL) -> dict[str, object]:
    """Return what a driver has to know so that it doesn't wait for ever."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        return {"timeout": _PATIENCE}
    chosen: dict[str, object] = {"connect_timeout": _CONNECTING}
    if backend != "postgresql":
        chosen |= {"read_timeout": _READING, "write_timeout": _READING}
    return {name: value for name, value in chosen.items() if name not in url.query}


class _NoneFreeError(Exception):
    """All connections that may be open to a database are in use."""


class _Connections:
    """Counts the connections of this process to each server."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked process has none of its parent's."""
        self._open: Counter[tuple[object, ...]] = Counter()
        self._closed = Condition()

    @contextmanager
    def one(self, url: sa.URL) -> Iterator[None]:
        """Wait for one that is free; of files there may be any number."""
        if url.get_backend_name() == "sqlite":
            yield
            return
        most = get_options().database_connections
        place = url.host, url.port, url.database, url.username
        with self._closed:
            if not self._closed.wait_for(lambda: self._open[place] < most, _PATIENCE):
                raise _NoneFreeError(
                    f"all {most} connections were in use for {_PATIENCE} seconds; allow more by "
                    f"set_options(database_connections={2 * most})"
                )
            self._open[place] += 1
        try:
            yield
        finally:
            with self._closed:
                self._open[place] -= 1
                self._closed.notify_all()  # who waits may wait for another database


_CONNECTIONS = _Connections()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CONNECTIONS.forget)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose queries all see the same state of the database."""
    if engine.dialect.name != "sqlite":
        level = engine.execution_options(isolation_level="REPEATABLE READ")
        with level.connect() as connection:
            yield connection
        return
    with engine.connect() as connection:
        # Python's driver begins a transaction before it writes, not before it reads.
        connection.exec_driver_sql("BEGIN")
        yield connection


def create_tables(engine: Engine, metadata: sa.MetaData) -> None:
    """Make tables unless they are there."""
    try:
        metadata.create_all(engine)
    except sa.exc.DBAPIError:
        # Another process may have made them since create_all looked.
        metadata.create_all(engine)
