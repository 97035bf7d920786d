"""The arcus tangent by a polynomial, against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.kernels.terrain.angles import direction, inclination


def test_inclination_of_all_slopes() -> None:
    rises = np.concatenate([np.logspace(-30, 30, 4001), [0, 1, np.nextafter(1, 2), np.inf]])
    found = np.array([inclination(rise) for rise in rises])
    np.testing.assert_allclose(found, np.arctan(rises), rtol=1e-10)
    assert np.isnan(inclination(np.nan))


def test_inclination_is_exact_in_float32() -> None:
    """At most the last digit differs, where numpy's result lies in the middle of two."""
    rises = np.tan(np.radians(np.linspace(0, 89.99, 20001)))
    found = np.array([inclination(rise) for rise in rises], np.float32)
    expected = np.arctan(rises).astype(np.float32)
    assert np.abs(found.view(np.int32) - expected.view(np.int32)).max() <= 1
    assert (found != expected).mean() < 0.01


@given(y=st.floats(-1e6, 1e6), x=st.floats(-1e6, 1e6))
def test_direction(y: float, x: float) -> None:
    found = direction(y, x)
    if x == 0 and y == 0:
        assert np.isnan(found)
        return
    expected = np.arctan2(y, x) % (2 * np.pi)
    apart = abs(found - expected)
    assert min(apart, 2 * np.pi - apart) < 1e-9


@pytest.mark.parametrize(("y", "x"), [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0)])
def test_directions_of_the_compass(y: float, x: float) -> None:
    assert np.float32(np.degrees(direction(float(y), float(x)))) % 45 == 0
