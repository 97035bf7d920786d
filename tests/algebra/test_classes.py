"""Class breaks: by hand, as mapclassify has them, in any chunks."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import mapclassify
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.algebra.test_histogram import rasters, valid_of
from tests.algebra.zonal.test_statistics import on_grid
from tests.cube.rasters import raster
from xcube_tiles.algebra.classes import BreakMethod, class_breaks
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.kernels.jenks import natural_breaks
from xcube_tiles.testing.asserts import assert_lazy

WORDS: Any = "wards"
METHODS: tuple[BreakMethod, ...] = (
    "quantile", "equal-interval", "standard-deviation", "head-tail", "jenks",
)  # fmt: skip
SKEWED = np.random.default_rng(5).lognormal(3, 1, (30, 40))


def test_by_hand() -> None:
    array = raster(np.array([1, 2, 3, 8, 9], np.int16))
    expected: dict[BreakMethod, list[float]] = {
        "quantile": [3, 9],
        "equal-interval": [5, 9],
        "standard-deviation": [4.6, 9],
        "head-tail": [4.6, 9],
        "jenks": [3, 9],
    }
    for method, breaks in expected.items():
        np.testing.assert_allclose(class_breaks(array, 2, method), breaks, err_msg=method)
    np.testing.assert_allclose(class_breaks(array, 9, "head-tail"), [4.6, 8.5, 9])


@pytest.mark.parametrize("n", [2, 5, 8])
def test_as_mapclassify(n: int) -> None:
    array = on_grid(SKEWED)
    flat = SKEWED.ravel()
    np.testing.assert_allclose(class_breaks(array, n), mapclassify.Quantiles(flat, n).bins)
    np.testing.assert_allclose(
        class_breaks(array, n, "equal-interval"), mapclassify.EqualInterval(flat, n).bins
    )
    tails = mapclassify.HeadTailBreaks(flat).bins
    np.testing.assert_allclose(class_breaks(array, 256, "head-tail"), tails)
    np.testing.assert_allclose(class_breaks(array, n, "head-tail")[:-1], tails[: n - 1])
    width = np.ptp(flat) / 65536
    np.testing.assert_allclose(
        class_breaks(array, n, "jenks"), mapclassify.FisherJenks(flat, n).bins, atol=1.01 * width
    )


@pytest.mark.parametrize("n", [3, 6])
def test_natural_breaks_of_integers_are_exact(n: int) -> None:
    numbers = SKEWED.astype(np.int16)
    found = class_breaks(on_grid(numbers), n, "jenks").values
    assert deviations(numbers.ravel(), found) == pytest.approx(
        deviations(numbers.ravel(), mapclassify.FisherJenks(numbers.ravel(), n).bins)
    )
    assert set(found) <= set(numbers.ravel().tolist())


def test_standard_deviations_as_mapclassify() -> None:
    values = np.random.default_rng(0).normal(50, 9, 1200)
    found = class_breaks(on_grid(values.reshape(30, 40)), 4, "standard-deviation")
    # mapclassify divides by n - 1
    sample = np.sqrt(1200 / 1199)
    breaks = mapclassify.StdMean(values, multiples=[-1 / sample, 0, 1 / sample]).bins
    np.testing.assert_allclose(found, breaks)


def deviations(values: Any, breaks: Any) -> float:
    """Return the squared deviations within classes."""
    classes = np.searchsorted(breaks, values)
    return sum(float(np.var(values[classes == at]) * (classes == at).sum()) for at in set(classes))


@settings(max_examples=50)
@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=8), data=st.data())
def test_natural_breaks_are_the_best_of_all(counts: list[int], data: st.DataObject) -> None:
    numbers = st.lists(
        st.integers(-99, 99), min_size=len(counts), max_size=len(counts), unique=True
    )
    values = np.sort(np.array(data.draw(numbers), np.float64))
    classes = data.draw(st.integers(1, len(counts)))
    found = natural_breaks(values, np.array(counts), classes)
    flat = np.repeat(values, counts)
    best = min(
        deviations(flat, values[[*some, len(values) - 1]])
        for some in combinations(range(len(values) - 1), classes - 1)
    )
    assert len(found) == classes
    assert deviations(flat, values[found]) == pytest.approx(best, abs=1e-6)


@settings(max_examples=25)
@given(drawn=rasters(), n=st.integers(1, 5), method=st.sampled_from(METHODS))
def test_any_chunks(drawn: tuple[xr.DataArray, Any], n: int, method: BreakMethod) -> None:
    array, pieces = drawn
    whole = class_breaks(array, n, method)
    pieces = array.chunk(dict(zip("yx", pieces, strict=True)))
    if method == "head-tail":
        lazy = class_breaks(pieces, n, method)
    else:
        with assert_lazy():
            lazy = class_breaks(pieces, n, method)
    xr.testing.assert_identical(lazy.compute(), whole)
    assert whole.size == n or method == "head-tail"
    valid = valid_of(array)
    if valid.size:
        assert (np.diff(whole) >= 0).all()
        assert whole[-1] == np.float64(valid.max())
    else:
        assert np.isnan(whole).all()


def test_of_one_number() -> None:
    for method in METHODS:
        assert set(class_breaks(raster(7), 3, method).values) == {7.0}


def test_refused() -> None:
    with pytest.raises(AlgebraError, match="unknown method 'wards'; expected one of quantile"):
        class_breaks(raster(1.0), 3, WORDS)
    with pytest.raises(AlgebraError, match="from 1 to 256, got 0"):
        class_breaks(raster(1.0), 0)
    with pytest.raises(DimensionError, match="name the variable"):
        class_breaks(raster(1.0).to_dataset(), 3)
