"""Statistics of a layer: what a map needs to stretch its colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.cells import cell_type_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    import zarr

_MOST_STEPS = 64
"""Positions along time that are looked at, evenly spread."""

PERCENTILES = (2, 50, 98)


def layer_statistics(
    arrays: Mapping[str, zarr.Array[Any]], cube: xr.Dataset, shape: tuple[int, int]
) -> dict[str, dict[str, float | None]]:
    """Return statistics of each variable, from its coarsest level.

    Parameters
    ----------
    arrays
        The coarsest level on disk, by variable.
    cube
        The same level as a cube, for its cell types.
    shape
        Rows and columns without the padding, which may have values in cell types without NoData.

    Returns
    -------
    dict
        For each variable `min`, `max`, `mean`, `std`, the percentiles `p2`, `p50`, `p98` of the
        finite cells, and their share `valid`; None where there are none, and for a moment that
        is beyond all floats.
    """
    return {
        name: _statistics(_sample(array, shape), cell_type_of(cube[name]).is_nodata)
        for name, array in arrays.items()
    }


def _sample(array: zarr.Array[Any], shape: tuple[int, int]) -> Any:
    rows, cols = (slice(size) for size in shape)
    if array.ndim == 2:
        return np.asarray(array[rows, cols])
    steps = np.unique(np.linspace(0, array.shape[0] - 1, _MOST_STEPS).round().astype(int))
    return np.stack([np.asarray(array[int(step), rows, cols]) for step in steps])


def _statistics(cells: Any, is_nodata: Any) -> dict[str, float | None]:
    finite = cells[~is_nodata(cells) & np.isfinite(cells)].astype(np.float64)
    names = ["min", "max", "mean", "std", *(f"p{p}" for p in PERCENTILES)]
    if not finite.size:
        return {**dict.fromkeys(names, None), "valid": 0.0}
    with np.errstate(over="ignore", invalid="ignore"):
        moments = [finite.min(), finite.max(), finite.mean(), finite.std()]
        found = [*moments, *np.percentile(finite, PERCENTILES)]
    values = rounded(found, low=moments[0], high=moments[1])
    return {**dict(zip(names, values, strict=True)), "valid": round(finite.size / cells.size, 4)}


def rounded(values: Sequence[float], *, low: float, high: float) -> list[float | None]:
    """Return numbers with the digits that tell them apart, None for what JSON can't hold.

    Seven digits, as float32 has; more where values between `low` and `high` agree in the first.
    """
    size, span = max(abs(low), abs(high)), high - low
    alike = math.floor(math.log10(size / span)) if 0 < span < size else 0
    digits = min(7 + alike, 17)
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in values]
