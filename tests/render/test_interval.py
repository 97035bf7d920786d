"""Instants and intervals as requests of OGC services name them."""

from __future__ import annotations

import numpy as np
import pytest

from xcube_tiles.errors import DimensionError
from xcube_tiles.render.interval import select_instant

# Not in order: the last is not at the end.
DAYS = np.array(["2018-06-15", "2018-05-06", "2018-05-24"], dtype="datetime64[ns]")


@pytest.mark.parametrize(
    ("text", "index"),
    [
        (None, 0),
        ("", 0),
        ("current", 0),
        ("Default", 0),
        ("2018-05-06", 1),
        ("2018-05", 2),
        ("2018-05-24T00:00:00Z", 2),
        ("2018-05-01/2018-05-31", 2),
        ("2018-05/2018-05", 2),
        ("2018-05-24/2018-05-24", 2),
        ("../2018-05-23", 1),
        ("/2018-05-23", 1),
        ("2018-05-07/..", 0),
        ("../..", 0),
        ("2018-05-01/2018-05-31/P1D", 2),
        ("2018-05-05T12:00:00Z/2018-05-06T00:00:00Z", 1),
    ],
)
def test_what_is_meant(text: str | None, index: int) -> None:
    assert select_instant(DAYS, text) == index


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2018-07/2018-08", "no time lies in 2018-07/2018-08"),
        ("2019-01/..", r"no time lies in 2019-01/\.\."),
        ("2018-05-06,2018-05-24", "a picture shows one time, got several"),
        ("2018-05-07", "no time '2018-05-07'"),
        ("yesterday", "expected an ISO 8601 time"),
        ("2018-05/tomorrow", "expected an ISO 8601 time"),
        ("2018-13/2018-14", "expected an ISO 8601 time"),
    ],
)
def test_what_is_not_there(text: str, words: str) -> None:
    with pytest.raises(DimensionError, match=words):
        select_instant(DAYS, text)


def test_the_nearest() -> None:
    assert select_instant(DAYS, "2018-05-20", match="nearest") == 2
    assert select_instant(DAYS, "2018-07/2018-08", match="nearest") == 0
    assert select_instant(DAYS, "2019-01/..", match="nearest") == 0
    assert select_instant(DAYS, "2018-05-10/2018-05-11", match="nearest") == 1


def test_sources_without_times_ignore_them() -> None:
    assert select_instant(None, "2018-05") is None
    assert select_instant(None, "no time at all") is None
    assert select_instant(None, None) is None
