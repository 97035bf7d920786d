"""Curvature: quadratic surfaces, whose curvature is known everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.terrain.surfaces import COLS, EDGES, OBLONG, ROWS, by_cell, dem, rough
from xcube_tiles.algebra.terrain import curvature

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ("total", "plan", "profile")
EAST, NORTH = COLS * 10.0, -ROWS * 20.0


@pytest.mark.parametrize(
    ("surface", "total", "plan", "profile"),
    [
        # A ridge from north to south that also dips to the south: it bends across the slope.
        (-0.01 * (EAST - 50) ** 2 + NORTH, 2.0, 2.0, 0.0),
        # A slope that grows steeper downhill bends along it; a valley gathers water.
        (-0.01 * (EAST + 7) ** 2, 2.0, 0.0, -2.0),
        (0.01 * (EAST - 50) ** 2 + NORTH, -2.0, -2.0, 0.0),
        (3 * EAST - 2 * NORTH, 0.0, 0.0, 0.0),
        # Neither bend is seen where the surface is level.
        (-0.01 * (EAST - 50) ** 2, 2.0, 0.0, 0.0),
    ],
)
def test_by_hand(surface: NDArray[np.float64], total: float, plan: float, profile: float) -> None:
    bends = [float(curvature(dem(surface, grid=OBLONG), kind=kind)[3, 5]) for kind in KINDS]  # type: ignore[arg-type]
    assert bends == pytest.approx([total, plan, profile], abs=1e-5)


@given(a=st.floats(-1, 1), b=st.floats(-1, 1), c=st.floats(-1, 1))
def test_a_quadratic_surface(a: float, b: float, c: float) -> None:
    """The formulas are exact for z = a x**2 + b y**2 + c x y + x + 2 y."""
    x, y = EAST[3, 5], NORTH[3, 5]
    surface = dem(a * EAST**2 + b * NORTH**2 + c * EAST * NORTH + EAST + 2 * NORTH, grid=OBLONG)
    p, q = 2 * a * x + c * y + 1, 2 * b * y + c * x + 2
    steep = p * p + q * q
    along = 0 if steep == 0 else (2 * a * p * p + 2 * b * q * q + 2 * c * p * q) / steep
    across = 0 if steep == 0 else (2 * a * q * q + 2 * b * p * p - 2 * c * p * q) / steep
    expected = [-200 * (a + b), -100 * across, 100 * along]
    found = [float(curvature(surface, kind=kind)[3, 5]) for kind in KINDS]  # type: ignore[arg-type]
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("edges", EDGES)
@given(seed=st.integers(0, 1000), holes=st.floats(0, 0.5))
def test_total_against_a_loop(edges: str, seed: int, holes: float) -> None:
    values = rough(seed, holes=holes)

    def laplacian(w: NDArray[np.float64]) -> float:
        across = (w[1, 0] + w[1, 2] - 2 * w[1, 1]) / 100
        return float(-100 * (across + (w[0, 1] + w[2, 1] - 2 * w[1, 1]) / 400))

    surface = dem(values, grid=OBLONG)
    found = {
        kind: curvature(surface, kind=kind, edges=edges)  # type: ignore[arg-type]
        for kind in KINDS
    }
    expected = by_cell(values, edges, laplacian)
    np.testing.assert_allclose(found["total"], expected, rtol=1e-5, atol=1e-5)
    sloping = found["plan"] != 0
    parts = (found["plan"] - found["profile"]).where(sloping)
    np.testing.assert_allclose(parts, found["total"].where(sloping), rtol=1e-4, atol=1e-3)


def test_z_factor() -> None:
    surface = dem(rough())
    doubled = curvature(surface, z_factor=2)
    np.testing.assert_allclose(doubled, 2 * curvature(surface), rtol=1e-6)


def test_against_xarray_spatial() -> None:
    spatial = pytest.importorskip("xrspatial", exc_type=ImportError)
    surface = dem(rough().astype(np.float32))
    inner = (slice(1, -1), slice(1, -1))
    theirs = spatial.curvature(surface)[inner]
    np.testing.assert_allclose(curvature(surface)[inner], theirs, rtol=1e-4, atol=1e-4)
