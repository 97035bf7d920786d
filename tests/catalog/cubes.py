"""Cubes for the tests of catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

CORNER = Affine(10, 0, 500_000, 0, -10, 5_200_000)


def cube_of(
    values: ArrayLike,
    *,
    cells: str = "int16ud-9999",
    name: str = "band",
    crs: str = "EPSG:32633",
    corner: Affine = CORNER,
    **attrs: Any,
) -> xr.Dataset:
    """Return a cube of one variable with dimensions (y, x) or (time, y, x)."""
    cell_type = CellType.parse(cells)
    array = np.asarray(values, cell_type.dtype)
    dims = ("time", "y", "x")[-array.ndim :]
    coords = {"time": days(array.shape[0])} if array.ndim == 3 else {}
    band = set_cell_type(xr.DataArray(array, coords, dims, attrs=attrs), cell_type)
    geobox = GeoBox((array.shape[-2], array.shape[-1]), corner, crs)
    return assign_geobox(band.to_dataset(name=name), geobox)


def days(count: int) -> Any:
    """Return consecutive days."""
    return np.datetime64("2018-05-01", "ns") + np.arange(count) * np.timedelta64(1, "D")


def random_cube(shape: tuple[int, ...], *, seed: int = 0, missing: float = 0.3) -> xr.Dataset:
    """Return a cube of int16 with NoData at random."""
    random = np.random.default_rng(seed)
    values = random.integers(-50, 3000, shape).astype("int16")
    values[random.random(shape) < missing] = -9999
    return cube_of(values)


def level_of(tree: xr.DataTree, level: int, name: str = "band") -> xr.DataArray:
    """Return a variable of a level of a pyramid."""
    return tree.children[str(level)].to_dataset()[name]


def cells_of(tree: xr.DataTree, level: int, name: str = "band") -> Any:
    """Return the cells of a variable at a level, computed."""
    return level_of(tree, level, name).values
