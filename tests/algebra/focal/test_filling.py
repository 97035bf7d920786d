"""Filling gaps: by hand, against loops of Fractions, never a valid cell touched, no seams."""

from __future__ import annotations

from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tests.algebra.focal.planes import blocks, floats, placed, random_cells, rasters
from xcube_tiles.algebra.focal.filling import fill_gaps
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import CellTypeError
from xcube_tiles.kernels.neighborhood import Annulus, Circle, Kernel, Nesw, Square, Wedge
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHODS = ("mean", "median", "idw", "nearest")
TYPES = ("float32", "float64ud-1", "uint8ud7", "int16", "int32ud0", "uint64ud3", "int64")


def filled(cells: xr.DataArray, method: str, neighborhood: Any) -> NDArray[Any]:
    """Return a plane filled cell by cell; integers still as fractions."""
    missing = cell_type_of(cells).is_nodata(cells.values)
    mask = neighborhood.mask()
    out = np.array(cells.values.tolist(), object).reshape(cells.shape)
    for y, x in np.argwhere(missing):
        near = []
        for a, b in np.argwhere(mask):
            dy, dx = a - mask.shape[0] // 2, b - mask.shape[1] // 2
            row, col = y + dy, x + dx
            if 0 <= row < cells.shape[0] and 0 <= col < cells.shape[1] and not missing[row, col]:
                near.append((int(dy * dy + dx * dx), int(dy), int(dx), cells.values[row, col]))
        if not near:
            continue
        values = [Fraction(value.item()) for *_, value in near]
        if method == "nearest":
            out[y, x] = Fraction(min(near)[3].item())
        elif method == "mean":
            out[y, x] = sum(values) / len(values)
        elif method == "median":
            out[y, x] = median(values)
        else:
            shares = [Fraction(1, square) for square, *_ in near]
            total = sum(share * value for share, value in zip(shares, values, strict=True))
            out[y, x] = total / sum(shares)
    return out


def test_by_hand() -> None:
    cells = placed([[1.0, 5, 3], [np.nan, np.nan, 9], [1, np.nan, 4]])
    assert fill_gaps(cells)[1, 1] == (1 + 5 + 3 + 9 + 1 + 4) / 6
    assert fill_gaps(cells, method="median")[1, 1] == 3.5
    assert fill_gaps(cells, method="median", neighborhood=Nesw(1))[1, 1] == 7
    # north and east are as far: north is first
    assert fill_gaps(cells, method="nearest")[1, 1] == 5
    corners, sides = (1 + 3 + 1 + 4) / 2, 5 + 9
    assert fill_gaps(cells, method="idw")[1, 1] == pytest.approx((corners + sides) / (4 / 2 + 2))
    assert fill_gaps(cells, method="idw", power=1)[1, 1] == pytest.approx(
        (9 / np.sqrt(2) + 14) / (4 / np.sqrt(2) + 2)
    )


@given(
    rasters(TYPES, times=1, max_size=6),
    st.sampled_from(METHODS),
    st.sampled_from((Square(1), Circle(2.5), Annulus(2, 3), Wedge(3, 0, 90), Kernel([[0, 0, 2]]))),
)
def test_against_a_loop(cells: xr.DataArray, method: Any, neighborhood: Any) -> None:
    if method == "idw" and cells.dtype.itemsize == 8 and cells.dtype.kind in "iu":
        return
    result = fill_gaps(cells, method=method, neighborhood=neighborhood)
    assert cell_type_of(result) == cell_type_of(cells)
    expected = filled(cells[0], method, neighborhood)
    for ours, theirs in zip(result.values.ravel(), expected.ravel(), strict=True):
        if isinstance(theirs, Fraction) and cells.dtype.kind != "f":
            nodata = cell_type_of(cells).nodata
            near = theirs if round(theirs) != nodata else nodata + (1 if theirs > nodata else -1)
            assert int(ours) == round(near)
        else:
            assert float(ours) == pytest.approx(float(theirs), rel=1e-6, nan_ok=True)


