"""Contrast: by hand, as scikit-image has it, in any chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from skimage import exposure

from tests.algebra.test_histogram import rasters, valid_of
from tests.algebra.zonal.test_statistics import on_grid
from tests.cube.rasters import raster
from xcube_tiles.algebra.contrast import equalize, match_histogram, sigmoidal_contrast
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, CellTypeError, DimensionError
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

ODD: Any = "all"
GENERATOR = np.random.default_rng(6)
BYTES = GENERATOR.binomial(200, 0.4, (40, 50)).astype(np.uint8)
FLOATS = GENERATOR.gamma(2, 3, (40, 50))


def test_equalize_by_hand() -> None:
    array = raster(np.array([0, 1, 2, 255, 100], np.uint8), nodata=255)
    np.testing.assert_array_equal(equalize(array)[0], [0, 33, 67, 255, 100])
    # 255 is NoData: the largest cell takes the next number
    np.testing.assert_array_equal(equalize(array, range="type")[0], [0, 85, 170, 255, 254])
    np.testing.assert_array_equal(equalize(array, range=(10, 40))[0], [10, 20, 30, 255, 40])


def test_equalize_as_skimage() -> None:
    shares = exposure.equalize_hist(BYTES, nbins=256)
    first = (BYTES.min() == BYTES).mean()
    expected = np.rint((shares - first) / (1 - first) * 255)
    np.testing.assert_allclose(equalize(on_grid(BYTES), range=(0, 255)), expected, atol=1)
    floats = equalize(on_grid(FLOATS), range=(0, 1)).values
    np.testing.assert_allclose(floats, exposure.equalize_hist(FLOATS, nbins=65536), atol=2e-3)
    ranks = FLOATS.ravel().argsort().argsort().reshape(FLOATS.shape) / FLOATS.size
    np.testing.assert_allclose(floats, ranks, atol=2e-3)


def test_match_as_skimage() -> None:
    other = GENERATOR.normal(100, 15, (30, 35))
    found = match_histogram(on_grid(FLOATS), on_grid(other))
    expected = exposure.match_histograms(FLOATS, other)
    np.testing.assert_allclose(found, expected, atol=np.ptp(other) / 200)
    np.testing.assert_allclose(np.quantile(found, 0.5), np.quantile(other, 0.5), rtol=0.01)


def test_match_integers_as_a_loop() -> None:
    other = GENERATOR.poisson(900, (20, 20)).astype(np.int16)
    found = match_histogram(on_grid(BYTES), on_grid(other)).values
    assert found.dtype == np.int16
    ordered = np.sort(other.ravel())
    for number in np.unique(BYTES):
        share = (number >= BYTES).mean()
        at = np.flatnonzero(np.arange(1, 401) / 400 >= share - 1e-12)[0]
        assert set(found[number == BYTES]) == {ordered[at]}


def test_sigmoid_as_skimage() -> None:
    shares = FLOATS / FLOATS.max()
    curve = exposure.adjust_sigmoid(shares, cutoff=0.3, gain=6)
    ends = exposure.adjust_sigmoid(np.array([0.0, 1.0]), cutoff=0.3, gain=6)
    found = sigmoidal_contrast(on_grid(shares), 6, 0.3, range=(0, 1))
    np.testing.assert_allclose(found, (curve - ends[0]) / (ends[1] - ends[0]), atol=1e-12)


def test_sigmoid_by_hand() -> None:
    array = raster(np.array([0, 50, 100, 255, 75], np.uint8), nodata=255)
    found = sigmoidal_contrast(array, 10)
    np.testing.assert_array_equal(found[0], [0, 50, 100, 255, 93])
    np.testing.assert_array_equal(sigmoidal_contrast(array, 0), array)
    clipped = sigmoidal_contrast(array, 0, range=(60, 90))
    np.testing.assert_array_equal(clipped[0], [60, 60, 90, 255, 75])


@settings(max_examples=40)
@given(drawn=rasters())
def test_any_chunks_order_and_nodata(drawn: tuple[xr.DataArray, Any]) -> None:
    array, pieces = drawn
    # Slopes between numbers near the largest float are infinite.
    most = np.abs(valid_of(array).astype(np.float64))
    assume(not (most > 1e300).any())
    assume(array.dtype.kind == "f" or not (most >= 2.0**53).any())  # floats round them: refused
    operations: tuple[Callable[[xr.DataArray], xr.DataArray], ...] = (
        equalize,
        lambda each: match_histogram(each, array),
        lambda each: sigmoidal_contrast(each, 5),
    )
    pieces = array.chunk(dict(zip("yx", pieces, strict=True)))
    for operation in operations:
        whole = operation(array)
        with assert_lazy():
            lazy = operation(pieces)
        xr.testing.assert_identical(lazy.compute(), whole)
        assert cell_type_of(whole) == cell_type_of(array)
        assert valid_of(whole).size == valid_of(array).size
        order = np.argsort(valid_of(array), kind="stable")
        ascending = valid_of(whole)[order]
        assert (ascending[1:] >= ascending[:-1]).all()


def test_infinite_cells() -> None:
    array = raster(np.array([np.inf, 1, 2, -np.inf, np.nan]))
    np.testing.assert_array_equal(equalize(array)[0], [2, 1, 2, 1, np.nan])
    np.testing.assert_array_equal(sigmoidal_contrast(array, 3)[0], [2, 1, 2, 1, np.nan])
    assert np.isnan(equalize(raster(np.inf))).all()


def test_integers_beyond_floats_are_refused() -> None:
    array = raster(np.array([2**53 + 1, 2**53 + 3, 2**53 + 5, 0, 7]))
    for operation in (
        equalize,
        lambda each: match_histogram(raster(np.int64(1)), each),
        lambda each: sigmoidal_contrast(each, 0),
    ):
        with pytest.raises(CellTypeError, match="can't be told apart in float64"):
            operation(array)


def test_a_dataset() -> None:
    cube = xr.Dataset({"red": on_grid(FLOATS), "nir": on_grid(BYTES)})
    xr.testing.assert_identical(equalize(cube)["nir"], equalize(cube["nir"]))
    both = match_histogram(cube, cube)
    np.testing.assert_array_equal(both["nir"], cube["nir"])
    assert match_histogram(cube, cube["red"])["nir"].dtype == np.float64


def test_refused() -> None:
    array = raster(np.uint8(1))
    with pytest.raises(AlgebraError, match="must be 'cells', 'type' or two ascending numbers"):
        equalize(array, range=ODD)
    with pytest.raises(AlgebraError, match="has no use"):
        equalize(raster(1.0), range="type")
    with pytest.raises(AlgebraError, match="ascending numbers, got"):
        sigmoidal_contrast(array, 3, range=(2, 1))
    with pytest.raises(AlgebraError, match="at least 0, got -1"):
        sigmoidal_contrast(array, -1)
    with pytest.raises(AlgebraError, match="share from 0 to 1"):
        sigmoidal_contrast(array, 3, 50)
    with pytest.raises(CellTypeError, match="has no NoData value"):
        match_histogram(raster(1.0), array)
    with pytest.raises(DimensionError, match="name the variable"):
        match_histogram(array, array.to_dataset())
    with pytest.raises(DimensionError, match="no variable 'a' to match"):
        match_histogram(array.to_dataset(), array.rename("b").to_dataset())
