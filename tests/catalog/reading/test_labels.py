"""Positions along a dimension: instants, periods, ranges, lists."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.catalog.reading.labels import choose
from xcube_tiles.errors import CatalogError

GAPS = np.array(
    ["2018-05-06", "2018-05-24", "2018-06-15", "2019-01-01", "2021-12-31T10:30"],
    dtype="datetime64[ns]",
)


def positions(wanted: Any, times: Any = GAPS) -> tuple[int, ...]:
    return choose("ndvi", "time", times, wanted).positions


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("2018", (0, 1, 2)),
        ("2018-05", (0, 1)),
        ("20180524", (1,)),
        ("2018-05-24T00:00:00Z", (1,)),
        ("2018-05-24T02:00+02:00", (1,)),
        ("2021-12-31T10", (4,)),
        (date(2021, 12, 31), (4,)),
        (datetime(2018, 5, 24), (1,)),
        (datetime(2018, 5, 24, tzinfo=UTC), (1,)),
        (pd.Timestamp("2018-05-24"), (1,)),
        (np.datetime64("2018-05-24"), (1,)),
        (("2018-05-24", "2018-06"), (1, 2)),
        (("2018-05-24", None), (1, 2, 3, 4)),
        ((None, np.datetime64("2018-05-24")), (0, 1)),
        (slice("2018-06", "2021"), (2, 3, 4)),
        ((None, None), (0, 1, 2, 3, 4)),
        (("1500", "9999"), (0, 1, 2, 3, 4)),
        (["2019", "2018-05-06"], (0, 3)),
        (["2018-05", ("2018-05-20", "2018-07"), datetime(2018, 5, 6)], (0, 1, 2)),
        (GAPS[[2, 0]], (0, 2)),
        (pd.DatetimeIndex(GAPS[[2, 0]]), (0, 2)),
        (xr.DataArray(GAPS[1]), (1,)),
    ],
)
def test_times_by_hand(wanted: Any, found: tuple[int, ...]) -> None:
    assert positions(wanted) == found


def test_times_in_any_order() -> None:
    assert positions("2018-05", GAPS[::-1]) == (3, 4)
    assert positions(("2018-05-20", "2018-07"), GAPS[[2, 0, 1]]) == (0, 2)


@pytest.mark.parametrize(
    ("wanted", "single"),
    [
        ("2018-05-24", False),  # the axis is of minutes: a day is a period
        ("2018-05-24T00:00", True),
        (np.datetime64("2018-05-24"), True),
        (date(2018, 5, 24), False),
        ([np.datetime64("2018-05-24")], False),
        (slice("2018-05-24", "2018-05-24"), False),
    ],
)
def test_what_drops_the_dimension(wanted: Any, single: bool) -> None:
    assert choose("ndvi", "time", GAPS, wanted).single is single


def test_a_day_drops_an_axis_of_days() -> None:
    assert choose("ndvi", "time", GAPS[:4], "2018-05-24").single
    assert not choose("ndvi", "time", GAPS[:4], "2018-06").single


@given(
    hours=st.lists(st.integers(-10_000, 500_000), min_size=1, max_size=20, unique=True),
    ends=st.tuples(st.integers(-20_000, 600_000), st.integers(-20_000, 600_000)),
    unit=st.sampled_from(["Y", "M", "D", "h", "m", "s"]),
)
def test_ranges_are_those_of_xarray(hours: list[int], ends: tuple[int, int], unit: str) -> None:
    times = np.array(sorted(hours), "datetime64[h]").astype("datetime64[ns]")
    start, stop = (
        str(np.datetime64(end, "h").astype(f"datetime64[{unit}]")) for end in sorted(ends)
    )
    axis = xr.DataArray(np.arange(times.size), {"time": times}, ("time",))
    wanted = axis.sel(time=slice(start, stop)).values.tolist()
    if wanted:
        assert list(positions((start, stop), times)) == wanted
    else:
        with pytest.raises(CatalogError, match="has no time"):
            positions((start, stop), times)


@given(
    hours=st.lists(st.integers(-10_000, 50_000), min_size=1, max_size=20, unique=True),
    unit=st.sampled_from(["Y", "M", "D", "h", "m"]),
    data=st.data(),
)
def test_periods_are_those_of_xarray(hours: list[int], unit: str, data: st.DataObject) -> None:
    times = np.array(sorted(hours), "datetime64[h]").astype("datetime64[ns]")
    label = str(data.draw(st.sampled_from(list(times))).astype(f"datetime64[{unit}]"))
    axis = xr.DataArray(np.arange(times.size), {"time": times}, ("time",))
    try:
        wanted = axis.sel(time=label)
    except KeyError:  # finer than the axis, and not one of its instants
        wanted = axis[[i for i in range(times.size) if str(times[i]).startswith(label)]]
    chosen = choose("ndvi", "time", times, label)
    assert list(chosen.positions) == np.atleast_1d(wanted.values).tolist()
    assert chosen.single is (wanted.ndim == 0)


@pytest.mark.parametrize(
    "wanted",
    [
        "2030", "now", "NaT", "", "20189999", "May", 2018, 3.5, True, [], ["2018", "2030"],
        [["2018"]], ("2018",), ("2018", "2019", "2020"), slice("2018", "2019", 2),
        ("2019", "2018"), ["2018", ("2020", "2020-12")], np.datetime64("NaT", "ns"), object(),
        "2018-05-24T00:00:01", None, [None], b"2018",
    ],
)  # fmt: skip
def test_times_that_arent_there(wanted: Any) -> None:
    with pytest.raises(CatalogError, match=r"layer 'ndvi' has no time .*; it has 5 from 2018-05"):
        positions(wanted)


def test_the_error_names_what_isnt_there() -> None:
    with pytest.raises(CatalogError, match=r"has no time '2030-01'; it has"):
        positions(["2018", "2030-01", "2019"])


DEPTHS = np.array([0.0, 5.0, 10.0, 2.5], "float32")


@pytest.mark.parametrize(
    ("wanted", "found", "single"),
    [
        (5, (1,), True),
        (np.float64(2.5), (3,), True),
        ([10, 0], (0, 2), False),
        ((2, 9), (1, 3), False),
        (slice(5, None), (1, 2), False),
        ([0, (5, 10)], (0, 1, 2), False),
        (np.array([2.5]), (3,), False),
        (range(0, 6, 5), (0, 1), False),
    ],
)
def test_labels_of_numbers(wanted: Any, found: tuple[int, ...], single: bool) -> None:
    chosen = choose("sea", "depth", DEPTHS, wanted)
    assert (chosen.positions, chosen.single) == (found, single)


@pytest.mark.parametrize("wanted", [1, "5", [5, 7], (6, 9), ("a", "b"), [], None])
def test_labels_that_arent_there(wanted: Any) -> None:
    with pytest.raises(CatalogError, match=r"has no depth .*it has 0.0, 5.0, 10.0, 2.5\. Pass"):
        choose("sea", "depth", DEPTHS, wanted)


def test_labels_of_text() -> None:
    names = np.array(["S1", "S2", "L8"])
    assert choose("x", "sensor", names, "S2").positions == (1,)
    assert choose("x", "sensor", names, ["L8", "S1"]).positions == (0, 2)
    many = np.array([f"s{number}" for number in range(30)])
    with pytest.raises(CatalogError, match=r"s9 and 20 more"):
        choose("x", "sensor", many, "S2")


def test_both() -> None:
    first, second = (choose("x", "depth", DEPTHS, wanted) for wanted in ([0, 5], 5))
    assert first.both(second).positions == (1,)
    assert first.both(second).single
