"""Zoom ranges: which zooms of a pyramid share a file."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from xcube_tiles.errors import GridError

if TYPE_CHECKING:
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.grid.layout import TileLayout
    from xcube_tiles.grid.scheme import Scheme

MAX_TILE_SIZE = 4096
"""Edge of the files in cells at their finest zoom, by default."""


@dataclass(frozen=True, slots=True, order=True)
class ZoomRange:
    """Consecutive zooms that share files: one file for each tile of the coarsest of them."""

    min_zoom: int
    """The coarsest, whose tiles the files are."""

    max_zoom: int
    """The finest: the full resolution of the files; the others are their overviews."""

    @property
    def zooms(self) -> range:
        """The zooms, the finest first."""
        return range(self.max_zoom, self.min_zoom - 1, -1)


def zoom_ranges(
    extent: Extent,
    scheme: Scheme,
    max_zoom: int,
    *,
    min_zoom: int = 0,
    max_tile_size: int = MAX_TILE_SIZE,
) -> tuple[ZoomRange, ...]:
    """Return the zoom ranges of a layer of COGs, as GeoTrellis parts them.

    Parameters
    ----------
    extent
        Outer edges of the layer, in the scheme's CRS.
    scheme
        Layouts of the zooms; square tiles.
    max_zoom
        The finest zoom of the layer.
    min_zoom
        The coarsest zoom wanted. The range that holds it is kept whole.
    max_tile_size
        Edge in cells at which files stop growing.

    Returns
    -------
    tuple of ZoomRange
        The finest first, without gaps.

    Raises
    ------
    GridError
        Zooms that the scheme doesn't have, or a `max_tile_size` below that of its tiles.

    Notes
    -----
    From the finest zoom downwards a range grows by a zoom, and its files by a factor of two, until
    they measure `max_tile_size`, or the extent reaches over fewer than two tiles in rows or
    columns. After the first range that ends so, each zoom is a range of its own: there is nothing
    left to part. (GeoTrellis, `COGLayerMetadata`.)

    Examples
    --------
    >>> from xcube_tiles.grid.scheme import resolve_scheme
    >>> scheme = resolve_scheme("WebMercatorQuad")
    >>> world = scheme.layout(0).extent()
    >>> [(found.min_zoom, found.max_zoom) for found in zoom_ranges(world, scheme, 12)]
    [(8, 12), (3, 7), (0, 2)]
    """
    zooms = scheme.zooms
    if max_zoom not in zooms or min_zoom not in zooms or min_zoom > max_zoom:
        raise GridError(
            f"expected zooms from {zooms[0]} to {zooms[-1]}, the finest not below the coarsest; "
            f"got max_zoom={max_zoom!r}, min_zoom={min_zoom!r}"
        )
    tile = scheme.layout(max_zoom).tile_shape[0]
    if not isinstance(max_tile_size, int) or max_tile_size < tile:
        raise GridError(f"max_tile_size is at least a tile, {tile} cells; got {max_tile_size!r}")
    ranges: list[ZoomRange] = []
    finest, size, low = max_zoom, tile, False
    for zoom in range(max_zoom, zooms[0] - 1, -1):
        if finest < min_zoom:
            break
        size = tile if zoom == finest else size * 2
        low = low or _is_low(extent, scheme.layout(zoom))
        if low or size >= max_tile_size or zoom == zooms[0]:
            ranges.append(ZoomRange(zoom, finest))
            finest = zoom - 1
    return tuple(ranges)


def _is_low(extent: Extent, layout: TileLayout) -> bool:
    """Whether an extent reaches over fewer than two steps of tiles in rows or columns."""
    (x, y), (width, height) = layout.origin, layout.resolution
    tile_height, tile_width = layout.tile_shape
    spans = (
        (extent.xmin - x, extent.xmax - x, width * tile_width),
        (y - extent.ymax, y - extent.ymin, height * tile_height),
    )
    return any(floor(stop / size) - floor(start / size) < 2 for start, stop, size in spans)
