"""Cells of a layer, read when they are needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.catalog.building.holes import cuts, has_holes
from xcube_tiles.catalog.format.direct import direct_reader
from xcube_tiles.catalog.reading.place import Window
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.cube.warp import warp

if TYPE_CHECKING:
    import zarr
    from numpy.typing import NDArray

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.reading.place import Inside
    from xcube_tiles.catalog.reading.target import Target
    from xcube_tiles.grid.celltype import CellType

REACH = 4
"""Cells around a part that any interpolation needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellReader:
    """Reads cells of a variable; indices count from the part that was chosen."""

    layer: Layer
    array: zarr.Array[Any]
    """The variable at the level."""

    target: Target
    cells: CellType
    positions: tuple[tuple[int, ...], ...]
    """Positions chosen along each dimension before y and x."""

    corner: tuple[int, int]
    """First row and column that were chosen."""

    inside: Inside | None
    """Which cells are wanted; the others are NoData."""

    def __call__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        """Return a block; parts in which no cell is wanted aren't read."""
        at = tuple(chosen[part] for chosen, part in zip(self.positions, index[:-2], strict=True))
        rows, cols = (
            (part.start + first, part.stop + first)
            for part, first in zip(index[-2:], self.corner, strict=True)
        )
        window = Window(rows, cols)
        if self.inside is None:
            return self._read(at, window)
        wanted = self.inside(window)
        shape = (*(len(chosen) for chosen in at), *wanted.shape)
        block = np.full(shape, self.cells.nodata, self.cells.dtype)
        if wanted.any():
            part, tight = _tight(wanted, window)
            block[..., *part] = np.where(wanted[part], self._read(at, tight), block[..., *part])
        return block

    def _read(self, at: tuple[tuple[int, ...], ...], window: Window) -> NDArray[Any]:
        factor = self.target.factor
        if factor == 1:
            return self._raw(at, window)
        (top, bottom), (left, right) = window.rows, window.cols
        if self.target.method == "nearest":
            parent = parent_window(self.target, window, 0)
            block = self._raw(at, parent).repeat(factor, -2).repeat(factor, -1)
            rows, cols = top - parent.rows[0] * factor, left - parent.cols[0] * factor
            return block[..., rows : rows + bottom - top, cols : cols + right - left]
        return self._interpolated(at, window)

    def _interpolated(self, at: tuple[tuple[int, ...], ...], window: Window) -> NDArray[Any]:
        parent = parent_window(self.target, window, REACH)
        raw = self._raw(at, parent)
        dims = (*(f"dim_{number}" for number in range(raw.ndim - 2)), "y", "x")
        grid = self.target.level.geobox[slice(*parent.rows), slice(*parent.cols)]
        cube = set_cell_type(assign_geobox(xr.DataArray(raw, dims=dims), grid), self.cells)
        part = self.target.geobox[slice(*window.rows), slice(*window.cols)]
        return np.asarray(warp(cube, part, self.target.method).values)

    def _raw(self, at: tuple[tuple[int, ...], ...], window: Window) -> NDArray[Any]:
        space = slice(*window.rows), slice(*window.cols)
        block = self._direct(at, *space)
        if block is None and all(_are_consecutive(chosen) for chosen in at):
            leads = tuple(slice(chosen[0], chosen[-1] + 1) for chosen in at)
            block = np.asarray(self.array[(*leads, *space)])
        elif block is None:
            block = np.asarray(self.array.oindex[(*map(np.array, at), *space)])
        if has_holes(block, self.array, window.rows, window.cols):
            self.layer.check_current()
        return block

    def _direct(
        self, at: tuple[tuple[int, ...], ...], rows: slice, cols: slice
    ) -> NDArray[Any] | None:
        """Return a block that can be read without Zarr's pipeline, None if it can't."""
        reader = direct_reader(self.array)
        # Of longer chunks each position would decompress all.
        if reader is None or any(size > 1 for size in reader.chunk[:-2]):
            return None
        if reader.parts.waits and math.prod(map(len, at)) > 1:
            return None  # Zarr asks for all positions at once, this for one after another
        shape = (*map(len, at), rows.stop - rows.start, cols.stop - cols.start)
        block = np.empty(shape, self.array.dtype)
        for place in np.ndindex(shape[:-2]):
            lead = tuple(chosen[n] for chosen, n in zip(at, place, strict=True))
            cells = reader.read(lead, rows, cols)
            if cells is None:
                return None
            block[place] = cells
        return block


def parent_window(target: Target, window: Window, reach: int) -> Window:
    """Return the cells of a target's level that a window of the target is made of."""
    limits = (int(size) // target.factor for size in target.geobox.shape)
    rows, cols = (
        (
            max(first // target.factor - reach, 0),
            min(-(-last // target.factor) + reach, limit),
        )
        for (first, last), limit in zip((window.rows, window.cols), limits, strict=True)
    )
    return Window(rows, cols)


def _are_consecutive(chosen: tuple[int, ...]) -> bool:
    return chosen[-1] - chosen[0] == len(chosen) - 1


def _tight(wanted: NDArray[np.bool_], window: Window) -> tuple[tuple[slice, slice], Window]:
    """Return the smallest window around the cells wanted: in a block, and in the grid."""
    rows, cols = (np.flatnonzero(wanted.any(axis)) for axis in (1, 0))
    part = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
    spans = (
        (part.start + first, part.stop + first)
        for part, first in zip(part, (window.rows[0], window.cols[0]), strict=True)
    )
    return part, Window(*spans)


def lead_chunks(positions: tuple[int, ...], stored: int) -> tuple[int, ...]:
    """Return the lengths of blocks along a dimension: positions of one chunk stay together."""
    return tuple(len(list(group)) for _, group in groupby(positions, lambda at: at // stored))


def space_chunks(span: tuple[int, int], edge: int) -> tuple[int, ...]:
    """Return the lengths of blocks of an edge, counted from the beginning of the grid."""
    return tuple(part.stop - part.start for part in cuts(span, edge))
