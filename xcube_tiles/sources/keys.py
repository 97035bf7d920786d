"""Keys: the named, typed labels that tell rasters apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from xcube_tiles.sources.times import TimeLike, iso_text, parse_period

KeyType: TypeAlias = Literal["time", "label"]
"""A time is an instant in nanoseconds; a label is text."""

KeyValue: TypeAlias = str | np.datetime64
"""A value of a key: text, or `datetime64[ns]`."""

KeyLike: TypeAlias = TimeLike | int
"""What a caller may give as a value: whole numbers become text."""

TIME_NAMES = frozenset({"date", "time", "datetime", "timestamp"})
"""Names (in any case) of keys that are times without being told so."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Name and type of a key."""

    name: str
    """A Python identifier, Unicode letters allowed."""

    type: KeyType
    """What its values are."""

    def value(self, given: KeyLike) -> KeyValue:
        """Return a given value as this key holds it.

        Raises
        ------
        ValueError
            The text can't be read as a time, or is empty.
        TypeError
            The value is neither text nor time nor whole number.
        """
        if self.type == "time":
            if isinstance(given, (bool, int)):
                raise TypeError(f"key {self.name!r} is a time, got the number {given!r}")
            return parse_period(given).start
        if isinstance(given, bool) or not isinstance(given, (str, int, np.integer)):
            raise TypeError(f"key {self.name!r} is a label, that is text, got {given!r}")
        if given == "":
            raise ValueError(f"key {self.name!r} is empty")
        return str(given)


def key_for(name: str) -> Key:
    """Return the key of a name; `date`, `time`, `datetime` and `timestamp` are times.

    Examples
    --------
    >>> key_for("date").type, key_for("band").type
    ('time', 'label')
    """
    return Key(name=name, type="time" if name.lower() in TIME_NAMES else "label")


def value_text(value: KeyValue) -> str:
    """Return a key's value for people to read."""
    return value if isinstance(value, str) else iso_text(value)


def natural_order(value: KeyValue) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key that puts `B2` before `B10` and times in their order.

    Examples
    --------
    >>> sorted(["B10", "B2", "B8A", "B8"], key=natural_order)
    ['B2', 'B8', 'B8A', 'B10']
    """
    if not isinstance(value, str):
        return ((0, int(value.astype("datetime64[ns]").astype(np.int64))),)
    runs = _DIGITS.split(value)
    # Equal numbers written with more zeros ("01", "1") stay apart by the text itself.
    order = tuple((0, int(run)) if run.isdecimal() else (1, run) for run in runs if run)
    return (*order, (-1, value))
