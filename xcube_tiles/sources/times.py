"""Reading dates: what a key's text or a caller's value says about time."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from xcube_tiles.grid.years import YEARS

if TYPE_CHECKING:
    from collections.abc import Mapping

TimeLike: TypeAlias = str | date | np.datetime64
"""What names a time: text, `date`, `datetime`, `pandas.Timestamp`, `numpy.datetime64`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = {"d": 86_400 * 10**9, "H": 3_600 * 10**9, "M": 60 * 10**9, "S": 10**9}

_CLOCK = r"(?P<H>\d\d)(?::?(?P<M>\d\d)(?::?(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?)?"
_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"(?P<Y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)(?:[T ]{_CLOCK}{_ZONE})?",
        rf"(?P<Y>\d{{4}})(?P<m>\d\d)(?P<d>\d\d)(?:T?{_CLOCK}{_ZONE})?",
        r"(?P<Y>\d{4})-?(?P<j>\d{3})",
        r"(?P<Y>\d{4})(?:-?(?P<m>\d\d))?",
    )
)
_SHORT_DATE = re.compile(r"(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)", re.ASCII)

RECOGNISED = "2018-05-24, 20180524, 20180524T100606, 2018-05-24T10:06:06Z, 2018144, 2018-05 or 2018"
"""Examples of the forms that are recognised, for error texts."""


class Period(NamedTuple):
    """The time that a date stands for: `20180524` is a whole day, `2018-05` a whole month."""

    start: np.datetime64
    """First nanosecond (UTC)."""

    stop: np.datetime64
    """First nanosecond after it."""


def parse_period(value: TimeLike) -> Period:
    """Return the time that a value names, as long as its text is precise.

    Parameters
    ----------
    value
        ISO 8601 text, extended (`2018-05-24T10:06:06Z`) or basic (`20180524T100606`), also without
        the `T`, as year and day of the year (`2018144`), or shortened to a month or a year; or a
        `datetime`, `date`, `pandas.Timestamp` or `numpy.datetime64`, whose unit is its precision.
        Times without a zone are UTC.

    Raises
    ------
    ValueError
        The text is none of these forms, no calendar day, ambiguous (`101112` is a month of 1011 to
        a computer, a day of 2010 to a person), or beyond the years 1678 to 2261.

    Examples
    --------
    >>> parse_period("2018-02").stop
    np.datetime64('2018-03-01T00:00:00.000000000')
    >>> parse_period("20180524T1006").start
    np.datetime64('2018-05-24T10:06:00.000000000')
    """
    if isinstance(value, np.datetime64):
        return _period_of_datetime64(value)
    if isinstance(value, datetime):
        return _period_of_datetime(value)
    if isinstance(value, date):
        return period_of_parts({"Y": value.year, "m": value.month, "d": value.day})
    if not isinstance(value, str):
        raise TypeError(f"a time is a text, date, datetime or numpy.datetime64, got {value!r}")
    return _period_of_text(value)


def period_of_parts(parts: Mapping[str, int]) -> Period:
    """Return the time that calendar fields name; the finest field given is its length.

    Parameters
    ----------
    parts
        Fields by the letters of `strftime`: `Y`, `m`, `d`, `j`, `H`, `M`, `S`, and `f` in
        nanoseconds. `Y` must be there.

    Raises
    ------
    ValueError
        The fields are no date, or leave a gap (a day without its month).
    """
    year = parts["Y"]
    if not YEARS[0] <= year <= YEARS[-1]:
        raise ValueError(f"year {year} is outside {YEARS[0]} to {YEARS[-1]}")
    _check_gaps(parts)
    day = _day_of(parts)
    hour, minute, second = (parts.get(letter, 0) for letter in "HMS")
    moment = datetime.combine(day, time(hour, minute, second), tzinfo=UTC)
    start = _nanoseconds(moment) + parts.get("f", 0)
    return _period(start, start + _length(parts, day))


