from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from xcube_tiles.kernels.reduce.geomedian import geomedian


def summed_distance(here: np.ndarray, points: np.ndarray) -> float:
    return float(np.sqrt(((points - here) ** 2).sum(axis=1)).sum())


def test_the_center_of_a_square_and_of_a_star() -> None:
    square = np.array([[0, 0], [2, 0], [0, 2], [2, 2]], "float64")
    np.testing.assert_allclose(geomedian(square), [1, 1])
    star = np.vstack([square, [[1, 1]]])
    np.testing.assert_allclose(geomedian(star), [1, 1])


def test_an_observation_that_holds_the_median() -> None:
    # Angles of 120 degrees and more at a point make it the median (Fermat); Weiszfeld alone
    # divides by zero there.
    points = np.array([[0, 0], [10, 1], [-10, 1]], "float64")
    np.testing.assert_allclose(geomedian(points, tolerance=1e-12), [0, 0], atol=1e-3)
    np.testing.assert_array_equal(geomedian(np.array([[5.0, 5], [5, 5], [5, 5]])), [5, 5])
    # The start, the mean, is an observation here, and not the median.
    start = np.array([[0, 0], [4, 0], [-1, 1], [-1, -1], [-2, 0]], "float64")
    assert summed_distance(geomedian(start), start) < summed_distance(start[0], start)


@pytest.mark.parametrize("seed", range(8))
def test_no_other_point_is_nearer(seed: int) -> None:
    points = np.random.default_rng(seed).normal(1000, 300, (9, 4))
    got = geomedian(points, tolerance=1e-12, max_steps=100_000)
    best = minimize(summed_distance, points.mean(axis=0), args=(points,), method="BFGS")
    assert summed_distance(got, points) <= best.fun * (1 + 1e-9)


def test_incomplete_observations_are_left_out() -> None:
    points = np.array([[0, 0], [2, 0], [0, 2], [2, 2], [100, -1]], "int16")
    got = geomedian(points, nodata=-1)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [1, 1])
    np.testing.assert_array_equal(geomedian(points, nodata=-1, min_count=5), [np.nan, np.nan])
    nothing = geomedian(np.full((3, 2, 4), np.nan))
    assert np.isnan(nothing).all()


def test_one_observation_is_its_own_median() -> None:
    np.testing.assert_array_equal(geomedian(np.array([[7, 9, 11]], "uint16")), [7, 9, 11])


def test_axes_in_any_place() -> None:
    stack = np.random.default_rng(1).normal(size=(5, 3, 4, 6))
    expected = geomedian(stack)
    assert expected.shape == (3, 4, 6)
    moved = np.moveaxis(stack, (0, 1), (2, 0))  # (bands, y, time, x)
    np.testing.assert_array_equal(geomedian(moved, 2, band_axis=0), expected)
    np.testing.assert_array_equal(geomedian(stack, threads=2), expected)
