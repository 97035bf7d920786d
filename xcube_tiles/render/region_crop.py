"""Regions cut out of a source: as a picture, as a GeoTIFF, as an array or as NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from xcube_tiles.errors import StyleError
from xcube_tiles.render import encode
from xcube_tiles.render.draw import draw
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.render.references import selected
from xcube_tiles.render.region_grid import Size, check_pixels, region_grid
from xcube_tiles.render.region_netcdf import netcdf
from xcube_tiles.render.style import Style
from xcube_tiles.render.values import Values, values_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.region import Region
    from xcube_tiles.render.source import TileSource

CropFormat: TypeAlias = Literal["png", "webp", "jpg", "npy", "tif", "nc"]
"""Formats of what is cut out: pictures, and values."""

MEDIA_TYPES = {**encode.MEDIA_TYPES, "nc": "application/x-netcdf"}
"""Media type of each format."""

VALUES = ("npy", "tif", "nc")
"""Formats that hold values, of any number of bands."""

MOST_PIXELS = 4096 * 4096
"""Cells of a band in one answer."""

MOST_VALUES = 64 * 2**20
"""Cells of all bands and times in one answer."""

PICTURE_SIZE = 1024
"""Longer edge of a picture, unless told otherwise."""

# Values are measured, pictures looked at: an eighth of the error of a tile.
_VALUE_TOLERANCE = TOLERANCE / 8


class Crop(NamedTuple):
    """What to cut out, and how."""

    region: Region
    """Where; cells whose centres lie outside of a polygon are NoData."""

    crs: CRS | None = None
    """CRS of the answer; None: that of the source."""

    size: Size = Size()
    """How large it is."""

    times: Sequence[int | None] = (None,)
    """Indices into the source's times: one, or for NetCDF several."""


def crop(
    source: TileSource,
    wanted: Crop,
    style: Style,
    *,
    bands: tuple[str, ...] = (),
    format: CropFormat = "png",
    most: int = MOST_PIXELS,
    most_values: int = MOST_VALUES,
) -> bytes:
    """Return a part of a source.

    Parameters
    ----------
    source
        What is cut.
    wanted
        The part.
    style
        How a picture is drawn; of values only its expression and its resampling count.
    bands
        Bands whose values are given, of any number; empty: all variables, or the expression.
    format
        `png`, `webp`, `jpg`: a picture. `npy`: an array (bands, height, width). `tif`: a GeoTIFF
        with all bands. `nc`: NetCDF with a variable for each band, in its own type.
    most
        Most cells of a band.
    most_values
        Most cells of all bands and times, where the answer is values.

    Raises
    ------
    RegionError
        A region that doesn't reach the source.
    SizeLimitError
        More cells than `most`, or more in all than `most_values`.
    StyleError, ExpressionError, DimensionError, MissingExtraError
        As for `draw`; several times in another format than NetCDF.
    """
    if len(wanted.times) != 1 and format != "nc":
        raise StyleError(f"{format} holds one time; several are for nc, in one file")
    size = wanted.size
    if format not in VALUES and size == Size():
        size = Size(max_size=PICTURE_SIZE)
    grid = region_grid(source, wanted.region, crs=wanted.crs, size=size, most=most)
    inside = None if wanted.region.is_box else wanted.region.inside(grid)
    if format == "nc":
        return _netcdf(
            source, wanted, style, bands=bands, grid=grid, inside=inside, most=most_values
        )
    time = wanted.times[0]
    if format in VALUES:
        named = bands or (() if style.expression is not None else source.variables)
        _check(grid, most_values, max(1, len(named)))
        if style.expression is None:
            source = selected(source, named)
        style = Style(expression=style.expression, resampling=style.resampling)
    tolerance = _VALUE_TOLERANCE if format in VALUES else TOLERANCE
    return draw(source, grid, style, time=time, format=format, tolerance=tolerance, inside=inside)


def _check(grid: GeoBox, most: int, count: int) -> None:
    """Refuse more cells of several bands and times than there may be."""
    check_pixels(int(grid.shape[0]) * count, int(grid.shape[1]), most)


def _netcdf(
    source: TileSource,
    wanted: Crop,
    style: Style,
    *,
    bands: tuple[str, ...],
    grid: GeoBox,
    inside: NDArray[np.bool_] | None,
    most: int,
) -> bytes:
    expression = style.expression
    names = bands if expression is not None or bands else source.variables
    _check(grid, most, (len(names) + (expression is not None)) * len(wanted.times))
    parts: dict[str, tuple[TileSource, Style]] = {}
    if expression is not None:
        parts[expression] = source, Style(expression=expression, resampling=style.resampling)
    for name in names:
        # One by one: each keeps its own type.
        parts[name] = selected(source, (name,)), Style(resampling=style.resampling)
    values: dict[str, Values] = {}
    for name, (part, look) in parts.items():
        read = [_values(part, grid, look, time, inside) for time in wanted.times]
        cells = np.stack([each.cells[0] for each in read])
        values[name] = Values(cells, read[0].cell_type, read[0].names)
    times = None
    if source.times is not None:
        times = source.times[[index for index in wanted.times if index is not None]]
    return netcdf({n: (values[n], parts[n][0]) for n in values}, grid, times)


def _values(
    source: TileSource,
    grid: GeoBox,
    style: Style,
    time: int | None,
    inside: NDArray[np.bool_] | None,
) -> Values:
    found = values_on(source, grid, style, time=time, tolerance=_VALUE_TOLERANCE)
    if inside is not None:
        nodata: Any = found.cell_type.nodata
        found.cells[:, ~inside] = nodata
    return found