def iso_text(instant: np.datetime64) -> str:
    """Return an instant as ISO 8601 text without the trailing parts that are zero.

    Examples
    --------
    >>> iso_text(np.datetime64("2018-05-24T00:00:00", "ns"))
    '2018-05-24'
    >>> iso_text(np.datetime64("2018-05-24T10:06:00.5", "ns"))
    '2018-05-24T10:06:00.5'
    """
    text = str(instant.astype("datetime64[ns]"))
    text = text.rstrip("0").rstrip(".") if "." in text else text
    day, _, clock = text.partition("T")
    clock = clock.ljust(8, "0") if clock and "." not in clock else clock
    return day if clock in {"", "00:00:00"} else f"{day}T{clock}"


def _period_of_text(text: str) -> Period:
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            break
    else:
        raise ValueError(f"{text!r} is no date; recognised are {RECOGNISED}")
    _refuse_ambiguous(text)
    groups = match.groupdict()
    parts = {name: int(found) for name, found in groups.items() if found and name not in "f zone"}
    if groups.get("f"):
        parts["f"] = int(groups["f"].ljust(9, "0"))
    try:
        period = period_of_parts(parts)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date: {error}; recognised are {RECOGNISED}") from None
    shift = _zone_offset(groups.get("zone"))
    return Period(period.start - shift, period.stop - shift)


def _refuse_ambiguous(text: str) -> None:
    short = _SHORT_DATE.fullmatch(text)
    if short is None:
        return
    try:
        date(2000 + int(short["y"]), int(short["m"]), int(short["d"]))
        date(int(text[:4]), int(text[4:]), 1)
    except ValueError:
        return
    raise ValueError(f"{text!r} may be year and month or a day with a short year; name the format")


def _zone_offset(zone: str | None) -> np.timedelta64:
    if zone is None or zone == "Z":
        return np.timedelta64(0, "ns")
    minutes = 60 * int(zone[1:3]) + int(zone[-2:])
    return np.timedelta64(minutes if zone[0] == "+" else -minutes, "m")


def _period_of_datetime(value: datetime) -> Period:
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    # A pandas.Timestamp is a datetime that carries nanoseconds besides.
    start = _nanoseconds(moment) + int(getattr(value, "nanosecond", 0))
    return _period(start, start + 1)


def _period_of_datetime64(value: np.datetime64) -> Period:
    if np.isnat(value):
        raise ValueError("NaT names no time")
    if not YEARS[0] <= int(str(value.astype("datetime64[Y]"))) <= YEARS[-1]:
        raise ValueError(f"{value!r} is outside the years {YEARS[0]} to {YEARS[-1]}")
    unit, count = np.datetime_data(value.dtype)
    span = np.array([value, value + np.ones((), f"timedelta64[{count}{unit}]")])
    return Period(*span.astype("datetime64[ns]"))


def _check_gaps(parts: Mapping[str, int]) -> None:
    order = "YjHMS" if "j" in parts else "YmdHMS"
    present = [letter in parts for letter in order]
    if sorted(present, reverse=True) != present:
        missing = order[present.index(False)]
        raise ValueError(f"field %{missing} is missing")


def _day_of(parts: Mapping[str, int]) -> date:
    year = parts["Y"]
    if "j" not in parts:
        return date(year, parts.get("m", 1), parts.get("d", 1))
    if not 1 <= parts["j"] <= 365 + calendar.isleap(year):
        raise ValueError(f"{year} has no day {parts['j']}")
    return date(year, 1, 1) + timedelta(days=parts["j"] - 1)


def _length(parts: Mapping[str, int], day: date) -> int:
    if "f" in parts:
        return 1
    for letter in "SMH":
        if letter in parts:
            return _NANOSECONDS[letter]
    if "d" in parts or "j" in parts:
        return _NANOSECONDS["d"]
    days = calendar.monthrange(day.year, day.month)[1] if "m" in parts else 365
    if "m" not in parts:
        days += calendar.isleap(day.year)
    return days * _NANOSECONDS["d"]


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _period(start: int, stop: int) -> Period:
    return Period(np.datetime64(start, "ns"), np.datetime64(stop, "ns"))
