"""Labels of a raster: by hand, as scikit-image and scipy have them, put together of blocks."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import skimage.measure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from xcube_tiles.kernels.regions.labels import label
from xcube_tiles.kernels.regions.seams import look_up, outline, renumber
from xcube_tiles.testing.strategies import chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))
CLASSES = npst.arrays(np.uint8, SHAPES, elements=st.integers(0, 3))


def by_value(cells: NDArray[Any], missing: NDArray[Any], *, diagonal: bool) -> NDArray[Any]:
    """Label each value on its own with scipy, then number in row-major order."""
    structure = np.ones((3, 3)) if diagonal else None
    parts = np.zeros(cells.shape, np.int64)
    for value in np.unique(cells[~missing]):
        own, count = ndimage.label((cells == value) & ~missing, structure)
        parts[own > 0] = own[own > 0] + parts.max()
        assert count == own.max()
    found, firsts = np.unique(parts, return_index=True)
    order = found[np.argsort(firsts)]
    order = order[order > 0]
    table = np.zeros(int(parts.max()) + 1, np.int64)
    table[order] = np.arange(1, len(order) + 1)
    return table[parts]


@pytest.mark.parametrize(
    ("diagonal", "expected"),
    [
        (False, [[1, 1, 0, 2], [3, 1, 2, 2], [1, 1, 4, 5], [0, 6, 5, 5]]),
        (True, [[1, 1, 0, 2], [3, 1, 2, 2], [1, 1, 4, 5], [0, 5, 5, 5]]),
    ],
)
def test_by_hand(diagonal: bool, expected: Any) -> None:
    cells = np.array([[4, 4, -1, 9], [9, 4, 9, 9], [4, 4, 8, 5], [-1, 5, 5, 5]], "int16")
    if not diagonal:
        cells[3, 1] = 7
    numbers, firsts = label(cells, -1, diagonal=diagonal)
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_array_equal(numbers.ravel()[firsts], np.arange(1, len(firsts) + 1))


def test_a_comb_and_a_spiral_are_one() -> None:
    comb = np.array([[1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1]], "uint8")
    assert label(comb, 0, diagonal=False)[0].max() == 1
    spiral = np.array(
        [[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]],
        "uint8",
    )
    assert label(spiral, 0, diagonal=False)[0].max() == 1


def test_nan_and_a_number_are_nodata() -> None:
    cells = np.array([[np.nan, 2, 2, -9, 2]], "float32")
    numbers, firsts = label(cells, -9.0, diagonal=False)
    np.testing.assert_array_equal(numbers, [[0, 1, 1, 0, 2]])
    np.testing.assert_array_equal(firsts, [1, 4])
    assert not label(np.full((3, 4), np.nan), None, diagonal=True)[0].any()


def test_the_dtype_asked_for() -> None:
    numbers, _ = label(np.array([[1]], "uint8"), None, diagonal=False, dtype=np.int64)
    assert numbers.dtype == np.int64


@given(cells=CLASSES, diagonal=st.booleans())
def test_as_scikit_image_and_scipy(cells: NDArray[Any], diagonal: bool) -> None:
    numbers, firsts = label(cells, 0, diagonal=diagonal)
    theirs = skimage.measure.label(cells, background=0, connectivity=2 if diagonal else 1)
    np.testing.assert_array_equal(numbers, theirs)
    np.testing.assert_array_equal(numbers, by_value(cells, cells == 0, diagonal=diagonal))
    np.testing.assert_array_equal(np.unique(numbers.ravel()[firsts]), np.arange(len(firsts)) + 1)


@given(cells=CLASSES, diagonal=st.booleans(), data=st.data())
def test_blocks_give_what_the_whole_gives(
    cells: NDArray[Any], diagonal: bool, data: st.DataObject
) -> None:
    pieces = data.draw(chunks(cells.shape))
    rows, cols = (list(pairwise(accumulate(sizes, initial=0))) for sizes in pieces)
    own, outlines = {}, []
    for top, bottom in rows:
        for left, right in cols:
            block = cells[top:bottom, left:right]
            numbers, firsts = label(block, 0, diagonal=diagonal)
            own[top, left] = numbers
            outlines.append(
                (
                    (top, left),
                    outline(block, numbers, firsts, origin=(top, left), width=cells.shape[1]),
                )
            )
    tables = renumber(outlines, diagonal=diagonal, dtype=np.int32)
    result = np.empty(cells.shape, np.int32)
    for (top, left), block in own.items():
        table = tables[top, left]
        height, width = block.shape
        result[top : top + height, left : left + width] = (
            block if table is None else look_up(block, table)
        )
    np.testing.assert_array_equal(result, label(cells, 0, diagonal=diagonal)[0])
