"""What is asked of a STAC source: collections, box, time, CQL2 filter, and the local test of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import cql2
import numpy as np
import pandas as pd
import shapely

from xcube_tiles.errors import GridError, StacError

if TYPE_CHECKING:
    from xcube_tiles.grid.extent import Extent

Json: TypeAlias = dict[str, Any]
"""A JSON object: an item, a collection, an asset."""

Moment: TypeAlias = str | date | datetime | np.datetime64 | pd.Timestamp
"""One end of a time span; a date without a time is the whole day."""

TimeSpan: TypeAlias = Moment | tuple[Moment | None, Moment | None]
"""A moment, `(first, last)` with None for an open end, or the text of STAC: `"2024-05/.."`."""

FilterLike: TypeAlias = str | Mapping[str, object] | cql2.Expr
"""A CQL2 expression as text or JSON."""

_CALENDAR = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
# A year, month or day: it stands for all instants in it.

_NAMES = (
    "and or not = <> < <= > >= between in like isNull casei accenti + - * / ^ % div "
    "s_contains s_crosses s_disjoint s_equals s_intersects s_overlaps s_touches s_within "
    "t_after t_before t_contains t_disjoint t_during t_equals t_finishedBy t_finishes "
    "t_intersects t_meets t_metBy t_overlappedBy t_overlaps t_startedBy t_starts "
    "a_containedBy a_contains a_equals a_overlaps"
)
_OPERATORS = frozenset(_NAMES.split())
# The operators of CQL2 (OGC 21-065r2, annex B); everything else is a function of some server.


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What an item must meet; a field that is None asks for nothing."""

    collections: tuple[str, ...] | None = None
    """Identifiers, one of which the item's collection must have."""

    bbox: tuple[float, float, float, float] | None = None
    """Longitudes and latitudes (west, south, east, north) that the item's footprint must touch."""

    span: tuple[pd.Timestamp | None, pd.Timestamp | None] | None = None
    """First and last instant, UTC, both inclusive; None is open."""

    filter: cql2.Expr | None = None
    """Validated CQL2 expression over the item's properties."""

    @property
    def datetime(self) -> str | None:
        """The time span in the notation of STAC, e.g. `2024-05-01T00:00:00Z/..`."""
        if self.span is None:
            return None
        return "/".join(".." if end is None else _utc_text(end) for end in self.span)

    @property
    def asks(self) -> bool:
        """Whether anything is asked for."""
        return self != Query()

    def without_filter(self) -> Query:
        """Return the query without its CQL2 part, for an API that doesn't know CQL2."""
        return Query(collections=self.collections, bbox=self.bbox, span=self.span)

    def matches(self, item: Json) -> bool:
        """Return whether an item, as JSON, meets every part of the query."""
        return (
            (self.collections is None or item.get("collection") in self.collections)
            and (self.span is None or _overlaps(self.span, item))
            and self._touches(item)
            and (self.filter is None or matches_filter(self.filter, item))
        )

    def _touches(self, item: Json) -> bool:
        if self.bbox is None:
            return True
        if item.get("geometry"):
            geometry = shapely.geometry.shape(item["geometry"])
        elif item.get("bbox"):
            geometry = shapely.box(*flat_bbox(item["bbox"]))
        else:
            return False
        return bool(geometry.intersects(shapely.box(*self.bbox)))

    def __str__(self) -> str:
        parts = {
            "collections": list(self.collections) if self.collections else None,
            "bbox": self.bbox,
            "datetime": self.datetime,
            "filter": None if self.filter is None else self.filter.to_text(),
        }
        asked = [f"{name}={value!r}" for name, value in parts.items() if value is not None]
        return ", ".join(asked) or "anything"


def search_bbox(extent: Extent) -> tuple[float, float, float, float]:
    """Return an extent as a STAC bounding box: longitudes and latitudes of WGS 84.

    Raises
    ------
    StacError
        An extent that has no place on the globe, as with the wrong CRS.
    """
    try:
        xmin, ymin, xmax, ymax = extent.to_crs("EPSG:4326").bounds
    except GridError as error:
        raise StacError(f"bbox has no place on the globe; is bbox_crs its CRS? {error}") from error
    return xmin, ymin, xmax, ymax


def flat_bbox(bbox: list[float]) -> tuple[float, float, float, float]:
    """Return the horizontal part of a STAC bounding box of 4 or 6 numbers."""
    if len(bbox) == 6:
        bbox = [bbox[0], bbox[1], bbox[3], bbox[4]]
    xmin, ymin, xmax, ymax = bbox
    return xmin, ymin, xmax, ymax


