"""A cube as it is explored: coarser levels to begin with, and no block computed twice."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.explore.blocks import BlockCache
from xcube_tiles.render.cube import CubeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject

COARSE_EDGE = 1024
"""Cells of the longer edge of the coarsest level: it fills a map once."""


class MapSource(CubeSource):
    """A cube as the source of a live map.

    Parameters
    ----------
    cube
        As for `CubeSource`.

    Notes
    -----
    A cube of more than 1024 cells along an edge gets coarser levels, each the cells nearest to the
    middles of its own; a map that shows all of the cube would have to hold all of it otherwise.
    What dask computes is kept, in the blocks of the dask array, up to 512 MiB.
    """

    __slots__ = ("_all", "_cache")

    def __init__(self, cube: XarrayObject | xr.DataTree) -> None:
        super().__init__(cube)
        self._all = (*self._geoboxes, *_coarser(self._geoboxes[-1]))
        self._cache = BlockCache()

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grid of each level, the finest first."""
        return self._all

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        """Return the cells of a window, shape (rows, cols)."""
        stored = min(level, len(self._levels) - 1)
        array = self._levels[stored].variables[variable]
        if array.ndim > 2:
            array = array[time]
        if level > stored:
            return self._read_coarse(array, (variable, level, time))[rows, cols]
        if array.chunks is None:
            return np.asarray(array[rows, cols].data)
        return self._read_blocks(array, (variable, level, time), rows, cols)

    def _read_coarse(self, array: xr.Variable, key: tuple[str, int, int | None]) -> NDArray[Any]:
        """Return a whole coarser level; it is small."""
        shape = self._all[key[1]].shape
        at = [_middles(many, few) for many, few in zip(array.shape, shape, strict=True)]
        return self._cache.get(key, lambda: np.array(array[at[0], at[1]].data))

    def _read_blocks(
        self,
        array: xr.Variable,
        key: tuple[str, int, int | None],
        rows: slice,
        cols: slice,
    ) -> NDArray[Any]:
        assert array.chunks is not None
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        cells = np.empty(shape, dtype=array.dtype)
        for row, high in _touched(array.chunks[0], rows):
            for col, wide in _touched(array.chunks[1], cols):
                block = self._cache.get(
                    (*key, row, col),
                    lambda part=array[high, wide]: np.array(part.data),  # type: ignore[misc]
                )
                _put(cells, block, (rows.start, cols.start), (high.start, wide.start))
        return cells


def _coarser(finest: GeoBox) -> Iterator[GeoBox]:
    """Yield grids of the same ground, each half as fine, until one is small."""
    affine, (height, width) = finest.affine, finest.shape
    rows, cols = height, width
    while max(rows, cols) > COARSE_EDGE:
        rows, cols = max(1, rows // 2), max(1, cols // 2)
        steps = affine.a * width / cols, affine.e * height / rows
        grid = Affine(steps[0], 0.0, affine.c, 0.0, steps[1], affine.f)
        yield GeoBox((rows, cols), grid, finest.crs)


def _middles(many: int, few: int) -> NDArray[np.intp]:
    """Return which of many cells holds the middle of each of few."""
    return ((np.arange(few) + 0.5) * many / few).astype(np.intp)


def _touched(sizes: tuple[int, ...], window: slice) -> Iterator[tuple[int, slice]]:
    """Yield number and cells of the blocks along one axis that a window touches."""
    edges = list(accumulate(sizes, initial=0))
    first = bisect_right(edges, window.start) - 1
    for number, (start, stop) in enumerate(pairwise(edges)):
        if number >= first and start < window.stop and stop > start:
            yield number, slice(start, stop)


def _put(
    cells: NDArray[Any],
    block: NDArray[Any],
    corner: tuple[int, int],
    at: tuple[int, int],
) -> None:
    """Copy the part of a block that lies in a window; both corners count in cells of the level."""
    into, out = [], []
    for size, length, start, begins in zip(cells.shape, block.shape, corner, at, strict=True):
        low, high = max(start, begins), min(start + size, begins + length)
        into.append(slice(low - start, high - start))
        out.append(slice(low - begins, high - begins))
    cells[into[0], into[1]] = block[out[0], out[1]]