@given(rasters(TYPES), st.sampled_from(METHODS[:2]), st.integers(1, 3))
def test_valid_cells_stay(cells: xr.DataArray, method: Any, passes: int) -> None:
    result = fill_gaps(cells, method=method, passes=passes)
    kept = ~cell_type_of(cells).is_nodata(cells.values)
    np.testing.assert_array_equal(result.values[kept], cells.values[kept])
    # what is filled is all that is within reach
    reach = ndimage.binary_dilation(kept, np.ones((1, 3, 3)), iterations=passes)
    np.testing.assert_array_equal(~np.isnan(floats(result)), reach)


@given(st.data(), st.sampled_from(METHODS), st.integers(1, 3))
def test_no_seams(data: st.DataObject, method: Any, passes: int) -> None:
    cells = data.draw(rasters(("float32", "float64ud-1", "uint8ud7", "int16")))
    neighborhood = data.draw(st.sampled_from((Square(1), Circle(2.3), Wedge(2, 10, 200))))
    options: dict[str, Any] = {"method": method, "neighborhood": neighborhood, "passes": passes}
    with assert_lazy():
        lazy = fill_gaps(data.draw(blocks(cells)), **options)
    xr.testing.assert_identical(lazy.compute(), fill_gaps(cells, **options))


def test_nearest_is_exact() -> None:
    cells = random_cells((40, 50), "float64", gaps=0.95)
    valid = ~np.isnan(cells.values)
    away = ndimage.distance_transform_edt(~valid)
    result = fill_gaps(cells, method="nearest", neighborhood=Circle(5))
    assert (np.isnan(result.values) == (away > 5)).all()
    rows, cols = np.nonzero(valid)
    for y, x in np.argwhere((away > 0) & (away <= 5)):
        near = np.isclose(np.hypot(rows - y, cols - x), away[y, x])
        assert result.values[y, x] == cells.values[rows[near][0], cols[near][0]]


def test_means_of_large_integers_are_exact() -> None:
    high = 2**63 - 1
    cells = placed(np.array([[high, 0, high - 3]]), "int64ud0")
    assert fill_gaps(cells)[0, 1] == high - 1  # half to even: high - 1.5
    assert fill_gaps(cells, method="median")[0, 1] == high - 1
    low = placed(np.array([[-(2**63) + 1, 0, high]]), "int64ud0")
    assert fill_gaps(low)[0, 1] == -1  # the mean is 0, which is NoData
    top = placed(np.array([[2**64 - 1, 5, 2**64 - 4]], "uint64"), "uint64ud5")
    assert int(fill_gaps(top)[0, 1]) == 2**64 - 2
    assert int(fill_gaps(top, method="median")[0, 1]) == 2**64 - 2
    assert int(fill_gaps(top, method="nearest")[0, 1]) == 2**64 - 1


@pytest.mark.parametrize("method", METHODS)
def test_never_nodata(method: Any) -> None:
    between = placed([[4, 5, 6]], "uint8ud5")
    assert int(fill_gaps(between, method=method)[0, 1]) in {4, 6}
    middle = placed([[4.0, 5.0, 6.0]], "float32ud5")
    filled_in = float(fill_gaps(middle, method=method)[0, 1])
    assert filled_in != 5
    assert filled_in == (4 if method == "nearest" else pytest.approx(5, rel=1e-6))


@pytest.mark.parametrize("method", METHODS)
def test_nothing_to_fill_from(method: Any) -> None:
    cells = placed(np.full((3, 2), -1), "int16ud-1")
    xr.testing.assert_identical(fill_gaps(cells, method=method), cells)
    one = placed([[np.nan]])
    assert np.isnan(fill_gaps(one, method=method, neighborhood=Circle(9))).all()


def test_one_task_a_block() -> None:
    lazy = random_cells((9, 9), "float32").chunk(y=4, x=4)
    result = fill_gaps(lazy, passes=3)
    assert count_tasks(result) - count_tasks(lazy) == lazy.data.npartitions


def test_refused() -> None:
    with pytest.raises(CellTypeError, match="nothing to fill"):
        fill_gaps(placed([[1]], "uint8raw"))
    with pytest.raises(CellTypeError, match="can't hold all int64 cells"):
        fill_gaps(placed([[1]], "int64"), method="idw")
