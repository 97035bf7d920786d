"""Kernels by name: against scipy and scikit-image, and what all of a family share."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import filters as skimage_filters
from skimage import morphology as shapes

from xcube_tiles.kernels.neighborhood import Circle, Kernel, Nesw, Square
from xcube_tiles.kernels.weights import Direction

DIRECTIONS = get_args(Direction)
WHOLE = ("box", "diamond", "octagon", "plus", "cross", "euclidean", "manhattan", "chebyshev")
REAL = ("circle", "cone", "quartic")
GRADIENTS = ("sobel", "prewitt", "compass", "kirsch")
STEPS = {"e": (0, 1), "n": (-1, 0), "ne": (-1, 1), "se": (1, 1), "w": (0, -1), "s": (1, 0)}


def spot(size: int) -> Any:
    cells = np.zeros((size, size))
    cells[size // 2, size // 2] = 1
    return cells


@pytest.mark.parametrize(("sigma", "size"), [(1, 9), (0.5, 5), (2.2, 19)])
def test_gaussian_is_that_of_scipy(sigma: float, size: int) -> None:
    weights = Kernel.gaussian(sigma).weights
    assert weights.shape == (size, size)
    np.testing.assert_allclose(weights, ndimage.gaussian_filter(spot(size), sigma), rtol=1e-12)
    small = Kernel.gaussian(sigma, radius=1).weights
    np.testing.assert_allclose(small, ndimage.gaussian_filter(spot(3), sigma, radius=1))
    assert Kernel.gaussian(sigma, normalize=False).weights.max() == 1


@pytest.mark.parametrize("radius", [1, 2, 3, 4, 5])
def test_shapes_are_those_of_skimage(radius: int) -> None:
    np.testing.assert_array_equal(Kernel.diamond(radius).mask(), shapes.diamond(radius))
    np.testing.assert_array_equal(Kernel.circle(radius).mask(), shapes.disk(radius))
    corner = 2 * radius - round(np.sqrt(2) * radius)
    octagon = shapes.octagon(2 * radius + 1 - 2 * corner, corner)
    np.testing.assert_array_equal(Kernel.octagon(radius).mask(), octagon)


def test_shapes_are_neighbourhoods() -> None:
    np.testing.assert_array_equal(Kernel.box(2).mask(), Square(2).mask())
    np.testing.assert_array_equal(Kernel.plus(3).mask(), Nesw(3).mask())
    np.testing.assert_array_equal(Kernel.circle(2.5).mask(), Circle(2.5).mask())
    np.testing.assert_array_equal(
        Kernel.cross(1, normalize=False).weights, [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    )


def test_distances_by_hand() -> None:
    corner = {"euclidean": np.sqrt(5), "manhattan": 3, "chebyshev": 2}
    for name, expected in corner.items():
        weights = getattr(Kernel, name)(2, normalize=False).weights
        assert weights[0, 1] == expected
        assert weights[2, 2] == 0
        assert weights[2, 4] == 2


def test_falling_weights_by_hand() -> None:
    cone = Kernel.cone(2, normalize=False).weights
    np.testing.assert_allclose(cone[1], [0.5, 1, 0.5])
    np.testing.assert_allclose(cone[0, 0], 1 - np.sqrt(2) / 2)
    quartic = Kernel.quartic(2, normalize=False).weights
    np.testing.assert_allclose(quartic[1], [(1 - 1 / 4) ** 2, 1, (1 - 1 / 4) ** 2])
    assert Kernel.cone(0.5).weights.tolist() == [[1]]


@given(st.sampled_from(WHOLE + REAL), st.integers(1, 6))
def test_normalised_weights_add_up_to_one(name: str, radius: int) -> None:
    make = getattr(Kernel, name)
    weights = make(radius).weights
    assert weights.sum() == pytest.approx(1)
    raw = make(radius, normalize=False).weights
    np.testing.assert_allclose(weights, raw / raw.sum())
    # the same from every side
    for turned in (np.rot90(raw), raw.T, raw[::-1]):
        np.testing.assert_array_equal(turned, raw)


def test_gradients_are_those_of_scipy() -> None:
    cells = np.random.default_rng(0).random((6, 7))
    for name, filter_ in (("sobel", ndimage.sobel), ("prewitt", ndimage.prewitt)):
        for direction, axis, sign in (("e", 1, 1), ("s", 0, 1), ("w", 1, -1), ("n", 0, -1)):
            weights = getattr(Kernel, name)(direction).weights
            ours = ndimage.correlate(cells, weights)
            np.testing.assert_allclose(ours, sign * filter_(cells, axis), atol=1e-14)


def test_roberts_is_that_of_skimage() -> None:
    cells = np.random.default_rng(0).random((6, 7))
    for direction, filter_ in (
        ("nw", skimage_filters.roberts_pos_diag),
        ("ne", skimage_filters.roberts_neg_diag),
    ):
        ours = ndimage.correlate(cells, Kernel.roberts(direction).weights)  # type: ignore[arg-type]
        theirs = filter_(cells)  # type: ignore[no-untyped-call]
        # at their edges scikit-image has nothing
        np.testing.assert_allclose(abs(ours)[1:-1, 1:-1], abs(theirs)[1:-1, 1:-1])


def test_corners_of_sobel() -> None:
    assert Kernel.sobel("e").weights.tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert Kernel.prewitt("e").weights.tolist() == [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]
    assert Kernel.kirsch("n").weights.tolist() == [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]
    assert Kernel.compass("w").weights.tolist() == [[1, 1, -1], [1, -2, -1], [1, 1, -1]]


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_positive_uphill_and_zero_on_flats(name: str) -> None:
    rows, cols = np.mgrid[-1:2, -1:2]
    for direction in DIRECTIONS:
        weights = getattr(Kernel, name)(direction).weights
        assert weights.sum() == 0
        across = {way: (weights * (rows * y + cols * x)).sum() for way, (y, x) in STEPS.items()}
        if direction in across:
            assert across[direction] == max(across.values()) > 0
    turned = getattr(Kernel, name)("n").weights
    np.testing.assert_array_equal(turned, np.rot90(getattr(Kernel, name)("e").weights))


def test_roberts_is_positive_uphill() -> None:
    rows, cols = np.mgrid[-1:2, -1:2]
    for direction, (y, x) in {**STEPS, "sw": (1, -1), "nw": (-1, -1)}.items():
        if len(direction) == 2:
            weights = Kernel.roberts(direction).weights  # type: ignore[arg-type]
            assert (weights * (rows * y + cols * x)).sum() == 2
            assert np.count_nonzero(weights) == 2


def test_second_differences() -> None:
    cells = np.random.default_rng(0).random((6, 7))
    ours = ndimage.correlate(cells, Kernel.laplacian4().weights)
    np.testing.assert_allclose(ours, ndimage.laplace(cells), atol=1e-14)
    assert Kernel.laplacian8().weights.sum() == 0
    assert Kernel.laplacian8().weights[1, 1] == -8


def test_sharpening_keeps_flats() -> None:
    for kernel in (Kernel.sharpen(), Kernel.sharpen(0.3), Kernel.unsharp(2, amount=1.5)):
        assert kernel.weights.sum() == pytest.approx(1)
        assert kernel.weights.max() > 1
    cells = np.random.default_rng(0).random((30, 31))
    ours = ndimage.correlate(cells, Kernel.unsharp(1, amount=2).weights)
    theirs = skimage_filters.unsharp_mask(cells, radius=1, amount=2, preserve_range=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
