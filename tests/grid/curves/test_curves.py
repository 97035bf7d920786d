"""The arithmetic of the curves: by hand, against slow loops, and as properties."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.grid.curves.slow import hilbert_index, z_index
from xcube_tiles.grid.curves import hilbert, rowmajor, zorder
from xcube_tiles.grid.curves.walk import cover, nth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.curves.walk import Curve

BITS = st.lists(st.integers(0, 20), min_size=2, max_size=3).map(tuple)
FEW_BITS = st.lists(st.integers(0, 3), min_size=2, max_size=3).map(tuple)


def walked(bits: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """Return the first cells of a Hilbert curve."""
    axes = hilbert.decode(np.arange(count), bits)
    return list(zip(*(axis.tolist() for axis in axes), strict=True))


SQUARE = [(0, 0), (0, 1), (1, 1), (1, 0)]


# The orders that GeoTrellis' tests write out.
@pytest.mark.parametrize(
    ("bits", "cells"),
    [
        ((1, 1), SQUARE),
        ((2, 2), [(0, 0), (1, 0), (1, 1), (0, 1)]),
        ((2, 2, 1), [(*cell, 0) for cell in SQUARE] + [(*cell, 1) for cell in SQUARE[::-1]]),
        ((1, 1, 1), [(0, *cell) for cell in SQUARE] + [(1, *cell) for cell in SQUARE[::-1]]),
    ],
)
def test_hilbert_by_hand(bits: tuple[int, ...], cells: list[tuple[int, ...]]) -> None:
    assert walked(bits, len(cells)) == cells


@pytest.mark.parametrize(
    ("first", "last", "ranges"),
    [
        ((0, 0, 0), (0, 0, 0), [[0, 0]]),
        ((0, 0, 0), (1, 1, 1), [[0, 7]]),
        ((0, 0, 0), (1, 1, 0), [[0, 0], [3, 4], [7, 7]]),
        ((0, 0, 1), (1, 1, 1), [[1, 2], [5, 6]]),
        ((0, 0, 0), (1, 0, 1), [[0, 1], [6, 7]]),
        ((0, 1, 0), (1, 1, 1), [[2, 5]]),
    ],
)
def test_ranges_by_hand(
    first: tuple[int, ...], last: tuple[int, ...], ranges: list[list[int]]
) -> None:
    assert cover(hilbert.curve((1, 1, 1)), first, last, 10).ranges.tolist() == ranges


@given(BITS, st.data())
def test_hilbert_is_that_of_the_paper(bits: tuple[int, ...], data: st.DataObject) -> None:
    point = [data.draw(st.integers(0, 2**count - 1)) for count in bits]
    found = hilbert.encode([np.array([value]) for value in point], bits)
    assert found.tolist() == [hilbert_index(point, bits)]


@given(BITS, st.integers(0, 2**62 - 1))
def test_hilbert_decodes_what_it_encodes(bits: tuple[int, ...], number: int) -> None:
    index = np.array([number % 2 ** sum(bits), 2 ** sum(bits) - 1, 0])
    assert hilbert.encode(hilbert.decode(index, bits), bits).tolist() == index.tolist()


@pytest.mark.parametrize("bits", [(31, 31), (62, 0), (1, 61), (20, 21, 21), (40, 11, 11)])
def test_hilbert_at_62_bits(bits: tuple[int, ...]) -> None:
    top = [np.array([0, 2**count - 1, 2**count // 2]) for count in bits]
    found = hilbert.encode(top, bits)
    assert [axis.tolist() for axis in hilbert.decode(found, bits)] == [x.tolist() for x in top]
    points = zip(*(axis.tolist() for axis in top), strict=True)
    assert found.tolist() == [hilbert_index(point, bits) for point in points]


@pytest.mark.parametrize("bits", [(1, 1), (5, 5), (1, 1, 1), (4, 4, 4), (0, 3)])
def test_hilbert_steps_to_a_neighbour(bits: tuple[int, ...]) -> None:
    axes = hilbert.decode(np.arange(2 ** sum(bits)), bits)
    steps = sum(np.abs(np.diff(axis)) for axis in axes)
    assert np.unique(steps).tolist() == [1]


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_z_order_in_the_plane(col: int, row: int) -> None:
    found = zorder.encode((np.array([col]), np.array([row])))
    assert found.tolist() == [z_index((col, row))]
    assert [axis.tolist() for axis in zorder.decode(found, 2)] == [[col], [row]]


@given(st.integers(0, 2**21 - 1), st.integers(0, 2**21 - 1), st.integers(0, 2**21 - 1))
def test_z_order_in_space_and_time(col: int, row: int, time: int) -> None:
    found = zorder.encode((np.array([col]), np.array([row]), np.array([time])))
    assert found.tolist() == [z_index((col, row, time))]
    assert [axis.tolist() for axis in zorder.decode(found, 3)] == [[col], [row], [time]]


def test_row_major() -> None:
    cells = np.array(list(np.ndindex(3, 4, 5))).T[::-1]  # the last index of numpy runs fastest
    assert rowmajor.encode(list(cells), (5, 4, 3)).tolist() == list(range(60))
    assert np.array_equal(rowmajor.decode(np.arange(60), (5, 4, 3)), cells)


def test_a_million_cells() -> None:
    generator = np.random.default_rng(0)
    cells = [generator.integers(0, 2**20, 10**6) for _ in range(3)]
    bits = (20, 20, 20)
    for back in (
        hilbert.decode(hilbert.encode(cells, bits), bits),
        zorder.decode(zorder.encode(cells), 3),
    ):
        assert all(np.array_equal(*axes) for axes in zip(back, cells, strict=True))


def encoded_z(cells: Sequence[NDArray[np.int64]], _: Sequence[int]) -> NDArray[np.int64]:
    return zorder.encode(cells)


@given(FEW_BITS, st.sampled_from(["hilbert", "zorder"]), st.integers(1, 20), st.data())
def test_cover_and_nth_against_all_cells(
    bits: tuple[int, ...], name: str, most: int, data: st.DataObject
) -> None:
    box = [sorted(data.draw(st.tuples(*[st.integers(0, 2**n - 1)] * 2))) for n in bits]
    first, last = zip(*box, strict=True)
    encode: Callable[..., NDArray[np.int64]] = hilbert.encode if name == "hilbert" else encoded_z
    curve: Curve = (hilbert if name == "hilbert" else zorder).curve(bits)
    cells = np.array(list(product(*(range(low, high + 1) for low, high in box)))).T
    indexes = np.sort(encode(list(cells), bits))

    exact = cover(curve, first, last, 1000).ranges
    assert np.array_equal(spread(exact), indexes)
    assert (exact[1:, 0] > exact[:-1, 1] + 1).all()
    assert np.array_equal(nth(curve, first, last, np.arange(len(indexes))), indexes)

    few = cover(curve, first, last, most).ranges
    assert len(few) == min(most, len(exact))
    assert np.isin(indexes, spread(few)).all()
    assert np.isin(few, indexes).all()
    # no other choice of as many ranges holds fewer cells: the largest gaps are left out
    gaps = np.sort(exact[1:, 0] - exact[:-1, 1] - 1)[::-1][: most - 1]
    assert len(spread(few)) == indexes[-1] - indexes[0] + 1 - gaps.sum()


def spread(ranges: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(first, last + 1) for first, last in ranges.tolist()])


@given(st.lists(st.integers(1, 5), min_size=2, max_size=3), st.integers(1, 30), st.data())
def test_cover_of_row_major(shape: list[int], most: int, data: st.DataObject) -> None:
    box = [sorted(data.draw(st.tuples(*[st.integers(0, n - 1)] * 2))) for n in shape]
    first, last = zip(*box, strict=True)
    cells = np.array(list(product(*(range(low, high + 1) for low, high in box)))).T
    indexes = np.sort(rowmajor.encode(list(cells), shape))
    exact = rowmajor.cover(shape, first, last, 1000).ranges
    assert np.array_equal(spread(exact), indexes)
    few = rowmajor.cover(shape, first, last, most).ranges
    assert len(few) == min(most, len(exact))
    assert np.isin(indexes, spread(few)).all()


WIDE = [
    ((1, 1, 1), (-2, -2, -2)),  # all but a rim
    ((12345, 54321, 77777), (-12345, -54321, -77777)),
    ((12345, 54321, 1), (12345, 54321, -2)),  # one tile at all times
    ((1, 1, 77777), (-2, -2, 77777)),  # all tiles at one time
    ((77777, 1, 1), (77777, -2, -2)),
    ((1, 5, 5), (-2, 5, 5)),
]


@pytest.mark.parametrize(("first", "last"), WIDE)
@pytest.mark.parametrize(("name", "bits"), [("hilbert", 20), ("zorder", 21)])
def test_walks_of_the_worst_boxes_are_short(
    name: str, bits: int, first: tuple[int, ...], last: tuple[int, ...]
) -> None:
    curve: Curve = (hilbert if name == "hilbert" else zorder).curve((bits,) * 3)
    last = tuple(place % 2**bits for place in last)
    found = cover(curve, first, last, 500)
    assert found.visited < 100_000
    assert len(found.ranges) <= 500
    assert (found.ranges[1:, 0] > found.ranges[:-1, 1] + 1).all()
    generator = np.random.default_rng(0)
    cells = [generator.integers(low, high + 1, 1000) for low, high in zip(first, last, strict=True)]
    indexes = hilbert.encode(cells, curve.bits) if name == "hilbert" else zorder.encode(cells)
    place = np.searchsorted(found.ranges[:, 0], indexes, side="right") - 1
    assert (place >= 0).all()
    assert (indexes <= found.ranges[place, 1]).all()
    # each range starts and ends inside the box
    decode = hilbert.decode if name == "hilbert" else lambda index, _: zorder.decode(index, 3)
    for axis, low, high in zip(decode(found.ranges.ravel(), curve.bits), first, last, strict=True):
        assert axis.min() >= low
        assert axis.max() <= high


def test_row_major_of_a_tall_box_is_short() -> None:
    found = rowmajor.cover((2**20,) * 3, (1, 1, 1), (2**20 - 2,) * 3, 500)
    assert len(found.ranges) <= 500
    assert found.visited <= 5000
