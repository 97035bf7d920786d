"""Legends: which colour means which value, as data and as a picture."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from xcube_tiles.errors import MissingExtraError, StyleError
from xcube_tiles.render.colormaps import colormap
from xcube_tiles.render.style import DEFAULT_COLORMAP, Style

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

STOPS = 16
"""Stops of a ramp, both ends included."""

_RAMP_WIDTH, _RAMP_HEIGHT, _LINE, _MARGIN = 256, 16, 20, 8
_TICKS = 5


class LegendEntry(TypedDict):
    """A value and its colour."""

    value: float
    """Value of a cell."""

    colour: str
    """`#rrggbb`, or `#rrggbbaa` where it isn't opaque."""

    meaning: str
    """What the value stands for; empty on a ramp."""


class Legend(TypedDict):
    """What the colours of a picture mean."""

    kind: str
    """`ramp` (colours in between are interpolated) or `categories` (no value in between)."""

    colormap: str | None
    """Name of the colour map; None for categories."""

    entries: list[LegendEntry]
    """From the lowest value to the highest, or the categories in their own order."""


def legend(style: Style, *, stops: int = STOPS) -> Legend:
    """Return the legend of a complete style.

    Parameters
    ----------
    style
        Of one band or an expression, see `complete_style`.
    stops
        Stops of a ramp, 2 to 256.

    Raises
    ------
    StyleError
        A style of three bands, which has no legend, one without a stretch, or stops out of range.

    Examples
    --------
    >>> from xcube_tiles.render.stretch import Stretch
    >>> found = legend(Style(stretch=(Stretch(0, 10),), colormap="gray"), stops=3)
    >>> [(entry["value"], entry["colour"]) for entry in found["entries"]]
    [(0.0, '#000000'), (5.0, '#808080'), (10.0, '#ffffff')]
    """
    if style.is_rgb:
        raise StyleError("three bands drawn as red, green and blue have no legend")
    if not 2 <= stops <= 256:
        raise StyleError(f"a legend has 2 to 256 stops, got {stops!r}")
    if style.categories:
        entries: list[LegendEntry] = [
            {"value": c.value, "colour": c.hex, "meaning": c.meaning} for c in style.categories
        ]
        return {"kind": "categories", "colormap": None, "entries": entries}
    if not style.stretch:
        raise StyleError("a legend needs a stretch: give one, or complete the style first")
    name = style.colormap or DEFAULT_COLORMAP
    low, high = style.stretch[0]
    values = np.linspace(low, high, stops).tolist()
    colours = ["#" + bytes(colour).hex() for colour in colormap(name, stops)]
    ramp: list[LegendEntry] = [
        {"value": value, "colour": colour, "meaning": ""}
        for value, colour in zip(values, colours, strict=True)
    ]
    return {"kind": "ramp", "colormap": name, "entries": ramp}


def legend_png(style: Style, *, title: str = "") -> bytes:
    """Return the legend of a complete style as a PNG on a transparent ground.

    Parameters
    ----------
    style
        Of one band or an expression.
    title
        Text above the colours, such as a name and its unit.

    Raises
    ------
    StyleError
        As `legend`.
    MissingExtraError
        Pillow, which writes the text, isn't installed.
    """
    found = legend(style, stops=_RAMP_WIDTH)
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise MissingExtraError("PIL", "server") from error
    top = _MARGIN + (_LINE if title else 0)
    lines = len(found["entries"]) if found["kind"] == "categories" else 2
    image = Image.new("RGBA", (_RAMP_WIDTH + 6 * _MARGIN, top + lines * _LINE), (255, 255, 255, 0))
    pen = ImageDraw.Draw(image)
    if title:
        pen.text((_MARGIN, _MARGIN - 4), title, fill="#222")
    (_draw_categories if found["kind"] == "categories" else _draw_ramp)(pen, found, top)
    stream = BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def _draw_categories(pen: ImageDraw, found: Legend, top: int) -> None:
    for i, entry in enumerate(found["entries"]):
        y = top + i * _LINE
        box = (_MARGIN, y, _MARGIN + 2 * _RAMP_HEIGHT, y + _RAMP_HEIGHT)
        pen.rectangle(box, fill=entry["colour"], outline="#222")
        label = entry["meaning"].replace("_", " ") or f"{entry['value']:g}"
        pen.text((_MARGIN + 2.5 * _RAMP_HEIGHT, y + 2), label, fill="#222")


def _draw_ramp(pen: ImageDraw, found: Legend, top: int) -> None:
    left = 3 * _MARGIN
    entries = found["entries"]
    for i, entry in enumerate(entries):
        pen.line((left + i, top, left + i, top + _RAMP_HEIGHT), fill=entry["colour"])
    for i in np.linspace(0, len(entries) - 1, _TICKS).round().astype(int).tolist():
        pen.line((left + i, top + _RAMP_HEIGHT, left + i, top + _RAMP_HEIGHT + 3), fill="#222")
        label = f"{_rounded(entries[i]['value'], entries):g}"
        pen.text((left + i, top + _LINE), label, fill="#222", anchor="ma")


def _rounded(value: float, entries: list[LegendEntry]) -> float:
    """Return a value with as many digits as the width of the ramp gives meaning to."""
    width = entries[-1]["value"] - entries[0]["value"]
    return round(value, max(0, 2 - int(np.floor(np.log10(width)))))
