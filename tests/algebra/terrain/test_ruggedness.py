"""TPI, TRI and roughness: a peak by hand, a loop of the published formulas as oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from tests.algebra.terrain.surfaces import EDGES, GRID, by_cell, dem, rough
from xcube_tiles.algebra.terrain import roughness, tpi, tri

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_a_peak_by_hand() -> None:
    values = np.zeros(GRID.shape)
    values[3, 5] = 8
    peak = dem(values, units="m")
    assert tpi(peak)[3, 4:6].values.tolist() == [-1, 8]
    assert tri(peak)[3, 4:6].values.tolist() == [8, np.float32(np.sqrt(8 * 64))]
    assert tri(peak, method="wilson")[3, 4:6].values.tolist() == [1, 8]
    assert roughness(peak)[3, 2:6].values.tolist() == [0, 0, 8, 8]
    assert tpi(peak).attrs == tri(peak).attrs == roughness(peak).attrs == {"units": "m"}


@pytest.mark.parametrize("edges", EDGES)
@given(seed=st.integers(0, 1000), holes=st.floats(0, 0.5))
def test_against_a_loop(edges: str, seed: int, holes: float) -> None:
    values = rough(seed, holes=holes)
    surface = dem(values)

    def others(window: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.delete(window.ravel(), 4)

    found = {
        "tpi": tpi(surface, edges=edges),  # type: ignore[arg-type]
        "riley": tri(surface, edges=edges),  # type: ignore[arg-type]
        "wilson": tri(surface, method="wilson", edges=edges),  # type: ignore[arg-type]
        "roughness": roughness(surface, edges=edges),  # type: ignore[arg-type]
    }
    expected = {
        "tpi": by_cell(values, edges, lambda w: w[1, 1] - others(w).mean()),
        "riley": by_cell(values, edges, lambda w: np.sqrt(((others(w) - w[1, 1]) ** 2).sum())),
        "wilson": by_cell(values, edges, lambda w: np.abs(others(w) - w[1, 1]).mean()),
        "roughness": by_cell(values, edges, np.ptp),
    }
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)


def test_distances_do_not_matter() -> None:
    degrees = GeoBox.from_bbox((10, 50, 10.12, 50.08), crs="EPSG:4326", resolution=0.01)
    for product in (tpi, tri, roughness):
        here, there = product(dem(rough())), product(dem(rough(), grid=degrees))
        np.testing.assert_array_equal(here, there)
