"""Key indexes by name, and as JSON: the documents of GeoTrellis, and what these can't say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.curves.indexes import HilbertIndex, RowMajorIndex, ZOrderIndex
from xcube_tiles.grid.curves.ordering import check_order
from xcube_tiles.grid.curves.timeaxis import step_of
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from xcube_tiles.grid.curves.index import KeyIndex
    from xcube_tiles.grid.curves.ordering import Order

_MILLISECOND = 1_000_000


def key_index(
    name: Order,
    bounds: KeyBounds,
    *,
    time_step: str | timedelta | np.timedelta64 | None = None,
    time_bits: int | None = None,
) -> KeyIndex:
    """Return the index of some keys along a curve.

    Parameters
    ----------
    name
        Name of the curve: `hilbert`, `zorder` or `rowmajor`.
    bounds
        The keys.
    time_step
        For keys with instants: length of time in which keys have one index, such as '1D'.
    time_bits
        In its place, for a Hilbert curve: binary logarithm of the number of bins that the time of
        the bounds is cut into.

    Returns
    -------
    KeyIndex
        A `HilbertIndex`, `ZOrderIndex` or `RowMajorIndex`.

    Raises
    ------
    GridError
        An unknown name, or arguments that the index refuses.

    Examples
    --------
    >>> bounds = KeyBounds(TileKey(0, 0), TileKey(1023, 1023))
    >>> index = key_index("hilbert", bounds)
    >>> int(index.to_index(512, 700))
    585722
    """
    check_order(name)
    step = None if time_step is None else step_of(time_step)
    if name == "hilbert":
        return HilbertIndex(bounds=bounds, time_step=step, time_bits=time_bits)
    if time_bits is not None:
        raise GridError(f"time_bits={time_bits!r} is for the Hilbert curve; give time_step")
    if name == "zorder":
        return ZOrderIndex(bounds=bounds, time_step=step)
    return RowMajorIndex(bounds=bounds, time_step=step)


def index_to_json(index: KeyIndex) -> dict[str, Any]:
    """Return a document that `index_from_json` reads, and GeoTrellis where it can.

    Parameters
    ----------
    index
        One of the three indexes.

    Returns
    -------
    dict
        `type` and `properties` as GeoTrellis writes them. What it has no word for is added:
        `timeStep` (but for Z-order in whole milliseconds) and `origin`. Instants are milliseconds
        since 1970, or ISO 8601 where they aren't whole.

    Raises
    ------
    GridError
        Something else than an index.

    Examples
    --------
    >>> index = key_index("zorder", KeyBounds(TileKey(0, 0), TileKey(7, 3)))
    >>> index_to_json(index)["properties"]
    {'keyBounds': {'minKey': {'col': 0, 'row': 0}, 'maxKey': {'col': 7, 'row': 3}}}
    """
    if not isinstance(index, HilbertIndex | ZOrderIndex | RowMajorIndex):
        raise GridError(f"expected a key index, got {index!r}; make one with key_index()")
    bounds = {"minKey": _key_json(index.bounds.first), "maxKey": _key_json(index.bounds.last)}
    properties: dict[str, Any] = {"keyBounds": bounds}
    if isinstance(index, HilbertIndex):
        properties["xResolution"], properties["yResolution"] = index.bits[:2]
        if index.time_bits is not None:
            properties["temporalResolution"] = index.time_bits
    if index.time_step is not None:
        length = int(index.time_step.astype(np.int64))
        if isinstance(index, ZOrderIndex) and length % _MILLISECOND == 0:
            properties["temporalResolution"] = length // _MILLISECOND
        else:
            properties["timeStep"] = f"{length}ns"
    if isinstance(index, ZOrderIndex) and index.origin is not None:
        properties["origin"] = _key_json(index.origin)
    return {"type": index.name, "properties": properties}


def index_from_json(document: Mapping[str, Any]) -> KeyIndex:
    """Return the index that a document of `index_to_json` or of GeoTrellis describes.

    Parameters
    ----------
    document
        With the members `type` and `properties`.

    Raises
    ------
    GridError
        A document that describes none.

    Examples
    --------
    >>> index = key_index("hilbert", KeyBounds(TileKey(0, 0), TileKey(7, 3)))
    >>> index_from_json(index_to_json(index)) == index
    True
    """
    try:
        name, properties = document["type"], document["properties"]
        bounds = properties["keyBounds"]
        keys = KeyBounds(_key_of(bounds["minKey"]), _key_of(bounds["maxKey"]))
        return _index_of(name, keys, properties)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, GridError):
            raise
        raise GridError(
            "expected the document of a key index, {'type': ..., 'properties': {'keyBounds': "
            f"{{'minKey': ..., 'maxKey': ...}}, ...}}}}, got {document!r}"
        ) from error


def _index_of(name: Order, bounds: KeyBounds, properties: Mapping[str, Any]) -> KeyIndex:
    check_order(name)
    step = step_of(properties["timeStep"]) if "timeStep" in properties else None
    time = properties.get("temporalResolution")
    if name == "hilbert":
        index = HilbertIndex(bounds=bounds, time_step=step, time_bits=time)
        bits = properties["xResolution"], properties["yResolution"]
        return index if index.bits[:2] == bits else replace(index, space_bits=bits)
    if name == "rowmajor":
        return RowMajorIndex(bounds=bounds, time_step=step)
    origin = properties.get("origin")
    return ZOrderIndex(
        bounds=bounds,
        time_step=step if time is None else step_of(f"{int(time)}ms"),
        origin=None if origin is None else _key_of(origin),
    )


def _key_json(key: TileKey | SpaceTimeKey) -> dict[str, int | str]:
    members: dict[str, int | str] = {"col": key.col, "row": key.row}
    if isinstance(key, SpaceTimeKey):
        milliseconds, rest = divmod(int(key.instant.astype(np.int64)), _MILLISECOND)
        members["instant"] = str(key.instant) if rest else milliseconds
    return members


def _key_of(members: Mapping[str, Any]) -> TileKey | SpaceTimeKey:
    if "instant" not in members:
        return TileKey(members["col"], members["row"])
    instant = members["instant"]
    if not isinstance(instant, str):
        instant = np.datetime64(int(instant), "ms")
    return SpaceTimeKey(members["col"], members["row"], instant)
