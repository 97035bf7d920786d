"""Key indexes: keys in bounds, instants, ranges, breaks, documents, errors."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.grid.curves.slow import hilbert_index, z_index
from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.curves import (
    HilbertIndex,
    RowMajorIndex,
    ZOrderIndex,
    index_from_json,
    index_to_json,
    key_index,
)
from xcube_tiles.grid.curves.timeaxis import TimeBins, step_of
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey, as_instant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.grid.curves import KeyIndex, Order

DAY = np.timedelta64(1, "D")
NAMES: list[Order] = ["hilbert", "zorder", "rowmajor"]
PLANE = KeyBounds(TileKey(-3, 5), TileKey(8, 9))
SINCE_1965 = KeyBounds(
    SpaceTimeKey(2, 3, as_instant("1965-01-01")), SpaceTimeKey(6, 9, as_instant("1972-12-31T12:00"))
)
ONE: Any = "one"


def instants(*texts: str) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return np.array(texts, "M8[ns]")


def cube(days: int) -> KeyBounds:
    start = as_instant("2018-05-24")
    return KeyBounds(SpaceTimeKey(0, 0, start), SpaceTimeKey(3, 3, start + (days - 1) * DAY))


def spread(ranges: NDArray[np.int64]) -> list[int]:
    return [place for first, last in ranges.tolist() for place in range(first, last + 1)]


def all_of(bounds: KeyBounds) -> tuple[list[int], list[int]]:
    cells = [(col, row) for row in bounds.rows for col in bounds.cols]
    return [col for col, _ in cells], [row for _, row in cells]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_the_plane_has_its_index(name: Order) -> None:
    index = key_index(name, PLANE)
    cols, rows = all_of(PLANE)
    found = index.to_index(cols, rows)
    assert found.dtype == np.int64
    assert len(np.unique(found)) == 12 * 5
    assert found.min() >= 0
    assert found.max() < index.size
    back = index.from_index(found)
    assert (back.cols.tolist(), back.rows.tolist(), back.times) == (cols, rows, None)


def test_hilbert_counts_from_the_first_key() -> None:
    index = key_index("hilbert", PLANE)
    assert index.to_index(-3, 5) == 0
    assert index.to_index(4, 7) == hilbert_index((7, 2), (4, 3))


def test_z_order_counts_from_zero_but_where_keys_are_negative() -> None:
    index = key_index("zorder", PLANE)
    assert index.to_index(4, 7) == z_index((7, 7))
    wider = key_index("zorder", KeyBounds(TileKey(0, 0), TileKey(30, 30)))
    narrow = key_index("zorder", KeyBounds(TileKey(3, 2), TileKey(9, 9)))
    assert wider.to_index(5, 6) == narrow.to_index(5, 6) == z_index((5, 6))
    moved = ZOrderIndex(bounds=narrow.bounds, origin=TileKey(3, 2))
    assert moved.to_index(5, 6) == z_index((2, 4))


def test_arrays_are_broadcast() -> None:
    index = key_index("rowmajor", PLANE)
    found = index.to_index(np.arange(-3, 9), np.arange(5, 10)[:, np.newaxis])
    assert np.array_equal(found, np.arange(60).reshape(5, 12))
    assert index.from_index(found).rows.shape == (5, 12)
    assert index.to_index([], []).shape == (0,)
    assert index.to_index(np.uint8(8), np.int16(9)) == 59


@pytest.mark.parametrize("name", NAMES)
def test_times_before_1970(name: Order) -> None:
    index = key_index(name, SINCE_1965, time_step="1D")
    times = instants(
        "1965-01-01", "1969-12-31", "1969-12-31T23:59:59.999999999", "1970-01-01", "1972-12-31T12"
    )
    found = index.to_index(4, 5, times)
    assert found[1] == found[2]
    assert len(np.unique(found)) == 4
    assert np.array_equal(np.asarray(index.from_index(found).times), times.astype("M8[D]"))


def test_z_order_in_time_by_hand() -> None:
    start = as_instant("1970-01-01")
    bounds = KeyBounds(SpaceTimeKey(0, 0, start), SpaceTimeKey(1, 1, start + DAY))
    index = key_index("zorder", bounds, time_step="1D")
    cols, rows, days = [0, 1, 0, 1] * 2, [0, 0, 1, 1] * 2, np.repeat([0, 1], 4)
    assert index.to_index(cols, rows, start + days * DAY).tolist() == list(range(8))
    before = replace(bounds, first=SpaceTimeKey(0, 0, start - DAY))
    found = key_index("zorder", before, time_step="1D").to_index(
        1, 1, start - np.array([1, 0]) * DAY
    )
    assert found.tolist() == [z_index((1, 1, 0)), z_index((1, 1, 1))]


def test_hilbert_in_time_by_hand() -> None:
    index = key_index("hilbert", cube(4), time_step="1D")
    assert index.to_index(2, 1, as_instant("2018-05-26T18:00")) == hilbert_index(
        (2, 1, 2), (2,) * 3
    )
    assert isinstance(index, HilbertIndex)
    assert index.bits == (2, 2, 2)


# GeoTrellis: floor((t - first) * 2**bits / (last - first)), the last instant in the last bin
@pytest.mark.parametrize(("hour", "place"), [(0, 0), (17, 0), (18, 1), (54, 3), (71, 3), (72, 3)])
def test_bins_of_time(hour: int, place: int) -> None:
    index = key_index("hilbert", cube(4), time_bits=2)
    found = index.to_index(2, 1, as_instant("2018-05-24") + hour * np.timedelta64(1, "h"))
    assert found == hilbert_index((2, 1, place), (2, 2, 2))


@given(st.integers(0, 2**63 - 1), st.integers(-(2**62), 2**62), st.integers(0, 31), st.data())
def test_bins_are_exact(width: int, first: int, bits: int, data: st.DataObject) -> None:
    last = min(first + width, 2**63 - 1)
    instant = data.draw(st.integers(first, last))
    bins = TimeBins(first=first, last=last, bits=bits)
    place = int(bins.places(np.array([instant]))[0])
    expected = (instant - first) * 2**bits // (last - first) if last > first else 0
    assert place == min(expected, 2**bits - 1)
    start = int(bins.starts(np.array([place]))[0])
    assert start == first + -(-place * (last - first) // 2**bits)
    assert first <= start <= instant


def test_one_bin_for_a_single_instant() -> None:
    assert key_index("hilbert", cube(1), time_bits=3).to_index(0, 0, as_instant("2018-05-24")) == 0


@given(st.sampled_from(NAMES), st.data())
def test_ranges_hold_the_box(name: Order, data: st.DataObject) -> None:
    index = key_index(name, PLANE)
    cols = sorted(data.draw(st.tuples(*[st.integers(-6, 12)] * 2)))
    rows = sorted(data.draw(st.tuples(*[st.integers(2, 12)] * 2)))
    box = KeyBounds(TileKey(cols[0], rows[0]), TileKey(cols[1], rows[1]))
    inside = PLANE.intersection(box)
    expected = [] if inside is None else sorted(index.to_index(*all_of(inside)).tolist())
    assert spread(index.ranges(box)) == expected
    assert len(index.ranges(box, max_ranges=1)) == (1 if expected else 0)


@pytest.mark.parametrize("name", NAMES)
def test_ranges_of_space_at_all_times(name: Order) -> None:
    index = key_index(name, cube(4), time_step="1D")
    column = KeyBounds(TileKey(1, 2), TileKey(1, 2))
    times = as_instant("2018-05-24") + np.arange(4) * DAY
    expected = np.sort(index.to_index(1, 2, times)).tolist()
    assert [
        place for a, b in index.ranges(column).tolist() for place in range(a, b + 1)
    ] == expected
    day = SpaceTimeKey(1, 2, as_instant("2018-05-25T10:00"))
    assert index.ranges(KeyBounds(day, day)).tolist() == [[index.to_index(1, 2, times[1])] * 2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parts", [1, 2, 7, 60, 70])
def test_breaks_cut_equal_parts(name: Order, parts: int) -> None:
    index = key_index(name, PLANE)
    found = np.sort(index.to_index(*all_of(PLANE)))
    breaks = index.breaks(parts)
    counts = np.bincount(np.searchsorted(breaks, found, side="right"), minlength=parts)
    assert len(breaks) == parts - 1
    assert counts.sum() == 60
    assert np.ptp(counts) <= 1


def test_breaks_of_a_large_index() -> None:
    index = key_index("hilbert", KeyBounds(TileKey(0, 0), TileKey(2**31 - 1, 2**31 - 1)))
    assert index.breaks(4).tolist() == [2**60, 2**61, 3 * 2**60]
    assert index.ranges().tolist() == [[0, 2**62 - 1]]


@pytest.mark.parametrize(
    "index",
    [
        *(key_index(name, PLANE) for name in NAMES),
        *(key_index(name, SINCE_1965, time_step="36h") for name in NAMES),
        key_index("hilbert", SINCE_1965, time_bits=5),
        HilbertIndex(bounds=PLANE, space_bits=(6, 6)),
        ZOrderIndex(bounds=PLANE, origin=TileKey(-8, 0)),
        key_index("zorder", SINCE_1965, time_step="36000000000001ns"),
    ],
)
def test_documents_and_pickles(index: KeyIndex) -> None:
    assert index_from_json(index_to_json(index)) == index
    assert pickle.loads(pickle.dumps(index)) == index
    assert hash(pickle.loads(pickle.dumps(index))) == hash(index)


def test_documents_of_geotrellis() -> None:
    keys = {
        "minKey": {"col": 0, "row": 0, "instant": 946684800000},
        "maxKey": {"col": 2, "row": 2, "instant": 946684800001},
    }
    found = index_from_json(
        {
            "type": "hilbert",
            "properties": {
                "keyBounds": keys, "xResolution": 2, "yResolution": 2, "temporalResolution": 1
            },
        }
    )  # fmt: skip
    times = instants("2000-01-01", "2000-01-01T00:00:00.001")
    walk = found.to_index([0, 0, 1, 1, 1, 1, 0, 0], [0, 1, 1, 0] * 2, times.repeat(4))
    assert walk.tolist() == list(range(8))
    zorder = {"type": "zorder", "properties": {"keyBounds": keys, "temporalResolution": 86400000}}
    assert index_from_json(zorder).time_step == DAY
    assert index_to_json(index_from_json(zorder)) == zorder


def test_a_million_keys_keep_their_order_of_axes() -> None:
    bounds = KeyBounds(TileKey(0, 0), TileKey(999, 999))
    cols, rows = np.tile(np.arange(1000), 1000), np.repeat(np.arange(1000), 1000)
    for name in NAMES:
        index = key_index(name, bounds)
        back = index.from_index(index.to_index(cols, rows))
        assert np.array_equal(back.cols, cols)
        assert np.array_equal(back.rows, rows)


@pytest.mark.parametrize(
    ("step", "expected"),
    [("1D", DAY), ("D", DAY), (timedelta(hours=24), DAY), (np.timedelta64(24, "h"), DAY)],
)
def test_steps(step: Any, expected: np.timedelta64) -> None:
    assert step_of(step) == expected


WORLD = KeyBounds(TileKey(0, 0), TileKey(2**31 - 1, 2**31))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: HilbertIndex(bounds=WORLD),
            "at most 62 bits, .* columns 31, rows 32; take",
        ),
        (lambda: ZOrderIndex(bounds=WORLD), "at most 31 bits an axis, .* columns 31, rows 32"),
        (
            lambda: key_index(
                "hilbert",
                KeyBounds(
                    SpaceTimeKey(0, 0, as_instant("2000")),
                    SpaceTimeKey(2**20 - 1, 2**20 - 1, as_instant("2020")),
                ),
                time_step="1s",
            ),
            "columns 20, rows 20, time 30; take smaller bounds or longer steps of time",
        ),
        (
            lambda: RowMajorIndex(bounds=KeyBounds(TileKey(0, 0), TileKey(2**32, 2**32))),
            r"at most 2\*\*63 keys, these bounds have columns 4294967297, rows 4294967297",
        ),
        (lambda: key_index(ONE, PLANE), "unknown order 'one'; the names are hilbert, zorder"),
        (lambda: key_index("zorder", ONE), "bounds of an index as KeyBounds, got 'one'"),
        (lambda: key_index("zorder", PLANE, time_step="1D"), "for keys with instants; the bounds"),
        (lambda: key_index("zorder", cube(2)), "needs time_step, such as '1D'"),
        (lambda: key_index("rowmajor", cube(2)), "needs time_step, such as '1D'"),
        (lambda: key_index("hilbert", cube(2)), "either time_step .* or time_bits, got None and"),
        (
            lambda: key_index("hilbert", cube(2), time_step="1D", time_bits=3),
            "either time_step .* or time_bits",
        ),
        (lambda: key_index("hilbert", cube(2), time_bits=32), "from 0 to 31, .* got 32"),
        (lambda: key_index("hilbert", PLANE, time_bits=3), "for bounds with instants; got 3"),
        (lambda: key_index("zorder", cube(2), time_bits=3), "time_bits=3 is for the Hilbert curve"),
        (lambda: key_index("zorder", cube(2), time_step="1M"), "a month is no fixed length"),
        (lambda: key_index("zorder", cube(2), time_step="0s"), "must be positive"),
        (
            lambda: key_index("zorder", cube(2), time_step=np.timedelta64(1, "M")),
            r"got np.timedelta64\(1,'M'\)",
        ),
        (
            lambda: HilbertIndex(bounds=PLANE, space_bits=(3, 3)),
            "at least 4 bits for columns",
        ),
        (
            lambda: ZOrderIndex(bounds=PLANE, origin=TileKey(0, 0)),
            "origin 0/0 lies behind",
        ),
        (
            lambda: ZOrderIndex(bounds=PLANE, origin=SpaceTimeKey(0, 0, as_instant("2000"))),
            "a key of the kind of the bounds",
        ),
        (lambda: key_index("hilbert", PLANE).to_index(9, 5), "cols .* go from -3 to 8, got 9"),
        (lambda: key_index("hilbert", PLANE).to_index(0, 4), "rows .* go from 5 to 9, got 4"),
        (
            lambda: key_index("hilbert", PLANE).to_index(0.5, 5),
            "cols must be integers, .*float",
        ),
        (
            lambda: key_index("hilbert", PLANE).to_index(True, 5),
            "cols must be integers, .*bool",
        ),
        (
            lambda: key_index("hilbert", PLANE).to_index(np.uint64(2**64 - 1), 5),
            "go from -3 to 8, got 18446744073709551615",
        ),
        (lambda: key_index("hilbert", PLANE).to_index([1, 2], [5, 6, 7]), r"shapes \(2,\), \(3,\)"),
        (
            lambda: key_index("hilbert", PLANE).to_index(0, 5, as_instant("2000")),
            "the index has no time, but instants were given",
        ),
        (
            lambda: key_index("zorder", cube(2), time_step="1D").to_index(0, 0),
            "give the instants of the keys too",
        ),
        (
            lambda: key_index("zorder", cube(2), time_step="1D").to_index(0, 0, [1, 2]),
            "array of datetime64, got the dtype 'int64'",
        ),
        (
            lambda: key_index("zorder", cube(2), time_step="1D").to_index(0, 0, "2018-05-26"),
            "2018-05-26T00:00:00.000000000 lies outside the bounds of the index",
        ),
        (
            lambda: key_index("zorder", cube(2), time_step="1D").to_index(0, 0, instants("NaT")),
            "got NaT among them",
        ),
        (
            lambda: key_index("zorder", cube(2), time_step="1D").to_index(
                0, 0, np.array(["3000"], "M8[Y]")
            ),
            "from 1678 to 2262",
        ),
        (lambda: key_index("hilbert", PLANE).from_index(128), "go from 0 to 127, got 128"),
        (lambda: key_index("hilbert", PLANE).from_index(-1), "go from 0 to 127, got -1"),
        (lambda: key_index("hilbert", PLANE).ranges(ONE), "expected a box as KeyBounds, got 'one'"),
        (lambda: key_index("hilbert", PLANE).ranges(cube(2)), "one of the key bounds has instants"),
        (lambda: key_index("hilbert", PLANE).ranges(max_ranges=0), "integer from 1, got 0"),
        (lambda: key_index("hilbert", PLANE).breaks(0), "parts must be an integer from 1, got 0"),
        (lambda: index_to_json(ONE), "expected a key index, got 'one'"),
        (lambda: index_from_json(ONE), "expected the document of a key index"),
        (lambda: index_from_json({"type": "zorder"}), "expected the document of a key index"),
        (
            lambda: index_from_json({"type": "peano", "properties": {"keyBounds": {}}}),
            "expected the document of a key index",
        ),
    ],
)
def test_wrong_calls(call: Any, text: str) -> None:
    with pytest.raises(GridError, match=text):
        call()
