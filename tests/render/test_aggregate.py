"""Average and mode of what lies in a pixel, beside numpy's and GDAL's."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from rasterio.warp import Resampling, reproject

from tests.render.sources import grid
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.aggregate import mode_of
from xcube_tiles.render.categories import categories_from_mapping
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.draw import index_on
from xcube_tiles.render.sample import sample
from xcube_tiles.render.style import Style
from xcube_tiles.render.values import values_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRS = "EPSG:32633"


def source_of(values: NDArray[Any], **attrs: Any) -> CubeSource:
    array = xr.DataArray(values, dims=("y", "x"), name="a", attrs=attrs)
    return CubeSource(assign_geobox(array, grid(values.shape, CRS, left=0, top=6e6, cell=10)))


def coarse(values: NDArray[Any], factor: int) -> Any:
    shape = values.shape[0] // factor, values.shape[1] // factor
    return grid(shape, CRS, left=0, top=6e6, cell=10 * factor)


def blocks(values: NDArray[Any], factor: int) -> NDArray[Any]:
    height, width = (size // factor for size in values.shape)
    parts = values.reshape(height, factor, width, factor).swapaxes(1, 2)
    return parts.reshape(height, width, factor * factor)


@pytest.fixture
def floats() -> NDArray[np.float32]:
    random = np.random.default_rng(5)
    values = random.random((48, 36), dtype=np.float32)
    values[random.random(values.shape) < 0.4] = np.nan
    values[:8, :8] = np.nan
    return values


@pytest.fixture
def classes() -> NDArray[np.uint8]:
    random = np.random.default_rng(5)
    values = random.integers(0, 4, (48, 36)).astype(np.uint8)
    values[:8, :8] = 255
    values[random.random(values.shape) < 0.3] = 255
    return values


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_average_is_the_mean_of_the_cells_in_a_pixel(
    floats: NDArray[np.float32], factor: int
) -> None:
    found = sample(source_of(floats), coarse(floats, factor), ("a",), resampling="average")
    assert found is not None
    parts = blocks(floats.astype(np.float64), factor)
    there = np.isfinite(parts)
    total = np.where(there, parts, 0).sum(-1)
    expected = np.divide(
        total, there.sum(-1), out=np.full(total.shape, np.nan), where=there.any(-1)
    )
    np.testing.assert_allclose(found.values["a"], expected, rtol=1e-6)


def test_average_is_that_of_gdal(floats: NDArray[np.float32]) -> None:
    found = sample(source_of(floats), coarse(floats, 4), ("a",), resampling="average")
    target, origin = coarse(floats, 4), coarse(floats, 1)
    expected = np.full(target.shape, np.nan, np.float32)
    reproject(
        floats,
        expected,
        src_transform=origin.affine,
        dst_transform=target.affine,
        src_crs=CRS,
        dst_crs=CRS,
        src_nodata=np.nan,
        dst_nodata=np.nan,
        resampling=Resampling.average,
    )
    assert found is not None
    np.testing.assert_allclose(found.values["a"], expected, rtol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_mode_is_the_most_frequent_cell(classes: NDArray[np.uint8], factor: int) -> None:
    source = source_of(classes, _FillValue=np.uint8(255))
    found = sample(source, coarse(classes, factor), ("a",), resampling="mode")
    assert found is not None
    parts = blocks(classes, factor)
    for row, col in np.ndindex(parts.shape[:2]):
        counts = Counter(value for value in parts[row, col].tolist() if value != 255)
        best = min(counts, key=lambda value: (-counts[value], value)) if counts else 255
        assert found.values["a"][row, col] == best


def test_mode_of_floats_skips_nan() -> None:
    cells = np.array([[[np.nan, 2.0, 2.0, 1.0]], [[np.nan] * 4]], np.float32)
    found = mode_of(cells, np.isnan(cells), CellType.default(cells.dtype))
    np.testing.assert_array_equal(found, [[2.0], [np.nan]])


def test_average_of_integers_is_a_float_and_does_not_wrap() -> None:
    values = np.array([[250, 251], [252, 255]], np.uint8)
    found = sample(source_of(values), coarse(values, 2), ("a",), resampling="average")
    assert found is not None
    assert found.values["a"].dtype == np.float32
    np.testing.assert_array_equal(found.values["a"], [[252.0]])


def test_what_is_outside_counts_for_nothing(floats: NDArray[np.float32]) -> None:
    wide = grid((14, 11), CRS, left=-80, top=6e6 + 80, cell=40)
    found = sample(source_of(floats), wide, ("a",), resampling="average")
    inner = sample(source_of(floats), coarse(floats, 4), ("a",), resampling="average")
    assert found is not None
    assert inner is not None
    assert found.outside is not None
    np.testing.assert_array_equal(found.outside[2:, 2:], False)
    np.testing.assert_array_equal(found.outside[:2], True)
    np.testing.assert_array_equal(found.outside[:, :2], True)
    np.testing.assert_array_equal(found.values["a"][2:, 2:], inner.values["a"])


def test_nothing_of_the_source(floats: NDArray[np.float32]) -> None:
    away = grid((4, 4), CRS, left=9e5, top=1e6, cell=40)
    for method in ("average", "mode"):
        assert sample(source_of(floats), away, ("a",), resampling=method) is None


def test_far_out_some_places_are_looked_at() -> None:
    values = np.full((64, 64), 3.0, np.float32)
    found = sample(source_of(values), coarse(values, 32), ("a",), resampling="average")
    assert found is not None
    np.testing.assert_array_equal(found.values["a"], np.full((2, 2), 3.0))


def test_values_keep_their_type_by_mode_alone(classes: NDArray[np.uint8]) -> None:
    source, target = source_of(classes, _FillValue=np.uint8(255)), coarse(classes, 4)
    mode = values_on(source, target, Style(resampling="mode"))
    average = values_on(source, target, Style(resampling="average"))
    assert mode.cells.dtype == np.uint8
    assert mode.cell_type.nodata == 255
    assert average.cells.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(average.cells), mode.cells == 255)


def test_classes_have_no_average(classes: NDArray[np.uint8]) -> None:
    source, target = source_of(classes, _FillValue=np.uint8(255)), coarse(classes, 4)
    colours = categories_from_mapping({0: "#000000", 1: "#ff0000", 2: "#00ff00", 3: "#0000ff"})
    by_mode, by_average = (
        index_on(source, target, Style(bands=("a",), categories=colours, resampling=method))
        for method in ("mode", "average")
    )
    np.testing.assert_array_equal(by_mode, by_average)
    mode = values_on(source, target, Style(bands=("a",), resampling="mode")).cells[0]
    np.testing.assert_array_equal(by_mode, np.where(mode == 255, 0, mode + 1))
