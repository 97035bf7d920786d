"""Hillshade: slopes by hand, the published formulas as oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.terrain.surfaces import COLS, EDGES, GRID, ROWS, by_cell, dem, horn, rough
from xcube_tiles.algebra.terrain import hillshade

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_flat() -> None:
    flat = dem(np.full(GRID.shape, 7.0))
    assert (hillshade(flat) == 181).all()  # 1 + 254 sin(45 degrees)
    assert (hillshade(flat, scale="geotrellis") == 90).all()
    assert (hillshade(flat, light="multidirectional") == 181).all()
    assert (hillshade(flat, light="combined") == 255).all()
    assert (hillshade(flat, light="igor") == 255).all()


def test_a_slope_by_hand() -> None:
    ramp = dem(COLS * 10.0)
    assert hillshade(ramp, azimuth=270, altitude=45)[3, 5] == 255
    assert hillshade(ramp, azimuth=90, altitude=45)[3, 5] == 1
    assert hillshade(ramp, azimuth=0, altitude=90)[3, 5] == 181
    # Half the slope of 90 degrees, and turned by 0, a half and all of half a circle.
    turned = [hillshade(ramp, azimuth=a, light="igor", scale="unit")[3, 5] for a in (270, 0, 90)]
    np.testing.assert_allclose(turned, [1, 0.75, 0.5], rtol=1e-6)


def test_multidirectional_by_hand() -> None:
    """A slope of 45 degrees to the west, light at 45 degrees.

    The lights are 1 from 270, cos 60 degrees + 1/4 from 225 and 315, 1/2 from 360 degrees; their
    weights 1, 1/2, 1/2 and 0.
    """
    light = hillshade(dem(COLS * 10.0), light="multidirectional", scale="unit")[3, 5]
    oblique = 0.5 + np.sqrt(0.5) / 2
    assert light == pytest.approx(0.5 * (1 + oblique), rel=1e-6)


def test_scales() -> None:
    surface = dem(rough(holes=0.2))
    unit = hillshade(surface, scale="unit")
    byte, geotrellis = hillshade(surface), hillshade(surface, scale="geotrellis")
    assert [each.dtype.name for each in (unit, byte, geotrellis)] == ["float32", "uint8", "int16"]
    assert (byte.attrs, geotrellis.attrs) == ({"_FillValue": 0}, {"_FillValue": -32768})
    assert unit.attrs == {}
    valid = ~np.isnan(unit.values)
    np.testing.assert_allclose(byte.values[valid], 1 + 254 * unit.values[valid], atol=0.501)
    np.testing.assert_allclose(geotrellis.values[valid], 127 * unit.values[valid], atol=0.501)
    assert (byte.values[~valid] == 0).all()
    assert (geotrellis.values[~valid] == -32768).all()


def sunlight(window: NDArray[np.float64], azimuth: float, altitude: float) -> Any:
    """Return the cosine between the light and the normal, from angles instead of vectors."""
    dx, dy = horn(window)
    steep, facing = np.arctan(np.hypot(dx, dy)), np.arctan2(-dx, dy)
    high = np.radians(altitude)
    turned = np.radians(azimuth) - facing
    return np.sin(high) * np.cos(steep) + np.cos(high) * np.sin(steep) * np.cos(turned)


def single(window: NDArray[np.float64], azimuth: float, altitude: float) -> float:
    return max(0.0, float(sunlight(window, azimuth, altitude)))


def multidirectional(window: NDArray[np.float64], azimuth: float, altitude: float) -> float:
    dx, dy = horn(window)
    facing = np.arctan2(-dx, dy)
    if dx == 0 and dy == 0:
        return float(np.sin(np.radians(altitude)))
    sources = (225, 270, 315, 360)
    weights = [np.cos(facing - np.radians(source)) ** 2 for source in sources]
    lights = [single(window, source, altitude) for source in sources]
    return float(np.dot(weights, lights) / 2)


def combined(window: NDArray[np.float64], azimuth: float, altitude: float) -> float:
    away = np.arccos(np.clip(sunlight(window, azimuth, altitude), -1, 1))
    return max(0.0, float(1 - away * np.arctan(np.hypot(*horn(window))) * 4 / np.pi**2))


def igor(window: NDArray[np.float64], azimuth: float, altitude: float) -> float:
    dx, dy = horn(window)
    facing = np.degrees(np.arctan2(-dx, dy)) % 360
    apart = abs(facing - azimuth)
    apart = min(apart, 360 - apart)
    return float(1 - np.degrees(np.arctan(np.hypot(dx, dy))) / 90 * apart / 180)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize("light", [single, multidirectional, combined, igor])
@given(
    seed=st.integers(0, 1000),
    holes=st.floats(0, 0.5),
    azimuth=st.floats(0, 359),
    altitude=st.floats(0, 90),
)
def test_against_a_loop(
    light: Any, edges: str, seed: int, holes: float, azimuth: float, altitude: float
) -> None:
    name = light.__name__
    azimuth = 315 if name == "multidirectional" else azimuth
    altitude = 45 if name == "igor" else altitude
    values = rough(seed, holes=holes)
    found = hillshade(
        dem(values),
        light=name,
        edges=edges,  # type: ignore[arg-type]
        azimuth=azimuth,
        altitude=altitude,
        scale="unit",
    )
    expected = by_cell(values, edges, lambda window: light(window, azimuth, altitude))
    if name == "igor":
        expected = np.where(by_cell(values, edges, lambda w: np.hypot(*horn(w))) == 0, 1, expected)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_sun_goes_round() -> None:
    surface = dem(ROWS * 3.0 + COLS**2)
    for light in ("single", "igor"):
        one, two = (hillshade(surface, azimuth=angle, light=light) for angle in (-45, 315))
        np.testing.assert_array_equal(one, two)
