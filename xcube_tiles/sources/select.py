"""Conditions on keys: a value, a list of values, or a range."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xcube_tiles.errors import CollectionError
from xcube_tiles.sources.keys import KeyLike, KeyValue, natural_order
from xcube_tiles.sources.times import Period, parse_period

if TYPE_CHECKING:
    from xcube_tiles.sources.keys import Key

Condition: TypeAlias = (
    KeyLike | Sequence[KeyLike] | AbstractSet[KeyLike] | tuple[KeyLike | None, KeyLike | None]
)
"""A value, several of which any may hold (list, set), or a range (tuple, None: open)."""

Test: TypeAlias = Callable[[KeyValue], bool]


def condition_test(key: Key, condition: object) -> Test:
    """Return a function that tells whether a value of a key meets a condition.

    Parameters
    ----------
    key
        Name and type.
    condition
        See `Condition`. A time means all that its text covers: `"2018-05"` is the whole month, as
        a value and at either end of a range. A range includes both ends; labels are compared
        as `natural_order` sorts them.

    Raises
    ------
    CollectionError
        The condition fits neither the key's type nor the three forms.
    """
    try:
        if isinstance(condition, tuple):
            return _range_test(key, condition)
        if isinstance(condition, (str, bytes)) or not isinstance(condition, Iterable):
            return _any_of(key, [condition])
        return _any_of(key, condition)
    except (TypeError, ValueError) as error:
        raise CollectionError(
            f"condition {key.name}={condition!r}: {error}. Give a value, a list of values, or a "
            f"range as a tuple (first, last)"
        ) from None


def _any_of(key: Key, values: Iterable[object]) -> Test:
    if key.type == "time":
        periods = [_period(value) for value in values]
        return lambda held: any(_within(held, *period) for period in periods)
    wanted = {key.value(value) for value in values}  # type: ignore[arg-type]
    return lambda held: held in wanted


def _range_test(key: Key, bounds: tuple[object, ...]) -> Test:
    if len(bounds) != 2:
        raise ValueError(f"a range has two ends, got {len(bounds)}")
    first, last = bounds
    if key.type == "time":
        start = None if first is None else _period(first).start
        stop = None if last is None else _period(last).stop
        _refuse_empty(start is not None and stop is not None and bool(start >= stop))
        return lambda held: _within(held, start, stop)
    low = None if first is None else natural_order(key.value(first))  # type: ignore[arg-type]
    high = None if last is None else natural_order(key.value(last))  # type: ignore[arg-type]
    _refuse_empty(low is not None and high is not None and low > high)
    return lambda held: (
        (low is None or low <= natural_order(held))
        and (high is None or natural_order(held) <= high)
    )


def _within(held: KeyValue, start: np.datetime64 | None, stop: np.datetime64 | None) -> bool:
    if isinstance(held, str):
        return False
    return bool((start is None or start <= held) and (stop is None or held < stop))


def _refuse_empty(empty: bool) -> None:
    if empty:
        raise ValueError("the range ends before it begins")


def _period(value: object) -> Period:
    if isinstance(value, (bool, int, np.integer)):
        raise TypeError(f"a time is a text, date, datetime or numpy.datetime64, got {value!r}")
    return parse_period(value)  # type: ignore[arg-type]
