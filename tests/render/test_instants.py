from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import DimensionError
from xcube_tiles.render.instants import TimeMatch, iso, select_time

TIMES = np.array(
    ["2018-05-06T10:30", "2018-05-24T10:30", "2018-06-15T10:30", "2019-01-01"],
    dtype="datetime64[ns]",
)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (None, 3),
        ("2018", 2),
        ("2018-05", 1),
        ("2018-05-06", 0),
        ("2018-05-06T10:30", 0),
        ("2018-05-06T10:30:00Z", 0),
        (" 2019-01-01T00:00:00.000000000Z ", 3),
        (np.datetime64("2018-06"), 2),
        (TIMES[1], 1),
    ],
)
def test_labels_name_what_they_are_wide(label: str | np.datetime64 | None, expected: int) -> None:
    assert select_time(TIMES, label) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [("2018-05-15", 0), ("2018-05-16", 1), ("1900", 0), ("2100", 3), ("0001", 0), ("9999", 3)],
)
def test_nearest_takes_the_closest_where_none_is_named(label: str, expected: int) -> None:
    assert select_time(TIMES, label, match="nearest") == expected


def test_axes_need_no_order() -> None:
    shuffled = TIMES[[2, 0, 3, 1]]
    assert select_time(shuffled) == 2
    assert select_time(shuffled, "2018-05") == 3


@given(st.permutations(range(4)), st.integers(0, 3))
def test_every_instant_is_found_by_its_own_text(order: list[int], place: int) -> None:
    times = TIMES[order]
    assert select_time(times, iso(times[place])) == place


@pytest.mark.parametrize(
    ("label", "match", "text"),
    [
        ("2017", "exact", "no time '2017'; the times are 2018-05-06T10:30:00Z, "),
        ("yesterday", "exact", "ISO 8601 .* got 'yesterday'"),
        ("", "exact", "got ''"),
        ("NaT", "exact", "got 'NaT'"),
        ("today", "nearest", "got 'today'"),
        ("2018-13", "exact", "got '2018-13'"),
        ("2018-05-24T10:30+02:00", "exact", "in UTC"),
        ("1434", "exact", "no time '1434'"),
        ("9999", "exact", "no time '9999'"),
        ("2018", "closest", "'exact' or 'nearest', got 'closest'"),
    ],
)
def test_bad_labels_say_what_is_wrong(label: str, match: TimeMatch, text: str) -> None:
    with pytest.raises(DimensionError, match=text):
        select_time(TIMES, label, match=match)


def test_without_a_time_axis_there_is_nothing_to_choose() -> None:
    assert select_time(None) is None
    with pytest.raises(DimensionError, match="there is no time axis"):
        select_time(None, "2018")
    with pytest.raises(DimensionError, match="the time axis is empty"):
        select_time(TIMES[:0])


def test_long_lists_are_shortened() -> None:
    many = np.arange("2000", "2030", dtype="datetime64[Y]").astype("datetime64[ns]")
    with pytest.raises(DimensionError) as caught:
        select_time(many, "1999")
    assert str(caught.value).count("T00:00:00Z") == 11
    assert "..." in str(caught.value)
