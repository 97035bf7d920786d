"""A picture of a whole source, in its own CRS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError
from xcube_tiles.render.draw import draw
from xcube_tiles.render.instants import TimeMatch, select_time
from xcube_tiles.render.tms import LARGEST_TILE

if TYPE_CHECKING:
    import numpy as np

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import ImageFormat

PREVIEW_SIZE = 512
"""Longer edge of a preview, in pixels, unless told otherwise."""


def preview_geobox(source: TileSource, size: int = PREVIEW_SIZE) -> GeoBox:
    """Return the grid of a picture of a whole source.

    Parameters
    ----------
    source
        What is drawn.
    size
        Longer edge of the picture, in pixels; the shorter one keeps the proportions, and is at
        least 1.

    Raises
    ------
    GridError
        A size out of range.
    """
    if not isinstance(size, int) or not 1 <= size <= LARGEST_TILE:
        raise GridError(f"a preview is 1 to {LARGEST_TILE} pixels large, got {size!r}")
    finest = source.geoboxes[0]
    affine, (height, width) = finest.affine, finest.shape
    # Proportions of the ground covered, not of the cells: those may be oblong.
    high, wide = height * abs(affine.e), width * abs(affine.a)
    unit = max(high, wide) / size
    rows, cols = max(1, round(high / unit)), max(1, round(wide / unit))
    x_step, y_step = affine.a * width / cols, affine.e * height / rows
    return GeoBox((rows, cols), Affine(x_step, 0.0, affine.c, 0.0, y_step, affine.f), finest.crs)


def render_preview(
    source: TileSource,
    style: Style | None = None,
    *,
    size: int = PREVIEW_SIZE,
    time: str | np.datetime64 | None = None,
    time_match: TimeMatch = "exact",
    format: ImageFormat = "png",
) -> bytes:
    """Return a picture of a whole source, in its own CRS and proportions.

    Parameters
    ----------
    source, style, time, time_match, format
        As for `render_tile`.
    size
        Longer edge of the picture, in pixels.

    Raises
    ------
    GridError
        A size out of range.
    DimensionError, StyleError, ExpressionError, SizeLimitError, MissingExtraError
        As for `render_tile`.
    """
    index = select_time(source.times, time, match=time_match)
    return draw(source, preview_geobox(source, size), style, time=index, format=format)
