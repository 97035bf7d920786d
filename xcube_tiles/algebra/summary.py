"""What all cells of a raster have together: ends, mean and spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.kernels.nodata import is_valid
from xcube_tiles.kernels.zonal.moments import Moments, deviation, mean, merge_moments, moments
from xcube_tiles.kernels.zonal.places import Places

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray


def extremes(array: xr.DataArray) -> Any:
    """Return the smallest and largest finite cell, float64 of shape (2,); NaN if there is none.

    Integers beyond 2**53 are rounded outwards: all cells lie between.
    """
    return fold_blocks(
        _ends,
        array.data,
        combine=_merge_ends,
        finalize=_ends_as_floats,
        name="extremes",
        shape=(2,),
        dtype=np.float64,
        nodata=cell_type_of(array).nodata,
    )


def _ends(block: NDArray[Any], *, origin: object, nodata: float | None) -> list[Any]:
    valid = block[is_valid(block, nodata) & np.isfinite(block)]
    return [valid.min(), valid.max()] if valid.size else []


def _merge_ends(states: list[list[Any]]) -> list[Any]:
    known = [state for state in states if state]
    return [min(each[0] for each in known), max(each[1] for each in known)] if known else []


def _ends_as_floats(state: list[Any], *, nodata: float | None) -> NDArray[np.float64]:
    if not state:
        return np.full(2, np.nan)
    low, high = (end.item() for end in state)
    ends = float(low), float(high)
    return np.array(
        [
            np.nextafter(ends[0], -np.inf) if ends[0] > low else ends[0],
            np.nextafter(ends[1], np.inf) if ends[1] < high else ends[1],
        ]
    )


def summary(array: xr.DataArray, least: float = -np.inf) -> Any:
    """Return count, smallest, largest, mean and standard deviation of finite cells from a limit.

    Parameters
    ----------
    array
        Cells of any type, in canonical form.
    least
        Smaller cells are left out.

    Returns
    -------
    float64 of shape (5,), all but the count NaN where it is 0; lazy if the array is.
    """
    return fold_blocks(
        _start_summary,
        array.data,
        combine=merge_moments,
        finalize=_finish_summary,
        name="summary",
        shape=(5,),
        dtype=np.float64,
        nodata=cell_type_of(array).nodata,
        least=least,
    )


def _start_summary(
    block: NDArray[Any], *, origin: object, nodata: float | None, least: float
) -> Moments:
    inside = is_valid(block, nodata) & np.isfinite(block) & (block >= least)
    where = np.where(inside, 0, -1).astype(np.int32).reshape(1, -1)
    return moments(block.reshape(1, -1), Places(where, np.zeros(1, np.int64)), nodata=nodata)


def _finish_summary(state: Moments, *, nodata: float | None, least: float) -> NDArray[np.float64]:
    count = state.counts.item()
    if not count:
        return np.array([0] + [np.nan] * 4)
    ends = state.lows.item(), state.highs.item()
    return np.array([count, *ends, mean(state).item(), deviation(state).item()], np.float64)
