"""Slope and aspect: planes by hand, a loop of the published formulas as oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.terrain.surfaces import (
    COLS,
    EDGES,
    GRADIENTS,
    GRID,
    OBLONG,
    ROWS,
    by_cell,
    dem,
    rough,
)
from xcube_tiles.algebra.terrain import aspect, slope
from xcube_tiles.errors import DimensionError
from xcube_tiles.testing.asserts import count_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLANES = [(COLS, 270.0), (-COLS, 90.0), (ROWS, 0.0), (-ROWS, 180.0), (COLS - ROWS, 225.0)]


@pytest.mark.parametrize("method", GRADIENTS)
@pytest.mark.parametrize(("values", "facing"), PLANES)
def test_planes(values: NDArray[np.int64], facing: float, method: str) -> None:
    plane = dem(values * 10.0)
    assert aspect(plane, method=method)[3, 5] == np.float32(facing)  # type: ignore[arg-type]
    steep = 45.0 if facing % 90 == 0 else np.degrees(np.arctan(np.sqrt(2)))
    assert slope(plane, method=method)[3, 5] == np.float32(steep)  # type: ignore[arg-type]


@pytest.mark.parametrize(("values", "facing"), PLANES)
def test_trigonometric_angles_start_in_the_east(values: NDArray[np.int64], facing: float) -> None:
    turned = aspect(dem(values * 10.0), trigonometric=True)[3, 5]
    assert turned == np.float32((90 - facing) % 360)


def test_units() -> None:
    plane = dem(COLS * 5.0)
    assert slope(plane, units="percent")[3, 5] == 50
    assert slope(plane, units="radians")[3, 5] == np.float32(np.arctan(0.5))
    units = [slope(plane, units=unit).attrs for unit in ("degrees", "radians", "percent")]
    assert units == [{"units": "degree"}, {"units": "radian"}, {"units": "percent"}]


def test_flat() -> None:
    flat = dem(np.full(GRID.shape, 7.0))
    assert (slope(flat) == 0).all()
    assert (aspect(flat) == -1).all()
    assert (aspect(flat, flat=0) == 0).all()
    assert np.isnan(aspect(flat, flat=float("nan"))).all()


def test_almost_north_is_north() -> None:
    nearly = dem(ROWS * 10.0 + COLS * 1e-8)
    assert aspect(nearly)[3, 5] == 0
    assert aspect(dem(ROWS * 10.0 + COLS * 1e-5))[3, 5] == np.float32(359.99994)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("method", GRADIENTS)
@given(seed=st.integers(0, 1000), holes=st.floats(0, 0.5))
def test_against_a_loop(edges: str, method: str, seed: int, holes: float) -> None:
    values = rough(seed, holes=holes)

    def gradient(window: NDArray[np.float64]) -> complex:
        return complex(*GRADIENTS[method](window, width=10, height=20))

    expected = by_cell(values, edges, lambda window: abs(gradient(window)))
    options = {"method": method, "edges": edges}
    surface = dem(values, grid=OBLONG)
    steep = slope(surface, **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(steep, np.degrees(np.arctan(expected)), rtol=1e-6)
    share = slope(surface, units="percent", **options)  # type: ignore[arg-type]
    np.testing.assert_allclose(share, 100 * expected, rtol=1e-6)
    facing = aspect(surface, **options)  # type: ignore[arg-type]

    def turned(window: NDArray[np.float64]) -> float:
        downhill = gradient(window)
        if downhill == 0:
            return -1
        return float(np.degrees(np.arctan2(-downhill.real, downhill.imag)) % 360)

    np.testing.assert_allclose(facing, by_cell(values, edges, turned), rtol=1e-6, atol=1e-4)


def test_against_xarray_spatial() -> None:
    spatial = pytest.importorskip("xrspatial", exc_type=ImportError)
    surface = dem(rough().astype(np.float32))
    inner = (slice(1, -1), slice(1, -1))
    for ours, theirs in ((slope, spatial.slope), (aspect, spatial.aspect)):
        np.testing.assert_allclose(ours(surface)[inner], theirs(surface)[inner], rtol=1e-4)


def test_integers_with_nodata() -> None:
    values = (COLS * 10).astype(np.int16)
    values[0, 0] = -999
    steep = slope(dem(values, _FillValue=np.int16(-999)))
    as_float = np.where(values == -999, np.nan, values)
    np.testing.assert_array_equal(steep, slope(dem(as_float)))
    assert np.isnan(steep[0, 0])
    assert "_FillValue" not in steep.attrs


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64", "float32", "float64"])
def test_cells_of_any_type(dtype: str) -> None:
    values = np.round(rough())
    expected = slope(dem(values))
    np.testing.assert_array_equal(slope(dem(values.astype(dtype))), expected)
    assert slope(dem(values.astype(dtype))).dtype == np.float32


def test_z_factor() -> None:
    gentle = dem(COLS * 5.0)
    assert slope(gentle, z_factor=2)[3, 5] == 45
    assert aspect(gentle, z_factor=2)[3, 5] == 270


def test_leading_dimensions() -> None:
    stack = dem(rough()).expand_dims(run=[1, 2])
    np.testing.assert_array_equal(slope(stack)[1], slope(dem(rough())))


def test_tasks_and_names() -> None:
    lazy = dem(rough()).chunk(y=4, x=4)
    assert count_tasks(slope(lazy)) - count_tasks(lazy) == lazy.data.npartitions
    assert slope(lazy).data.name == slope(lazy).data.name
    assert slope(lazy).data.name != slope(lazy, units="percent").data.name


def test_a_dataset_is_refused() -> None:
    with pytest.raises(DimensionError, match=r"got a Dataset of \["):
        slope(dem(rough()).to_dataset())  # type: ignore[arg-type]


def test_nothing_of_the_elevations_encoding_is_left() -> None:
    stored = dem(rough())
    stored.encoding |= {"dtype": "int16", "scale_factor": 0.1}
    assert slope(stored).encoding == {"grid_mapping": "spatial_ref"}
    assert "dtype" in stored.encoding
