"""Key bounds: what they hold, union, intersection."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey, as_instant

PLACES = st.tuples(st.integers(-5, 5), st.integers(-5, 5))
BOXES = st.tuples(PLACES, PLACES).map(
    lambda places: KeyBounds.around([TileKey(*place) for place in places])
)
EARLY, LATE = as_instant("1960-01-01"), as_instant("2018-05-24")
WRONG: Any = (1, 2)


def held(bounds: KeyBounds | None) -> set[tuple[int, int]]:
    return {(c, r) for c in bounds.cols for r in bounds.rows} if bounds else set()


@given(BOXES, BOXES)
def test_boxes_are_sets_of_keys(one: KeyBounds, other: KeyBounds) -> None:
    assert held(one.intersection(other)) == held(one) & held(other)
    assert held(one.union(other)) >= held(one) | held(other)
    assert {(c, r) for c in range(-6, 7) for r in range(-6, 7) if TileKey(c, r) in one} == held(one)


def test_time_is_an_axis() -> None:
    bounds = KeyBounds.around([SpaceTimeKey(3, 1, LATE), SpaceTimeKey(0, 2, EARLY)])
    assert bounds.instants == (EARLY, LATE)
    assert SpaceTimeKey(1, 1, as_instant("1969-01-01")) in bounds
    assert SpaceTimeKey(1, 1, as_instant("2019-01-01")) not in bounds
    assert TileKey(1, 1) in bounds
    assert bounds.spatial == KeyBounds(TileKey(0, 1), TileKey(3, 2))
    next_day = as_instant("2018-05-25")
    later = KeyBounds(SpaceTimeKey(0, 1, next_day), SpaceTimeKey(3, 2, next_day))
    assert bounds.intersection(later) is None
    assert bounds.union(later).instants == (EARLY, next_day)
    assert bounds.spatial.instants is None


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: KeyBounds(WRONG, WRONG), r"expected a TileKey or SpaceTimeKey, got \(1, 2\)"),
        (lambda: KeyBounds(TileKey(0, 0), SpaceTimeKey(1, 1, LATE)), "two keys of one kind"),
        (lambda: KeyBounds(TileKey(1, 0), TileKey(0, 5)), r"got 1/0 and 0/5; KeyBounds.around"),
        (lambda: KeyBounds.around([]), "at least one key"),
        (lambda: KeyBounds.around([TileKey(0, 0)]).union(WRONG), r"expected KeyBounds, got \(1, 2"),
        (
            lambda: KeyBounds.around([TileKey(0, 0)]).intersection(
                KeyBounds.around([SpaceTimeKey(1, 1, LATE)])
            ),
            "one of the key bounds has instants",
        ),
    ],
)
def test_wrong_calls(call: Any, text: str) -> None:
    with pytest.raises(GridError, match=text):
        call()
