"""Variances: by hand, against numpy in more digits, and of fields that hardly vary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.focal.windows import by_window, masks, rasters, run
from xcube_tiles.kernels.focal.variance import deviation, variance
from xcube_tiles.kernels.neighborhood import Annulus, Circle, Square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.kernels.neighborhood import Neighborhood

WINDOWS: list[Neighborhood] = [
    Square(1),
    Square(2),
    Square(12),
    Circle(3),
    Circle(6.5),
    Annulus(2, 4),
]
FLOAT: dict[str, Any] = {"dtype": "float64", "missing": np.nan}


def test_by_hand() -> None:
    window = np.array([[1.0, 3.0, np.nan, np.nan, np.nan]])
    three = np.ones((1, 3), bool)
    np.testing.assert_array_equal(run(variance, window, three, **FLOAT), [[1, 0, np.nan]])
    np.testing.assert_array_equal(
        run(deviation, window, three, ddof=1, **FLOAT), [[np.sqrt(2), np.nan, np.nan]]
    )


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
@given(
    data=st.data(),
    mask=masks() | st.sampled_from([w.mask() for w in WINDOWS]),
    ddof=st.integers(0, 2),
)
def test_any_windows_equal_numpy(
    dtype: str, data: st.DataObject, mask: NDArray[Any], ddof: int
) -> None:
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    shape = (height + mask.shape[0] - 1, width + mask.shape[1] - 1)
    window = data.draw(rasters(dtype, shape, highest=100))
    nodata = data.draw(st.sampled_from([None, 0]))

    def exact(cells: NDArray[Any]) -> float:
        return float(np.var(cells.astype(float), ddof=ddof)) if len(cells) > ddof else np.nan

    expected = by_window(window, mask, nodata, exact, **FLOAT)
    got = run(variance, window, mask, nodata=nodata, ddof=ddof, **FLOAT)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    got = run(deviation, window, mask, nodata=nodata, ddof=ddof, **FLOAT)
    np.testing.assert_allclose(got, np.sqrt(expected), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("neighborhood", WINDOWS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_warm_fields_that_hardly_vary(neighborhood: Neighborhood, dtype: str) -> None:
    mask, rng = neighborhood.mask(), np.random.default_rng(2)
    window = (288 + rng.normal(0, 0.01, (40, 45))).astype(dtype)
    window[rng.random(window.shape) < 0.1] = np.nan
    expected = by_window(
        window, mask, None, lambda cells: np.var(cells.astype(np.longdouble)), **FLOAT
    )
    got = run(variance, window, mask, **FLOAT)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("neighborhood", WINDOWS, ids=repr)
def test_no_start_changes_a_bit(neighborhood: Neighborhood) -> None:
    mask, rng = neighborhood.mask(), np.random.default_rng(3)
    window = rng.normal(size=(50, 300))
    window[rng.random(window.shape) < 0.1] = np.nan
    whole = run(variance, window, mask, **FLOAT)
    part = run(variance, np.ascontiguousarray(window[5:, 9:]), mask, **FLOAT)
    np.testing.assert_array_equal(part, whole[5:, 9:])


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_infinite_cells_vary_by_no_number(width: int) -> None:
    window = np.ones((4, 12))
    window[1, 4], window[2, 7:9], window[3] = np.inf, (np.inf, -np.inf), np.nan
    window[3, 6] = -np.inf
    mask = np.ones((1, width), bool)
    found = run(variance, window, mask, **FLOAT)
    expected = by_window(
        window, mask, None, lambda some: 0.0 if np.isfinite(some).all() else np.nan, **FLOAT
    )
    np.testing.assert_array_equal(found, expected)


def test_equal_cells_do_not_vary() -> None:
    window = np.full((9, 9), 0.1)
    assert not run(variance, window, np.ones((5, 5), bool), **FLOAT).any()
