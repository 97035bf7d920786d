"""Rows of a collection as rows of database tables, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.grid.extent import Bounds
from xcube_tiles.sources.raster import Raster, RasterStatistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.sources.keys import Key, KeyValue

_NUMBERS = ("minimum", "maximum", "mean", "std")


def key_record(collection: int, position: int, key: Key) -> dict[str, object]:
    """Return the record of a key."""
    return {
        "collection_id": collection,
        "position": position,
        "name": key.name,
        "type": key.type,
    }


def raster_record(collection: int, identity: str, raster: Raster) -> dict[str, object]:
    """Return the record of a raster; times are ISO 8601 text with nanoseconds."""
    return {
        "collection_id": collection,
        "identity": identity,
        "key_values": json.dumps([str(v) for v in raster.keys.values()], ensure_ascii=False),
        "path": raster.path,
        "raster_band": raster.raster_band,
    }


def raster_of(
    record: Mapping[Any, Any], keys: Sequence[Key], statistics: RasterStatistics | None
) -> Raster:
    """Return the raster of a record."""
    values = zip(keys, json.loads(record["key_values"]), strict=True)
    return Raster(
        path=record["path"],
        keys={key.name: _value(key, text) for key, text in values},
        raster_band=record["raster_band"],
        statistics=statistics,
    )


def statistics_record(
    collection: int, identity: str, statistics: RasterStatistics
) -> dict[str, object]:
    """Return the record of a raster's statistics; every float survives to the bit."""
    edges = ("west", "south", "east", "north")
    return {
        "collection_id": collection,
        "identity": identity,
        **dict(zip(edges, statistics.bounds, strict=True)),
        "footprint": _json(statistics.footprint),
        "valid_share": statistics.valid_share,
        **{name: getattr(statistics, name) for name in _NUMBERS},
        "percentiles": _json(statistics.percentiles),
    }


def statistics_of_record(record: Mapping[Any, Any]) -> RasterStatistics:
    """Return the statistics of a record."""
    footprint, percentiles = record["footprint"], record["percentiles"]
    return RasterStatistics(
        bounds=Bounds(record["west"], record["south"], record["east"], record["north"]),
        footprint=_geometry(json.loads(footprint)) if footprint else None,
        valid_share=record["valid_share"],
        **{name: record[name] for name in _NUMBERS},
        percentiles=tuple(json.loads(percentiles)) if percentiles else None,
    )


def _value(key: Key, text: str) -> KeyValue:
    return np.datetime64(text, "ns") if key.type == "time" else text


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value)


def _geometry(geometry: dict[str, Any]) -> dict[str, Any]:
    return {**geometry, "coordinates": _tuples(geometry["coordinates"])}


def _tuples(value: Any) -> Any:
    """Return nested lists as tuples, as shapely has them."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
