"""Draw a source on any grid: values to palette indices to the bytes of a picture."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.errors import StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render import encode
from xcube_tiles.render.elevation import elevation_colours
from xcube_tiles.render.formula import formed
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.render.references import referenced
from xcube_tiles.render.sample import Sample, sample
from xcube_tiles.render.stretch import TRANSPARENT, categorised, stretched
from xcube_tiles.render.style import Style, complete_style
from xcube_tiles.render.values import values_on

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.render.window import DrawResampling
    from xcube_tiles.typing import ImageFormat


def draw(
    source: TileSource,
    target: GeoBox,
    style: Style | None = None,
    *,
    time: int | None = None,
    format: ImageFormat = "png",
    tolerance: float = TOLERANCE,
    inside: NDArray[np.bool_] | None = None,
) -> bytes:
    """Return a picture of a source, or its values, on any grid.

    Parameters
    ----------
    source
        What is drawn.
    target
        Grid of the picture; it may have another CRS and resolution, but no rotation.
    style
        How values become colours; what it leaves out is found by `complete_style`, which reads.
    time
        Index into the source's times; None: the source has none.
    format
        `png`, `webp` (lossy), `jpg` (on white): a picture; NoData and what lies outside the source
        are transparent. `npy`, `tif`: values, see `values_on`.
    tolerance
        Largest error of a pixel's position, in cells of the level that is read; 0: exact.
    inside
        Pixels that are drawn, shape (height, width); the others are NoData. None: all.

    Raises
    ------
    StyleError
        A variable or a format that there isn't.
    ExpressionError
        An expression that can't be evaluated.
    GeoreferenceError
        A rotated grid, or one without a CRS.
    SizeLimitError
        Far too many cells would have to be read.
    MissingExtraError
        `webp` and `jpg` without Pillow.
    """
    encode.check_format(format)
    if format in ("npy", "tif"):
        values = values_on(source, target, style or Style(), time=time, tolerance=tolerance)
        nodata = values.cell_type.nodata
        if inside is not None:
            values.cells[:, ~inside] = nodata
        if format == "npy":
            return encode.npy(values.cells)
        return encode.geotiff(values.cells, target, nodata=nodata, names=values.names)
    style = complete_style(source, style)
    if style.elevation is not None:
        return _elevations(source, target, style, time=time, format=format, inside=inside)
    index = index_on(source, target, style, time=time, tolerance=tolerance)
    if index is None:
        return _transparent(int(target.shape[0]), int(target.shape[1]), format)
    if inside is not None:
        index[~inside] = TRANSPARENT
    return _picture(index, style, format)


def index_on(
    source: TileSource,
    target: GeoBox,
    style: Style,
    *,
    time: int | None = None,
    tolerance: float = TOLERANCE,
) -> NDArray[np.uint8] | None:
    """Return the palette index of each pixel.

    Parameters
    ----------
    source, target, time, tolerance
        As for `draw`.
    style
        A complete style.

    Returns
    -------
    ndarray of uint8 or None
        Shape (height, width), 0 where nothing is drawn; for three bands (height, width, 3), all
        of them 0 where any band has no value. None: the picture shows nothing of the source.
    """
    # Classes have no means: of what lies in a pixel the most frequent one is as near as it gets.
    by_class: dict[DrawResampling, DrawResampling] = {"bilinear": "nearest", "average": "mode"}
    resampling = style.resampling
    if style.categories:
        resampling = by_class.get(resampling, resampling)
    source = referenced(source, style.inputs)
    found = sample(
        source, target, style.inputs, time=time, resampling=resampling, tolerance=tolerance
    )
    if found is None:
        return None
    index = _rgb(found, style) if style.is_rgb else _one_band(found, style)
    if found.outside is not None:
        index[found.outside] = TRANSPARENT
    return index


def _one_band(found: Sample, style: Style) -> NDArray[np.uint8]:
    if style.expression is not None:
        values = found.evaluate(Expression.parse(style.expression))
        cell_type = CellType.default(values.dtype)
    else:
        (name,) = style.bands
        values, cell_type = found.values[name], found.types[name]
    if style.categories:
        return categorised(values, cell_type, style.categories)
    return stretched(values, cell_type, style.stretch[0])


def _rgb(found: Sample, style: Style) -> NDArray[np.uint8]:
    channels = [
        stretched(found.values[name], found.types[name], stretch)
        for name, stretch in zip(style.bands, style.channel_stretch, strict=True)
    ]
    red, green, blue = channels
    shown = (red != TRANSPARENT) & (green != TRANSPARENT) & (blue != TRANSPARENT)
    index = np.stack(channels, axis=-1)
    if style.formula is not None:
        index = formed(index, style.formula)
    if not shown.all():
        index[~shown] = TRANSPARENT
    return index


def _elevations(
    source: TileSource,
    target: GeoBox,
    style: Style,
    *,
    time: int | None,
    format: ImageFormat,
    inside: NDArray[np.bool_] | None,
) -> bytes:
    """Return elevations as colours, without loss: clients compute with them."""
    if format != "png":
        raise StyleError(f"{style.elevation} is exact: ask for png, not {format}, which is not")
    assert style.elevation is not None
    values = values_on(source, target, style, time=time)
    metres = values.cells[0].astype(np.float64)
    metres[values.cell_type.is_nodata(values.cells[0])] = np.nan
    if inside is not None:
        metres[~inside] = np.nan
    return encode.png_rgba(elevation_colours(metres, style.elevation))


def _picture(index: NDArray[np.uint8], style: Style, format: ImageFormat) -> bytes:
    if format == "png":
        if style.is_rgb:
            return encode.png_rgb(index, transparent=True)
        return encode.png_indexed(index, style.palette)
    if style.is_rgb:
        opacity = np.where(index[..., :1] == TRANSPARENT, 0, 255).astype(np.uint8)
        colours = np.concatenate([index, opacity], axis=-1)
    else:
        colours = np.take(style.palette, index, axis=0)
    return encode.webp(colours) if format == "webp" else encode.jpeg(colours)


@lru_cache(maxsize=32)
def _transparent(height: int, width: int, format: ImageFormat) -> bytes:
    index = np.full((height, width), TRANSPARENT, dtype=np.uint8)
    return _picture(index, Style(bands=("nothing",)), format)
