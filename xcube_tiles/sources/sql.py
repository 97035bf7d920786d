"""Collections in a database: SQLite, PostgreSQL, MariaDB or MySQL, with one schema for all."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from xcube_tiles.errors import CollectionError, MissingExtraError
from xcube_tiles.sources.keys import Key
from xcube_tiles.sources.records import (
    key_record,
    raster_of,
    raster_record,
    statistics_of_record,
    statistics_record,
)

try:
    import sqlalchemy as sa
except ImportError as error:
    raise MissingExtraError("sqlalchemy", "sql") from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection, Engine

    from xcube_tiles.sources.raster import Raster

IfExists: TypeAlias = Literal["error", "replace", "update"]
"""What `save` does with a collection of that name."""

SCHEMA_VERSION = 1
"""Version of the tables below; raised when a reader of the old ones would misread the new."""

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_BATCH = 1000
_NAME_LENGTH = 191
_PATIENCE = 60
# Seconds that a writer of SQLite waits for another.

_metadata = sa.MetaData()
# Binary collations: MySQL's own would make B04 and b04 one name.
_name = sa.String(_NAME_LENGTH).with_variant(
    sa.String(_NAME_LENGTH, collation="utf8mb4_bin"), "mysql", "mariadb"
)
_text = sa.Text().with_variant(sa.Text(2**24 - 1, collation="utf8mb4_bin"), "mysql", "mariadb")

_collections = sa.Table(
    "xcube_tiles_collections",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", _name, nullable=False, unique=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
)
_keys = sa.Table(
    "xcube_tiles_keys",
    _metadata,
    sa.Column("collection_id", sa.ForeignKey(_collections.c.id), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", _name, nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
)
_rasters = sa.Table(
    "xcube_tiles_rasters",
    _metadata,
    sa.Column("collection_id", sa.ForeignKey(_collections.c.id), primary_key=True),
    # A digest of the key values: their texts together outgrow what some databases can index.
    sa.Column("identity", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("key_values", _text, nullable=False),
    sa.Column("path", _text, nullable=False),
    sa.Column("raster_band", sa.Integer),
)
_statistics = sa.Table(
    "xcube_tiles_statistics",
    _metadata,
    sa.Column("collection_id", sa.Integer, primary_key=True),
    sa.Column("identity", sa.String(64), primary_key=True),
    *(sa.Column(edge, sa.Double, nullable=False) for edge in ("west", "south", "east", "north")),
    sa.Column("footprint", _text),
    sa.Column("valid_share", sa.Double, nullable=False),
    *(sa.Column(number, sa.Double) for number in ("minimum", "maximum", "mean", "std")),
    sa.Column("percentiles", _text),
    sa.ForeignKeyConstraint(
        ["collection_id", "identity"], [_rasters.c.collection_id, _rasters.c.identity]
    ),
)


def save_table(
    rasters: Sequence[Raster], keys: Sequence[Key], url: str, *, name: str, if_exists: IfExists
) -> None:
    """Store rows in a database; see `Collection.save`."""
    if if_exists not in get_args(IfExists):
        names = ", ".join(get_args(IfExists))
        raise CollectionError(f"unknown if_exists={if_exists!r}; expected one of {names}")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH:
        raise CollectionError(f"a name has 1 to {_NAME_LENGTH} characters, got {name!r}")
    with _engine(url, create=True) as engine:
        _create_tables(engine)
        with engine.begin() as connection:
            _write(connection, rasters, keys, name, if_exists)


def open_table(url: str, *, name: str) -> tuple[tuple[Key, ...], list[Raster]]:
    """Return keys and rows of a stored collection; see `Collection.open`."""
    with _engine(url, create=False) as engine, _snapshot(engine) as connection:
        if not sa.inspect(connection).has_table(_collections.name):
            raise CollectionError(f"{_shown(url)} holds no collections; store one with save()")
        found = _find(connection, name)
        if found is None:
            names = connection.scalars(sa.select(_collections.c.name).order_by("name")).all()
            raise CollectionError(
                f"no collection {name!r} in {_shown(url)}; there are {', '.join(names) or 'none'}"
            )
        keys = _read_keys(connection, found)
        return keys, _read_rasters(connection, found, keys)


def _write(
    connection: Connection,
    rasters: Sequence[Raster],
    keys: Sequence[Key],
    name: str,
    if_exists: IfExists,
) -> None:
    found = _find(connection, name, lock=True)
    if found is not None and if_exists == "error":
        raise CollectionError(
            f"a collection {name!r} is there already; pass if_exists='replace' or 'update', or "
            f"another name"
        )
    if found is not None and if_exists == "replace":
        _delete_rasters(connection, found)
        connection.execute(sa.delete(_keys).where(_keys.c.collection_id == found))
    if found is None:
        row = {"name": name, "schema_version": SCHEMA_VERSION}
        connection.execute(sa.insert(_collections), row)
        found = int(connection.execute(_by_name(name)).one().id)
    held = _read_keys(connection, found)
    if held and held != tuple(keys):
        raise CollectionError(
            f"collection {name!r} has the keys {_listed(held)}; these rasters have {_listed(keys)}"
        )
    if not held:
        records = [key_record(found, position, key) for position, key in enumerate(keys)]
        _insert(connection, _keys, records)
    _write_rasters(connection, found, rasters)


def _write_rasters(connection: Connection, found: int, rasters: Sequence[Raster]) -> None:
    records = [raster_record(found, _identity(raster), raster) for raster in rasters]
    identities = [str(record["identity"]) for record in records]
    for start in range(0, len(identities), _BATCH):
        _delete_rasters(connection, found, identities[start : start + _BATCH])
    last = connection.scalar(
        sa.select(sa.func.max(_rasters.c.position)).where(_rasters.c.collection_id == found)
    )
    first = 0 if last is None else int(last) + 1
    numbered = [{**record, "position": n} for n, record in enumerate(records, first)]
    _insert(connection, _rasters, numbered)
    statistics = [
        statistics_record(found, identity, raster.statistics)
        for identity, raster in zip(identities, rasters, strict=True)
        if raster.statistics is not None
    ]
    _insert(connection, _statistics, statistics)


def _delete_rasters(
    connection: Connection, found: int, identities: Sequence[str] | None = None
) -> None:
    for table in (_statistics, _rasters):
        condition = table.c.collection_id == found
        if identities is not None:
            condition &= table.c.identity.in_(identities)
        connection.execute(sa.delete(table).where(condition))


def _insert(connection: Connection, table: sa.Table, records: Sequence[dict[str, object]]) -> None:
    for start in range(0, len(records), _BATCH):
        connection.execute(sa.insert(table), records[start : start + _BATCH])


def _by_name(name: str) -> sa.Select[tuple[int, int]]:
    columns = sa.select(_collections.c.id, _collections.c.schema_version)
    return columns.where(_collections.c.name == name)


def _find(connection: Connection, name: str, *, lock: bool = False) -> int | None:
    """Return the id of a collection; two writers of one collection wait for each other."""
    query = _by_name(name).with_for_update() if lock else _by_name(name)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.schema_version != SCHEMA_VERSION:
        raise CollectionError(
            f"collection {name!r} was stored with version {row.schema_version} of the tables; this "
            f"package reads version {SCHEMA_VERSION}"
        )
    return int(row.id)


def _read_keys(connection: Connection, found: int) -> tuple[Key, ...]:
    query = sa.select(_keys.c.name, _keys.c.type).where(_keys.c.collection_id == found)
    rows = connection.execute(query.order_by(_keys.c.position))
    return tuple(Key(name=row.name, type=row.type) for row in rows)


def _read_rasters(connection: Connection, found: int, keys: Sequence[Key]) -> list[Raster]:
    own = _statistics.c.collection_id == found
    statistics = {
        row["identity"]: statistics_of_record(row)
        for row in connection.execute(sa.select(_statistics).where(own)).mappings()
    }
    query = sa.select(_rasters).where(_rasters.c.collection_id == found)
    return [
        raster_of(row, keys, statistics.get(row["identity"]))
        for row in connection.execute(query.order_by(_rasters.c.position)).mappings()
    ]


def _identity(raster: Raster) -> str:
    text = json.dumps([str(value) for value in raster.keys.values()], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
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


@contextmanager
def _engine(url: str, *, create: bool) -> Iterator[Engine]:
    """Give a database engine, and turn what goes wrong in it into our errors."""
    try:
        parsed = _database(url, create=create)
        # No pool: a table is opened once, and nothing may outlive the call.
        patience = {"timeout": _PATIENCE} if parsed.drivername.startswith("sqlite") else {}
        engine = sa.create_engine(parsed, poolclass=sa.pool.NullPool, connect_args=patience)
    except CollectionError:
        raise
    except (sa.exc.ArgumentError, ValueError) as error:
        raise CollectionError(f"{_shown(url)} is no database URL: {error}") from error
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "sql") from error
    try:
        yield engine
    except sa.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise CollectionError(f"database {_shown(url)}: {cause}") from error
    finally:
        engine.dispose()


def _database(url: str, *, create: bool) -> sa.URL:
    if "://" not in url:
        url = f"sqlite:///{url}"
    parsed = sa.make_url(url)
    if parsed.drivername.startswith("sqlite"):
        _check_file(parsed.database, create=create)
    if parsed.drivername in {"mysql", "mariadb"}:
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    if parsed.get_backend_name() not in ("sqlite", *_DRIVERS):
        raise CollectionError(
            f"{_shown(url)} is no database URL for a collection; expected the path of an SQLite "
            "file, or sqlite:///..., postgresql://..., mysql://... or mariadb://..."
        )
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))


def _check_file(path: str | None, *, create: bool) -> None:
    if path in (None, "", ":memory:"):
        raise CollectionError("an SQLite database in memory ends with the call; name a file")
    # SQLite would make an empty database of a file that isn't there.
    if not create and not Path(str(path)).is_file():
        raise CollectionError(f"{path!r} doesn't exist; store a collection there with save()")


def _create_tables(engine: Engine) -> None:
    try:
        _metadata.create_all(engine)
    except sa.exc.DBAPIError:
        # Another process may have made them since create_all looked.
        _metadata.create_all(engine)


def _shown(url: str) -> str:
    """Return a URL without its password, also one that can't be parsed."""
    return re.sub(r"(//[^/@:]*):.*@", r"\1:***@", url) if "://" in url else repr(url)


def _listed(keys: Sequence[Key]) -> str:
    return ", ".join(f"{key.name} ({key.type})" for key in keys)
