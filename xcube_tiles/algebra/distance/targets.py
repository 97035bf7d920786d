"""What distances are measured to, and in: cells that are targets, and grids with lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import AlgebraError, GeoreferenceError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import is_valid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray


def cell_edges(array: xr.DataArray) -> tuple[float, float]:
    """Return height and width of a cell.

    Raises
    ------
    GeoreferenceError
        Cells in degrees: they have no one length.
    """
    geobox = geobox_of(array)
    if geobox.crs is not None and geobox.crs.geographic:
        raise GeoreferenceError(
            f"the cells are in degrees ({geobox.crs}), which are no lengths: reproject to a "
            "projected CRS first, e.g. cube.tiles.reproject('EPSG:3035')"
        )
    return abs(geobox.affine.e), abs(geobox.affine.a)


def checked_limit(name: str, limit: float | None) -> float:
    """Return the largest distance or cost that is of interest; infinity for None.

    Raises
    ------
    AlgebraError
        A limit that isn't a positive number.
    """
    if limit is None:
        return np.inf
    if not isinstance(limit, int | float | np.number) or isinstance(limit, bool) or not limit > 0:
        raise AlgebraError(f"{name} must be a positive number, or None for no limit, got {limit!r}")
    return float(limit)


def checked_targets(
    targets: Sequence[float] | None, cells: CellType
) -> tuple[int | float, ...] | None:
    """Return the values that make cells targets, as Python numbers.

    Raises
    ------
    AlgebraError
        Anything but a list of numbers; numbers that cells of this type can't have.
    """
    if targets is None:
        return None
    if isinstance(targets, str) or np.ndim(targets) != 1 or not len(targets):
        raise AlgebraError(
            f"targets must be a list of cell values, or None for all but 0, got {targets!r}"
        )
    found = []
    for value in targets:
        cell = _as_cell(value, cells)
        if cell is None or cells.is_nodata(cell):
            raise AlgebraError(
                f"a cell of type {cells.name!r} can't be the target {value!r}; name values that "
                "valid cells have"
            )
        found.append(cell.item())
    return tuple(found)


def _as_cell(value: Any, cells: CellType) -> NDArray[Any] | None:
    """Return a number in the dtype of cells; None if it isn't one that they can have."""
    number = np.asarray(value)
    if number.dtype.kind not in "biuf" or number != number:
        return None
    with np.errstate(all="ignore"):
        cell = number.astype(cells.dtype)
    same = cell == number or (cells.dtype.kind == "f" and np.isclose(cell, number, rtol=1e-6))
    return np.asarray(cell) if same else None


def is_target(
    block: NDArray[Any], nodata: float | None, targets: tuple[int | float, ...] | None
) -> NDArray[np.bool_]:
    """Return where cells are targets: valid, and of one of the values, or not 0 by default."""
    hits = block != 0 if targets is None else np.isin(block, np.array(targets, block.dtype))
    return np.asarray(hits & is_valid(block, nodata))


def allocated_type(cells: CellType, targets: tuple[int | float, ...] | None) -> CellType:
    """Return the type of cells that hold the value of a target, or NoData where none is near.

    A type without NoData gets a number that is no target: 0 where it isn't asked for.
    """
    if cells.nodata is not None:
        return cells
    dtype = np.dtype(np.uint8) if cells.dtype.kind == "b" else cells.dtype
    if dtype.kind == "f":
        return CellType.default(dtype)
    info = np.iinfo(dtype)
    taken = targets or ()
    numbers = (0, info.max, *range(info.min, info.min + len(taken) + 1))
    free = [number for number in numbers if number <= info.max and number not in taken]
    if not free:
        raise AlgebraError(
            f"every number of {dtype.name} is a target, so that none is left for NoData; "
            "convert the cells to a wider type first"
        )
    return CellType(dtype=dtype, nodata=int(free[0]))
