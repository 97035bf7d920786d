"""Time spans, boxes and CQL2 filters of STAC queries."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import cql2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.stac.data import bare
from xcube_tiles.errors import StacError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.sources.stac.query import (
    Query,
    check_local,
    flat_bbox,
    matches_filter,
    parse_filter,
    properties_of,
    search_bbox,
    time_span,
)

if TYPE_CHECKING:
    from tests.sources.stac.data import Json


def scene(**properties: object) -> Json:
    return bare("scene", properties=properties)


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2024", "2024-01-01T00:00:00Z", "2024-12-31T23:59:59.999999Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59.999999Z"),
        ("2024-05-03", "2024-05-03T00:00:00Z", "2024-05-03T23:59:59.999999Z"),
        ("2024-05-03T10:00:00Z", "2024-05-03T10:00:00Z", "2024-05-03T10:00:00Z"),
        ("2024-05-03T10:00:00+02:00", "2024-05-03T08:00:00Z", "2024-05-03T08:00:00Z"),
        ("2024-05/2024-06-02", "2024-05-01T00:00:00Z", "2024-06-02T23:59:59.999999Z"),
        ("2024-05/..", "2024-05-01T00:00:00Z", ".."),
        ("/2024", "..", "2024-12-31T23:59:59.999999Z"),
        ((None, "2024"), "..", "2024-12-31T23:59:59.999999Z"),
        (dt.date(2024, 5, 3), "2024-05-03T00:00:00Z", "2024-05-03T23:59:59.999999Z"),
        (dt.datetime(2024, 5, 3, 10), "2024-05-03T10:00:00Z", "2024-05-03T10:00:00Z"),
        (
            (np.datetime64("2024-05-03T10"), pd.Timestamp("2024-05-04", tz="UTC")),
            "2024-05-03T10:00:00Z",
            "2024-05-04T00:00:00Z",
        ),
    ],
)
def test_time_span(value: Any, first: str, last: str) -> None:
    assert Query(span=time_span(value)).datetime == f"{first}/{last}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("May", "'May' is no time; expected e.g. '2024-05'"),
        ("2024-13", "'2024-13' is no time"),
        ("2024-06/2024-05", "ends before it begins"),
        ("../..", "open at both ends"),
        ((None, None), "open at both ends"),
        ("2024/2025/2026", "expected datetime as 'first/last'"),
        ((1,) * 3, "expected datetime as 'first/last'"),
        (2024, "expected a time as text, date or datetime, got 2024"),
    ],
)
def test_wrong_time_span(value: Any, text: str) -> None:
    with pytest.raises(StacError, match=text):
        time_span(value)


@given(st.dates(dt.date(1980, 1, 1), dt.date(2100, 12, 31)))
def test_a_day_is_all_of_it(day: dt.date) -> None:
    first, last = time_span(day.isoformat())
    assert first is not None
    assert last is not None
    assert last - first == pd.Timedelta("1D") - pd.Timedelta("1us")


@pytest.mark.parametrize(
    ("span", "expected"),
    [("2024-05-01", True), ("2024-04/..", True), ("2024-05-02/..", False), ("../2024-04", False)],
)
def test_time_of_an_item(span: str, expected: bool) -> None:
    assert Query(span=time_span(span)).matches(scene()) is expected


@pytest.mark.parametrize(
    ("span", "expected"),
    [("2024-03", True), ("2024-01/2024-02-15", True), ("2024-05", False), ("2023", False)],
)
def test_interval_of_an_item(span: str, expected: bool) -> None:
    content = scene(
        datetime=None, start_datetime="2024-02-01T00:00:00Z", end_datetime="2024-04-01T00:00:00Z"
    )
    assert Query(span=time_span(span)).matches(content) is expected


def test_item_without_time() -> None:
    with pytest.raises(StacError, match="'scene' has neither 'datetime' nor 'start_datetime'"):
        Query(span=time_span("2024")).matches(scene(datetime=None))


def test_box_of_an_item() -> None:
    _, south, east, north = scene()["bbox"]
    touching = Query(bbox=(east, south, east + 1, north))
    beside = Query(bbox=(east + 0.01, south, east + 1, north))
    for content in (scene(), {**scene(), "geometry": None}):
        assert touching.matches(content)
        assert not beside.matches(content)
    assert not touching.matches({**scene(), "geometry": None, "bbox": None})


def test_collection_of_an_item() -> None:
    assert Query(collections=("scenes", "other")).matches(scene())
    assert not Query(collections=("other",)).matches(scene())


def test_boxes() -> None:
    assert flat_bbox([1, 2, 3, 4]) == (1, 2, 3, 4)
    assert flat_bbox([1, 2, -9, 3, 4, 9]) == (1, 2, 3, 4)
    box = search_bbox(Extent(xmin=0, ymin=0, xmax=111319.49, ymax=111325.14, crs=3857))
    assert box == pytest.approx((0, 0, 1, 1), abs=1e-6)
    with pytest.raises(StacError, match="is bbox_crs its CRS"):
        search_bbox(Extent(xmin=0, ymin=0, xmax=1e9, ymax=1e9, crs=3035))


def test_query_as_text() -> None:
    query = Query(
        collections=("a",),
        bbox=(1, 2, 3, 4),
        span=time_span("2024-05-03T10:00:00Z"),
        filter=parse_filter("gsd > 10"),
    )
    text = str(query)
    for part in ("collections=['a']", "bbox=(1, 2, 3, 4)", "2024-05-03T10:00:00Z", "gsd", "> 10"):
        assert part in text
    assert str(Query()) == "anything"
    assert "gsd" not in str(query.without_filter())


JSON = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}


@pytest.mark.parametrize(
    "given_",
    [
        "eo:cloud_cover < 20",
        JSON,
        '{"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}',
        cql2.Expr("eo:cloud_cover < 20"),
    ],
    ids=["text", "json", "json-text", "expression"],
)
def test_forms_of_a_filter(given_: Any) -> None:
    expression = parse_filter(given_)
    assert expression.to_json() == JSON
    assert matches_filter(expression, scene(**{"eo:cloud_cover": 10}))
    assert not matches_filter(expression, scene(**{"eo:cloud_cover": 30}))


@pytest.mark.parametrize(
    "given_",
    ["eo:cloud_cover <", "{not json", {"op": "="}, {"op": "=", "args": []}, 3, "", "5 5"],
)
def test_invalid_filter(given_: Any) -> None:
    with pytest.raises(StacError, match=r"is no valid CQL2.*\n?[\s\S]*Expected text such as"):
        parse_filter(given_)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("platform = 's2a'", True),
        ("platform LIKE 's2%'", True),
        ("platform IN ('s2b', 's2c')", False),
        ("eo:cloud_cover BETWEEN 5 AND 15", True),
        ("properties.eo:cloud_cover = 10", True),
        ("collection = 'scenes' AND id = 'scene'", True),
        ("datetime > TIMESTAMP('2024-04-01T00:00:00Z')", True),
        ("S_INTERSECTS(geometry, BBOX(12, 45, 13, 47))", True),
        ("S_INTERSECTS(geometry, BBOX(0, 0, 1, 1))", False),
        # Unknown stays unknown under NOT, as in SQL: neither of the two selects the item.
        ("absent = 3", False),
        ("NOT absent = 3", False),
        ("absent = 3 OR platform = 's2a'", True),
        ("absent IS NULL", True),
    ],
)
def test_local_filter(text: str, expected: bool) -> None:
    content = scene(**{"platform": "s2a", "eo:cloud_cover": 10})
    expression = parse_filter(text)
    check_local(expression)
    assert matches_filter(expression, content) is expected
    assert Query(filter=expression).matches(content) is expected


def test_functions_of_servers_are_refused_here() -> None:
    with pytest.raises(StacError, match=r"'cloudy' can't be evaluated here; known are .*between"):
        check_local(parse_filter("cloudy(platform) = TRUE"))


def test_properties_of_a_filter() -> None:
    expression = parse_filter("b = 1 AND (a > 2 OR NOT c IN (1, 2))")
    assert properties_of(expression) == ("a", "b", "c")
