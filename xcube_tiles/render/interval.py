"""Which instant a request means that may name an interval, as those of the OGC do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.errors import DimensionError
from xcube_tiles.render.instants import TimeMatch, _period, select_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAST = frozenset({"", "current", "default"})
_OPEN = frozenset({"", ".."})


def select_instant(
    times: NDArray[np.datetime64] | None, text: str | None, *, match: TimeMatch = "exact"
) -> int | None:
    """Return the index of the instant that a request of an OGC service means.

    Parameters
    ----------
    times
        Instants, datetime64[ns]; None where there is no time axis: whatever was asked for is
        ignored then, as these standards demand.
    text
        A label as of `select_time`; `current`, `default` or nothing: the last of all; an interval
        `begin/end` of two labels, either of them `..` or empty where it is open, with or without a
        period after it: the last instant within, both ends included at their own precision.
    match
        See `select_time`; of an interval that holds no instant `nearest` takes the one closest to
        its end.

    Raises
    ------
    DimensionError
        No time, a list of times, or one that isn't there (`match="exact"`).

    Examples
    --------
    >>> days = np.array(["2018-05-06", "2018-05-24", "2018-06-15"], dtype="datetime64[ns]")
    >>> select_instant(days, "2018-05-01/2018-05-31"), select_instant(days, "../2018-05-10")
    (1, 0)
    """
    if times is None:
        return None
    label = (text or "").strip()
    if label.lower() in _LAST:
        return select_time(times)
    if "," in label:
        raise DimensionError(f"a picture shows one time, got several: {label!r}")
    begin, slash, rest = label.partition("/")
    if not slash:
        return select_time(times, label, match=match)
    return _within(times, begin.strip(), rest.partition("/")[0].strip(), match)


def _within(times: NDArray[np.datetime64], begin: str, end: str, match: TimeMatch) -> int | None:
    kept = np.ones(times.shape, dtype=bool)
    if begin not in _OPEN:
        kept &= times >= _edge(begin, after=False)
    if end not in _OPEN:
        kept &= times < _edge(end, after=True)
    if kept.any():
        places = np.flatnonzero(kept)
        return int(places[np.argmax(times[places])])
    if match == "nearest" and times.size:
        return select_time(times, None if end in _OPEN else end, match=match)
    raise DimensionError(f"no time lies in {begin or '..'}/{end or '..'}")


def _edge(label: str, *, after: bool) -> np.datetime64:
    """Return the beginning of the period that a label is wide, or its end."""
    begin, end = _period(label)
    return end if after else begin
