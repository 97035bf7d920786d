from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.kernels.focal.windows import by_window, masks, rasters, run
from xcube_tiles.kernels.focal import order
from xcube_tiles.kernels.focal.order import median, percentile
from xcube_tiles.kernels.nodata import average_dtype

DTYPES = ("int16", "float32", "float64")


@pytest.fixture(params=["networks", "ranks"])
def algorithm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    sizes = dict.fromkeys((1, 2, 4, 8), 10**6 if request.param == "networks" else 0)
    monkeypatch.setattr(order, "NETWORK_CELLS", sizes)
    return str(request.param)


def run_median(window: np.ndarray, mask: np.ndarray, nodata: float | None = None) -> np.ndarray:
    dtype = average_dtype(window.dtype)
    return run(median, window, mask, nodata=nodata, dtype=dtype, missing=np.nan)


def run_percentile(
    window: np.ndarray, mask: np.ndarray, q: float, nodata: float | None = None
) -> np.ndarray:
    dtype = average_dtype(window.dtype)
    return run(percentile, window, mask, nodata=nodata, dtype=dtype, missing=np.nan, q=q)


@pytest.mark.usefixtures("algorithm")
class TestEitherAlgorithm:
    def test_by_hand(self) -> None:
        cells = np.array([[1, 9, 3], [4, 5, 9], [9, 9, 2]], "int16")
        window = np.pad(cells, 1, constant_values=9)
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
        expected = [[2.5, 3, 3], [4, 4.5, 3], [4, 3.5, 2]]
        assert run_median(window, cross, nodata=9).tolist() == expected
        quarter = run_percentile(window, cross, 0.25, nodata=9)
        assert quarter[1, 1] == 4.25
        assert quarter[2, 1] == 2.75

    @pytest.mark.parametrize("dtype", DTYPES)
    @settings(max_examples=30)
    @given(data=st.data(), mask=masks(), q=st.floats(0, 1))
    def test_any_windows_equal_numpy(
        self, dtype: str, data: st.DataObject, mask: np.ndarray, q: float
    ) -> None:
        height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
        shape = (height + mask.shape[0] - 1, width + mask.shape[1] - 1)
        window = data.draw(rasters(dtype, shape, highest=100))
        nodata = data.draw(st.sampled_from([None, 0]))
        kwargs: Any = {"dtype": average_dtype(dtype), "missing": np.nan}
        expected = by_window(window, mask, nodata, np.median, **kwargs)
        np.testing.assert_array_equal(run_median(window, mask, nodata), expected)
        expected = by_window(
            window, mask, nodata, lambda cells: np.quantile(cells.astype(float), q), **kwargs
        )
        got = run_percentile(window, mask, q, nodata)
        np.testing.assert_allclose(got, expected, rtol=1e-6)

    @pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 300])
    def test_all_widths(self, size: int) -> None:
        window = np.random.default_rng(size).normal(size=(6, size + 2)).astype("float32")
        mask = np.ones((3, 3), bool)
        expected = by_window(window, mask, None, np.median, dtype="float32", missing=np.nan)
        np.testing.assert_array_equal(run_median(window, mask), expected)

    def test_no_value(self) -> None:
        window = np.full((5, 7), np.nan, "float32")
        assert np.isnan(run_median(window, np.ones((3, 3), bool))).all()
        assert np.isnan(run_percentile(window, np.ones((3, 3), bool), 0.5)).all()

    def test_a_single_cell(self) -> None:
        window = np.full((5, 5), 255, "uint8")
        window[2, 2] = 7
        assert run_median(window, np.ones((5, 5), bool), nodata=255).tolist() == [[7.0]]

    def test_infinities_and_extremes(self) -> None:
        high = np.finfo("float64").max
        mask = np.ones((1, 3), bool)
        window = np.array([[np.nan, high, high, np.inf, np.inf, -np.inf]])
        assert run_median(window, mask).tolist() == [[high, high, np.inf, np.inf]]
        lowest, highest = np.iinfo("int16").min, np.iinfo("int16").max
        limits = np.array([[lowest, highest, highest, lowest]], "int16")
        assert run_median(limits, mask).tolist() == [[highest, highest]]

    def test_wide_integers(self) -> None:
        big = 2**60
        window = np.array([[big, big + 2**20, big + 2**21, 5, 7]], "int64")
        expected = [[float(big + 2**20), float(big + 2**20), 7.0]]
        assert run_median(window, np.ones((1, 3), bool)).tolist() == expected


@pytest.mark.parametrize("extent", [1, 2, 3, 7])
def test_full_windows_equal_scipy(extent: int) -> None:
    window = np.random.default_rng(3).normal(size=(80, 90)).astype("float32")
    inner = (slice(extent, -extent),) * 2
    size = 2 * extent + 1
    got = run_median(window, np.ones((size, size), bool))
    np.testing.assert_array_equal(got, ndimage.median_filter(window, size)[inner])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_large_windows_equal_scipy(share: float) -> None:
    window = np.random.default_rng(4).integers(0, 200, (40, 300)).astype("float64")
    window[np.random.default_rng(5).random(window.shape) < 0.3] = np.nan
    size, mask = 17, np.ones((17, 17), bool)
    expected = ndimage.generic_filter(window, lambda box: np.nanquantile(box, share), size)
    got = run_percentile(window, mask, share)
    np.testing.assert_allclose(got, expected[8:-8, 8:-8], rtol=1e-14)


def test_algorithms_agree_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    window = np.random.default_rng(6).normal(size=(40, 600)).astype("float32")
    window[np.random.default_rng(7).random(window.shape) < 0.3] = np.nan
    mask = np.random.default_rng(8).random((7, 9)) < 0.8
    results = []
    for size in (0, 10**6):
        monkeypatch.setattr(order, "NETWORK_CELLS", dict.fromkeys((1, 2, 4, 8), size))
        results.append((run_median(window, mask), run_percentile(window, mask, 0.3)))
    np.testing.assert_array_equal(results[0], results[1])
