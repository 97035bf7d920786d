"""Viewsheds: walls, cones and horizons by hand, every line of sight by a plain loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from xcube_tiles.algebra.visibility import EARTH_RADIUS, viewshed
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import AlgebraError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL = (20.0, 10.0)
"""Height and width of a cell."""


def dem(values: Any, *, cell: tuple[float, float] = CELL, **attrs: object) -> xr.DataArray:
    values = np.asarray(values)
    grid = GeoBox(values.shape[-2:], Affine(cell[1], 0, 0, 0, -cell[0], 0), "EPSG:32633")
    dims = ("time", "y", "x")[-values.ndim :]
    return assign_geobox(xr.DataArray(values, dims=dims, attrs=attrs), grid)


def rough(seed: int, shape: tuple[int, int] = (9, 13), holes: float = 0.0) -> NDArray[np.float64]:
    chance = np.random.default_rng(seed)
    values = chance.random(shape) * 30
    values[chance.random(shape) < holes] = np.nan
    return values


def look(
    surface: xr.DataArray, row: int, col: int, *, cell: tuple[float, float] = CELL, **options: Any
) -> xr.DataArray:
    """Look from the middle of a cell."""
    return viewshed(surface, (col + 0.5) * cell[1], -(row + 0.5) * cell[0], **options)


def needed(values: NDArray[np.float64], at: tuple[int, int], *, eye: float, bend: float) -> Any:
    """Return how high one must stand on each cell to be seen: every crossing, one by one."""
    result = np.full(values.shape, np.nan)
    start, source = np.array(at), values[at] + eye
    for to in np.ndindex(values.shape):
        if np.isnan(values[to]):
            continue
        span = np.array(to) - start
        distance = np.hypot(*(span * CELL))
        worst = 0.0
        for count in np.abs(span):
            for k in range(1, count):
                surface = crossing(values, start + span * k / count)
                share = k / count
                bulge = bend * distance**2 * share * (1 - share)
                worst = max(worst, (surface + bulge - source) / share + source - values[to])
        result[to] = worst
    return result


def crossing(values: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    """Return the surface on a line between the middles of two neighbours."""
    low = np.floor(np.round(place, 9)).astype(int)
    high = np.ceil(np.round(place, 9)).astype(int)
    share = float((place - low).sum()) if (low != high).any() else 0.0
    one, two = values[tuple(low)], values[tuple(high)]
    if np.isnan(one) or np.isnan(two):
        return float(np.nan_to_num(two if np.isnan(one) else one, nan=-np.inf))
    return float(one + share * (two - one))


@given(
    seed=st.integers(0, 1000),
    holes=st.floats(0, 0.5),
    row=st.integers(0, 8),
    col=st.integers(0, 12),
    eye=st.floats(0.1, 20),
    target=st.floats(0, 5),
    curvature=st.booleans(),
)
def test_against_a_loop(
    seed: int, holes: float, row: int, col: int, eye: float, target: float, curvature: bool
) -> None:
    values = rough(seed, holes=holes)
    values[row, col] = 7
    options: dict[str, Any] = {"observer_height": eye, "curvature": curvature, "refraction": 0.2}
    expected = needed(values, (row, col), eye=eye, bend=0.8 / 2 / EARTH_RADIUS * curvature)
    height = look(dem(values), row, col, output="height", **options)
    np.testing.assert_allclose(height, expected, rtol=1e-5, atol=1e-5)
    seen = look(dem(values), row, col, target_height=target, **options)
    sure = np.abs(expected - target) > 1e-6
    truth = np.where(np.isnan(expected), 255, expected <= target)
    np.testing.assert_array_equal(seen.values[sure], truth[sure])


def test_a_wall() -> None:
    values = np.zeros((5, 9))
    values[:, 4] = 10
    seen = look(dem(values), 2, 1, curvature=False)
    assert seen.dtype == np.uint8
    assert seen.attrs == {"_FillValue": 255}
    assert seen.name == "viewshed"
    np.testing.assert_array_equal(seen, [[1, 1, 1, 1, 1, 0, 0, 0, 0]] * 5)
    # Over the wall 3 cells away, from an eye at 1.75: 8.25 in 3 cells, so 11.0 in 4.
    needed_there = look(dem(values), 2, 1, curvature=False, output="height")[2]
    np.testing.assert_allclose(needed_there[5:], [12.75, 15.5, 18.25, 21.0], rtol=1e-6)
    assert (
        look(dem(values), 2, 1, curvature=False, target_height=12.8)[2, 5:] == [1, 0, 0, 0]
    ).all()


def test_a_cone() -> None:
    rows, cols = np.mgrid[-7:8, -7:8] * 10.0
    cone = dem(100 - np.hypot(rows, cols), cell=(10, 10))
    assert (look(cone, 7, 7, cell=(10, 10)) == 1).all()
    below = look(cone, 7, 0, cell=(10, 10))
    assert (below[7, :8] == 1).all()
    assert (below[7, 8:] == 0).all()


def test_nothing_is_hidden_on_a_slope_that_is_touched() -> None:
    """A plane seen along itself: rounding must hide nothing."""
    rows, cols = np.mgrid[:30, :40]
    plane = dem(0.1 * rows + 0.3 * cols + 1234.5)
    assert (look(plane, 11, 7, observer_height=0, curvature=False) == 1).all()


def test_the_horizon() -> None:
    """From a height h one sees sqrt(2 R h / (1 - k)) far over the sea."""
    sea = dem(np.zeros((1, 400)), cell=(100, 100))
    for refraction in (0.0, 0.13):
        seen = look(sea, 0, 0, cell=(100, 100), observer_height=10, refraction=refraction)
        horizon = np.sqrt(2 * EARTH_RADIUS * 10 / (1 - refraction))
        assert seen.sum() == pytest.approx(horizon / 100 + 1, abs=2)
    assert (look(sea, 0, 0, cell=(100, 100), curvature=False) == 1).all()


@given(seed=st.integers(0, 1000), height=st.floats(0.1, 10), curvature=st.booleans())
def test_seeing_is_mutual(seed: int, height: float, curvature: bool) -> None:
    surface = dem(rough(seed))
    options: dict[str, Any] = {
        "observer_height": height,
        "target_height": height,
        "curvature": curvature,
    }
    here = look(surface, 2, 3, **options)
    for row, col in ((0, 0), (8, 12), (7, 1), (2, 12), (5, 4)):
        assert look(surface, row, col, **options)[2, 3] == here[row, col]


def test_higher_sees_more() -> None:
    surface = dem(rough(1))
    low, high = (look(surface, 4, 6, observer_height=height) for height in (1, 5))
    assert (high >= low).all()
    assert (look(surface, 4, 6, observer_height=1, target_height=5) >= low).all()


def test_limits() -> None:
    flat = dem(np.zeros((9, 9)), cell=(10, 10))
    options: dict[str, Any] = {"cell": (10, 10), "curvature": False}
    rows, cols = np.mgrid[-4:5, -4:5]
    near = look(flat, 4, 4, max_distance=30, **options)
    np.testing.assert_array_equal(near == 1, np.hypot(rows, cols) <= 3)
    assert ((near == 1) | (near == 255)).all()
    east = look(flat, 4, 4, azimuth=90, field_of_view=90, **options)
    np.testing.assert_array_equal(east == 1, np.abs(rows) <= cols)
    north = look(flat, 4, 4, azimuth=-360, field_of_view=180, **options)
    np.testing.assert_array_equal(north == 1, rows <= 0)
    steep = look(flat, 4, 4, observer_height=10, highest=-40, **options)
    np.testing.assert_array_equal(steep == 1, np.hypot(rows, cols) <= 1 / np.tan(np.radians(40)))
    level = look(flat, 4, 4, lowest=0, **options)
    assert (level == 1).sum() == 1  # where the observer stands
    heights = look(flat, 4, 4, max_distance=30, output="height", **options)
    np.testing.assert_array_equal(np.isnan(heights), near == 255)


@given(data=st.data(), seed=st.integers(0, 1000))
def test_no_seams(data: st.DataObject, seed: int) -> None:
    values = np.round(rough(seed, shape=(8, 7)))
    whole = dem(np.stack([values, values[::-1]]).astype(np.int16), _FillValue=np.int16(3))
    row, col = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 6))
    whole[:, row, col] = 9
    options: dict[str, Any] = {
        "max_distance": data.draw(st.none() | st.floats(1, 200)),
        "output": data.draw(st.sampled_from(["visible", "height"])),
    }
    chunked = whole.chunk(dict(zip(whole.dims, data.draw(chunks(whole.shape)), strict=True)))
    with assert_lazy():
        lazy = look(chunked, row, col, **options)
    assert lazy.chunks == chunked.chunks
    assert count_tasks(lazy) - count_tasks(chunked) == chunked.data.npartitions
    xr.testing.assert_identical(lazy.compute(), look(whole, row, col, **options))
    assert lazy.data.name == look(chunked, row, col, **options).data.name


def test_only_what_is_near_is_read() -> None:
    touched = []

    def read(block: NDArray[np.float64], block_info: Any = None) -> NDArray[np.float64]:
        touched.append(block_info[0]["chunk-location"])
        return block

    plain = dem(np.zeros((40, 40)), cell=(10, 10)).chunk(y=10, x=10)
    counted = plain.copy(data=plain.data.map_blocks(read, dtype="f8", meta=np.empty((0, 0))))
    seen = look(counted, 15, 15, cell=(10, 10), max_distance=40).compute()
    assert set(touched) == {(1, 1)}
    assert (seen == 1).sum() == 49
    touched.clear()
    look(counted, 15, 15, cell=(10, 10), max_distance=60).compute()
    assert set(touched) == {(i, j) for i in range(3) for j in range(3)}


def test_bands_of_large_arrays() -> None:
    values = np.random.default_rng(0).random((500, 200)) * 30
    lazy = dem(values).chunk(y=90, x=70)
    options: dict[str, Any] = {"max_distance": 1500, "observer_height": 20}
    np.testing.assert_array_equal(
        look(dem(values), 250, 99, **options), look(lazy, 250, 99, **options)
    )


def test_one_cell_and_nothing() -> None:
    assert look(dem([[5.0]]), 0, 0).values.tolist() == [[1]]
    assert look(dem([[5.0]]), 0, 0, output="height").values.tolist() == [[0]]
    lazy = look(dem(np.full((3, 3), np.nan)).chunk(), 1, 1)
    with pytest.raises(AlgebraError, match=r"row 1, column 1\) has no elevation"):
        lazy.compute()


def test_feet() -> None:
    """Elevations in metres on coordinates in feet see what all-metric ones see."""
    values = rough(3)
    foot = 1200 / 3937
    grid = GeoBox((9, 13), Affine(CELL[1] / foot, 0, 0, 0, -CELL[0] / foot, 0), "EPSG:2263")
    feet = assign_geobox(xr.DataArray(values, dims=("y", "x")), grid)
    x, y = 6.5 * CELL[1] / foot, -4.5 * CELL[0] / foot
    found = viewshed(feet, x, y, max_distance=60 / foot + 0.01, z_factor=1 / foot, output="height")
    expected = look(dem(values), 4, 6, max_distance=60.001, output="height")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
