"""Tile keys: order, texts, instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from xcube_tiles.errors import GridError
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey, as_instant
from xcube_tiles.testing.strategies import space_time_keys, tile_keys


def test_order_is_column_then_row() -> None:
    keys = [TileKey(1, 0), TileKey(0, 1), TileKey(0, 0), TileKey(1, -1)]
    assert sorted(keys) == [TileKey(0, 0), TileKey(0, 1), TileKey(1, -1), TileKey(1, 0)]


def test_order_is_then_instant() -> None:
    early, late = (SpaceTimeKey(0, 0, as_instant(day)) for day in ("2018-05-24", "2018-05-25"))
    assert early < late < SpaceTimeKey(0, 1, as_instant("1999-01-01"))


@given(tile_keys())
def test_a_text_is_read_back(key: TileKey) -> None:
    assert TileKey.parse(str(key)) == key
    assert hash(TileKey.parse(str(key))) == hash(key)


@given(space_time_keys())
def test_a_text_with_an_instant_is_read_back(key: SpaceTimeKey) -> None:
    again = SpaceTimeKey.parse(str(key))
    assert again == key
    assert hash(again) == hash(key)
    assert again.instant.dtype == np.dtype("M8[ns]")


@given(tile_keys())
def test_parents_hold_their_children(key: TileKey) -> None:
    assert {child.parent() for child in key.children()} == {key}
    assert key in key.parent().children()


@pytest.mark.parametrize("text", ["", "3", "3/5/7", "a/5", "3/", "3.0/5", "3,5"])
def test_texts_that_are_no_tile_key(text: str) -> None:
    with pytest.raises(GridError, match="tile key"):
        TileKey.parse(text)


@pytest.mark.parametrize("text", ["3/5", "3/5/", "3/5/tomorrow", "a/5/2018", "3/5/NaT"])
def test_texts_that_are_no_space_time_key(text: str) -> None:
    with pytest.raises(GridError, match=r"space-time key|tile key|point in time"):
        SpaceTimeKey.parse(text)


def test_columns_and_rows_are_integers() -> None:
    assert type(TileKey(np.int64(3), 5).col) is int  # type: ignore[arg-type]
    with pytest.raises(GridError, match=r"row of a tile key must be an integer, got 5\.0"):
        TileKey(3, 5.0)  # type: ignore[arg-type]
    with pytest.raises(GridError, match="col of a tile key must be an integer, got '3'"):
        TileKey("3", 5)  # type: ignore[arg-type]


NOON = np.datetime64("2018-05-24T12:00:00", "ns")


@pytest.mark.parametrize(
    "value",
    [
        "2018-05-24T12",
        "2018-05-24T12:00:00Z",
        "2018-05-24T14:00:00+02:00",
        "2018-05-24T07:00:00-0500",
        np.datetime64("2018-05-24T12:00", "m"),
        datetime(2018, 5, 24, 12),
        datetime(2018, 5, 24, 12, tzinfo=UTC),
        datetime(2018, 5, 24, 14, tzinfo=timezone(timedelta(hours=2))),
        pd.Timestamp("2018-05-24T12:00"),
        pd.Timestamp("2018-05-24T14:00", tz="Europe/Copenhagen"),
    ],
)
def test_instants(value: Any) -> None:
    assert as_instant(value) == NOON
    assert as_instant(value).dtype == np.dtype("M8[ns]")


def test_instants_keep_nanoseconds() -> None:
    fine = np.datetime64("2018-05-24T12:00:00.000000007", "ns")
    assert as_instant("2018-05-24T12:00:00.000000007") == fine
    assert as_instant(pd.Timestamp(fine)) == fine


@pytest.mark.parametrize(
    "value", ["NaT", np.datetime64("NaT", "ns"), "2400-01-01", "1600-01-01T00:00Z"]
)
def test_instants_out_of_reach(value: Any) -> None:
    with pytest.raises(GridError, match="from 1678 to 2262"):
        as_instant(value)


@pytest.mark.parametrize("value", ["May", 5, None, "2018-13-01", "2018-05-24T12:00+99:00"])
def test_what_is_no_instant(value: Any) -> None:
    with pytest.raises(GridError, match="expected a point in time"):
        as_instant(value)


def test_keys_around_a_space_time_key_keep_the_instant() -> None:
    instant = as_instant("1969-07-20T20:17")
    key = SpaceTimeKey(3, 5, instant)
    assert key.parent() == SpaceTimeKey(1, 2, instant)
    assert key in key.parent().children()
    assert [near.spatial for near in key.neighbours()] == list(key.spatial.neighbours())
    assert {near.instant for near in (*key.neighbours(), *key.children())} == {instant}


@given(tile_keys())
def test_neighbours_are_mutual(key: TileKey) -> None:
    near = key.neighbours()
    assert len(set(near)) == 8
    assert key not in near
    assert all(key in other.neighbours() for other in near)
