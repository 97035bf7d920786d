from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.sources.times import TimeLike, iso_text, parse_period, period_of_parts

DATETIMES = st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1))


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("2018", "2018-01-01", "2019-01-01"),
        ("2016-02", "2016-02-01", "2016-03-01"),
        ("201805", "2018-05-01", "2018-06-01"),
        ("20180524", "2018-05-24", "2018-05-25"),
        ("2018-05-24", "2018-05-24", "2018-05-25"),
        ("2018144", "2018-05-24", "2018-05-25"),
        ("2016-366", "2016-12-31", "2017-01-01"),
        ("20180524T10", "2018-05-24T10", "2018-05-24T11"),
        ("2018052410", "2018-05-24T10", "2018-05-24T11"),
        ("20180524T1006", "2018-05-24T10:06", "2018-05-24T10:07"),
        ("20180524T100606", "2018-05-24T10:06:06", "2018-05-24T10:06:07"),
        ("20180524100606", "2018-05-24T10:06:06", "2018-05-24T10:06:07"),
        ("2018-05-24T10:06:06Z", "2018-05-24T10:06:06", "2018-05-24T10:06:07"),
        ("2018-05-24 10:06", "2018-05-24T10:06", "2018-05-24T10:07"),
        ("2018-05-24T01:30+02:00", "2018-05-23T23:30", "2018-05-23T23:31"),
        ("2018-05-24T22:30-0200", "2018-05-25T00:30", "2018-05-25T00:31"),
        (date(2018, 5, 24), "2018-05-24", "2018-05-25"),
        (np.datetime64("2018-05"), "2018-05-01", "2018-06-01"),
        (np.datetime64("2018-05-24").astype("datetime64[10D]"), "2018-05-19", "2018-05-29"),
    ],
)
def test_a_date_covers_what_it_says(value: TimeLike, start: str, stop: str) -> None:
    assert parse_period(value) == (np.datetime64(start, "ns"), np.datetime64(stop, "ns"))


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2018-05-24T10:06:06.123456789", "2018-05-24T10:06:06.123456789"),
        ("20180524T100606.5Z", "2018-05-24T10:06:06.5"),
        (datetime(2018, 5, 24, 1, 2, 3, 4), "2018-05-24T01:02:03.000004"),
        (datetime(2018, 5, 24, tzinfo=UTC) + timedelta(hours=1), "2018-05-24T01"),
        (pd.Timestamp("2018-05-24T00:00:00.000000007"), "2018-05-24T00:00:00.000000007"),
    ],
)
def test_an_instant_covers_a_nanosecond(value: TimeLike, instant: str) -> None:
    start = np.datetime64(instant, "ns")
    assert parse_period(value) == (start, start + np.timedelta64(1, "ns"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ndvi", "is no date"),
        ("", "is no date"),
        ("20181301", "month must be"),
        ("2018-02-30", "day is out of range"),
        ("2017366", "2017 has no day 366"),
        ("2018000", "2018 has no day 0"),
        ("20180524T2500", "hour must be"),
        ("201011", "short year"),
        ("0101-01-01", "outside 1678 to 2261"),
        ("٢٠١٨", "is no date"),
    ],
)
def test_what_is_no_date_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_period(text)


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match=r"got 2018"):
        parse_period(2018)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NaT"):
        parse_period(np.datetime64("NaT", "ns"))
    with pytest.raises(ValueError, match="outside the years"):
        parse_period(np.datetime64("3000-01-01"))
    with pytest.raises(ValueError, match="field %m is missing"):
        period_of_parts({"Y": 2018, "d": 3})


def test_months_that_no_day_can_be_are_months() -> None:
    # 18 is no month, so 201805 can't be a day of 2020.
    assert parse_period("201805").start == np.datetime64("2018-05-01")


@given(DATETIMES)
def test_isoformat_and_strftime_parse_back(moment: datetime) -> None:
    expected = np.datetime64(moment, "ns")
    assert parse_period(moment.isoformat()).start == expected
    assert parse_period(moment).start == expected
    seconds = expected.astype("datetime64[s]")
    assert parse_period(moment.strftime("%Y%m%dT%H%M%S")).start == seconds
    assert parse_period(moment.strftime("%Y%j")).start == expected.astype("datetime64[D]")


@given(st.integers(-(2**62), 2**62))
def test_iso_text_parses_back(nanoseconds: int) -> None:
    instant = np.datetime64(nanoseconds, "ns")
    assert parse_period(iso_text(instant)).start == instant
