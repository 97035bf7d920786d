"""Legends: which colour means which value, as data and as a picture."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from xcube_tiles.errors import MissingExtraError, StyleError
from xcube_tiles.render.categories import Category
from xcube_tiles.render.colormaps import RAMP_SIZE
from xcube_tiles.render.stretch import COLOURS
from xcube_tiles.render.style import DEFAULT_COLORMAP, Style

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

    from xcube_tiles.render.stretch import Stretch

STOPS = 16
"""Stops of a ramp, both ends included."""

_RAMP_WIDTH, _RAMP_HEIGHT, _LINE, _MARGIN = 256, 16, 20, 8
_INK = "#222222"


class LegendCategory(TypedDict):
    """A value that has a colour of its own."""

    value: float
    """Value of a cell."""

    label: str
    """What the value stands for; the number where that isn't known."""

    color: str
    """`#rrggbb`, or `#rrggbbaa` where it isn't opaque."""


class Legend(TypedDict):
    """What the colours of a picture mean."""

    colormap: str | None
    """Name of the colour map; None for categories and for three bands."""

    stretch: list[tuple[float, float]]
    """Values of the first and the last colour: one pair, three for red, green and blue, or none."""

    colors: list[str]
    """Stops of the ramp as `#rrggbb`, or `#rrggbbaa` where it isn't opaque, equally spaced from low
    to high; else empty."""

    categories: list[LegendCategory]
    """The categories in their own order; else empty."""

    units: str | None
    """Unit of the values, where it is known."""


def legend(style: Style, *, stops: int = STOPS, units: str | None = None) -> Legend:
    """Return the legend of a complete style.

    Parameters
    ----------
    style
        See `complete_style`.
    stops
        Stops of a ramp, 2 to 256.
    units
        Unit of the values.

    Raises
    ------
    StyleError
        A style that isn't complete, or stops out of range.

    Examples
    --------
    >>> from xcube_tiles.render.stretch import Stretch
    >>> found = legend(
    ...     Style(bands=("z",), stretch=(Stretch(0, 10),), colormap="gray"), stops=3, units="m"
    ... )
    >>> found["stretch"], found["colors"], found["units"]
    ([(0.0, 10.0)], ['#000000', '#808080', '#ffffff'], 'm')
    """
    if not 2 <= stops <= RAMP_SIZE:
        raise StyleError(f"a legend has 2 to {RAMP_SIZE} stops, got {stops!r}")
    if not (style.categories or style.stretch):
        raise StyleError("a legend needs a stretch or categories: complete the style first")
    plain = style.is_rgb or bool(style.categories)
    name = None if plain else style.colormap or DEFAULT_COLORMAP
    places = np.floor(np.linspace(1, COLOURS, stops) + 0.5).astype(np.intp)
    # The picture's own palette: a formula changes it, and a map may become opaque.
    ramp = [] if plain else style.palette[places].tolist()
    return {
        "colormap": name,
        "stretch": [] if style.categories else [(low, high) for low, high in _stretches(style)],
        "colors": [Category(value=0, colour=tuple(colour)).hex for colour in ramp],
        "categories": [
            {"value": c.value, "label": label_of(c), "color": c.hex} for c in style.categories
        ],
        "units": units,
    }


def label_of(category: Category) -> str:
    """Return what a category stands for, readable: its meaning without underscores, or its value.

    Examples
    --------
    >>> from xcube_tiles.render.categories import Category
    >>> label_of(Category(value=3, colour=(0, 0, 0, 255), meaning="bare_soil"))
    'bare soil'
    """
    return category.meaning.replace("_", " ") or _number(category.value, 15)


def _number(value: float, digits: int) -> str:
    """Return a number with some digits after the point, without zeros at its end."""
    if not 1e-5 < abs(value) < 1e15:
        return f"{value:g}"
    text = f"{value:.{min(digits, 15 - math.ceil(math.log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _stretches(style: Style) -> tuple[Stretch, ...]:
    return style.channel_stretch if style.is_rgb else style.stretch


def legend_png(style: Style, *, units: str | None = None) -> bytes:
    """Return the legend of a complete style as a PNG on a transparent ground.

    Parameters
    ----------
    style
        Complete, and of one band or an expression.
    units
        Unit of the values.

    Raises
    ------
    StyleError
        As `legend`; three bands, which have no colours to explain.
    MissingExtraError
        Pillow, which writes the text, isn't installed.
    """
    if style.is_rgb:
        raise StyleError("three bands drawn as red, green and blue have no legend to draw")
    found = legend(style, stops=_RAMP_WIDTH, units=units)
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise MissingExtraError("PIL", "server") from error
    title = (style.expression or style.bands[0]) + (
        f" ({units})" if units not in (None, "", "1") else ""
    )
    lines = 1 + (len(found["categories"]) or 2)
    size = (_RAMP_WIDTH + 6 * _MARGIN, 2 * _MARGIN + lines * _LINE)
    image = Image.new("RGBA", size, (255, 255, 255, 0))
    pen = ImageDraw.Draw(image)
    pen.text((_MARGIN, _MARGIN), title, fill=_INK)
    (_draw_categories if found["categories"] else _draw_ramp)(pen, found, _MARGIN + _LINE)
    stream = BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def _draw_categories(pen: ImageDraw, found: Legend, top: int) -> None:
    for i, category in enumerate(found["categories"]):
        y = top + i * _LINE
        box = (_MARGIN, y, _MARGIN + 2 * _RAMP_HEIGHT, y + _RAMP_HEIGHT)
        pen.rectangle(box, fill=category["color"], outline=_INK)
        pen.text((_MARGIN + 2.5 * _RAMP_HEIGHT, y + 2), category["label"], fill=_INK)


def _draw_ramp(pen: ImageDraw, found: Legend, top: int) -> None:
    left = 3 * _MARGIN
    for i, colour in enumerate(found["colors"]):
        pen.line((left + i, top, left + i, top + _RAMP_HEIGHT), fill=colour)
    low, high = found["stretch"][0]
    # As many digits as the width of the ramp gives meaning to.
    digits = max(0, 2 - math.floor(math.log10(high - low)))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + round(share * (_RAMP_WIDTH - 1))
        pen.line((x, top + _RAMP_HEIGHT, x, top + _RAMP_HEIGHT + 3), fill=_INK)
        label = _number(round(low + share * (high - low), digits), digits)
        pen.text((x, top + _LINE), label, fill=_INK, anchor="ma")
