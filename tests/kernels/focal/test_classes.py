from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from skimage.filters import rank

from tests.kernels.focal.windows import by_window, masks, rasters, run
from xcube_tiles.kernels.focal import order
from xcube_tiles.kernels.focal.classes import entropy, minority, mode, variety
from xcube_tiles.kernels.nodata import average_dtype

KERNELS = {
    "mode": (mode, lambda cells: pick(cells, max)),
    "minority": (minority, lambda cells: pick(cells, min)),
    "variety": (variety, lambda cells: len(set(cells.tolist()))),
    "entropy": (entropy, lambda cells: bits(cells)),
}
DTYPES = ("uint8", "float32")


def pick(cells: np.ndarray, extreme: Any) -> Any:
    counts = Counter(cells.tolist())
    return min(value for value in counts if counts[value] == extreme(counts.values()))


def bits(cells: np.ndarray) -> float:
    return float(stats.entropy(np.unique(cells, return_counts=True)[1], base=2))


def result_of(name: str, dtype: Any) -> dict[str, Any]:
    kinds = {"variety": ("int32", 0), "entropy": (average_dtype(dtype), np.nan)}
    result, missing = kinds.get(name, (dtype, 77))
    return {"dtype": result, "missing": missing}


@pytest.fixture(params=["networks", "counts"])
def algorithm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    sizes = dict.fromkeys((1, 2, 4, 8), 10**6 if request.param == "networks" else 0)
    monkeypatch.setattr(order, "NETWORK_CELLS", sizes)
    return str(request.param)


@pytest.mark.usefixtures("algorithm")
class TestEitherAlgorithm:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("mode", [[1, 1, 1, 2, 77]]),
            ("minority", [[2, 2, 1, 2, 77]]),
            ("variety", [[2, 2, 2, 1, 0]]),
            ("entropy", [[0.9183, 0.9183, 1.0, 0.0, np.nan]]),
        ],
    )
    def test_by_hand(self, name: str, expected: list[list[float]]) -> None:
        window = np.array([[2, 1, 1, 2, 9, 9, 9]], "uint8")
        kernel, _ = KERNELS[name]
        got = run(kernel, window, np.ones((1, 3), bool), nodata=9, **result_of(name, "uint8"))
        np.testing.assert_allclose(got, expected, atol=1e-4)

    @pytest.mark.parametrize("name", KERNELS)
    @pytest.mark.parametrize("dtype", DTYPES)
    @settings(max_examples=30)
    @given(data=st.data(), mask=masks())
    def test_any_windows_equal_a_loop(
        self, dtype: str, name: str, data: st.DataObject, mask: np.ndarray
    ) -> None:
        height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
        shape = (height + mask.shape[0] - 1, width + mask.shape[1] - 1)
        window = data.draw(rasters(dtype, shape, highest=data.draw(st.sampled_from([2, 99]))))
        nodata = data.draw(st.sampled_from([None, 0]))
        kernel, oracle = KERNELS[name]
        result = result_of(name, dtype)
        got = run(kernel, window, mask, nodata=nodata, **result)
        expected = by_window(window, mask, nodata, oracle, **result)
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)

    @pytest.mark.parametrize("name", KERNELS)
    def test_no_value(self, name: str) -> None:
        result = result_of(name, "float32")
        window = np.full((5, 7), np.nan, "float32")
        got = run(KERNELS[name][0], window, np.ones((3, 3), bool), **result)
        np.testing.assert_array_equal(got, np.full((3, 5), result["missing"], result["dtype"]))

    @pytest.mark.parametrize("name", KERNELS)
    def test_the_largest_number_is_a_value(self, name: str) -> None:
        # It stands for NoData in sorted columns.
        window = np.array([[255, 255, 1, 255, 0, 0]], "uint8")
        kernel, oracle = KERNELS[name]
        mask, result = np.ones((1, 3), bool), result_of(name, "uint8")
        got = run(kernel, window, mask, nodata=0, **result)
        expected = by_window(window, mask, 0, oracle, **result)
        np.testing.assert_allclose(got, expected, rtol=1e-6)

    def test_zeros_of_either_sign_are_one_class(self) -> None:
        window, mask = np.array([[0.0, -0.0, 1.0]]), np.ones((1, 3), bool)
        assert run(variety, window, mask, dtype="int32", missing=0).tolist() == [[2]]
        assert run(mode, window, mask, dtype="float64", missing=np.nan).tolist() == [[0.0]]


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("classes", [4, 250])
def test_algorithms_agree_to_the_bit(
    name: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = np.random.default_rng(6).integers(0, classes, (40, 600)).astype("uint8")
    mask = np.random.default_rng(8).random((7, 9)) < 0.8
    results = []
    for size in (0, 10**6):
        monkeypatch.setattr(order, "NETWORK_CELLS", dict.fromkeys((1, 2, 4, 8), size))
        result = result_of(name, "uint8")
        results.append(run(KERNELS[name][0], window, mask, nodata=3, **result))
    np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.parametrize("size", [5, 21])
def test_classes_equal_skimage(size: int) -> None:
    image = np.random.default_rng(9).integers(0, 12, (60, 70)).astype("uint8")
    box, half = np.ones((size, size), bool), size // 2
    inner = (slice(half, -half),) * 2
    expected = rank.entropy(image, box)
    got = run(entropy, image, box, dtype="float64", missing=np.nan)
    np.testing.assert_allclose(got, expected[inner], rtol=1e-9)
    expected = rank.modal(image, box)
    got = run(mode, image, box, dtype="uint8", missing=0)
    np.testing.assert_array_equal(got, expected[inner])


def test_entropy_of_many_cells_is_exact() -> None:
    window = np.zeros((301, 301), "uint8")
    window[:, ::2] = 1
    share = np.array([150, 151]) / 301
    expected = -(share * np.log2(share)).sum()
    got = run(entropy, window, np.ones((301, 301), bool), dtype="float64", missing=np.nan)
    assert got[0, 0] == pytest.approx(expected, rel=1e-11)
