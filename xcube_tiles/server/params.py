"""Query parameters as texts, and the styles that they mean."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query

from xcube_tiles.errors import StyleError
from xcube_tiles.render.categories import Category, categories_from_mapping
from xcube_tiles.render.elevation import Elevation
from xcube_tiles.render.instants import TimeMatch
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import DEFAULT_PERCENTILES, Style
from xcube_tiles.render.window import DrawResampling

SMALLEST_SIZE, LARGEST_SIZE = 64, 1024
"""Edges of the smallest and the largest picture that can be asked for, in pixels."""

Time = Annotated[
    str | None,
    Query(
        description="Time as ISO 8601, as precise as you like: 2018-05 means the last time in that "
        "month. Default: the last of all.",
        examples=["2018-05-24"],
    ),
]
Match = Annotated[
    TimeMatch,
    Query(description="Whether a time that the layer doesn't have is refused or the nearest is."),
]
Bands = Annotated[
    str | None,
    Query(
        description="One variable, or three for red, green and blue, parted by commas. "
        "Default: the first variable. `ndvi@2024-06` is a variable at a time of its own, "
        "`hillshade(height; azimuth=300)`, `slope(...)`, `aspect(...)` the relief of elevations.",
        examples=["ndvi", "B04,B03,B02", "ndvi@2024-04,ndvi@2024-06,ndvi@2024-08"],
    ),
]
ExpressionText = Annotated[
    str | None,
    Query(description="Band mathematics instead of bands.", examples=["(B08 - B04) / (B08 + B04)"]),
]
StretchText = Annotated[
    str | None,
    Query(
        description="Values of the first and the last colour, parted by a comma; for three bands "
        "also three pairs parted by semicolons. `p2,p98` means percentiles. Default: p2,p98.",
        examples=["0,0.8", "0,3000;0,3000;0,2500", "p1,p99"],
    ),
]
ColormapText = Annotated[
    str | None,
    Query(
        description="Name of a colour map (see /colormaps; `_r` reverses it), or a JSON object "
        "from value to colour. Default: the variable's own categories, else viridis.",
        examples=["viridis", '{"1": "#1f78b4", "2": "#33a02c"}'],
    ),
]
FormulaText = Annotated[
    str | None,
    Query(
        description="Gamma, sigmoidal contrast and saturation of the colours.",
        examples=["gamma 1.2, sigmoidal RGB 3 0.5, saturation 1.3"],
    ),
]
ElevationName = Annotated[
    Elevation | None,
    Query(description="Elevations in metres as colours that clients compute with; PNG alone."),
]
Resampling = Annotated[
    DrawResampling,
    Query(
        description="How a pixel gets its value: of the nearest cell, of the four around, or the "
        "average or the most frequent value of the cells in it."
    ),
]
Size = Annotated[
    int, Query(ge=SMALLEST_SIZE, le=LARGEST_SIZE, description="Edge of the picture, in pixels.")
]


def style_from_query(
    bands: Bands = None,
    expression: ExpressionText = None,
    stretch: StretchText = None,
    colormap: ColormapText = None,
    resampling: Resampling = "nearest",
    color_formula: FormulaText = None,
    elevation: ElevationName = None,
) -> Style:
    """Return the style that query parameters mean.

    Raises
    ------
    StyleError, ExpressionError
        A text that can't be understood.

    Examples
    --------
    >>> style_from_query(bands="ndvi", stretch="0,0.8").stretch
    (Stretch(low=0.0, high=0.8),)
    """
    ends, percentiles = parse_stretch(stretch)
    name, categories = parse_colormap(colormap)
    return Style(
        bands=parse_bands(bands),
        expression=expression or None,
        stretch=ends,
        percentiles=percentiles,
        colormap=name,
        categories=categories,
        resampling=resampling,
        formula=color_formula or None,
        elevation=elevation,
    )


def parse_bands(text: str | None) -> tuple[str, ...]:
    """Return names parted by commas.

    Examples
    --------
    >>> parse_bands("B04, B03,B02"), parse_bands(None)
    (('B04', 'B03', 'B02'), ())
    """
    names = tuple(name.strip() for name in (text or "").split(",")) if text else ()
    if any(not name for name in names):
        raise StyleError(f"expected names parted by single commas, got bands={text!r}")
    return names


def parse_stretch(text: str | None) -> tuple[tuple[Stretch, ...], tuple[float, float]]:
    """Return the stretches and the percentiles that a text means; one of them is the default.

    Examples
    --------
    >>> parse_stretch("0,1;0,2")[0]
    (Stretch(low=0.0, high=1.0), Stretch(low=0.0, high=2.0))
    >>> parse_stretch("p5,p95")
    ((), (5.0, 95.0))
    """
    if not text:
        return (), DEFAULT_PERCENTILES
    pairs = [part.split(",") for part in text.split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise _bad_stretch(text)
    if all(end.strip().startswith("p") for end in pairs[0]) and len(pairs) == 1:
        low, high = (_number(end.strip()[1:], text) for end in pairs[0])
        return (), (low, high)
    return tuple(Stretch(_number(low, text), _number(high, text)) for low, high in pairs), (
        DEFAULT_PERCENTILES
    )


def parse_colormap(text: str | None) -> tuple[str | None, tuple[Category, ...]]:
    """Return the name of a colour map, or categories, that a text means.

    Examples
    --------
    >>> parse_colormap("magma"), parse_colormap('{"1": "#ff0000"}')[1][0].hex
    (('magma', ()), '#ff0000')
    """
    if not text or not text.lstrip().startswith("{"):
        return text or None, ()
    try:
        colours: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StyleError(f"colormap is no JSON: {error}") from error
    assert isinstance(colours, Mapping)
    return None, categories_from_mapping(colours)


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise _bad_stretch(whole) from error
    if not math.isfinite(number):
        raise _bad_stretch(whole)
    return number


def _bad_stretch(text: str) -> StyleError:
    return StyleError(
        f"expected a stretch as 'min,max', as three of them parted by ';', or as 'p2,p98', "
        f"got {text!r}"
    )
