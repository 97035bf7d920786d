from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rio_tiler.mosaic.methods.defaults import LastBandHighMethod, LastBandLowMethod

from xcube_tiles.kernels.reduce.select import select_by

if TYPE_CHECKING:
    from xcube_tiles.kernels.reduce.select import Choice


def test_by_hand() -> None:
    cells = np.array([[10, 20], [11, 255], [12, 22], [13, 23]], "uint8")
    guides = np.array([[0.5, np.nan], [0.1, 0.0], [0.9, 0.4], [0.1, 0.4]])
    for choice, expected in (("lowest", [11, 22]), ("highest", [12, 22]), ("average", [10, 22])):
        got = select_by(cells, guides, choice=choice, nodata=255, missing=255)  # type: ignore[arg-type]
        assert got.tolist() == expected, choice


@pytest.mark.parametrize(
    ("choice", "method"), [("lowest", LastBandLowMethod), ("highest", LastBandHighMethod)]
)
def test_equals_rio_tiler(choice: Choice, method: Any) -> None:
    generator = np.random.default_rng(5)
    stack = generator.integers(0, 50, (7, 3, 20, 30)).astype("int16")
    gaps = np.broadcast_to(generator.random((7, 1, 20, 30)) < 0.4, stack.shape)
    mosaic = method()
    for image, gap in zip(stack, gaps, strict=True):
        mosaic.feed(np.ma.MaskedArray(image, gap))
    stack = np.where(gaps, -1, stack).astype("int16")
    options: dict[str, Any] = {"nodata": -1, "guide_nodata": -1, "missing": -1}
    for band in (0, 1):
        got = select_by(stack[:, band], stack[:, 2], choice=choice, **options)
        np.testing.assert_array_equal(got, mosaic.data[band].filled(-1))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis_and_too_few_pairs(axis: int) -> None:
    cells = np.arange(24).reshape(2, 3, 4)
    highest = select_by(cells, cells, axis, choice="highest")
    np.testing.assert_array_equal(highest, cells.max(axis))
    none = select_by(cells, cells, axis, choice="highest", min_count=9, missing=-5)
    assert (none == -5).all()


def test_infinite_guides_win_or_lose() -> None:
    guides = np.array([np.inf, np.inf])
    assert select_by(np.array([1, 2]), guides, choice="lowest") == 1
