"""Histograms and exact quantiles: as numpy has them, in any chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cube.rasters import raster
from xcube_tiles.algebra.histogram import histogram
from xcube_tiles.algebra.quantiles import quantiles
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import AlgebraError, DimensionError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks, geoboxes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn
    from numpy.typing import NDArray

DTYPES = ("bool", "uint8", "int16", "int32", "uint64", "int64", "float32", "float64")


@st.composite
def rasters(draw: DrawFn) -> tuple[xr.DataArray, Any]:
    """Draw a raster of any cell type, and chunks."""
    geobox, cell_type = draw(geoboxes(8)), draw(cell_types(DTYPES))
    shape = geobox.shape.yx
    array = xr.DataArray(draw(cells(cell_type, shape)), dims=("y", "x"), name="a")
    return assign_geobox(set_cell_type(array, cell_type), geobox), draw(chunks(shape))


def valid_of(array: xr.DataArray) -> NDArray[Any]:
    values = array.values[~cell_type_of(array).is_nodata(array.values)]
    found: NDArray[Any] = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return found


def test_by_hand() -> None:
    array = raster(np.array([0, 1, 1, 255, 4], np.uint8), nodata=255)
    counts = histogram(array, 4)
    np.testing.assert_array_equal(counts, [4, 8, 0, 4])
    np.testing.assert_array_equal(counts["low"], [0, 1, 2, 3])
    np.testing.assert_array_equal(histogram(array, [1, 2]), [8])
    np.testing.assert_array_equal(histogram(array, 1, range=(2, 8)), [4])


def test_of_nothing() -> None:
    counts = histogram(raster(np.nan), 3)
    assert counts.values.tolist() == [0, 0, 0]
    assert np.isnan(counts["low"]).all()
    assert np.isnan(quantiles(raster(np.nan), [0.5])).all()


@settings(max_examples=40)
@given(drawn=rasters(), bins=st.integers(1, 9))
def test_as_numpy_in_any_chunks(drawn: tuple[xr.DataArray, Any], bins: int) -> None:
    array, pieces = drawn
    whole = histogram(array, bins)
    with assert_lazy():
        lazy = histogram(array.chunk(dict(zip("yx", pieces, strict=True))), bins)
    xr.testing.assert_identical(lazy.compute(), whole)
    valid = valid_of(array).astype(np.float64)
    if valid.size and (np.diff([*whole["low"], whole["high"][-1]]) > 0).all():
        edges = np.append(whole["low"], whole["high"][-1])
        np.testing.assert_array_equal(whole, np.histogram(valid, edges)[0])
        assert whole.sum() == valid.size


@settings(max_examples=60)
@given(drawn=rasters(), shares=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_quantiles_as_numpy_in_any_chunks(
    drawn: tuple[xr.DataArray, Any], shares: list[float]
) -> None:
    array, pieces = drawn
    whole = quantiles(array, shares)
    with assert_lazy():
        lazy = quantiles(array.chunk(dict(zip("yx", pieces, strict=True))), shares)
    np.testing.assert_array_equal(lazy.compute(), whole)
    valid = valid_of(array).astype(np.float64)
    if not valid.size:
        assert np.isnan(whole).all()
        return
    with np.errstate(all="ignore"):
        expected = np.quantile(valid, shares)
    finite = np.isfinite(expected) & np.isfinite(whole)
    scale = np.abs(valid).max()
    np.testing.assert_allclose(whole[finite], expected[finite], rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint64"])
def test_quantiles_of_many_cells(dtype: str) -> None:
    values = (288 + np.random.default_rng(2).normal(0, 9, (4, 5, 400))) * 1000
    array = xr.DataArray(values.astype(dtype), dims=("time", "y", "x")).chunk(time=1, x=150)
    shares = [0, 0.013, 0.5, 0.9, 1]
    expected = np.quantile(values.astype(dtype).astype(np.float64), shares)
    np.testing.assert_allclose(quantiles(array, shares).compute(), expected, rtol=1e-14)


def test_64_bits_are_counted_exactly() -> None:
    numbers = 2**53 + np.array([0, 1, 3, 5, 6])
    array = raster(numbers, nodata=int(numbers[-1]))
    edges = [2**53, 2**53 + 2, 2**53 + 4, 2**53 + 6]
    assert histogram(array, edges).values.tolist() == [8, 4, 4]
    assert histogram(raster(numbers.astype(np.uint64)), edges).values.tolist() == [8, 4, 8]
    assert histogram(raster(numbers + 1), 3).sum() == 20
    assert histogram(array, [-1e300, 0, 1e300]).values.tolist() == [0, 16]


def test_tasks() -> None:
    array = raster(np.float32(1)).chunk(y=1, x=1)
    # 20 blocks: read, ends and counts, 3 that combine each, and those of the edges
    assert count_tasks(histogram(array).variable) <= 20 + 2 * (20 + 3) + 4  # type: ignore[arg-type]


def test_refused() -> None:
    with pytest.raises(DimensionError, match="name the variable"):
        histogram(raster(1.0).to_dataset())
    with pytest.raises(AlgebraError, match="at least two ascending edges"):
        histogram(raster(1.0), [1])
    with pytest.raises(AlgebraError, match="two finite ascending numbers"):
        histogram(raster(1.0), range=(np.nan, 1))
