"""A picture of a rectangle in any CRS, of one source or of several, one over the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError, StyleError
from xcube_tiles.render import encode
from xcube_tiles.render.draw import draw, index_on
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.render.stretch import TRANSPARENT
from xcube_tiles.render.style import complete_style
from xcube_tiles.render.tms import LARGEST_TILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import ImageFormat

    Colours = NDArray[np.uint8]

WHITE = (255, 255, 255)


class Drawn(NamedTuple):
    """A source, and how it is drawn."""

    source: TileSource
    """What is drawn."""

    style: Style
    """How values become colours; what it leaves out is found from the source."""

    time: int | None = None
    """Index into the source's times."""


def box_geobox(
    bounds: tuple[float, float, float, float], crs: CRS, *, width: int, height: int
) -> GeoBox:
    """Return the grid of a picture of a rectangle.

    Parameters
    ----------
    bounds
        Left, bottom, right, top of the picture's edges (not of its pixels' centres), x before y
        whatever the order of the CRS's own axes.
    crs
        CRS of the rectangle.
    width, height
        Size in pixels. They need not be square.

    Raises
    ------
    GridError
        Bounds that are not finite or in the wrong order, or a size out of range.

    Examples
    --------
    >>> from odc.geo.crs import CRS
    >>> box_geobox((0, 40, 20, 50), CRS("EPSG:4326"), width=40, height=10).resolution
    Resolution(x=0.5, y=-1)
    """
    left, bottom, right, top = bounds
    if not all(map(math.isfinite, bounds)) or not (left < right and bottom < top):
        raise GridError(
            f"expected left < right and bottom < top, all of them finite numbers, got left={left}, "
            f"bottom={bottom}, right={right}, top={top}"
        )
    for name, size in (("width", width), ("height", height)):
        if not isinstance(size, int) or not 1 <= size <= LARGEST_TILE:
            raise GridError(f"a picture has a {name} of 1 to {LARGEST_TILE} pixels, got {size!r}")
    affine = Affine((right - left) / width, 0.0, left, 0.0, (bottom - top) / height, top)
    if not affine.a > 0 > affine.e:
        raise GridError(f"these bounds are too narrow to be parted into pixels: {bounds}")
    return GeoBox((height, width), affine, crs)


def render_box(
    layers: Sequence[Drawn],
    target: GeoBox,
    *,
    format: ImageFormat = "png",
    background: tuple[int, int, int] | None = None,
    tolerance: float = TOLERANCE,
) -> bytes:
    """Return a picture of sources, the first at the bottom.

    Parameters
    ----------
    layers
        What is drawn, at least one.
    target
        Grid of the picture: see `box_geobox`.
    format
        `png`, `webp`, `jpg`, or the values of a single source as `npy` or `tif`.
    background
        Red, green, blue where nothing is drawn; None: transparent there (`jpg`: white).
    tolerance
        Largest error of a pixel's position, in cells of the level that is read; 0: exact.

    Raises
    ------
    StyleError
        Nothing to draw, or the values of several sources in one file.
    GeoreferenceError, ExpressionError, SizeLimitError, MissingExtraError
        See `draw`.
    """
    if not layers:
        raise StyleError("nothing to draw: name at least one layer")
    encode.check_format(format)
    if format in ("npy", "tif") and len(layers) > 1:
        raise StyleError(
            f"the values of one layer fit into a file, got {len(layers)} layers: ask for each"
        )
    codes = [layer.style.elevation for layer in layers if layer.style.elevation]
    if codes and len(layers) > 1:
        raise StyleError(f"{codes[0]} is a code, no picture: ask for each layer by itself")
    # The path of tiles: a palette index a pixel is a quarter of the bytes to compress.
    if len(layers) == 1 and (background is None or codes or format in ("npy", "tif")):
        (only,) = layers
        return draw(
            only.source, target, only.style, time=only.time, format=format, tolerance=tolerance
        )
    colours = np.zeros((*map(int, target.shape), 4), dtype=np.uint8)
    for layer in layers:
        _lay_over(colours, _colours_of(layer, target, tolerance))
    if background is not None:
        colours = _on(colours, background)
    return _encoded(colours, format, opaque=background is not None)


def _colours_of(layer: Drawn, target: GeoBox, tolerance: float) -> Colours | None:
    """Return red, green, blue, opacity of each pixel; None if the picture shows nothing of it."""
    style = complete_style(layer.source, layer.style)
    index = index_on(layer.source, target, style, time=layer.time, tolerance=tolerance)
    if index is None:
        return None
    if not style.is_rgb:
        return style.palette[index]
    opacity = np.where(index[..., :1] == TRANSPARENT, 0, 255).astype(np.uint8)
    return np.concatenate([index, opacity], axis=-1)


def _lay_over(below: Colours, above: Colours | None) -> None:
    """Lay a picture over another one, in place.

    Notes
    -----
    Porter and Duff (1984), operator `over`, of colours that are not premultiplied.
    """
    if above is None:
        return
    opaque = above[..., 3] == 255
    below[opaque] = above[opaque]
    mixed = ~opaque & (above[..., 3] > 0)
    if not mixed.any():
        return
    over, under = above[mixed].astype(np.float64), below[mixed].astype(np.float64)
    share = over[:, 3:] / 255
    rest = under[:, 3:] / 255 * (1 - share)
    total = share + rest
    colour = (over[:, :3] * share + under[:, :3] * rest) / total
    below[mixed] = np.rint(np.concatenate([colour, total * 255], axis=1)).astype(np.uint8)


def _on(colours: Colours, background: tuple[int, int, int]) -> Colours:
    ground = np.empty_like(colours)
    ground[...] = (*background, 255)
    _lay_over(ground, colours)
    return ground


def _encoded(colours: Colours, format: ImageFormat, *, opaque: bool) -> bytes:
    if format == "webp":
        return encode.webp(colours)
    if format == "jpg":
        return encode.jpeg(colours)
    return encode.png_rgb(colours[..., :3]) if opaque else encode.png_rgba(colours)
