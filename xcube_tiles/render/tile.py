"""A map tile of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.render.draw import draw
from xcube_tiles.render.instants import TimeMatch, select_time
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.render.source import TileSource
from xcube_tiles.render.tms import TILE_SIZE, Tile, tile_geobox

if TYPE_CHECKING:
    import numpy as np
    from morecantile import TileMatrixSet

    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import ImageFormat

__all__ = ["Tile", "TileSource", "render_tile"]


def render_tile(
    source: TileSource,
    tile: tuple[str | TileMatrixSet, int, int, int],
    style: Style | None = None,
    *,
    time: str | np.datetime64 | None = None,
    time_match: TimeMatch = "exact",
    format: ImageFormat = "png",
    tile_size: int = TILE_SIZE,
    tolerance: float = TOLERANCE,
) -> bytes:
    """Return a map tile.

    Parameters
    ----------
    source
        What is drawn.
    tile
        Tile matrix set (or its name), zoom, column, row: `("WebMercatorQuad", z, x, y)`.
    style
        How values become colours. What it leaves out is found from the source, which reads from
        it: for many tiles complete the style once, by `complete_style`.
    time
        Which instant is drawn, see `select_time`; None: the last.
    time_match
        Whether a time that the source doesn't have is an error or means the nearest.
    format
        `png`, `webp`, `jpg`, or the values as `npy` (bands, height, width) or `tif`.
    tile_size
        Edge of the tile, in pixels.
    tolerance
        Largest error of a pixel's position, in cells of the level that is read; 0: exact.

    Returns
    -------
    bytes
        The encoded tile. Outside the source and over NoData it is transparent.

    Raises
    ------
    GridError
        A tile that the set doesn't have, or an unknown set.
    DimensionError
        A time that the source doesn't have.
    StyleError, ExpressionError, GeoreferenceError, SizeLimitError, MissingExtraError
        See `draw`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from xcube_tiles.cube.georef import set_crs
    >>> from xcube_tiles.render.cube import CubeSource
    >>> from xcube_tiles.render.stretch import Stretch
    >>> from xcube_tiles.render.style import Style
    >>> cells = xr.DataArray(
    ...     np.arange(12.0).reshape(3, 4),
    ...     coords={"y": [50.0, 30.0, 10.0], "x": [5.0, 15.0, 25.0, 35.0]},
    ...     dims=("y", "x"),
    ...     name="height",
    ... )
    >>> heights = CubeSource(set_crs(cells, "EPSG:4326"))
    >>> style = Style(stretch=(Stretch(0, 11),), colormap="terrain")
    >>> png = render_tile(heights, ("WebMercatorQuad", 1, 1, 0), style)
    >>> png[1:4]
    b'PNG'

    A tile that the source doesn't reach is transparent:

    >>> len(render_tile(heights, ("WebMercatorQuad", 1, 0, 1), style)) < 1500
    True
    """
    target = tile_geobox(tile, tile_size)
    index = select_time(source.times, time, match=time_match)
    return draw(source, target, style, time=index, format=format, tolerance=tolerance)
