"""Metadata of rasters: where they have values, and how these are distributed."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.errors import CollectionError
from xcube_tiles.sources.decoding import decodings
from xcube_tiles.sources.footprint import bounds_wgs84, corners_of, footprint, hull_points
from xcube_tiles.sources.progress import with_progress
from xcube_tiles.sources.quantiles import IN_MEMORY, percentiles
from xcube_tiles.sources.raster import RasterStatistics
from xcube_tiles.sources.reading import part_of, read_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.keys import KeyValue
    from xcube_tiles.sources.raster import Raster
    from xcube_tiles.sources.reading import Part

_BLOCK_CELLS = 2**22
"""Cells read at a time, about; whole blocks of the file."""


class Moments(NamedTuple):
    """Count, mean and spread of some values, to be merged with those of others."""

    number: int
    mean: float
    squares: float
    """Sum of squared differences from the mean."""
    minimum: float
    maximum: float

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both sets of values.

        Notes
        -----
        Chan, Golub and LeVeque (1979), *Updating formulae and a pairwise algorithm for computing
        sample variances*.
        """
        if not self.number or not other.number:
            return other if not self.number else self
        number = self.number + other.number
        delta = other.mean - self.mean
        return Moments(
            number,
            self.mean + delta * other.number / number,
            self.squares + other.squares + delta**2 * self.number * other.number / number,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


def moments_of(values: NDArray[Any]) -> Moments:
    """Return the moments of 1-D finite values, computed in float64."""
    if not values.size:
        return Moments(0, 0.0, 0.0, math.inf, -math.inf)
    wide = values.astype(np.float64)
    mean = float(wide.mean())
    squares = float(np.square(wide - mean).sum())
    return Moments(values.size, mean, squares, float(wide.min()), float(wide.max()))


def statistics_of(
    rasters: Sequence[Raster],
    headers: Mapping[str, RasterHeader],
    *,
    storage: Mapping[str, Any] | None,
    workers: int | None,
    progress: bool | None,
) -> dict[tuple[KeyValue, ...], RasterStatistics]:
    """Compute the statistics of rasters, several at a time; by the values of their keys."""
    threads = workers if workers is not None else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise CollectionError(f"workers must be a positive number, got {workers!r}")
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda row: raster_statistics(row, headers[row.path], storage), rasters)
        shown = with_progress(found, total=len(rasters), label="statistics", show=progress)
        return {tuple(row.keys.values()): one for row, one in zip(rasters, shown, strict=True)}


def raster_statistics(
    raster: Raster, header: RasterHeader, storage: Mapping[str, Any] | None = None
) -> RasterStatistics:
    """Compute the statistics of one raster, block by block.

    Raises
    ------
    CollectionError
        The file doesn't have the raster's band, or changed since its header was read.
    """
    _, band = header.band(raster.raster_band)
    [decoding] = decodings([band], scaled=True, needs_nodata=False, variable=str(raster))
    cells = _Cells(part_of(raster, header, decoding), header, storage)
    merged, points = cells.summary()
    if not merged.number:
        return RasterStatistics(
            bounds=bounds_wgs84(header.geobox),
            footprint=None,
            valid_share=0.0,
            minimum=None,
            maximum=None,
            mean=None,
            std=None,
            percentiles=None,
        )
    return RasterStatistics(
        bounds=bounds_wgs84(header.geobox),
        footprint=footprint(points, header.geobox),
        valid_share=merged.number / math.prod(header.geobox.shape),
        minimum=merged.minimum,
        maximum=merged.maximum,
        mean=merged.mean,
        std=math.sqrt(merged.squares / merged.number),
        percentiles=percentiles(
            cells.values,
            count=merged.number,
            dtype=decoding.target.dtype,
            in_memory=IN_MEMORY,
        ),
    )


class _Cells:
    """The valid cells of a raster, block by block; kept if they are few, else read again."""

    def __init__(self, part: Part, header: RasterHeader, storage: Mapping[str, Any] | None) -> None:
        self._part, self._header, self._storage = part, header, storage
        self._kept: list[NDArray[Any]] | None = []

    def summary(self) -> tuple[Moments, NDArray[np.float64]]:
        """Return moments, and points whose convex hull is the footprint."""
        moments, points = [], []
        for row, col, block in self._blocks():
            valid = self._valid(block)
            values = block[valid]
            moments.append(moments_of(values))
            points.append(hull_points(valid, row, col))
            self._keep(values)
        return reduce(Moments.merged, moments), corners_of(np.concatenate(points))

    def values(self) -> Iterator[NDArray[Any]]:
        """Yield the valid cells of each block."""
        if self._kept is not None:
            yield from self._kept
            return
        for _, _, block in self._blocks():
            yield block[self._valid(block)]

    def _keep(self, values: NDArray[Any]) -> None:
        if self._kept is None:
            return
        self._kept.append(values)
        if sum(kept.size for kept in self._kept) > IN_MEMORY:
            self._kept = None

    def _valid(self, block: NDArray[Any]) -> NDArray[np.bool_]:
        valid = ~self._part.decoding.target.is_nodata(block)
        return valid & np.isfinite(block) if block.dtype.kind == "f" else valid

    def _blocks(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        height, width = self._header.geobox.shape
        own = self._header.bands[self._part.number - 1].block_shape
        wide = min(width, max(own.width, 4096 // own.width * own.width))
        tall = max(own.height, _BLOCK_CELLS // wide // own.height * own.height)
        for row in range(0, height, tall):
            rows = slice(row, min(row + tall, height))
            for col in range(0, width, wide):
                cols = slice(col, min(col + wide, width))
                yield (
                    row,
                    col,
                    read_window(
                        self._part, rows, cols, shape=(height, width), options=self._storage
                    ),
                )
