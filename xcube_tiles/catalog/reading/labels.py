"""Which positions along a dimension a selection means: instants, periods, ranges, lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from xcube_tiles.errors import CatalogError, GridError
from xcube_tiles.grid.keys import as_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Instant: TypeAlias = "str | date | datetime | np.datetime64"
"""A time; a text names a period as wide as it is precise, a date its whole day."""

TimeRange: TypeAlias = "slice | tuple[Instant | None, Instant | None]"
"""From the beginning of the first to the end of the second; None: open."""

TimeSelection: TypeAlias = "Instant | TimeRange | Sequence[Instant | TimeRange]"
"""An instant, a period or a range; or a list of any of these, which means all of them."""

_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")

_NANOSECONDS = {
    "D": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_UNITS = ("Y", "M", *_NANOSECONDS)
"""Units of time, the coarsest first."""

_LIMITS = np.iinfo(np.int64)
_MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class Chosen:
    """Positions along a dimension."""

    positions: tuple[int, ...]
    """Ascending, each once."""

    single: bool
    """Whether one label was asked for, so that the dimension is dropped."""

    def both(self, other: Chosen) -> Chosen:
        """Return what two selections have in common."""
        common = set(self.positions) & set(other.positions)
        return Chosen(tuple(sorted(common)), self.single or other.single)


def choose(name: str, dim: str, values: NDArray[Any], wanted: Any) -> Chosen:
    """Return the positions along a dimension that a selection means.

    Parameters
    ----------
    name
        Name of the layer, for errors.
    dim
        Name of the dimension.
    values
        Its labels, shape (n,), in any order.
    wanted
        A label, a range with both ends (a slice or a tuple of two), or a list of any of these: then
        all of them. For datetime64 labels as in `TimeSelection`.

    Raises
    ------
    CatalogError
        Something of it that isn't there, or isn't understood: nothing is left out silently.

    Examples
    --------
    >>> days = np.array(["2018-05-06", "2018-05-24", "2018-06-15"], dtype="datetime64[ns]")
    >>> choose("ndvi", "time", days, ["2018-06", np.datetime64("2018-05-06")]).positions
    (0, 2)
    >>> choose("ndvi", "depth", np.array([0.0, 5.0, 10.0]), (1, None)).positions
    (1, 2)
    """
    if isinstance(wanted, np.ndarray | xr.DataArray | pd.Index):
        cells = np.asarray(wanted)
        wanted = list(cells) if cells.ndim else cells[()]
    several = isinstance(wanted, list | set | frozenset | range)
    temporal = values.dtype.kind == "M"
    find = _at_times if temporal else _at_labels
    found = np.zeros(values.shape, np.bool_)
    for item in wanted if several else [wanted]:
        try:
            hits = find(values, item)
        except (TypeError, ValueError, GridError) as error:
            raise _absent(name, dim, values, item) from error
        if not hits.any():
            raise _absent(name, dim, values, item)
        found |= hits
    if not found.any():
        raise _absent(name, dim, values, wanted)
    positions = tuple(np.flatnonzero(found).tolist())
    one = not several and not isinstance(wanted, slice | tuple) and len(positions) == 1
    return Chosen(positions, one and (not temporal or _names_one(values, wanted)))


def _at_times(times: NDArray[Any], item: Any) -> NDArray[np.bool_]:
    begin, end = _LIMITS.min, _LIMITS.max
    if isinstance(item, slice | tuple):
        start, stop = _ends(item)
        if start is not None:
            begin = _span(start)[0]
        if stop is not None:
            end = _span(stop)[1]
    else:
        begin, end = _span(item)
    # The largest number would be left out of a range that is open at its end: no time has it.
    begin, end = (min(max(edge, _LIMITS.min), _LIMITS.max) for edge in (begin, end))
    instants = times.astype("datetime64[ns]").astype(np.int64)
    return np.asarray((instants >= begin) & (instants < end))


def _ends(item: slice | tuple[Any, ...]) -> tuple[Any, Any]:
    if isinstance(item, slice):
        if item.step is not None:
            raise ValueError("a range has no step")
        return item.start, item.stop
    start, stop = item
    return start, stop


def _span(item: Any) -> tuple[int, int]:
    """Return the period that a time is wide, half-open, in nanoseconds since 1970."""
    start = _period(item)
    if start is None:
        begin = int(as_instant(item).astype(np.int64))
        return begin, begin + 1
    unit: Any = np.datetime_data(start.dtype)[0]
    one = np.timedelta64(1, unit)
    return _nanoseconds(start), _nanoseconds(start + one)


def _period(item: Any) -> np.datetime64 | None:
    """Return a text or date in the unit that it is precise to; None: a point in time."""
    if isinstance(item, date) and not isinstance(item, datetime):
        return np.datetime64(item, "D")
    if not isinstance(item, str):
        return None
    text = _COMPACT.sub(r"\1-\2-\3", item.strip()) if _COMPACT.fullmatch(item.strip()) else item
    text = text.strip().removesuffix("Z")
    # numpy also reads "now", "today", "NaT" and, with a warning, offsets from UTC.
    return np.datetime64(text) if _ISO.fullmatch(text) else None


def _nanoseconds(instant: np.datetime64) -> int:
    # A number of Python: nanoseconds in 64 bits reach from 1678 to 2262 only.
    seconds = instant.astype("datetime64[s]")
    rest = (instant - seconds).astype("timedelta64[ns]")
    return int(seconds.astype(np.int64)) * _NANOSECONDS["s"] + int(rest.astype(np.int64))


def _names_one(times: NDArray[Any], item: Any) -> bool:
    """Whether a time is as precise as the axis: then it is an instant, else a period."""
    start = _period(item) if isinstance(item, str | date) else None
    if start is None:
        return True
    instants = times.astype("datetime64[ns]").astype(np.int64)
    axis = next(unit for unit, size in _NANOSECONDS.items() if not (instants % size).any())
    return _UNITS.index(np.datetime_data(start.dtype)[0]) >= _UNITS.index(axis)


def _at_labels(values: NDArray[Any], item: Any) -> NDArray[np.bool_]:
    labels = list(values)
    if isinstance(item, slice | tuple):
        start, stop = _ends(item)
        hits = [
            (start is None or start <= label) and (stop is None or label <= stop)
            for label in labels
        ]
    else:
        hits = [bool(label == item) for label in labels]
    return np.array(hits, np.bool_)


def _absent(name: str, dim: str, values: NDArray[Any], item: Any) -> CatalogError:
    if values.dtype.kind == "M":
        first, last = np.datetime_as_string(values[[0, -1]], unit="s")
        return CatalogError(
            f"layer {name!r} has no {dim} {item!r}; it has {values.size} from {first} to {last}. "
            "Pass an instant, a period such as '2018-05', a range (start, stop), or a list of these"
        )
    listed = ", ".join(str(value) for value in values[:_MOST_LISTED])
    more = f" and {values.size - _MOST_LISTED} more" if values.size > _MOST_LISTED else ""
    return CatalogError(
        f"layer {name!r} has no {dim} {item!r}; it has {listed}{more}. "
        "Pass a label, a range (first, last), or a list of these"
    )
