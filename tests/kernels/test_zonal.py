"""Exact sums: digits against Python's integers, roots and ratios at the ends of floats."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.kernels.zonal.digits import Digits, add_rows, carry, integers, ratio, root
from xcube_tiles.kernels.zonal.moments import merge_moments, moments, total
from xcube_tiles.kernels.zonal.places import distinct, locate
from xcube_tiles.kernels.zonal.runs import merge_runs, quantile, runs

SMALL = st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=3)


@given(one=SMALL, two=SMALL, apart=st.integers(0, 3))
def test_digits_as_integers(one: list[int], two: list[int], apart: int) -> None:
    def value(digits: list[int], exponent: int) -> Fraction:
        units = (Fraction(2) ** (16 * k + exponent) for k in range(len(digits)))
        return sum((d * unit for d, unit in zip(digits, units, strict=True)), Fraction())

    # room for what is carried
    parts = [
        Digits(np.array([[[*each, 0, 0]]]) // 4, exponent)
        for each, exponent in ((one, -32), (two, -32 + 16 * apart))
    ]
    expected = sum(
        (value((part.values[0, 0]).tolist(), part.exponent) for part in parts), Fraction()
    )
    added = add_rows(parts, [np.array([0]), np.array([0])], 1)
    assert integers(added)[0, 0] * Fraction(2) ** added.exponent == expected
    assert (added.values[..., :-1] >= 0).all()
    assert (added.values[..., :-1] < 2**16).all()


def test_carry_of_negative_digits() -> None:
    digits = np.array([[-1, 0, 0]])
    carry(digits)
    assert digits.tolist() == [[65535, 65535, -1]]


def test_ratios_and_roots_beyond_floats() -> None:
    assert ratio(-1, 1, 5000) == -np.inf
    assert ratio(1, 3, -2000) == 0
    assert root(1, 1, 2046) == 2.0**1023
    assert root(1, 1, -2000) == 2.0**-1000
    assert root(0, 5, 0) == 0
    assert np.isnan(root(0, 0, 0))
    assert root(1, 1, 4000) == np.inf


@given(
    values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1),
    cut=st.integers(0, 20),
)
def test_sums_of_any_floats_are_exact(values: list[float], cut: int) -> None:
    for dtype in (np.float32, np.float64):
        cells = np.array([values], dtype)
        labels = np.array([0])
        parts = [cells[:, :cut], cells[:, cut:]]
        states = [
            moments(part, locate(np.zeros(part.shape, int), labels)) for part in parts if part.size
        ]
        exact = sum(map(Fraction, values), Fraction())
        found = total(merge_moments(states))[0, 0]
        assert abs(exact) >= 2**1024 or found == float(exact)


def test_labels_by_table_and_by_search() -> None:
    zones = np.array([[5, -(2**60), 5], [2**60, 7, 8]])
    near, far = np.array([5, 7]), np.array([-(2**60), 5, 7, 2**60])
    for labels in (near, far):
        where, ids = locate(zones, labels)
        found = np.where(where >= 0, labels[ids][where], -1)
        np.testing.assert_array_equal(found, np.where(np.isin(zones, labels), zones, -1))
    assert distinct(zones).tolist() == sorted(set(zones.ravel().tolist()))
    where, ids = locate(zones, np.array([], int))
    assert (where == -1).all()
    assert ids.size == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_runs_of_parts_as_of_all(count: int) -> None:
    generator = np.random.default_rng(count)
    cells, zones = generator.integers(0, 9, (1, 90)), generator.integers(0, 5, (1, 90))
    labels = np.arange(5)
    parts = [
        runs(cells[:, some], locate(zones[:, some], labels))
        for some in np.array_split(np.arange(90), count)
    ]
    merged = merge_runs(parts)[0]
    for share in (0, 0.3, 0.5, 1):
        found = dict(zip(merged.ids.tolist(), quantile(merged, share), strict=True))
        for label in range(5):
            assert found[label] == pytest.approx(np.quantile(cells[zones == label], share))
