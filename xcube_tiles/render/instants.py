"""Which instant of a time axis a label means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.errors import DimensionError
from xcube_tiles.grid.years import YEARS

if TYPE_CHECKING:
    from numpy.typing import NDArray

TimeMatch: TypeAlias = Literal["exact", "nearest"]
"""`exact`: the label must name an instant of the axis; `nearest`: the closest one is taken."""

_MOST_LISTED = 12

_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?")


def select_time(
    times: NDArray[np.datetime64] | None,
    label: str | np.datetime64 | None = None,
    *,
    match: TimeMatch = "exact",
) -> int | None:
    """Return the index of the instant that a label names.

    Parameters
    ----------
    times
        Instants, datetime64[ns], shape (n,), in any order; None where there is no time axis.
    label
        ISO 8601 text such as `2018`, `2018-05`, `2018-05-24` or `2018-05-24T10:30:00Z`, or a
        datetime64. A label is as wide as its precision: `2018-05` names every instant of that
        May. Of several instants named the last is taken. None: the last instant of all.
    match
        `exact`: a label that names no instant is an error. `nearest`: the instant closest to the
        label's beginning is taken then; of two equally close the earlier.

    Returns
    -------
    int or None
        Index into `times`; None where `times` is None.

    Raises
    ------
    DimensionError
        A label that is no time, that names no instant (`match="exact"`), an empty axis, or a
        label where there is no time axis.

    Examples
    --------
    >>> days = np.array(["2018-05-06", "2018-05-24", "2018-06-15"], dtype="datetime64[ns]")
    >>> select_time(days), select_time(days, "2018-05"), select_time(days, "2018-05-06")
    (2, 1, 0)
    >>> select_time(days, "2018-06-01", match="nearest")
    1
    >>> select_time(None) is None
    True
    """
    if match not in get_args(TimeMatch):
        raise DimensionError(f"a time is matched 'exact' or 'nearest', got {match!r}")
    if times is None:
        if label is not None:
            raise DimensionError(f"time {label!r} was asked for, but there is no time axis")
        return None
    if times.size == 0:
        raise DimensionError("the time axis is empty: there is no instant to choose")
    if label is None:
        return int(np.argmax(times))
    begin, end = _period(label)
    named = (times >= begin) & (times < end)
    if named.any():
        return int(np.flatnonzero(named)[np.argmax(times[named])])
    if match == "exact":
        raise DimensionError(_not_found(times, label))
    order = np.argsort(times, kind="stable")
    # As floats: a difference of centuries overflows in nanoseconds.
    distance = np.abs(times[order].astype(np.float64) - begin.astype(np.float64))
    return int(order[np.argmin(distance)])


def select_span(
    times: NDArray[np.datetime64] | None, start: str | None = None, end: str | None = None
) -> NDArray[np.intp]:
    """Return the indices of the instants from one label to another, the earliest first.

    Parameters
    ----------
    times
        Instants, datetime64[ns], shape (n,), in any order; None where there is no time axis.
    start, end
        Labels as for `select_time`: from the beginning of the first to the end of the second, so
        that `2018-05` to `2018-06` are both months. None: no limit.

    Returns
    -------
    ndarray of intp
        Empty where no instant lies between.

    Raises
    ------
    DimensionError
        A label that is no time, an end before the start, or no time axis.

    Examples
    --------
    >>> days = np.array(["2018-06-15", "2018-05-06", "2018-05-24"], dtype="datetime64[ns]")
    >>> select_span(days, "2018-05-20").tolist(), select_span(days, end="2018-05").tolist()
    ([2, 0], [1, 2])
    """
    if times is None:
        raise DimensionError("a span of time was asked for, but there is no time axis")
    chosen = np.ones(times.shape, dtype=bool)
    if start is not None:
        chosen &= times >= _period(start)[0]
    if end is not None:
        chosen &= times < _period(end)[1]
    if start is not None and end is not None and not _period(start)[0] < _period(end)[1]:
        raise DimensionError(f"the span ends before it starts: {start!r} to {end!r}")
    order = np.argsort(times, kind="stable")
    return order[chosen[order]]


def iso(instant: np.datetime64) -> str:
    """Return an instant as ISO 8601 in UTC, to the second, or finer where it is finer.

    Examples
    --------
    >>> iso(np.datetime64("2018-05-24T00:00:00.000000000"))
    '2018-05-24T00:00:00Z'
    >>> iso(np.datetime64("2018-05-24T00:00:00.250"))
    '2018-05-24T00:00:00.250000000Z'
    """
    seconds = instant.astype("datetime64[s]")
    return f"{seconds if seconds == instant else instant.astype('datetime64[ns]')}Z"


def _period(label: str | np.datetime64) -> tuple[np.datetime64, np.datetime64]:
    """Return the half-open period that a label is wide, as datetime64[ns]."""
    text = label.strip().removesuffix("Z") if isinstance(label, str) else label
    # numpy also reads "now", "today", "NaT" and, with a warning, offsets from UTC.
    if isinstance(text, str) and not _ISO.fullmatch(text):
        raise _no_time(label)
    try:
        start = np.datetime64(text)
    except (ValueError, TypeError) as error:
        raise _no_time(label) from error
    if np.isnat(start) or np.datetime_data(start.dtype)[0] == "generic":
        raise _no_time(label)
    ends = np.array([start, start])
    ends.view(np.int64)[1] += 1
    year = int(start.astype("datetime64[Y]").astype(np.int64)) + 1970
    if not YEARS[0] <= year <= YEARS[-1]:
        # Nanoseconds reach no further: an empty period at that end of time.
        ends = np.full(2, str(YEARS[0] if year < YEARS[0] else YEARS[-1]), dtype="datetime64[Y]")
    begin, end = ends.astype("datetime64[ns]")
    return begin, end


def _no_time(label: object) -> DimensionError:
    return DimensionError(
        f"expected an ISO 8601 time in UTC such as 2018-05-24 or 2018-05-24T10:30:00Z, "
        f"got {label!r}"
    )


def _not_found(times: NDArray[np.datetime64], label: str | np.datetime64) -> str:
    listed = [iso(instant) for instant in np.sort(times)]
    if len(listed) > _MOST_LISTED:
        listed = [*listed[: _MOST_LISTED - 2], "...", listed[-1]]
    return f"no time {str(label)!r}; the times are {', '.join(listed)}"