def time_span(value: TimeSpan) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Return first and last instant, UTC, of what `datetime=` accepts.

    Parameters
    ----------
    value
        A moment, `(first, last)`, or text: `"2024"`, `"2024-05"`, `"2024-05-03"`, an RFC 3339
        instant, or two of them around a slash. `..`, an empty text and None are open ends. A
        year, month or day is all of it. An instant without a time zone is UTC.

    Raises
    ------
    StacError
        Text that is no time, both ends open, or a span that ends before it begins.

    Examples
    --------
    >>> first, last = time_span("2024-02")
    >>> print(first, last)
    2024-02-01 00:00:00+00:00 2024-02-29 23:59:59.999999+00:00
    """
    ends: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)
    if isinstance(value, str) and "/" in value:
        ends = tuple(value.split("/"))
    if len(ends) == 1:
        ends = (ends[0], ends[0])
    if len(ends) != 2:
        raise StacError(f"expected datetime as 'first/last' or (first, last), got {value!r}")
    first, last = _moment(ends[0], last=False), _moment(ends[1], last=True)
    if first is None and last is None:
        raise StacError(f"datetime={value!r} is open at both ends; leave it out for any time")
    if first is not None and last is not None and last < first:
        raise StacError(f"datetime={value!r} ends before it begins")
    return first, last


def _moment(value: Any, *, last: bool) -> pd.Timestamp | None:
    if value is None or (isinstance(value, str) and value in ("", "..")):
        return None
    if not isinstance(value, str | date | np.datetime64):
        raise StacError(f"expected a time as text, date or datetime, got {value!r}")
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        if isinstance(value, str) and _CALENDAR.fullmatch(value):
            period = pd.Period(value)
            # Nanoseconds are no part of RFC 3339 as most servers read it.
            stamp = period.end_time.floor("us") if last else period.start_time
            return stamp.tz_localize("UTC")
        # Not pandas' own reading of text: it makes a day of this year of "May".
        stamp = pd.Timestamp(datetime.fromisoformat(value) if isinstance(value, str) else value)
        return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    except (ValueError, TypeError) as error:
        raise StacError(
            f"{value!r} is no time; expected e.g. '2024-05', '2024-05-03', "
            "'2024-05-03T10:00:00Z', or two of them as 'first/last'"
        ) from error


def _utc_text(stamp: pd.Timestamp) -> str:
    return stamp.tz_localize(None).isoformat() + "Z"


def instant(item: Json) -> pd.Timestamp:
    """Return the nominal time of an item, UTC: `datetime`, else `start_datetime`.

    Raises
    ------
    StacError
        An item that has neither.
    """
    properties = item["properties"]
    text = properties.get("datetime") or properties.get("start_datetime")
    if text is None:
        raise StacError(f"item {item['id']!r} has neither 'datetime' nor 'start_datetime'")
    return pd.Timestamp(text).tz_convert("UTC")


def _overlaps(span: tuple[pd.Timestamp | None, pd.Timestamp | None], item: Json) -> bool:
    properties = item["properties"]
    start = stop = instant(item)
    if properties.get("datetime") is None and properties.get("end_datetime"):
        stop = pd.Timestamp(properties["end_datetime"]).tz_convert("UTC")
    first, last = span
    return (last is None or start <= last) and (first is None or stop >= first)


def parse_filter(value: FilterLike) -> cql2.Expr:
    """Return a validated CQL2 expression.

    Parameters
    ----------
    value
        CQL2 text (`"eo:cloud_cover < 20"`), CQL2 JSON as a mapping or as text, or an `Expr`.

    Raises
    ------
    StacError
        What `cql2` can't parse or finds invalid.

    Examples
    --------
    >>> parse_filter("eo:cloud_cover < 20").to_json()["op"]
    '<'
    """
    try:
        expression = value if isinstance(value, cql2.Expr) else cql2.Expr(_plain(value))
        expression.validate()
    except Exception as error:
        # cql2 raises a bare Exception for what it can't parse: nothing narrower exists.
        raise StacError(_invalid(value, error)) from error
    return expression


def _plain(value: str | Mapping[str, object]) -> str | Json:
    if isinstance(value, str):
        return json.loads(value) if value.lstrip().startswith("{") else value
    return dict(value)


def _invalid(value: object, error: Exception) -> str:
    return (
        f"filter={value!r} is no valid CQL2: {error}\nExpected text such as "
        "\"eo:cloud_cover < 20 AND platform = 'sentinel-2a'\", or JSON such as "
        '{"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}'
    )


def matches_filter(expression: cql2.Expr, item: Json) -> bool:
    """Return whether an item meets a CQL2 expression, with the three-valued logic of SQL.

    A comparison with a property that the item lacks is unknown, and so is its negation: the item
    is not selected, as by a STAC API.
    """
    try:
        return bool(expression.matches(item))
    except Exception as error:
        # cql2 raises a bare Exception; only this text tells an unknown result from a defect.
        if "Could not reduce" in str(error):
            return False
        raise


def check_local(expression: cql2.Expr) -> None:
    """Refuse functions that can't be evaluated here: they would silently select nothing.

    Raises
    ------
    StacError
        An expression with a function that only some server may know.
    """
    unknown = sorted(set(_leaves(expression.to_json(), "op")) - _OPERATORS)
    if unknown:
        raise StacError(
            f"this source can't filter by itself, and {unknown[0]!r} can't be evaluated here; "
            f"known are {', '.join(sorted(_OPERATORS))}"
        )


def properties_of(expression: cql2.Expr) -> tuple[str, ...]:
    """Return the names of the properties that an expression mentions, sorted.

    Examples
    --------
    >>> properties_of(parse_filter("gsd > 10 AND eo:cloud_cover < 20"))
    ('eo:cloud_cover', 'gsd')
    """
    return tuple(sorted(set(_leaves(expression.to_json(), "property"))))


def _leaves(node: object, key: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get(key), str):
            yield node[key]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _leaves(child, key)
