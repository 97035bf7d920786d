"""Windows of cells on their way into a layer: all levels of them, cut along its shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from xcube_tiles.catalog.format.shards import whole_shards
from xcube_tiles.catalog.pyramids.pyramid import SHARD, levels_on
from xcube_tiles.cube.blocks import from_reader, map_windows
from xcube_tiles.cube.blocks.storing import ReportingTarget
from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Sequence

    import zarr
    from numpy.typing import NDArray

    from xcube_tiles.catalog.growing.fitting import Window
    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.grid.celltype import CellType


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Cells of one variable that go to a window of a layer."""

    variable: str
    """Name of the variable."""

    cells: xr.DataArray = field(repr=False)
    """The cells, with NoData where there is none; the last dimensions are (y, x)."""

    window: Window
    """Rows and columns of the base that the cells cover."""

    start: int
    """Position of the first slice along the leading dimension; 0 for variables without."""

    over: Sequence[Window] | None = None
    """What of the base is replaced; None: the whole window. Elsewhere the layer's cells stay."""

    keeps: bool = False
    """Whether the layer has cells there already: those beside the window take part in coarser
    ones."""

    valid_only: bool = False
    """Whether NoData replaces nothing."""


def outer_chunks(array: zarr.Array[Any]) -> tuple[int, ...]:
    """Return the shape of the objects that an array is stored in."""
    return tuple(array.shards or array.chunks)


