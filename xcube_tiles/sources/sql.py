"""Collections in a database: SQLite, PostgreSQL, MariaDB or MySQL, with one schema for all."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args
from uuid import uuid4

from xcube_tiles.database import (
    NAME,
    NAME_LENGTH,
    TEXT,
    Database,
    create_tables,
    sa,
    snapshot,
)
from xcube_tiles.errors import CollectionError, DatabaseError
from xcube_tiles.sources.keys import Key
from xcube_tiles.sources.records import (
    key_record,
    raster_of,
    raster_record,
    statistics_of_record,
    statistics_record,
)
from xcube_tiles.sources.terracotta import is_terracotta, read_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from xcube_tiles.sources.raster import Raster

IfExists: TypeAlias = Literal["error", "replace", "update"]
"""What `save` does with a collection of that name."""

SCHEMA_VERSION = 2
"""Version of the tables below.

Version 2 notes each `save`, so that running servers see it. Version 1 has no table for that: it is
read as it is, and becomes version 2 at the next `save`. A version that is newer is refused.
"""

_BATCH = 1000

_database = Database(
    holds="a collection",
    error=CollectionError,
    unavailable=DatabaseError,
    advice="store a collection there with save()",
)
_engine, _shown = _database.engine, _database.shown

_metadata = sa.MetaData()

_collections = sa.Table(
    "xcube_tiles_collections",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", NAME, nullable=False, unique=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
)
_keys = sa.Table(
    "xcube_tiles_keys",
    _metadata,
    sa.Column("collection_id", sa.ForeignKey(_collections.c.id), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", NAME, nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
)
_rasters = sa.Table(
    "xcube_tiles_rasters",
    _metadata,
    sa.Column("collection_id", sa.ForeignKey(_collections.c.id), primary_key=True),
    # A digest of the key values: their texts together outgrow what some databases can index.
    sa.Column("identity", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("key_values", TEXT, nullable=False),
    sa.Column("path", TEXT, nullable=False),
    sa.Column("raster_band", sa.Integer),
)
_statistics = sa.Table(
    "xcube_tiles_statistics",
    _metadata,
    sa.Column("collection_id", sa.Integer, primary_key=True),
    sa.Column("identity", sa.String(64), primary_key=True),
    *(sa.Column(edge, sa.Double, nullable=False) for edge in ("west", "south", "east", "north")),
    sa.Column("footprint", TEXT),
    sa.Column("valid_share", sa.Double, nullable=False),
    *(sa.Column(number, sa.Double) for number in ("minimum", "maximum", "mean", "std")),
    sa.Column("percentiles", TEXT),
    sa.ForeignKeyConstraint(
        ["collection_id", "identity"], [_rasters.c.collection_id, _rasters.c.identity]
    ),
)
_changes = sa.Table(
    "xcube_tiles_changes",
    _metadata,
    sa.Column("collection_id", sa.ForeignKey(_collections.c.id), primary_key=True),
    sa.Column("version", sa.String(32), nullable=False),
)


def save_table(
    rasters: Sequence[Raster], keys: Sequence[Key], url: str, *, name: str, if_exists: IfExists
) -> None:
    """Store rows in a database; see `Collection.save`."""
    if if_exists not in get_args(IfExists):
        names = ", ".join(get_args(IfExists))
        raise CollectionError(f"unknown if_exists={if_exists!r}; expected one of {names}")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH:
        raise CollectionError(f"a name has 1 to {NAME_LENGTH} characters, got {name!r}")
    with _engine(url, create=True) as engine:
        with engine.connect() as connection:
            if is_terracotta(connection):
                raise CollectionError(
                    f"{_shown(url)} is a database of Terracotta, which stays as it is; name another"
                )
        create_tables(engine, _metadata)
        with engine.begin() as connection:
            _write(connection, rasters, keys, name, if_exists)


def open_table(url: str, *, name: str) -> tuple[tuple[Key, ...], list[Raster]]:
    """Return keys and rows of a stored collection; see `Collection.open`."""
    with _engine(url, create=False) as engine, snapshot(engine) as connection:
        if not sa.inspect(connection).has_table(_collections.name):
            if is_terracotta(connection):
                tables = read_tables(connection)
                return tables.keys, list(tables.rasters.values())
            raise CollectionError(f"{_shown(url)} holds no collections; store one with save()")
        found = _find(connection, name)
        if found is None:
            names = connection.scalars(sa.select(_collections.c.name).order_by("name")).all()
            raise CollectionError(
                f"no collection {name!r} in {_shown(url)}; there are {', '.join(names) or 'none'}"
            )
        keys = _read_keys(connection, found)
        return keys, _read_rasters(connection, found, keys)


def table_version(url: str, *, name: str) -> str | None:
    """Return a text that is another after each `save` of a collection.

    None: nothing was saved since the tables of versions before this were made.
    """
    with _engine(url, create=False) as engine, engine.connect() as connection:
        if not sa.inspect(connection).has_table(_changes.name):
            return None
        joined = _changes.join(_collections, _collections.c.id == _changes.c.collection_id)
        query = sa.select(_changes.c.version).select_from(joined).where(_collections.c.name == name)
        found = connection.scalar(query)
        return None if found is None else str(found)


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
    connection.execute(sa.delete(_changes).where(_changes.c.collection_id == found))
    connection.execute(sa.insert(_changes), {"collection_id": found, "version": uuid4().hex})


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
    if not 1 <= row.schema_version <= SCHEMA_VERSION:
        raise CollectionError(
            f"collection {name!r} was stored with version {row.schema_version} of the tables; this "
            f"package reads versions 1 to {SCHEMA_VERSION}: install a newer xcube_tiles"
        )
    if lock and row.schema_version < SCHEMA_VERSION:
        _migrate(connection, row.id)
    return int(row.id)


def _migrate(connection: Connection, found: int) -> None:
    """Bring a collection that is about to be changed to the newest version.

    Its tables are there: `create_tables` makes those that a version lacks.
    """
    current = sa.update(_collections).where(_collections.c.id == found)
    connection.execute(current.values(schema_version=SCHEMA_VERSION))


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


def _listed(keys: Sequence[Key]) -> str:
    return ", ".join(f"{key.name} ({key.type})" for key in keys)
