"""Terrain: planes by hand, a numpy loop as oracle, no seams between blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from xcube_tiles.algebra.terrain import aspect, hillshade, slope
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import DimensionError, GeoreferenceError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = GeoBox.from_bbox((0, 0, 120, 80), crs="EPSG:32633", resolution=10)
ROWS, COLS = np.mgrid[: GRID.shape[0], : GRID.shape[1]]


def dem(values: NDArray[np.generic], **attrs: object) -> xr.DataArray:
    array = xr.DataArray(values, dims=("y", "x"), name="dem", attrs=attrs)
    return assign_geobox(array, GRID)


def rough(seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random(GRID.shape) * 50


def horn(values: NDArray[np.float64], row: int, col: int) -> tuple[float, float]:
    """Gradient of one cell, east and south, as the docstring has it."""
    window = np.empty((3, 3))
    for r in range(3):
        for c in range(3):
            y, x = row + r - 1, col + c - 1
            inside = 0 <= y < values.shape[0] and 0 <= x < values.shape[1]
            value = values[y, x] if inside else np.nan
            window[r, c] = values[row, col] if np.isnan(value) else value
    dx = (window[:, 2] - window[:, 0]) @ [1, 2, 1] / 80
    dy = (window[2] - window[0]) @ [1, 2, 1] / 80
    return float(dx), float(dy)


@pytest.mark.parametrize(
    ("values", "facing"),
    [(COLS, 270.0), (-COLS, 90.0), (ROWS, 0.0), (-ROWS, 180.0), (COLS - ROWS, 225.0)],
)
def test_planes(values: NDArray[np.int64], facing: float) -> None:
    plane = dem(values * 10.0)
    assert aspect(plane)[3, 5] == pytest.approx(facing)
    steep = 45.0 if facing % 90 == 0 else np.degrees(np.arctan(np.sqrt(2)))
    assert slope(plane)[3, 5] == pytest.approx(steep, rel=1e-6)


def test_flat() -> None:
    flat = dem(np.full(GRID.shape, 7.0))
    assert (slope(flat) == 0).all()
    assert (aspect(flat) == -1).all()
    # 1 + 254 sin(45 degrees)
    assert (hillshade(flat) == 181).all()


def test_hillshade_of_a_slope_by_hand() -> None:
    assert hillshade(dem(COLS * 10.0), azimuth=270, altitude=45)[3, 5] == 255
    assert hillshade(dem(COLS * 10.0), azimuth=90, altitude=45)[3, 5] == 1
    assert hillshade(dem(COLS * 10.0), azimuth=0, altitude=90)[3, 5] == 181


@given(seed=st.integers(0, 1000), holes=st.floats(0, 0.5))
def test_against_a_loop(seed: int, holes: float) -> None:
    values = rough(seed)
    values[np.random.default_rng(seed).random(values.shape) < holes] = np.nan
    steep = slope(dem(values)).values
    for row in range(GRID.shape[0]):
        for col in range(GRID.shape[1]):
            if np.isnan(values[row, col]):
                assert np.isnan(steep[row, col])
                continue
            expected = np.degrees(np.arctan(np.hypot(*horn(values, row, col))))
            assert steep[row, col] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(chunk_y=st.integers(1, 9), chunk_x=st.integers(1, 13))
def test_no_seams(chunk_y: int, chunk_x: int) -> None:
    whole = dem(rough())
    with assert_lazy():
        lazy = hillshade(whole.chunk(y=chunk_y, x=chunk_x))
    xr.testing.assert_identical(lazy.compute(), hillshade(whole))


def test_integers_with_nodata() -> None:
    values = (COLS * 10).astype(np.int16)
    values[0, 0] = -999
    shade = hillshade(dem(values, _FillValue=np.int16(-999)))
    assert shade[0, 0] == 0
    assert shade.attrs["_FillValue"] == 0
    assert slope(dem(values, _FillValue=np.int16(-999)))[1, 1] < 50


def test_z_factor() -> None:
    gentle = dem(COLS * 5.0)
    assert slope(gentle, z_factor=2)[3, 5] == pytest.approx(45)


def test_leading_dimensions() -> None:
    stack = dem(rough()).expand_dims(run=[1, 2])
    np.testing.assert_array_equal(slope(stack)[1], slope(dem(rough())))


def test_tasks() -> None:
    lazy = dem(rough()).chunk(y=4, x=4)
    assert count_tasks(slope(lazy)) - count_tasks(lazy) == lazy.data.npartitions


def test_degrees_need_a_z_factor() -> None:
    grid = GeoBox.from_bbox((10, 50, 10.1, 50.1), crs="EPSG:4326", resolution=0.01)
    array = assign_geobox(xr.DataArray(np.ones(grid.shape), dims=("y", "x")), grid)
    with pytest.raises(GeoreferenceError, match="z_factor=9e-6"):
        slope(array)
    assert (slope(array, z_factor=9e-6) == 0).all()


def test_refused() -> None:
    with pytest.raises(DimensionError, match="not of a Dataset"):
        slope(dem(rough()).to_dataset())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 to 90"):
        hillshade(dem(rough()), altitude=91)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite(number: float) -> None:
    with pytest.raises(ValueError, match="azimuth"):
        hillshade(dem(rough()), azimuth=number)
    with pytest.raises(ValueError, match="positive and finite"):
        slope(dem(rough()), z_factor=number)


def test_nothing_of_the_elevations_encoding_is_left() -> None:
    stored = dem(rough())
    stored.encoding |= {"dtype": "int16", "scale_factor": 0.1}
    assert slope(stored).encoding == {"grid_mapping": "spatial_ref"}
    assert "dtype" in stored.encoding
