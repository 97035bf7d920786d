"""Convolution: by hand, against scipy and loops, with gaps, no seams between blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tests.algebra.focal.planes import blocks, floats, placed, random_cells, rasters
from xcube_tiles.algebra.focal.convolution import convolve
from xcube_tiles.kernels.focal.convolution import passes_of, weigh
from xcube_tiles.kernels.neighborhood import Kernel
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASKEW = Kernel([[0.5, 0, 2], [1.0, -3, 0], [0, 0, 0.25], [7.0, 1, 1], [0.0, 0, 4]])
UNEVEN = Kernel([[0.5, 0, 2], [1.0, 3, 0], [0, 5, 0.25]])
MODES = {"nearest": "nearest", "reflect": "reflect", "wrap": "wrap", "constant": "constant"}


def loop(
    values: NDArray[Any], weights: NDArray[Any], *, normalize: bool, skipna: bool = True
) -> NDArray[np.float64]:
    """Return the sums of a plane, cell by cell; beyond the edge is nothing."""
    dy, dx = (size // 2 for size in weights.shape)
    out = np.full(values.shape, np.nan)
    for y, x in np.ndindex(values.shape):
        pairs = []
        for a, b in np.argwhere(weights):
            row, col = y + dy - a, x + dx - b
            if 0 <= row < values.shape[0] and 0 <= col < values.shape[1]:
                pairs.append((weights[a, b], values[row, col]))
        valid = [(w, v) for w, v in pairs if not np.isnan(v)]
        if valid and (skipna or len(valid) == len(pairs)):
            total = sum(w * v for w, v in valid)
            out[y, x] = total / sum(w for w, _ in valid) if normalize else total
    return out


def test_by_hand() -> None:
    row = placed([[1.0, 2, 4, 8]])
    # the kernel is flipped: its last weight meets the cell to the west
    np.testing.assert_array_equal(convolve(row, Kernel([[1, 10, 100]])), [[12, 124, 248, 480]])
    np.testing.assert_array_equal(
        convolve(row, Kernel([[1, 10, 100]]), flip=False), [[210, 421, 842, 84]]
    )


@pytest.mark.parametrize("kernel", [ASKEW, UNEVEN, Kernel.gaussian(1.3), Kernel.sobel("ne")])
@pytest.mark.parametrize("edge", MODES)
def test_against_scipy(kernel: Kernel, edge: Any) -> None:
    cells = random_cells((11, 13), "float64raw")
    constant = 2.5 if edge == "constant" else None
    ours = convolve(cells, kernel, edge=edge, constant=constant)
    theirs = ndimage.convolve(cells.values, kernel.weights, mode=MODES[edge], cval=2.5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    ours = convolve(cells, kernel, edge=edge, constant=constant, flip=False)
    theirs = ndimage.correlate(cells.values, kernel.weights, mode=MODES[edge], cval=2.5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_gaussian_is_that_of_scipy() -> None:
    cells = random_cells((20, 30), "float64raw")
    ours = convolve(cells, Kernel.gaussian(2), edge="reflect")
    np.testing.assert_allclose(ours, ndimage.gaussian_filter(cells.values, 2), rtol=1e-12)


def test_sobel_is_that_of_scipy() -> None:
    cells = random_cells((9, 8), "float64raw")
    for direction, axis in (("e", 1), ("s", 0)):
        ours = convolve(cells, Kernel.sobel(direction), flip=False, edge="reflect")  # type: ignore[arg-type]
        np.testing.assert_allclose(ours, ndimage.sobel(cells.values, axis), atol=1e-12)


@given(rasters(times=1), st.booleans(), st.booleans(), st.sampled_from((ASKEW, UNEVEN)))
def test_against_a_loop(cells: xr.DataArray, normalize: bool, skipna: bool, kernel: Kernel) -> None:
    normalize &= kernel is UNEVEN
    ours = convolve(cells, kernel, normalize=normalize, skipna=skipna)
    expected = loop(floats(cells)[0], kernel.weights, normalize=normalize, skipna=skipna)
    np.testing.assert_allclose(ours[0], expected, rtol=1e-6, atol=1e-5)


def test_renormalised_as_astropy_has_it() -> None:
    values = random_cells((12, 9), "float64").values
    kernel, valid = Kernel.gaussian(1, radius=2), ~np.isnan(values)
    smooth = [
        ndimage.convolve(part.astype(float), kernel.weights, mode="constant")
        for part in (np.where(valid, values, 0), valid)
    ]
    ours = convolve(placed(values), kernel, normalize=True)
    np.testing.assert_allclose(ours, smooth[0] / smooth[1], rtol=1e-12)


@given(st.data(), st.booleans(), st.sampled_from(("clip", "nearest", "reflect", "wrap")))
def test_no_seams(data: st.DataObject, normalize: bool, edge: Any) -> None:
    cells = data.draw(rasters())
    options: dict[str, Any] = {
        "normalize": normalize,
        "edge": edge,
        "target": data.draw(st.sampled_from(("all", "data", "nodata"))),
        "skipna": data.draw(st.booleans()),
    }
    kernel = data.draw(st.sampled_from((UNEVEN, Kernel.gaussian(1), Kernel.circle(3.5))))
    lazy = data.draw(blocks(cells))
    with assert_lazy():
        result = convolve(lazy, kernel, **options)
    xr.testing.assert_identical(result.compute(), convolve(cells, kernel, **options))


def test_blocks_of_strips() -> None:
    cells = random_cells((300, 70), "float32", gaps=0.4)
    for kernel in (Kernel.gaussian(1.5), Kernel.circle(4)):
        whole = convolve(cells, kernel)
        parts = convolve(cells.chunk(y=37, x=19), kernel)
        np.testing.assert_array_equal(parts.values, whole.values)


def test_one_task_a_block() -> None:
    lazy = random_cells((8, 8), "float32").chunk(y=3, x=3)
    result = convolve(lazy, Kernel.gaussian(2))
    assert count_tasks(result) - count_tasks(lazy) == lazy.data.npartitions
    assert result.data.name == convolve(lazy, Kernel.gaussian(2)).data.name
    assert result.data.name != convolve(lazy, Kernel.gaussian(1)).data.name


def test_targets() -> None:
    cells = placed([[1.0, np.nan, 4, np.nan]])
    ones = Kernel([[1, 1, 1]])
    np.testing.assert_array_equal(convolve(cells, ones), [[1, 5, 4, 4]])
    np.testing.assert_array_equal(convolve(cells, ones, target="data"), [[1, np.nan, 4, np.nan]])
    np.testing.assert_array_equal(convolve(cells, ones, target="nodata"), [[1, 5, 4, 4]])
    far = Kernel([[0, 0, 5]])
    np.testing.assert_array_equal(convolve(cells, far, target="nodata"), [[1, 5, 4, 20]])


def test_integers_are_not_cut() -> None:
    cells = placed([[1, 2, 255, 4]], "uint8ud255")
    means = convolve(cells, Kernel.box(1), normalize=True)
    assert means.dtype == np.float32
    assert "_FillValue" not in means.attrs
    np.testing.assert_allclose(means, [[1.5, 1.5, 3, 4]])
    sums = convolve(placed([[200, 200, 200]], "uint8raw"), Kernel([[1, 1, 1]]))
    np.testing.assert_array_equal(sums, [[400, 600, 400]])


def test_edges_of_raw_integers_add_nothing() -> None:
    full = placed(np.full((3, 3), 255), "uint8raw")
    assert (convolve(full, Kernel.gaussian(3), normalize=True) == 255).all()
    low = placed(np.full((3, 3), -(2**63)), "int64raw")
    assert (convolve(low, Kernel.box(1), normalize=True) == -(2.0**63)).all()


def test_a_constant_that_cells_cannot_hold() -> None:
    cells = placed([[7, 1]], "uint8ud7")
    half = convolve(cells, Kernel([[1, 1, 1]]), edge="constant", constant=-0.5)
    np.testing.assert_array_equal(half, [[0.5, 0.5]])
    # the number that means NoData does so beyond the edge, too
    seven = convolve(cells, Kernel([[1, 1, 1]]), edge="constant", constant=7)
    np.testing.assert_array_equal(seven, [[1, 1]])


def test_infinite_cells_stay_where_they_are() -> None:
    cells = placed([[1.0, np.inf, 1, 1]])
    np.testing.assert_array_equal(convolve(cells, Kernel([[1, 0, 1]])), [[np.inf, 2, np.inf, 1]])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2)])
def test_windows_larger_than_the_raster(shape: tuple[int, int]) -> None:
    cells = random_cells(shape, "float64", gaps=0.3)
    expected = loop(cells.values, Kernel.circle(9).weights, normalize=True)
    np.testing.assert_allclose(convolve(cells, Kernel.circle(9), normalize=True), expected)


def test_all_nodata() -> None:
    cells = placed(np.full((2, 3), np.nan))
    assert np.isnan(convolve(cells, Kernel.gaussian(1))).all()
    assert np.isnan(convolve(cells, Kernel.gaussian(1), normalize=True)).all()


def test_every_raster_of_a_dataset() -> None:
    cells = placed([[1.0, 2.0]])
    cube = xr.Dataset({"a": cells, "b": cells + 1})
    smooth = convolve(cube, Kernel.box(1), normalize=True)
    xr.testing.assert_equal(smooth["b"], convolve(cells + 1, Kernel.box(1), normalize=True))


@pytest.mark.parametrize(
    ("weights", "passes"),
    [
        (Kernel.gaussian(2).weights, 2),
        (Kernel.sobel("e").weights, 2),
        (Kernel.sobel("ne").weights, 1),
        (Kernel.circle(3).weights, 1),
        (np.array([[1.0, 2, 3]]), 1),
    ],
)
def test_separable_weights_are_found(weights: NDArray[np.float64], passes: int) -> None:
    assert len(passes_of(weights).weights) == passes
    plane = np.random.default_rng(0).random((20, 25))
    inner = ndimage.correlate(plane, weights)
    dy, dx = (size // 2 for size in weights.shape)
    expected = inner[dy : 20 - dy, dx : 25 - dx]
    np.testing.assert_allclose(weigh(plane, passes_of(weights)), expected, atol=1e-13)


@pytest.mark.parametrize("constant", [np.nan, -9999])
def test_a_constant_without_value_is_noticed(constant: float) -> None:
    cells = placed([[1, 2, 3]], "int16ud-9999")
    row = Kernel([[1, 1, 1]])
    strict = convolve(cells, row, edge="constant", constant=constant, skipna=False)
    np.testing.assert_array_equal(strict, [[np.nan, 6, np.nan]])
    mean = convolve(cells, row, edge="constant", constant=constant, normalize=True)
    np.testing.assert_array_equal(mean, [[1.5, 2, 2.5]])
