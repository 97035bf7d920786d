"""Databases of Terracotta, read as they are: SQLite, MySQL or MariaDB, PostgreSQL."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from shapely.geometry import mapping, shape

from xcube_tiles.database import Database, sa, snapshot
from xcube_tiles.errors import CollectionError, DatabaseError
from xcube_tiles.grid.extent import Bounds
from xcube_tiles.sources.keys import Key, key_for
from xcube_tiles.sources.raster import Raster, RasterStatistics
from xcube_tiles.sources.storage import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

    from xcube_tiles.sources.keys import KeyValue

Texts = tuple[str, ...]
"""Values of all keys as Terracotta has them, in order."""

_TABLES = ("terracotta", "key_names", "datasets", "metadata")
_PERCENTILES = 99

_database = Database(
    holds="Terracotta's rasters",
    error=CollectionError,
    unavailable=DatabaseError,
    advice="make it with `terracotta ingest`",
)


class TerracottaTables(NamedTuple):
    """What a database of Terracotta holds."""

    version: str
    """Version of Terracotta that made it."""

    keys: tuple[Key, ...]
    """Keys in order; a time if it is named like one and each of its values can be read as one."""

    rasters: dict[Texts, Raster]
    """Rasters by the texts of their keys, sorted by these."""

    descriptions: dict[str, str]
    """What is said about keys, by name; keys about which nothing is said are left out."""

    extras: dict[Texts, Any]
    """What was noted beside the statistics of a raster, where anything was."""


def is_terracotta(connection: Connection) -> bool:
    """Return whether a database is one of Terracotta."""
    there = sa.inspect(connection)
    return all(there.has_table(name) for name in _TABLES)


def holds_terracotta(url: str) -> bool:
    """Return whether there is a database of Terracotta; errors as of `open_terracotta`."""
    with _database.engine(url, create=False) as engine, engine.connect() as connection:
        return is_terracotta(connection)


def open_terracotta(url: str) -> TerracottaTables:
    """Read a database of Terracotta; nothing is written.

    Parameters
    ----------
    url
        As for `Collection.open`.

    Raises
    ------
    CollectionError
        No such file or database, or it isn't one of Terracotta.
    MissingExtraError
        SQLAlchemy or the driver isn't installed.
    """
    with _database.engine(url, create=False) as engine, snapshot(engine) as connection:
        if not is_terracotta(connection):
            raise CollectionError(f"{_database.shown(url)} is no database of Terracotta")
        return read_tables(connection)


def read_tables(connection: Connection) -> TerracottaTables:
    """Return what a database of Terracotta holds; see `open_terracotta`.

    Notes
    -----
    Versions 0.5 to 0.11 have the same tables. Terracotta reads the first band of a file and knows
    neither scale nor offset: the statistics are of the cells as the file stores them.
    """
    tables = {name: sa.Table(name, sa.MetaData(), autoload_with=connection) for name in _TABLES}
    version = connection.scalar(sa.select(tables["terracotta"].c.version))
    named = tables["key_names"]
    rows = connection.execute(sa.select(named).order_by(named.c.idx)).mappings().all()
    names = [str(row["key_name"]) for row in rows]
    descriptions = {
        str(row["key_name"]): str(row["description"]) for row in rows if row["description"]
    }
    paths = _paths(connection, tables["datasets"], names)
    keys = tuple(_key(name, [texts[place] for texts in paths]) for place, name in enumerate(names))
    statistics, extras = _metadata(connection, tables["metadata"], names)
    rasters = {
        texts: Raster(
            path=absolute(path),
            keys=_typed(keys, texts),
            statistics=statistics.get(texts),
        )
        for texts, path in sorted(paths.items())
    }
    return TerracottaTables(str(version), keys, rasters, descriptions, extras)


def terracotta_version(url: str) -> str:
    """Return a text that changes when the rows of a Terracotta database on a server do."""
    with _database.engine(url, create=False) as engine, snapshot(engine) as connection:
        tables = [sa.Table(name, sa.MetaData(), autoload_with=connection) for name in _TABLES[2:]]
        datasets, metadata = tables
        rows = connection.execute(sa.select(datasets).order_by(*datasets.c)).all()
        sums = [sa.func.sum(metadata.c[name]) for name in ("valid_percentage", "mean", "stdev")]
        noted = connection.execute(sa.select(sa.func.count(), *sums).select_from(metadata)).one()
        return str(hash((tuple(map(tuple, rows)), tuple(noted))))


def _paths(connection: Connection, table: sa.Table, names: Sequence[str]) -> dict[Texts, str]:
    rows = connection.execute(sa.select(table)).mappings()
    return {_texts(row, names): str(row["path"]) for row in rows}


def _texts(row: Mapping[Any, Any], names: Sequence[str]) -> Texts:
    return tuple(str(row[name]) for name in names)


def _key(name: str, texts: Sequence[str]) -> Key:
    """Return a key that can hold all texts, and none of them as another."""
    key = key_for(name)
    if key.type != "time":
        return key
    distinct = set(texts)
    try:
        instants = {key.value(text) for text in distinct}
    except (ValueError, TypeError):
        return Key(name=name, type="label")
    return key if len(instants) == len(distinct) else Key(name=name, type="label")


def _typed(keys: Sequence[Key], texts: Texts) -> dict[str, KeyValue]:
    # A label may be empty there: an address can't have it, but the table does.
    return {
        key.name: key.value(text) if key.type == "time" else text
        for key, text in zip(keys, texts, strict=True)
    }


def _metadata(
    connection: Connection, table: sa.Table, names: Sequence[str]
) -> tuple[dict[Texts, RasterStatistics], dict[Texts, Any]]:
    statistics: dict[Texts, RasterStatistics] = {}
    extras: dict[Texts, Any] = {}
    for row in connection.execute(sa.select(table)).mappings():
        texts = _texts(row, names)
        if row["mean"] is not None:
            statistics[texts] = _statistics(row)
        extra = json.loads(row["metadata"]) if row["metadata"] else None
        if extra:
            extras[texts] = extra
    return statistics, extras


def _statistics(row: Mapping[Any, Any]) -> RasterStatistics:
    # The columns are misnamed there: in this order they are west, south, east, north.
    edges = (row[f"bounds_{name}"] for name in ("north", "east", "south", "west"))
    hull = json.loads(row["convex_hull"]) if row["convex_hull"] else None
    return RasterStatistics(
        bounds=Bounds(*map(float, edges)),
        footprint=mapping(shape(hull)) if hull else None,
        valid_share=float(row["valid_percentage"]) / 100,
        minimum=float(row["min"]),
        maximum=float(row["max"]),
        mean=float(row["mean"]),
        std=float(row["stdev"]),
        percentiles=_percentiles(row["percentiles"]),
    )


def _percentiles(stored: bytes | None) -> tuple[float, ...] | None:
    if not stored or len(stored) != _PERCENTILES * struct.calcsize("<f"):
        return None
    return tuple(np.frombuffer(stored, "<f4").astype(float).tolist())
