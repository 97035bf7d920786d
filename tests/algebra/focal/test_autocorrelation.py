"""Moran's I and Gi*: by hand, the published formulas as loops, no chunk that changes a bit."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.focal.planes import blocks, floats, placed, random_cells, rasters
from xcube_tiles.algebra.focal.autocorrelation import getis_ord, morans_i
from xcube_tiles.kernels.exact import exact_sum, multiply
from xcube_tiles.kernels.focal.correlation import cell_sums, merge_sums, moments
from xcube_tiles.kernels.neighborhood import Annulus, Circle, Kernel, Nesw, Square
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTED = Kernel([[1.0, 2, 0], [0.0, 5, 0.5], [3.0, 0, 1]])
NEIGHBORHOODS = (Square(1), Nesw(2), Circle(2.5), Annulus(1, 2), WEIGHTED)


def pairs(values: NDArray[Any], neighborhood: Any, *, focus: bool) -> NDArray[np.float64]:
    """Return the matrix of weights between all valid cells of a plane."""
    weights = neighborhood.weights if isinstance(neighborhood, Kernel) else neighborhood.mask()
    dy, dx = (size // 2 for size in weights.shape)
    cells = np.argwhere(~np.isnan(values))
    matrix = np.zeros((len(cells), len(cells)))
    for i, j in np.ndindex(matrix.shape):
        a, b = cells[j] - cells[i] + (dy, dx)
        if 0 <= a < weights.shape[0] and 0 <= b < weights.shape[1] and (focus or i != j):
            matrix[i, j] = weights[a, b]
    return matrix


def moran(values: NDArray[Any], neighborhood: Any) -> tuple[float, NDArray[np.float64]]:
    """Return the global and the local indices, as Anselin (1995) has them."""
    known = ~np.isnan(values)
    result = np.full(values.shape, np.nan)
    x = values[known]
    matrix = pairs(values, neighborhood, focus=False)
    near = matrix.sum(axis=1)
    some = near > 0
    if not some.any() or not x.std() > 0:
        return np.nan, result
    matrix[some] /= near[some, None]
    z = x - x.mean()
    both = z * (matrix @ z)
    local = np.where(some, both / (z @ z / len(z)), np.nan)
    result[known] = local
    return len(z) / matrix.sum() * both.sum() / (z @ z), result


def getis(values: NDArray[Any], neighborhood: Any) -> NDArray[np.float64]:
    """Return Gi*, as Ord and Getis (1995), equation 14, have it."""
    known = ~np.isnan(values)
    result = np.full(values.shape, np.nan)
    x = values[known]
    n = len(x)
    if n < 2 or not x.std() > 0:
        return result
    w = pairs(values, neighborhood, focus=True)
    one, two = w.sum(axis=1), (w**2).sum(axis=1)
    spread = n * two - one**2
    good = spread > 1e-9
    score = np.full(n, np.nan)
    score[good] = (w @ x - x.mean() * one)[good] / (x.std() * np.sqrt(spread[good] / (n - 1)))
    result[known] = score
    return result


def test_by_hand() -> None:
    halves = placed([[0.0, 0, 4, 4]] * 2)
    # z is -2 or 2 and the variance 4: shares of like neighbours minus those of unlike
    local = [[1.0, 1 / 3, 1 / 3, 1.0]] * 2
    np.testing.assert_allclose(morans_i(halves, Nesw(1), local=True), local)
    assert morans_i(halves, Nesw(1)) == pytest.approx(2 / 3)
    board = placed(np.indices((6, 6)).sum(axis=0) % 2)
    assert morans_i(board, Nesw(1)) == -1
    assert (morans_i(board, Nesw(1), local=True) == -1).all()


@given(rasters(times=1, max_size=6), st.sampled_from(NEIGHBORHOODS))
def test_moran_against_the_formula(cells: xr.DataArray, neighborhood: Any) -> None:
    globally, locally = moran(floats(cells)[0], neighborhood)
    index = morans_i(cells, neighborhood)
    assert index.dims == ("time",)
    assert index.dtype == np.float64
    np.testing.assert_allclose(index[0], globally, rtol=1e-9, atol=1e-12)
    ours = morans_i(cells, neighborhood, local=True)
    np.testing.assert_allclose(ours[0], locally, rtol=1e-5, atol=1e-5)


@given(rasters(times=1, max_size=6), st.sampled_from(NEIGHBORHOODS))
def test_getis_against_the_formula(cells: xr.DataArray, neighborhood: Any) -> None:
    expected = getis(floats(cells)[0], neighborhood)
    np.testing.assert_allclose(getis_ord(cells, neighborhood)[0], expected, rtol=1e-4, atol=1e-4)


@given(st.data())
def test_chunks_change_no_bit(data: st.DataObject) -> None:
    cells = data.draw(rasters(("float32", "float64ud-1", "uint8ud7", "int16")))
    neighborhood: Any = data.draw(st.sampled_from((Square(1), Circle(2.5), WEIGHTED)))
    lazy = data.draw(blocks(cells))
    with assert_lazy():
        results = (
            morans_i(lazy, neighborhood),
            morans_i(lazy, neighborhood, local=True),
            getis_ord(lazy, neighborhood),
        )
    xr.testing.assert_identical(results[0].compute(), morans_i(cells, neighborhood))
    xr.testing.assert_identical(results[1].compute(), morans_i(cells, neighborhood, local=True))
    xr.testing.assert_identical(results[2].compute(), getis_ord(cells, neighborhood))


def test_high_fields_with_little_relief() -> None:
    rough = np.random.default_rng(0).random((20, 20))
    ground, high = placed(rough), placed(rough + 1e9)
    assert float(morans_i(high, Square(1))) == pytest.approx(
        float(morans_i(ground, Square(1))), 1e-6
    )


def test_tasks() -> None:
    lazy = random_cells((8, 8), "float32").chunk(y=4, x=4)
    blocks_, source = lazy.data.npartitions, count_tasks(lazy)
    # neighbours and sums of each block, and what merges them
    assert count_tasks(morans_i(lazy, Square(1))) - source <= 2 * blocks_ + 2
    # beside these, what combines cells and neighbours, and the slices of three numbers
    assert count_tasks(getis_ord(lazy, Square(1))) - source <= 3 * blocks_ + 5
    assert morans_i(lazy, Nesw(1)).data.name == morans_i(lazy, Nesw(1)).data.name


@pytest.mark.parametrize(
    "values", [[[5.0, 5, 5]], [[np.nan, np.nan]], [[1.0]], [[1, np.inf, 2]], [[1, 1e200]]]
)
def test_nothing_to_correlate(values: Any) -> None:
    cells = placed(np.array(values, float))
    assert np.isnan(morans_i(cells, Square(1)))
    assert np.isnan(morans_i(cells, Square(1), local=True)).all()
    assert np.isnan(getis_ord(cells, Square(1))).all()


def test_of_each_raster_of_a_cube() -> None:
    cube = xr.Dataset({"a": random_cells((2, 5, 6), "float32"), "b": random_cells((5, 6), "uint8")})
    result = morans_i(cube, Square(1))
    assert result["a"].shape == (2,)
    assert result["b"].shape == ()
    assert float(result["a"][1]) == float(morans_i(cube["a"][1], Square(1)))


@given(st.lists(st.floats(-1e140, 1e140), max_size=30), st.integers(0, 30))
def test_sums_are_exact(numbers: list[float], at: int) -> None:
    cells = np.array(numbers, np.float64)
    total = sum((Fraction(value) for value in numbers), Fraction(0))
    assert Fraction(exact_sum(cells), 2**1075) == total
    assert exact_sum(cells[:at]) + exact_sum(cells[at:]) == exact_sum(cells)


@given(st.lists(st.floats(-1e9, 1e9, width=32), max_size=20))
def test_products_are_exact(numbers: list[float]) -> None:
    cells = np.array(numbers, np.float64)
    cells[np.abs(cells) < 1e-30] = 0  # errors of smaller products underflow
    scaled = cells * 1.1
    product, error = np.empty_like(cells), np.empty_like(cells)
    multiply(cells, scaled, product, error)
    for a, b, p, e in zip(cells, scaled, product, error, strict=True):
        assert Fraction(a) * Fraction(b) == Fraction(p) + Fraction(e)


def test_moments_do_not_cancel() -> None:
    cells = np.array([[1e15, 1e15 + 1, 1e15 + 2, np.nan]])
    parts = merge_sums([cell_sums(cells[:, :1]), cell_sums(cells[:, 1:])])
    assert moments(parts)[:, 0, 0].tolist() == [3, 1e15 + 1, 2 / 3]
