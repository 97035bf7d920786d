"""How the cells of a level are distributed: statistics and a histogram, from all of its cells."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from dask.base import compute

from xcube_tiles.catalog.managing.statistics import PERCENTILES, rounded
from xcube_tiles.catalog.reading.selection import read_layer
from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.grid.celltype import CellType

BINS = 256
"""Bins of a histogram, and the most classes that are counted one by one."""

FINE = 65536
"""Bins from which percentiles are taken: they are exact for integers that differ by less."""


def level_statistics(layer: Layer, levels: Iterable[int]) -> dict[str, dict[str, Any]]:
    """Return statistics and histograms of all variables at some levels; cells are read twice."""
    arrays = {
        (str(number), name): read_layer(layer, zoom=layer.levels[number].zoom)[name]
        for number in levels
        for name in layer.variables
    }
    moments = compute(*(_moments(array) for array in arrays.values()))
    counts = compute(
        *(
            _counts(array, low, high)
            for array, (_, _, low, high, _, _) in zip(arrays.values(), moments, strict=True)
        )
    )
    found: dict[str, dict[str, Any]] = {}
    for (level, name), array, states, fine in zip(
        arrays, arrays.values(), moments, counts, strict=True
    ):
        found.setdefault(level, {})[name] = _described(array.dtype, states, fine)
    return found


def _moments(array: xr.DataArray) -> Any:
    """Return, lazily, the numbers of cells and of valid ones, their extremes, mean and spread."""
    return fold_blocks(
        _block_moments, array.data, combine=_merged_moments, finalize=_as_it_is,
        name="moments", shape=(6,), dtype=np.float64, cell_type=cell_type_of(array),
    )  # fmt: skip


def _valid(block: NDArray[Any], cell_type: CellType) -> NDArray[np.float64]:
    cells = block[~cell_type.is_nodata(block)].astype(np.float64)
    return cells[np.isfinite(cells)]


def _block_moments(
    block: NDArray[Any], *, origin: tuple[int, ...], cell_type: CellType
) -> NDArray[np.float64]:
    cells = _valid(block, cell_type)
    if not cells.size:
        return np.array([block.size, 0, np.inf, -np.inf, 0, 0], np.float64)
    # Squares of the largest floats are infinite: such a spread isn't told.
    with np.errstate(over="ignore", invalid="ignore"):
        mean = cells.mean()
        spread = ((cells - mean) ** 2).sum()
    return np.array([block.size, cells.size, cells.min(), cells.max(), mean, spread])


def _merged_moments(states: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    total, n, low, high, mean, spread = np.stack(states).T
    valid = n.sum()
    if not valid:
        return np.array([total.sum(), 0, np.inf, -np.inf, 0, 0], np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        centre = (n * mean).sum() / valid
        around = (spread + n * (mean - centre) ** 2).sum()
    return np.array([total.sum(), valid, low.min(), high.max(), centre, around])


def _as_it_is(state: NDArray[Any], **_: object) -> NDArray[Any]:
    return state


def _counts(array: xr.DataArray, low: float, high: float) -> Any:
    """Return, lazily, how many cells are in each fine bin from the lowest to the highest."""
    return fold_blocks(
        _block_counts, array.data, combine=_merged_counts, finalize=_as_it_is,
        name="counts", shape=(FINE,), dtype=np.int64, cell_type=cell_type_of(array),
        low=float(low), width=_width(array.dtype, low, high),
    )  # fmt: skip


def _width(dtype: np.dtype[Any], low: float, high: float) -> float:
    """Return the width of a fine bin, that of whole numbers where integers allow it."""
    if not low < high:
        return 1.0
    return max(1.0, (high - low) / (FINE - 1)) if dtype.kind in "biu" else (high - low) / FINE


def _block_counts(
    block: NDArray[Any], *, origin: tuple[int, ...], cell_type: CellType, low: float, width: float
) -> NDArray[np.int64]:
    places = ((_valid(block, cell_type) - low) / width).astype(np.int64)
    return np.bincount(np.clip(places, 0, FINE - 1), minlength=FINE)


def _merged_counts(states: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    total: NDArray[np.int64] = np.sum(states, axis=0)
    return total


def _described(
    dtype: np.dtype[Any], moments: NDArray[np.float64], fine: NDArray[np.int64]
) -> dict[str, Any]:
    total, valid, low, high, mean, spread = (float(number) for number in moments)
    names = ["min", "max", "mean", "std", *(f"p{p}" for p in PERCENTILES)]
    if not valid:
        return {**dict.fromkeys(names, None), "valid": 0.0, "histogram": None}
    width = _width(dtype, low, high)
    whole = dtype.kind in "biu" and width == 1
    values = [low, high, mean, (spread / valid) ** 0.5]
    values += _percentiles(fine, low, high, width, whole=whole)
    return {
        **dict(zip(names, rounded(values, low=low, high=high), strict=True)),
        "valid": round(valid / total, 4),
        "histogram": _histogram(fine, low, high, width, whole=whole),
    }


def _percentiles(
    fine: NDArray[np.int64], low: float, high: float, width: float, *, whole: bool
) -> list[float]:
    """Return percentiles as `numpy.percentile` does: between two ranks in proportion."""
    ends = np.cumsum(fine)
    inside = 0.0 if whole else 0.5

    def cell(rank: int) -> float:
        at = int(np.searchsorted(ends, rank, side="right"))
        return min(low + (at + inside) * width, high)

    found = []
    for percent in PERCENTILES:
        rank = percent / 100 * (int(ends[-1]) - 1)
        below = cell(int(rank))
        found.append(below + (rank - int(rank)) * (cell(ceil(rank)) - below))
    return found


def _histogram(
    fine: NDArray[np.int64], low: float, high: float, width: float, *, whole: bool
) -> dict[str, Any]:
    """Return counts of single values where there are few, otherwise of equal bins."""
    there = np.flatnonzero(fine)
    if whole and there.size <= BINS:
        values = [int(low) + int(at) for at in there]
        return {"values": values, "counts": fine[there].tolist()}
    if not low < high:
        return {"values": [low], "counts": [int(fine.sum())]}
    per_bin = ceil((int(there[-1]) + 1) / BINS) if whole else FINE // BINS
    counts = fine[: per_bin * BINS].reshape(BINS, per_bin).sum(axis=1)
    last = low + per_bin * BINS * width
    return {"edges": [low, last if whole else high], "counts": counts.tolist()}
