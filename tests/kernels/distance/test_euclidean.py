"""Nearest targets: by hand, by trying every one, and as scipy has their distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from xcube_tiles.kernels.distance.euclidean import (
    NONE,
    bearings,
    cell_weights,
    column_offsets,
    lengths,
    nearest_offsets,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGETS = npst.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def every_one(targets: NDArray[Any], weights: tuple[int, int]) -> NDArray[Any]:
    """Return the ways to the nearest targets by trying every one, the first of equal ones."""
    ways = np.full((2, *targets.shape), NONE)
    places = np.argwhere(targets)
    for place in np.ndindex(*targets.shape):
        squared = ((places - place) ** 2 * weights).sum(axis=1)
        if len(places):
            ways[:, place[0], place[1]] = places[squared.argmin()] - place
    return ways


@given(targets=TARGETS, weights=st.sampled_from([(1, 1), (4, 1), (9, 4), (2, 3)]))
def test_by_trying_every_one(targets: NDArray[Any], weights: tuple[int, int]) -> None:
    ways = nearest_offsets(column_offsets(targets), weights, 0, targets.shape[1])
    np.testing.assert_array_equal(ways, every_one(targets, weights))


@given(targets=TARGETS, data=st.data())
def test_columns_from_above_and_below(targets: NDArray[Any], data: st.DataObject) -> None:
    top = data.draw(st.integers(0, len(targets) - 1))
    bottom = data.draw(st.integers(top + 1, len(targets)))
    rows = np.arange(len(targets))[:, None]
    above = np.where(targets[:top], rows[:top], -99).max(axis=0, initial=-99) - top
    below = np.where(targets[bottom:], rows[bottom:], 99).min(axis=0, initial=99) - top
    part = column_offsets(
        targets[top:bottom],
        np.where(above < -20, NONE, above).astype(np.int32),
        np.where(below > 20, NONE, below).astype(np.int32),
    )
    np.testing.assert_array_equal(part, column_offsets(targets)[top:bottom])


@pytest.mark.parametrize("edges", [(1.0, 1.0), (20.0, 10.0), (10.3, 9.87)])
def test_distances_as_scipy(edges: tuple[float, float]) -> None:
    targets = np.random.default_rng(2).random((90, 120)) < 0.01
    weights = cell_weights(*edges, targets.shape)
    assert weights is not None
    ways = nearest_offsets(column_offsets(targets), weights, 0, 120)
    expected = ndimage.distance_transform_edt(~targets, sampling=edges)
    np.testing.assert_allclose(lengths(*ways, *edges), expected, rtol=1e-12)


def test_part_of_the_columns() -> None:
    targets = np.random.default_rng(3).random((20, 30)) < 0.05
    column = column_offsets(targets)
    whole = nearest_offsets(column, (1, 1), 0, 30)
    part = nearest_offsets(column, (1, 1), 7, 11)
    np.testing.assert_array_equal(np.stack(part), np.stack(whole)[..., 7:18])


def test_weights() -> None:
    assert cell_weights(30, 10, (100, 100)) == (9, 1)
    assert cell_weights(10, 15, (100, 100)) == (4, 9)
    height, width = 10.3, 9.87
    weights = cell_weights(height, width, (100_000, 100_000))
    assert weights is not None
    assert weights[0] / weights[1] == pytest.approx((height / width) ** 2, rel=1e-6)
    assert max(weights) * 2 * 100_000**2 < 2**62
    assert cell_weights(1e9, 1, (100_000, 100_000)) is None


def test_bearings() -> None:
    down = np.array([-1, -1, 0, 1, 1, 1, 0, -1, 0, NONE], "int32")
    right = np.array([0, 1, 1, 1, 0, -1, -1, -1, 0, NONE], "int32")
    expected = [360, 45, 90, 135, 180, 225, 270, 315, 0, np.nan]
    np.testing.assert_allclose(bearings(down, right, 10, 10), expected)
