"""A layer as a row of a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.core.group import AsyncGroup
from zarr.storage import StorePath

from xcube_tiles.catalog.format.conventions import is_layer
from xcube_tiles.catalog.layer import Layer, layer_of, open_layer
from xcube_tiles.catalog.stores.objects import get_document
from xcube_tiles.database import NAME, TEXT, Database, sa
from xcube_tiles.errors import CatalogError, LayerNotFoundError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.abc.store import Store

SCHEMA_VERSION = 1
"""Version of the table; raised when a reader of the old one would misread the new."""

database = Database(
    holds="layers",
    error=CatalogError,
    unavailable=StoreError,
    advice="make it with LayerIndex.open(url, create=True)",
)
metadata = sa.MetaData()
layers = sa.Table(
    "xcube_tiles_layers",
    metadata,
    sa.Column("name", NAME, primary_key=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("catalog", TEXT, nullable=False),
    sa.Column("path", TEXT, nullable=False),
    sa.Column("document", TEXT, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("updated", sa.String(40)),
    *(sa.Column(edge, sa.Double, nullable=False) for edge in ("west", "south", "east", "north")),
    sa.Column("first_time", sa.String(40)),
    sa.Column("last_time", sa.String(40)),
)
"""Layers by their names in the index; edges are degrees of WGS 84, times texts that sort."""


def row_of(name: str, url: str, store: Store, path: str) -> dict[str, Any]:
    """Return the row of a layer; its root document and its times are read.

    Raises
    ------
    LayerNotFoundError
        There is no such layer.
    CatalogError
        A layer that another program made.
    """
    document = get_document(store, f"{path}/zarr.json")
    if document is None:
        raise LayerNotFoundError(f"no layer {path!r} in the catalog {url!r}: it is gone")
    if not is_layer(document.get("attributes", {})):
        raise CatalogError(f"{path!r} in {url!r} is no layer with the convention 'multiscales'")
    layer = open_layer(store, path)
    bounds = layer.extent.to_crs("EPSG:4326").bounds
    times = layer.times
    ends = (None, None) if times is None or not times.size else (times.min(), times.max())
    return {
        "name": name,
        "schema_version": SCHEMA_VERSION,
        "catalog": url,
        "path": path,
        "document": json.dumps(document),
        "revision": layer.revision,
        "updated": layer.metadata.get("updated"),
        **dict(zip(("west", "south", "east", "north"), map(float, bounds), strict=True)),
        "first_time": _text(ends[0]),
        "last_time": _text(ends[1]),
    }


def _text(instant: Any) -> str | None:
    return None if instant is None else str(np.datetime_as_string(instant, unit="ns"))


def layer_of_row(row: Mapping[str, Any], store: Store) -> Layer:
    """Return the layer of a row; nothing is read."""
    group = AsyncGroup.from_dict(StorePath(store, row["path"]), json.loads(row["document"]))
    return layer_of(row["name"], zarr.Group(group))


def period(time: object) -> tuple[str | None, str | None]:
    """Return the first and last instant of a time, or of a range of two, as texts that sort.

    Raises
    ------
    CatalogError
        Something that is no time.
    """
    given: Any = time if isinstance(time, tuple) and len(time) == 2 else (time, time)
    start, stop = given
    try:
        first = None if start is None else np.datetime64(start)
        last = None if stop is None else np.datetime64(stop)
        end = None if last is None else _last_of(last)
        begin = None if first is None else first.astype("datetime64[ns]")
    except (ValueError, TypeError) as error:
        raise CatalogError(
            f"time must be an instant, a period such as '2018-05', or a range (start, stop); "
            f"got {time!r}"
        ) from error
    return _text(begin), _text(end)


def _last_of(period: np.datetime64) -> np.datetime64:
    """Return the last instant of a period: a day lasts until the next one begins."""
    unit: Any = np.datetime_data(period.dtype)[0]
    following = (period + np.timedelta64(1, unit)).astype("datetime64[ns]")
    last: np.datetime64 = following - np.timedelta64(1, "ns")
    return last
