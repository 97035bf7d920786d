"""One block of a focal statistic: its planes, strip by strip, through the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.algebra.focal.table import statistic_named
from xcube_tiles.errors import NoDataCollisionError
from xcube_tiles.kernels.focal import sums
from xcube_tiles.kernels.focal.window import Beyond, strips
from xcube_tiles.kernels.nodata import as_cells, is_valid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.table import FocalStatistic
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.kernels.focal.window import Edge, Margins


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is computed of each plane."""

    statistic: str
    """Name of the row of the table."""

    mask: NDArray[np.bool_]
    """Cells of the neighbourhood."""

    source: CellType
    """Cell type of the planes."""

    computed: CellType
    """Cell type of the statistic."""

    result: CellType
    """Cell type of the block: that of the statistic, or one that holds copies of cells too."""

    edge: Edge
    """What lies beyond the raster."""

    constant: float | None
    """The cell beyond the raster, where it is one."""

    min_count: int
    """Valid cells that a result needs."""

    skipna: bool
    """Whether NoData cells are skipped; else one of them makes the result NoData."""

    target: str
    """Cells that are computed; others are copied."""

    params: tuple[tuple[str, Any], ...]
    """Options of the kernel."""

    @property
    def row(self) -> FocalStatistic:
        """Row of the table."""
        return statistic_named(self.statistic)

    @property
    def depth(self) -> tuple[int, int]:
        """Rims that windows have at the top and bottom, and at the left and right."""
        return self.mask.shape[0] // 2, self.mask.shape[1] // 2


class _Cells(NamedTuple):
    """Cells as kernels see them; another dtype than the plane's where no number is free."""

    dtype: np.dtype[Any]
    """Data type of windows."""

    nodata: Any
    """The number that means NoData."""

    masked: bool
    """Whether there is such a number."""

    fill: Any
    """The cell beyond the raster."""


def focal_block(window: NDArray[Any], *, margins: Margins, job: Job) -> NDArray[Any]:
    """Compute a focal statistic of a block.

    Parameters
    ----------
    window
        The block with rims, shape (..., h, w), of the cell type `job.source`.
    margins
        Cells of rim at the top, bottom, left and right; less than the depth where the raster ends.
    job
        What is computed.
    """
    top, bottom, left, right = margins
    cells = as_cells(window)
    shape = (cells.shape[-2] - top - bottom, cells.shape[-1] - left - right)
    result = np.empty((*cells.shape[:-2], *shape), job.result.dtype)
    out = result.view(np.uint8) if result.dtype == bool else result
    planes, blocks = cells.reshape(-1, *cells.shape[-2:]), out.reshape(-1, *shape)
    for plane, block in zip(planes, blocks, strict=True):
        _fill_plane(plane, margins, job, block)
    return result


def _fill_plane(plane: NDArray[Any], margins: Margins, job: Job, out: NDArray[Any]) -> None:
    padded = margins != (job.depth[0], job.depth[0], job.depth[1], job.depth[1])
    cells = _cells(plane, job, padded=padded)
    row = job.row
    dtype = cells.dtype if row.result == "cells" else job.computed.dtype
    missing = _missing(job, cells, dtype)
    beyond = Beyond(job.edge, cells.fill)
    inside = _inside(plane, margins, job, cells.dtype) if padded and not job.skipna else None
    for rows, window in strips(plane, margins, job.depth, beyond, cells.dtype):
        direct = dtype == out.dtype and job.target == "all"
        part = out[rows] if direct else np.empty((rows.stop - rows.start, out.shape[1]), dtype)
        row.kernel(window, job.mask, cells.nodata, cells.masked, missing, part, **dict(job.params))
        if job.min_count > 1 or not job.skipna:
            needed = None if inside is None else inside[rows]
            part[_too_few(window, job, cells, needed)] = missing
        if not direct:
            _place(window, part, job, cells, out[rows])


