"""Periods of time: which labels of a time dimension belong to which interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from xcube_tiles.errors import DimensionError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

Instant: TypeAlias = str | np.datetime64 | pd.Timestamp
"""A moment; text in ISO 8601."""

Periods: TypeAlias = str | Sequence[tuple[Instant, Instant]]
"""Name of a period or cycle, a frequency of pandas, or intervals (start, end)."""

CYCLE = "climatology:"
"""Prefix of the periods that put the same part of every year, or day, together."""

_START_MONTHS = {
    "month": range(1, 13),
    "season": (3, 6, 9, 12),
    "tropical-season": (5, 11),
    "year": (1,),
    "decade": (1,),
    "decade-ad": (1,),
}
_SEASONS = np.array(["DJF", "MAM", "JJA", "SON"])
_CYCLE_DIMS = {
    "hour": "hour",
    "day": "dayofyear",
    "dekad": "dekad",
    "month": "month",
    "season": "season",
    "tropical-season": "season",
}

PERIODS = ("hour", "day", "week", "dekad", *_START_MONTHS)
"""Names of calendar periods, those of openEO."""

CYCLES = tuple(CYCLE + name for name in _CYCLE_DIMS)
"""Names of cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Positions along a time dimension, grouped."""

    indices: tuple[NDArray[np.int64], ...]
    """Positions of the times of each group, ascending; empty where an interval has none."""

    labels: NDArray[np.generic]
    """Label of each group: start of the interval, or part of the cycle."""

    dim: str | None = None
    """Name of the new dimension; None: it keeps its name."""

    seasons: NDArray[np.str_] | None = None
    """Season of each group, if the periods are seasons."""


def group_times(
    times: pd.DatetimeIndex, periods: Periods, labels: Sequence[Hashable] | None = None
) -> Groups:
    """Group times by periods.

    Parameters
    ----------
    times
        At least one, in any order.
    periods
        See `xcube_tiles.algebra.temporal.aggregate`.
    labels
        Labels of explicit intervals; the default is their starts.

    Raises
    ------
    DimensionError
        Periods that can't be read; labels without intervals, or of another number.

    Examples
    --------
    >>> times = pd.DatetimeIndex(["2018-05-04", "2018-05-24", "2018-07-01"])
    >>> [group.tolist() for group in group_times(times, "month").indices]
    [[0, 1], [], [2]]
    >>> group_times(times, "climatology:month").labels.tolist()
    [5, 7]
    """
    if not isinstance(periods, str):
        if not isinstance(periods, Iterable):
            raise _unknown(periods)
        return _intervals(times, periods, labels)
    if labels is not None:
        raise DimensionError(f"labels are for explicit intervals, not for the periods {periods!r}")
    if periods.startswith(CYCLE):
        return _cycle(times, periods)
    starts = _starts(times.min(), times.max(), periods) if periods in PERIODS else None
    if starts is None:
        starts = _frequency_starts(times, periods)
    # Periods touch each other: the last start at or before a time is its own.
    owner = starts.searchsorted(times, side="right") - 1
    seasons = _SEASONS[starts.month % 12 // 3] if periods == "season" else None
    return Groups(
        indices=tuple(np.flatnonzero(owner == at) for at in range(len(starts))),
        labels=starts.as_unit(times.unit).to_numpy(),
        seasons=seasons,
    )


def _starts(first: pd.Timestamp, last: pd.Timestamp, period: str) -> pd.DatetimeIndex:
    """Return the starts of the periods from the one that holds `first` to that of `last`."""
    day = first.normalize()
    if period == "hour":
        return pd.date_range(first.floor("h"), last, freq="h")
    if period == "day":
        return pd.date_range(day, last, freq="D")
    if period == "week":  # ISO 8601: from Monday
        return pd.date_range(day - pd.Timedelta(days=day.weekday()), last, freq="7D")
    # A decade is the longest period: no start that matters lies further back.
    months = pd.date_range(pd.Timestamp(first.year - 10, 1, 1), last, freq="MS")
    if period == "dekad":
        starts = months.union(months + pd.Timedelta(days=10))
        starts = starts.union(months + pd.Timedelta(days=20))
    else:
        starts = months[months.month.isin(list(_START_MONTHS[period]))]
    if period.startswith("decade"):
        starts = starts[starts.year % 10 == (1 if period == "decade-ad" else 0)]
    begin = int(starts.searchsorted(first, side="right")) - 1
    return starts[begin : int(starts.searchsorted(last, side="right"))]


def _frequency_starts(times: pd.DatetimeIndex, frequency: str) -> pd.DatetimeIndex:
    try:
        offset = to_offset(frequency)
    except ValueError as error:
        raise _unknown(frequency) from error
    if offset.n < 1:
        raise DimensionError(f"a period must be longer than nothing, got {frequency!r}")
    if "End" in type(offset).__name__ or isinstance(offset, pd.offsets.Week):
        weekly = isinstance(offset, pd.offsets.Week)
        starts = "week' (from Monday) or '7D" if weekly else frequency.replace("E", "S", 1)
        raise DimensionError(
            f"periods are named by their starts, but {frequency!r} counts from ends; use '{starts}'"
        )
    counted = pd.Series(1, index=times.sort_values()).resample(
        frequency, closed="left", label="left"
    )
    return pd.DatetimeIndex(counted.count().index)


def _unknown(periods: object) -> DimensionError:
    return DimensionError(
        f"unknown periods {periods!r}; expected {', '.join((*PERIODS, *CYCLES))}, a "
        "frequency of pandas such as '1MS', '10D' or 'YS', or intervals [(start, end), ...]"
    )


def _intervals(
    times: pd.DatetimeIndex,
    intervals: Sequence[tuple[Instant, Instant]],
    labels: Sequence[Hashable] | None,
) -> Groups:
    pairs = [_interval(item) for item in intervals]
    if not pairs:
        raise DimensionError("no intervals to aggregate to; expected at least one (start, end)")
    if labels is not None and len(labels) != len(pairs):
        raise DimensionError(f"{len(pairs)} intervals need as many labels, got {len(labels)}")
    starts = pd.DatetimeIndex([start for start, _ in pairs]).as_unit(times.unit)
    return Groups(
        indices=tuple(np.flatnonzero((times >= start) & (times < end)) for start, end in pairs),
        labels=starts.to_numpy() if labels is None else _label_array(labels),
    )


def _label_array(labels: Sequence[Hashable]) -> NDArray[np.generic]:
    array = np.asarray(labels)
    # Timestamps and datetimes come out as objects; pandas knows them.
    return pd.Index(list(labels)).to_numpy() if array.dtype.kind == "O" else array


def _interval(item: tuple[Instant, Instant]) -> tuple[pd.Timestamp, pd.Timestamp]:
    try:
        start, end = (_naive(pd.Timestamp(moment)) for moment in item)
    except (TypeError, ValueError) as error:
        raise DimensionError(
            f"an interval is (start, end), each a datetime or ISO 8601 text; got {item!r}"
        ) from error
    if not start < end:
        raise DimensionError(f"an interval must start before it ends (exclusive); got {item!r}")
    return start, end


def _naive(moment: pd.Timestamp) -> pd.Timestamp:
    # Times of cubes are UTC without saying so.
    return moment if moment.tzinfo is None else moment.tz_convert("UTC").tz_localize(None)


def _cycle(times: pd.DatetimeIndex, periods: str) -> Groups:
    name = periods.removeprefix(CYCLE)
    if name not in _CYCLE_DIMS:
        raise DimensionError(f"unknown cycle {periods!r}; the cycles are {', '.join(CYCLES)}")
    month = times.month.to_numpy()
    numbers = {
        "hour": times.hour.to_numpy(),
        "day": times.day_of_year.to_numpy(),
        "dekad": (month - 1) * 3 + np.minimum((times.day.to_numpy() - 1) // 10, 2) + 1,
        "month": month,
        "season": month % 12 // 3,
        "tropical-season": ((month >= 5) & (month <= 10)).astype(np.int64),
    }[name]
    parts = np.unique(numbers)
    names = {"season": _SEASONS, "tropical-season": np.array(["NDJFMA", "MJJASO"])}.get(name)
    return Groups(
        indices=tuple(np.flatnonzero(numbers == part) for part in parts),
        labels=parts if names is None else names[parts],
        dim=_CYCLE_DIMS[name],
    )
