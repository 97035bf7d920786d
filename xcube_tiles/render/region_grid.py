"""The grid of an answer about a region: cells of a level, or any rectangle of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import RegionError, SizeLimitError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.render.pixels import checked_crs, middle_longitude
from xcube_tiles.render.references import filled_shape
from xcube_tiles.render.region import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from odc.geo.crs import CRS

    from xcube_tiles.render.source import TileSource

# Windows are widened to whole cells; an edge that close to one, in cells, lies on it.
_ON_EDGE = 1e-6
_ENDLESS = 1e15  # cells: more than any answer may have


def filled_grid(source: TileSource, level: int) -> GeoBox:
    """Return the grid of a level without the padding of layers."""
    height, width = filled_shape(source, level)
    return source.geoboxes[level][:height, :width]


def window_of(source: TileSource, level: int, region: Region) -> tuple[slice, slice]:
    """Return the rows and columns of a level that a region touches.

    Raises
    ------
    RegionError
        The region doesn't reach the source.
    """
    grid = filled_grid(source, level)
    near = region.near(grid)
    rows = cols = None
    if near is not None:
        bounds = near.bounds_in(checked_crs(grid), middle_longitude(grid))
        left, bottom, right, top = bounds
        affine, (height, width) = grid.affine, grid.shape
        cols = _span((left - affine.c) / affine.a, (right - affine.c) / affine.a, int(width))
        rows = _span((top - affine.f) / affine.e, (bottom - affine.f) / affine.e, int(height))
    if cols is None or rows is None:
        raise RegionError(
            f"the region {_shown(region.area.bounds)} ({region.crs}) doesn't reach the layer, "
            f"which has {_shown(grid.boundingbox.bbox)} (left, bottom, right, top in {grid.crs})"
        )
    return rows, cols


def _span(low: float, high: float, size: int) -> slice | None:
    first, last = math.floor(low + _ON_EDGE), math.ceil(high - _ON_EDGE)
    first, last = max(0, first), min(size, max(last, first + 1))
    return slice(first, last) if first < last else None


def _shown(bounds: Sequence[float]) -> str:
    return ", ".join(f"{edge:.10g}" for edge in bounds)


def level_for(source: TileSource, region: Region, max_size: int | None) -> int:
    """Return the finest level at which a region is at most so many cells large, or the coarsest.

    Parameters
    ----------
    source, region
        See `window_of`.
    max_size
        Cells along the longer edge; None: the finest level.
    """
    if max_size is None:
        return 0
    for level in range(len(source.geoboxes)):
        rows, cols = window_of(source, level, region)
        if max(rows.stop - rows.start, cols.stop - cols.start) <= max_size:
            return level
    return len(source.geoboxes) - 1


def check_pixels(height: int, width: int, most: int) -> None:
    """Raise SizeLimitError for a grid of too many cells."""
    if height * width > most:
        raise SizeLimitError(
            f"the answer would have {height} x {width} cells, and {most} are allowed: ask for a "
            "smaller region, or give max_size, width and height, or resolution"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large an answer is to be; all None: as detailed as the source."""

    width: int | None = None
    """Columns."""

    height: int | None = None
    """Rows."""

    max_size: int | None = None
    """Most cells along the longer edge, where neither width nor height is given."""

    resolution: float | None = None
    """Width and height of a cell, in units of the CRS of the answer."""

    def __post_init__(self) -> None:
        if self.resolution is not None:
            if self.width or self.height:
                raise RegionError("give a resolution, or width and height, not both")
            if not (math.isfinite(self.resolution) and self.resolution > 0):
                raise RegionError(f"a resolution is a positive number, got {self.resolution!r}")
        for name in ("width", "height", "max_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RegionError(f"{name} is at least 1, got {value!r}")


def region_grid(
    source: TileSource,
    region: Region,
    *,
    crs: CRS | None = None,
    size: Size | None = None,
    most: int,
) -> GeoBox:
    """Return the grid of an answer.

    Parameters
    ----------
    source
        What is asked.
    region
        Where.
    crs
        CRS of the grid; None: that of the source.
    size
        How large it is to be.
    most
        Most cells.

    Returns
    -------
    GeoBox
        In the source's CRS, and without width, height and resolution: whole cells of a level, all
        that the region touches. Else the rectangle around the region; with neither width, height
        nor resolution cells are about as large as the source's and the source's bounds are not
        left.

    Raises
    ------
    RegionError
        The region doesn't reach the source, or has no place in the CRS.
    SizeLimitError
        More cells than `most`.
    """
    size = size or Size()
    free = not (size.width or size.height or size.resolution)
    if free and (crs is None or crs == source.crs):
        grid = _cells(source, region, size.max_size)
    else:
        grid = _rectangle(source, region, source.crs if crs is None else crs, size, clip=free)
    check_pixels(int(grid.shape[0]), int(grid.shape[1]), most)
    return grid


def _cells(source: TileSource, region: Region, max_size: int | None) -> GeoBox:
    level = level_for(source, region, max_size)
    grid = filled_grid(source, level)[window_of(source, level, region)]
    longest = max(grid.shape)
    if max_size is None or longest <= max_size:
        return grid
    shape = [max(1, math.floor(edge * max_size / longest + 0.5)) for edge in grid.shape]
    scale = Affine.scale(grid.shape[1] / shape[1], grid.shape[0] / shape[0])
    return GeoBox((shape[0], shape[1]), grid.affine * scale, grid.crs)


def _cells_along(rounded: Callable[[float], int], count: float) -> int:
    """Return a number of cells: one at least, and finite however small the cells are."""
    return max(1, rounded(min(count, _ENDLESS)))


def _rectangle(source: TileSource, region: Region, crs: CRS, size: Size, *, clip: bool) -> GeoBox:
    finest = filled_grid(source, 0)
    rows, cols = window_of(source, 0, region)  # says so where the region doesn't reach the source
    here = middle_longitude(finest)
    left, bottom, right, top = region.bounds_in(crs, here if crs.geographic else None)
    if clip:
        layer = Region(area=Extent.from_geobox(finest[rows, cols]), crs=checked_crs(finest))
        near = layer.bounds_in(crs, (left + right) / 2 if crs.geographic else None)
        left, bottom = max(left, near[0]), max(bottom, near[1])
        right, top = min(right, near[2]), min(top, near[3])
    wide, high = right - left, top - bottom
    if not (wide > 0 and high > 0):
        raise RegionError(f"the region has no width or no height in {crs}")
    if size.resolution is not None:
        step = size.resolution
        width, height = (_cells_along(math.ceil, edge / step - _ON_EDGE) for edge in (wide, high))
        return GeoBox((height, width), Affine(step, 0, left, 0, -step, top), crs)
    if size.width or size.height:
        width = size.width or _cells_along(math.floor, wide / high * (size.height or 1) + 0.5)
        height = size.height or _cells_along(math.floor, high / wide * width + 0.5)
    else:
        # As many cells along the diagonal as the source has there: what GDAL's warper does.
        diagonal = math.hypot(rows.stop - rows.start, cols.stop - cols.start)
        step = math.hypot(wide, high) / diagonal
        step = max(step, max(wide, high) / size.max_size) if size.max_size else step
        width, height = (_cells_along(math.floor, edge / step + 0.5) for edge in (wide, high))
    return GeoBox((height, width), Affine(wide / width, 0, left, 0, -high / height, top), crs)