def _cells(plane: NDArray[Any], job: Job, *, padded: bool) -> _Cells:
    dtype, number = plane.dtype, job.source.nodata
    if job.edge == "constant":
        fill = dtype.type(job.constant)
    else:
        fill = dtype.type(np.nan if dtype.kind == "f" else number or 0)
    if number is not None and not np.isnan(number):
        return _Cells(dtype, dtype.type(number), True, fill)
    if dtype.kind == "f" or job.edge != "clip" or not padded:
        return _Cells(dtype, dtype.type(0), False, fill)
    dtype, free = _free_number(plane)
    return _Cells(dtype, dtype.type(free), True, dtype.type(free))


def _free_number(plane: NDArray[Any]) -> tuple[np.dtype[Any], int]:
    """Return a number that no cell has, and a dtype that holds it and the cells.

    Integers without NoData need one for what isn't there: beyond the raster.
    """
    limits, low, high = np.iinfo(plane.dtype), int(plane.min()), int(plane.max())
    if low > limits.min:
        return plane.dtype, low - 1
    if high < limits.max:
        return plane.dtype, high + 1
    if plane.itemsize < 8:
        wide = np.dtype(f"i{2 * plane.itemsize}")
        return wide, int(np.iinfo(wide).min)
    values = np.unique(plane)
    gap = int(np.flatnonzero(values[1:] - values[:-1] != 1)[0])
    return plane.dtype, int(values[gap]) + 1


def _missing(job: Job, cells: _Cells, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        number = job.computed.nodata
        return dtype.type(np.nan if number is None else number)
    if job.row.result == "cells":
        return cells.nodata
    return dtype.type(job.computed.nodata or 0)


def _inside(
    plane: NDArray[Any], margins: Margins, job: Job, dtype: np.dtype[Any]
) -> NDArray[np.int32] | None:
    """Count the cells of neighbourhoods that lie in the raster, with a value or without."""
    if job.edge != "clip":
        return None
    top, bottom, left, right = margins
    shape = (plane.shape[0] - top - bottom, plane.shape[1] - left - right)
    counts = np.empty(shape, np.int32)
    zero = dtype.type(0)
    ones = np.ones(plane.shape, dtype)
    for rows, window in strips(ones, margins, job.depth, Beyond("clip", zero), dtype):
        sums.count(window, job.mask, zero, True, np.int32(0), counts[rows])
    return counts


def _too_few(
    window: NDArray[Any], job: Job, cells: _Cells, inside: NDArray[np.int32] | None
) -> NDArray[np.bool_]:
    """Return where neighbourhoods have fewer valid cells than results need."""
    height, width = window.shape[0] - 2 * job.depth[0], window.shape[1] - 2 * job.depth[1]
    counts = np.empty((height, width), np.int32)
    sums.count(window, job.mask, cells.nodata, cells.masked, np.int32(0), counts)
    few = counts < job.min_count
    if not job.skipna:
        few |= counts < (job.mask.sum() if inside is None else inside)
    return np.asarray(few)


def _place(
    window: NDArray[Any], part: NDArray[Any], job: Job, cells: _Cells, out: NDArray[Any]
) -> None:
    """Write results in the cell type of the block; those that aren't targets are copies."""
    out[...] = part
    if part.dtype.kind != "f" and job.computed.nodata is not None:
        out[part == part.dtype.type(job.computed.nodata)] = job.result.nodata
    if job.target == "all":
        return
    height, width = out.shape
    focus = window[job.depth[0] :, job.depth[1] :][:height, :width]
    gone = ~is_valid(focus, cells.nodata if cells.masked else None)
    copied = gone if job.target == "data" else ~gone
    out[copied] = focus[copied]
    if job.result.nodata is not None:
        if (focus[copied & ~gone] == job.result.nodata).any():
            raise NoDataCollisionError(
                f"a cell of {job.result.nodata} can't be copied among results of {job.row.name!r}, "
                "where that number means NoData; leave target='all', or convert the cells first: "
                "cube.tiles.convert('float64')"
            )
        out[copied & gone] = job.result.nodata
