"""What one case of a benchmark compares, and the input that the cases share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.harness import Check, Table, alternate, at_least
from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

OURS, FLOOR = "xcube_tiles", "copy"
CHUNK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One operation, ours and the peers'."""

    title: str
    """The operation."""

    contenders: Mapping[str, Callable[[], object]]
    """Calls by name; `OURS` is among them."""

    bounds: Mapping[str, float] = field(default_factory=dict)
    """Least ratio peer / ours."""

    slow: bool = False
    """Whether a peer takes seconds: fewer rounds."""

    def measure(self, quick: bool) -> tuple[Table, list[Check]]:
        """Time the contenders side by side."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peers warn of all sorts of things
            rounds = 2 if quick else 3 if self.slow else 7
            timings = alternate(self.contenders, rounds=rounds)
        checks = [
            at_least(f"{self.title}: {peer} / ours", timings[peer].ratio_to(timings[OURS]), bound)
            for peer, bound in self.bounds.items()
        ]
        return Table(title=self.title, timings=timings, reference=OURS), checks


def elevations(edge: int) -> xr.DataArray:
    """Return a rough surface in UTM, float32, of which 5 % of the cells are NaN."""
    generator = np.random.default_rng(20180524)
    cells = generator.random((edge, edge), dtype=np.float32) * 100
    cells[generator.random(cells.shape, dtype=np.float32) < 0.05] = np.nan
    return on_grid(cells)


def on_grid(cells: NDArray[Any]) -> xr.DataArray:
    """Return an array on a grid in UTM zone 33."""
    grid = GeoBox(cells.shape[-2:], Affine(10, 0, 500_000, 0, -10, 5_500_000), "EPSG:32633")
    return assign_geobox(xr.DataArray(cells, dims=("y", "x"), name="height"), grid)


def copying(cells: NDArray[Any], dtype: Any = np.float32) -> Callable[[], object]:
    """Return a call that reads an array once and writes one: no operation can be faster."""
    out = np.empty(cells.shape, dtype)
    return lambda: np.copyto(out, cells, casting="unsafe")
