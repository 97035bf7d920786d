"""Rasters for tests of focal operations: small, with gaps, on one grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from affine import Affine
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.testing.strategies import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn
    from numpy.typing import ArrayLike, NDArray

CELL_TYPES = ("float32", "float64ud-1", "uint8ud7", "uint8raw", "int16", "int32ud0", "bool")


def placed(values: ArrayLike, cell_type: str | None = None) -> xr.DataArray:
    """Return cells of shape (..., y, x) on a grid, of a cell type."""
    array = np.asarray(values)
    lead = ("band", "time")[4 - array.ndim :]
    grid = GeoBox(array.shape[-2:], Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    cells = CellType.default(array.dtype) if cell_type is None else CellType.parse(cell_type)
    raster = xr.DataArray(array.astype(cells.dtype), dims=(*lead, "y", "x"), name="cells")
    return assign_geobox(set_cell_type(raster, cells), grid)


def random_cells(
    shape: tuple[int, ...], cell_type: str, *, seed: int = 0, gaps: float = 0.2
) -> xr.DataArray:
    """Return a raster of small numbers, NoData where the type has it."""
    cells, rng = CellType.parse(cell_type), np.random.default_rng(seed)
    low, high = (0, 2) if cells.dtype.kind == "b" else (1, 60)
    values = rng.integers(low, high, shape).astype(cells.dtype)
    if cells.dtype.kind == "f":
        values += rng.random(shape).astype(cells.dtype)
    if cells.nodata is not None:
        values[rng.random(shape) < gaps] = cells.nodata
    return placed(values, cell_type)


@st.composite
def rasters(
    draw: DrawFn, types: Sequence[str] = CELL_TYPES, *, max_size: int = 9, times: int = 2
) -> xr.DataArray:
    """Draw a raster (time, y, x) of any cell type, from all NoData to none."""
    shape = draw(st.tuples(st.integers(1, times), *(st.integers(1, max_size),) * 2))
    return random_cells(
        shape,
        draw(st.sampled_from(tuple(types))),
        seed=draw(st.integers(0, 99)),
        gaps=draw(st.sampled_from((0.0, 0.3, 1.0))),
    )


@st.composite
def blocks(draw: DrawFn, array: xr.DataArray) -> xr.DataArray:
    """Draw blocks for a raster."""
    pieces = draw(chunks(array.shape))
    return array.chunk(dict(zip(array.dims, pieces, strict=True)))


def floats(array: xr.DataArray) -> NDArray[Any]:
    """Return cells as float64 with NaN for NoData."""
    missing = cell_type_of(array).is_nodata(array.values)
    return np.where(missing, np.nan, array.values.astype(np.float64))
