"""The nearest target of every cell in its own column, over all blocks above and below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.algebra.distance.targets import is_target
from xcube_tiles.cube.blocks import map_shared
from xcube_tiles.kernels.distance.euclidean import NONE, column_offsets
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Origin = tuple[int, int]


class _Ends(NamedTuple):
    """The first or last target of every column, (x)."""

    rows: NDArray[np.int64]
    """Row in the raster, -1 where there is none."""

    values: NDArray[Any]


def column_targets(
    data: Any,
    *,
    nodata: float | None,
    targets: tuple[int | float, ...] | None,
    values: np.dtype[Any] | None,
) -> Any:
    """Return how far down the nearest target in each cell's column is.

    Parameters
    ----------
    data
        Cells (..., y, x), numpy or dask.
    nodata, targets
        What makes a cell a target.
    values
        Dtype of the values of targets if they are wanted, too; None: they aren't.

    Returns
    -------
    int32, as `kernels.distance.euclidean.column_offsets`; with values a record of `down` and
    `value`. Lazy if `data` is.
    """
    dtype: np.dtype[Any] = np.dtype(np.int32)
    if values is not None:
        dtype = np.dtype([("down", np.int32), ("value", values)])
    return map_shared(
        _find, _share, _fill, data, name="column-targets", dtype=dtype,
        nodata=nodata, targets=targets, record=dtype,
    )  # fmt: skip


def _find(
    block: NDArray[Any],
    *,
    origin: Origin,
    shape: tuple[int, int],
    nodata: float | None,
    targets: tuple[int | float, ...] | None,
    record: np.dtype[Any],
) -> tuple[Any, tuple[_Ends, _Ends]]:
    cells = as_cells(block)
    hits = is_target(cells, nodata, targets)
    first = hits.argmax(axis=0)
    last = len(hits) - 1 - hits[::-1].argmax(axis=0)
    none, cols = ~hits.any(axis=0), np.arange(cells.shape[1])
    ends = tuple(
        _Ends(np.where(none, -1, rows + origin[0]), cells[rows, cols]) for rows in (first, last)
    )
    # The values are read again only where they are wanted.
    return (hits, cells if record.names else None, origin[0]), (ends[0], ends[1])


def _share(
    summaries: Sequence[tuple[Origin, tuple[_Ends, _Ends]]], **_: object
) -> dict[Origin, tuple[_Ends, _Ends]]:
    """Give each block the nearest target above it, and below it, of every column."""
    above: dict[Origin, _Ends] = {}
    below: dict[Origin, _Ends] = {}
    for towards, order, end in ((above, summaries, 1), (below, summaries[::-1], 0)):
        nearest: dict[int, _Ends] = {}
        for origin, summary in order:
            own = summary[end]
            before = nearest.get(origin[1])
            if before is None:
                before = _Ends(np.full_like(own.rows, -1), own.values)
            towards[origin] = before
            hit = own.rows >= 0
            nearest[origin[1]] = _Ends(
                np.where(hit, own.rows, before.rows), np.where(hit, own.values, before.values)
            )
    return {origin: (above[origin], below[origin]) for origin in above}


def _fill(
    kept: tuple[NDArray[np.bool_], NDArray[Any] | None, int],
    shared: tuple[_Ends, _Ends],
    *,
    record: np.dtype[Any],
    **_: object,
) -> NDArray[Any]:
    hits, cells, top = kept
    rims = [np.where(end.rows < 0, NONE, end.rows - top).astype(np.int32) for end in shared]
    down = column_offsets(hits, rims[0], rims[1])
    if cells is None:
        return down
    rows, cols = np.ogrid[: down.shape[0], : down.shape[1]]
    at = np.where(down == NONE, 0, down + rows)
    inside = np.clip(at, 0, len(hits) - 1)
    sites = np.empty(down.shape, record)
    sites["down"] = down
    outside = np.where(at < 0, shared[0].values, shared[1].values)
    sites["value"] = np.where(inside == at, cells[inside, cols], outside)
    return sites
