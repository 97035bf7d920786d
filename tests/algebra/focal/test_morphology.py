"""Morphology: by hand, against scipy's grey morphology, with gaps, no seams between blocks."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tests.algebra.focal.planes import blocks, floats, placed, random_cells, rasters
from xcube_tiles.algebra.focal.morphology import Morphology, morphology
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import AlgebraError, NoDataCollisionError
from xcube_tiles.kernels.neighborhood import Annulus, Circle, Kernel, Nesw, Square, Wedge
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

OPERATIONS = get_args(Morphology)
SCIPY = {
    "erode": ndimage.grey_erosion,
    "dilate": ndimage.grey_dilation,
    "opening": ndimage.grey_opening,
    "closing": ndimage.grey_closing,
    "gradient": ndimage.morphological_gradient,
    "white_tophat": ndimage.white_tophat,
    "black_tophat": ndimage.black_tophat,
}
SHAPES = (Square(1), Circle(2), Nesw(2), Wedge(2, 0, 90), Kernel([[1, 0, 2]]))


def test_by_hand() -> None:
    shape = np.zeros((5, 6), bool)
    shape[1:4, 1:4] = True
    shape[2, 5] = True
    cells = placed(shape)
    eroded = morphology(cells, "erode", Square(1))
    assert eroded.dtype == bool
    assert np.argwhere(eroded.values).tolist() == [[2, 2]]
    shape[2, 5] = False
    np.testing.assert_array_equal(morphology(cells, "opening", Square(1)), shape)
    outline = morphology(placed(shape), "gradient", Nesw(1))
    assert outline.dtype == bool
    assert not outline[2, 2]
    assert outline[1, 1]
    assert outline[0, 2]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("edge", ["nearest", "reflect", "wrap"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_scipy(operation: Any, edge: Any, shape: Any) -> None:
    cells = random_cells((11, 9), "float64", gaps=0)
    ours = morphology(cells, operation, shape, edge=edge)
    theirs = SCIPY[operation](cells.values, footprint=shape.mask(), mode=edge)
    np.testing.assert_array_equal(ours, theirs)


@given(rasters(times=1), st.sampled_from(SHAPES))
def test_gaps_and_edges_are_nothing(cells: xr.DataArray, shape: Any) -> None:
    values = floats(cells)[0]
    gone = np.isnan(values)
    low = ndimage.grey_erosion(
        np.where(gone, np.inf, values), footprint=shape.mask(), mode="constant", cval=np.inf
    )
    high = ndimage.grey_dilation(
        np.where(gone, -np.inf, values), footprint=shape.mask(), mode="constant", cval=-np.inf
    )
    try:
        results = [floats(morphology(cells, name, shape))[0] for name in ("erode", "dilate")]
    except AlgebraError:
        assert not shape.mask()[0, 1]
        return
    for ours, theirs in zip(results, (low, high), strict=True):
        expected = np.where(gone | np.isinf(theirs), np.nan, theirs)
        np.testing.assert_array_equal(ours, expected)


@given(rasters(), st.sampled_from(SHAPES[:-1]), st.sampled_from(("clip", "wrap")))
def test_opening_and_closing(cells: xr.DataArray, shape: Any, edge: Any) -> None:
    values = floats(cells)
    for name, sign in (("opening", -1), ("closing", 1)):
        once = morphology(cells, name, shape, edge=edge)  # type: ignore[arg-type]
        assert cell_type_of(once) == cell_type_of(cells)
        xr.testing.assert_identical(morphology(once, name, shape, edge=edge), once)  # type: ignore[arg-type]
        changed = (floats(once) - values)[~np.isnan(values)]
        assert (sign * changed >= 0).all()
        hat = morphology(cells, f"{'white' if sign < 0 else 'black'}_tophat", shape, edge=edge)  # type: ignore[arg-type]
        np.testing.assert_allclose(floats(hat)[~np.isnan(values)], sign * changed, rtol=1e-6)
        np.testing.assert_array_equal(np.isnan(floats(hat)), np.isnan(values))


@given(st.data(), st.sampled_from(OPERATIONS))
def test_no_seams(data: st.DataObject, operation: Any) -> None:
    cells = data.draw(rasters(("float32", "uint8ud7", "int16", "bool")))
    shape: Any = data.draw(st.sampled_from((Square(1), Circle(2.3), Wedge(2, 10, 200))))
    edge: Any = data.draw(st.sampled_from(("clip", "nearest", "reflect", "wrap")))
    with assert_lazy():
        lazy = morphology(data.draw(blocks(cells)), operation, shape, edge=edge)
    xr.testing.assert_identical(lazy.compute(), morphology(cells, operation, shape, edge=edge))


@pytest.mark.parametrize(
    ("dtype", "result", "low", "high"),
    [
        ("uint8ud0", "int16", 1, 255),
        ("int8raw", "int16raw", -128, 127),
        ("int16", "int32", -32767, 32767),
        ("uint32raw", "int64raw", 0, 2**32 - 1),
        ("int64", "uint64ud18446744073709551615", -(2**63) + 1, 2**63 - 1),
        ("float32ud-1", "float32", 0, 7),
    ],
)
def test_differences_do_not_wrap(dtype: str, result: str, low: int, high: int) -> None:
    cells = placed(np.array([[low, high, high]], object), dtype)
    outlines = morphology(cells, "gradient")
    assert cell_type_of(outlines).name == result
    assert [int(value) for value in outlines.values[0]] == [high - low, high - low, 0]


def test_a_difference_that_means_nodata_is_refused() -> None:
    ends = placed(np.array([[0, 2**64 - 1, 5]], "uint64"), "uint64ud5")
    with pytest.raises(NoDataCollisionError, match=r"a difference of 18446744073709551615 is the"):
        morphology(ends, "gradient")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_small_and_empty(operation: Any) -> None:
    for cells in (placed([[3.0]]), placed([[np.nan]]), placed(np.full((2, 3), np.nan))):
        result = morphology(cells, operation, Circle(5))
        np.testing.assert_array_equal(np.isnan(result), np.isnan(cells))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_task_a_block(operation: Any) -> None:
    lazy = random_cells((9, 9), "float32").chunk(y=4, x=4)
    result = morphology(lazy, operation, Circle(2))
    assert count_tasks(result) - count_tasks(lazy) == lazy.data.npartitions


def test_edges_without_a_neighbour() -> None:
    ring = Annulus(1, 1)
    with pytest.raises(AlgebraError, match="give them a NoData number"):
        morphology(placed([[1]], "uint8raw"), "erode", ring)
    assert (morphology(placed([[1]], "uint8raw"), "erode", ring, edge="nearest") == 1).all()
    assert (morphology(placed([[1]], "uint8ud9"), "erode", ring) == 9).all()
