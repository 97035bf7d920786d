from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from xcube_tiles.algebra.periods import CYCLES, PERIODS, group_times
from xcube_tiles.errors import DimensionError

DAILY = pd.date_range("2019-11-28", "2020-03-03", freq="D")


def labels_of(periods: Any, times: pd.DatetimeIndex = DAILY) -> list[str]:
    labels = group_times(times, periods).labels
    return [str(label) for label in labels.astype("datetime64[D]")]


def test_dekads_by_hand() -> None:
    groups = group_times(DAILY, "dekad")
    assert labels_of("dekad")[:5] == [
        "2019-11-21",
        "2019-12-01",
        "2019-12-11",
        "2019-12-21",
        "2020-01-01",
    ]
    # 2020 is a leap year: its third dekad of February has nine days.
    assert [len(index) for index in groups.indices] == [3, 10, 10, 11, 10, 10, 11, 10, 10, 9, 3]


@pytest.mark.parametrize(
    ("periods", "first", "last", "number"),
    [
        ("day", "2019-11-28", "2020-03-03", 97),
        ("week", "2019-11-25", "2020-03-02", 15),
        ("month", "2019-11-01", "2020-03-01", 5),
        ("season", "2019-09-01", "2020-03-01", 3),
        ("tropical-season", "2019-11-01", "2019-11-01", 1),
        ("year", "2019-01-01", "2020-01-01", 2),
        ("decade", "2010-01-01", "2020-01-01", 2),
        ("decade-ad", "2011-01-01", "2011-01-01", 1),
        ("1MS", "2019-11-01", "2020-03-01", 5),
        ("YS", "2019-01-01", "2020-01-01", 2),
        ("QS-DEC", "2019-09-01", "2020-03-01", 3),
    ],
)
def test_starts_of_periods(periods: str, first: str, last: str, number: int) -> None:
    labels = labels_of(periods)
    assert (labels[0], labels[-1], len(labels)) == (first, last, number)


@pytest.mark.parametrize("periods", [*PERIODS, "1MS", "7D", "36h"])
def test_each_time_is_in_one_period_which_holds_it(periods: str) -> None:
    times = pd.DatetimeIndex([*DAILY[::5], *DAILY[1::7]]) + pd.Timedelta(hours=13)
    groups = group_times(times, periods)
    assert sorted(np.concatenate(groups.indices).tolist()) == list(range(len(times)))
    starts = pd.DatetimeIndex(groups.labels)
    assert starts.is_monotonic_increasing
    for at, index in enumerate(groups.indices):
        assert (times[index] >= starts[at]).all()
        if at + 1 < len(starts):
            assert (times[index] < starts[at + 1]).all()


def test_hours() -> None:
    times = pd.DatetimeIndex(["2020-01-01T10:59", "2020-01-01T11:00", "2020-01-01T13:01"])
    assert [index.tolist() for index in group_times(times, "hour").indices] == [[0], [1], [], [2]]


def test_seasons_are_named() -> None:
    groups = group_times(DAILY, "season")
    assert groups.seasons is not None
    assert groups.seasons.tolist() == ["SON", "DJF", "MAM"]


def test_intervals_include_their_start_overlap_and_may_be_empty() -> None:
    groups = group_times(
        DAILY, [("2019-12-01", "2019-12-03"), ("2019-12-02T00:00Z", "2020"), ("1999", "2000")]
    )
    assert [DAILY[index].day.tolist() for index in groups.indices] == [
        [1, 2],
        list(range(2, 32)),
        [],
    ]
    assert str(groups.labels[0])[:10] == "2019-12-01"


@pytest.mark.parametrize("periods", CYCLES)
def test_cycles_hold_every_time_once(periods: str) -> None:
    groups = group_times(DAILY, periods)
    assert sorted(np.concatenate(groups.indices).tolist()) == list(range(len(DAILY)))
    assert groups.dim is not None
    assert all(len(index) for index in groups.indices)


def test_cycles_by_hand() -> None:
    assert group_times(DAILY, "climatology:month").labels.tolist() == [1, 2, 3, 11, 12]
    assert group_times(DAILY, "climatology:season").labels.tolist() == ["DJF", "MAM", "SON"]
    assert group_times(DAILY, "climatology:tropical-season").labels.tolist() == ["NDJFMA"]
    dekads = group_times(pd.DatetimeIndex(["2020-01-31", "2021-01-31", "2020-12-31"]), CYCLES[2])
    assert dekads.labels.tolist() == [3, 36]
    assert [index.tolist() for index in dekads.indices] == [[0, 1], [2]]


@pytest.mark.parametrize(
    ("periods", "labels", "text"),
    [
        (None, None, "unknown periods None; expected hour, day"),
        (pd.Timedelta("10D"), None, "unknown periods Timedelta"),
        ("-1MS", None, "longer than nothing, got '-1MS'"),
        ("0D", None, "longer than nothing, got '0D'"),
        ("W", None, r"'W' counts from ends; use 'week' \(from Monday\) or '7D'"),
        ("W-MON", None, "'W-MON' counts from ends"),
        ("fortnight", None, "unknown periods 'fortnight'; expected hour, day"),
        ("1ME", None, "use '1MS'"),
        ("climatology:year", None, "the cycles are climatology:hour"),
        ([], None, "no intervals"),
        ([("2020-01-02", "2020-01-01")], None, "must start before it ends"),
        ([("yesterday-ish", "2020-01-01")], None, "an interval is"),
        ([("2020-01-01", "2020-01-02")], ["a", "b"], "1 intervals need as many labels, got 2"),
        ("month", ["a"], "labels are for explicit intervals"),
    ],
)
def test_what_can_not_be_read(periods: Any, labels: list[str] | None, text: str) -> None:
    with pytest.raises(DimensionError, match=text):
        group_times(DAILY, periods, labels)