def block_edge(layer: Layer, variable: str) -> int:
    """Return the edge of the blocks in which levels are computed: whole shards of the base."""
    edge = outer_chunks(layer.array(variable, 0))[-1]
    return edge * max(1, SHARD // edge)


def factors(layer: Layer) -> list[int]:
    """Return how many cells of the base a cell of each level has along an edge."""
    return [round(box.affine.a / layer.geoboxes[0].affine.a) for box in layer.geoboxes]


def coarse(window: Window, factor: int) -> Window:
    """Return the rows and columns of a coarser level that a window touches."""
    rows, cols = (slice(part.start // factor, -(-part.stop // factor)) for part in window)
    return rows, cols


def patched_levels(layer: Layer, patch: Patch) -> list[Any]:
    """Return the lazy cells of a patch at all levels, each of the rows and columns it touches.

    Coarser cells are computed from the patch and, where it doesn't fill them, from the cells around
    it that the layer has; no others are read.
    """
    block, count = block_edge(layer, patch.variable), factors(layer)
    whole = coarse(patch.window, count[-1])
    around = tuple(slice(part.start * count[-1], part.stop * count[-1]) for part in whole)
    rows, cols = (
        slice(part.start, min(part.stop, size))
        for part, size in zip(around, layer.shape_of(0), strict=True)
    )
    boxes = []
    for box, factor in zip(layer.geoboxes, count, strict=True):
        boxes.append(box[tuple(slice(p.start // factor, p.stop // factor) for p in around)])
    base = _framed(layer, patch, (rows, cols), block)
    array = xr.DataArray(base, dims=patch.cells.dims, attrs=patch.cells.attrs)
    shape = (rows.stop - rows.start, cols.stop - cols.start)
    cube = assign_geobox(array.to_dataset(name=patch.variable), boxes[0][: shape[0], : shape[1]])
    levels = levels_on(
        cube, boxes, layer.metadata["resampling"], layer.metadata.get("min_valid", 0.0), block
    )[patch.variable]
    return [
        _cut_out(array, coarse(around, factor), coarse(patch.window, factor), edge)  # type: ignore[arg-type]
        for array, factor, edge in zip(levels, count, _edges(layer, patch), strict=True)
    ]


def _edges(layer: Layer, patch: Patch) -> list[int]:
    """Return the edges of the blocks that are written at each level."""
    edges = [outer_chunks(layer.array(patch.variable, level.number))[-2:] for level in layer.levels]
    # A patch on cells that are there is cut into single shards, so that no more are written.
    return [max(edge) if patch.keeps else max(edge) * max(1, SHARD // max(edge)) for edge in edges]


def cuts(part: slice, edge: int) -> tuple[int, ...]:
    """Return the sizes of the pieces of a range that is cut at multiples of a number.

    Examples
    --------
    >>> cuts(slice(3, 9), 4)
    (1, 4, 1)
    """
    inner = range(-(-(part.start + 1) // edge) * edge, part.stop, edge)
    return tuple(b - a for a, b in pairwise([part.start, *inner, part.stop]))


def _cut_out(array: Any, around: Window, window: Window, edge: int) -> Any:
    """Return the part of a level that a patch touches, in blocks that end where shards do."""
    heights, widths = (cuts(part, edge) for part in window)
    tops, lefts = (
        np.cumsum([part.start - outer.start, *sizes]).tolist()
        for part, outer, sizes in zip(window, around, (heights, widths), strict=True)
    )
    return map_windows(
        _as_it_is,
        array,
        chunks=(heights, widths),
        windows=partial(_between, tops, lefts),
        name="patch-level",
        dtype=array.dtype,
    )


def _between(tops: list[int], lefts: list[int], i: int, j: int) -> Window:
    return slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1])


def _as_it_is(piece: NDArray[Any], *, block: tuple[int, int]) -> NDArray[Any]:
    return piece


def _framed(layer: Layer, patch: Patch, around: Window, block: int) -> Any:
    """Return the cells of a patch within those around it."""
    lead = dict.fromkeys(patch.cells.dims[:-2], 1)
    cells = patch.cells
    data = cells.data
    if cells.chunks is None:
        data = cells.chunk({**lead, "y": block, "x": block}).data
    back = _background(layer, patch, around, data)
    (top, bottom), (left, right) = (
        (part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(patch.window, around, strict=True)
    )
    if patch.valid_only or patch.over is not None:
        data = _overlaid(data, back[..., top:bottom, left:right], layer, patch, block)
    middle = [back[..., top:bottom, :left], data, back[..., top:bottom, right:]]
    bands = [back[..., :top, :], _joined(middle, -1), back[..., bottom:, :]]
    return _joined(bands, -2)


def _joined(parts: list[Any], axis: int) -> Any:
    """Join arrays along an axis, empty ones left out."""
    filled = [part for part in parts if part.shape[axis]]
    return filled[0] if len(filled) == 1 else da.concatenate(filled, axis=axis)


def _background(layer: Layer, patch: Patch, around: Window, data: Any) -> Any:
    lead = data.shape[:-2]
    if patch.keeps:
        array = layer.array(patch.variable, 0)
        edges = outer_chunks(array)[-2:]
        lazy = from_reader(
            _Reader(array),
            shape=array.shape,
            chunks=(*(1,) * len(lead), *edges),
            dtype=array.dtype,
            name=f"present-{layer.name}",
            token=(str(layer.group.store_path), array.path, layer.metadata.get("revision")),
        )
        if lead:
            lazy = lazy[patch.start : patch.start + lead[0]]
        return lazy[(..., *around)]
    shape = tuple(part.stop - part.start for part in around)
    nodata = layer.cell_type(patch.variable).nodata
    chunks = (*data.chunks[:-2], *(cuts(slice(0, size), SHARD) for size in shape))
    return da.full(
        (*lead, *shape), 0 if nodata is None else nodata, dtype=data.dtype, chunks=chunks
    )


class _Reader:
    """Reads slices of a Zarr array."""

    __slots__ = ("array",)

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.array = array

    def __call__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        return np.asarray(self.array[index])


def _overlaid(data: Any, back: Any, layer: Layer, patch: Patch, block: int) -> Any:
    """Return the cells of a patch where they replace those that are there, which stay elsewhere."""
    rows, cols = patch.window
    chunks = (cuts(rows, block), cuts(cols, block))
    tops, lefts = (np.cumsum([0, *sizes]).tolist() for sizes in chunks)
    over = None
    if patch.over is not None:
        over = tuple(
            ((each[0].start - rows.start, each[0].stop - rows.start),
             (each[1].start - cols.start, each[1].stop - cols.start))
            for each in patch.over
        )  # fmt: skip
    return map_windows(
        _overlay,
        data,
        back,
        chunks=chunks,
        windows=partial(_between, tops, lefts),
        name="overlay",
        dtype=data.dtype,
        corners=(tuple(tops), tuple(lefts)),
        over=over,
        cell_type=layer.cell_type(patch.variable) if patch.valid_only else None,
    )


def _overlay(
    fresh: NDArray[Any],
    present: NDArray[Any],
    *,
    block: tuple[int, int],
    corners: tuple[tuple[int, ...], tuple[int, ...]],
    over: tuple[tuple[tuple[int, int], tuple[int, int]], ...] | None,
    cell_type: CellType | None,
) -> NDArray[Any]:
    taken = np.full(fresh.shape, over is None)
    top, left = (starts[at] for starts, at in zip(corners, block, strict=True))
    for rows, cols in over or ():
        low, high = (max(0, row - top) for row in rows)
        first, last = (max(0, col - left) for col in cols)
        taken[..., low:high, first:last] = True
    if cell_type is not None:
        taken &= ~cell_type.is_nodata(fresh)
    return np.where(taken, fresh, present)


class Overlaid:
    """Keeps blocks in new objects of an array; what of an object isn't in a block is copied.

    The present object stays as it is, for those who read it.
    """

    __slots__ = ("array", "present")

    def __init__(self, array: zarr.Array[Any], present: zarr.Array[Any]) -> None:
        self.array, self.present = array, present

    def __setitem__(self, region: tuple[slice, ...], block: NDArray[Any]) -> None:
        """Keep a block; no other one may be in its objects."""
        self.store_block(region, block)

    def store_block(self, region: tuple[slice, ...], block: NDArray[Any]) -> object:
        """Keep a block; return what the array reports of it, if it does."""
        outer = tuple(
            slice(part.start // size * size, min(-(-part.stop // size) * size, length))
            for part, size, length in zip(
                region, outer_chunks(self.array), self.array.shape, strict=True
            )
        )
        cells = block
        if outer != region:
            cells = np.array(self.present[outer])
            inner = (
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(region, outer, strict=True)
            )
            cells[tuple(inner)] = block
        if isinstance(self.array, ReportingTarget):
            return self.array.store_block(outer, cells)
        whole_shards(self.array)[outer] = cells
        return None
