"""Which values a window has, and how often: modes and medians of windows of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.kernels.pyramid.coarsen import coarsen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling


def value_tables(cells: NDArray[Any], edge: int, nodata: float | None) -> NDArray[Any]:
    """Return the different valid values of each window, ascending, and their counts.

    Returns
    -------
    ndarray
        Of objects, shape (..., ceil(y / edge), ceil(x / edge)): pairs (values, counts).
    """
    rows, cols = (-(-size // edge) for size in cells.shape[-2:])
    tables = np.empty((*cells.shape[:-2], rows, cols), object)
    for at in np.ndindex(*tables.shape):
        *lead, i, j = at
        window = cells[(*lead, slice(i * edge, (i + 1) * edge), slice(j * edge, (j + 1) * edge))]
        if nodata is not None:
            window = window[(window != cells.dtype.type(nodata)) & (window == window)]
        # Each NaN stays a value of its own, as it differs from itself.
        tables[at] = np.unique(window, return_counts=True, equal_nan=False)
    return tables


def merged_tables(tables: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return the tables of windows that are `factor` times larger."""
    rows, cols = (-(-size // factor) for size in tables.shape[-2:])
    merged = np.empty((*tables.shape[:-2], rows, cols), object)
    for at in np.ndindex(*merged.shape):
        *lead, i, j = at
        there = slice(i * factor, (i + 1) * factor), slice(j * factor, (j + 1) * factor)
        parts = tables[(*lead, *there)].ravel().tolist()
        values, place = np.unique(
            np.concatenate([values for values, _ in parts]), return_inverse=True, equal_nan=False
        )
        counts = np.zeros(values.size, np.int64)
        np.add.at(counts, place, np.concatenate([counts for _, counts in parts]))
        merged[at] = values, counts
    return merged


def table_cells(
    tables: NDArray[Any],
    *,
    method: PyramidResampling,
    dtype: np.dtype[Any],
    nodata: float | None,
    needed: int,
) -> NDArray[Any]:
    """Return the mode or median of each table.

    Parameters
    ----------
    tables
        As `value_tables` returns them.
    method
        ``mode`` or ``median``.
    dtype, nodata
        Of the cells.
    needed
        Least count of valid cells.
    """
    out = np.empty(tables.shape, dtype)
    for at in np.ndindex(*tables.shape):
        values, counts = tables[at]
        total = counts.sum()
        if total < needed:
            out[at] = nodata
        elif method == "mode":
            out[at] = values[np.argmax(counts)]
        else:
            last = np.cumsum(counts)
            middle = values[np.searchsorted(last, [(total - 1) // 2, total // 2], side="right")]
            # NaN, which comes last, undoes a median; there is one where nothing is NoData.
            pair = np.full(2, np.nan, dtype) if values[-1] != values[-1] else middle
            out[at] = coarsen(pair[None], factor=2, method="median", nodata=nodata).item()
    return out
