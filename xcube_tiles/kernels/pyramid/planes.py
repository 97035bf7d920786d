"""What the kernels of windows take and give: planes, shapes, marks of NoData."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def planes_of(cells: NDArray[Any]) -> NDArray[Any]:
    """Return cells as (planes, y, x), booleans as integers: numba can't add booleans."""
    numbers = cells.view(np.uint8) if cells.dtype.kind == "b" else cells
    return np.ascontiguousarray(numbers).reshape(-1, *cells.shape[-2:])


def coarse_shape(planes: NDArray[Any], factor: int) -> tuple[int, ...]:
    """Return the shape of planes of cells that are `factor` times larger."""
    return (planes.shape[0], *(-(-size // factor) for size in planes.shape[-2:]))


def marker(nodata: float | None, dtype: np.dtype[Any]) -> tuple[Any, bool]:
    """Return NoData in the cells' dtype (a wider one never equals a float32), and if it counts."""
    return dtype.type(0 if nodata is None else nodata), nodata is not None


def least_count(min_valid: float, factor: int) -> int:
    """Return the count of valid cells that a window of `factor` x `factor` needs."""
    return max(1, int(np.ceil(min_valid * factor * factor)))
