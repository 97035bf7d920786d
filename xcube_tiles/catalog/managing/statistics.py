"""Statistics of a layer: what a map needs to stretch its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.cells import cell_type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        finite cells, and their share `valid`; None where there are none.
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
    moments = [finite.min(), finite.max(), finite.mean(), finite.std()]
    values = [float(f"{value:.7g}") for value in (*moments, *np.percentile(finite, PERCENTILES))]
    return {**dict(zip(names, values, strict=True)), "valid": round(finite.size / cells.size, 4)}
