"""Values to pictures, by Terracotta's rules: 0 is transparent, 1 to 255 are values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.render import encode
from xcube_tiles.render.stretch import COLOURS, TRANSPARENT
from xcube_tiles.render.terracotta.colours import colour_table
from xcube_tiles.render.terracotta.transform import transformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.render.terracotta.transform import Operation
    from xcube_tiles.render.terracotta.values import Size

    Floats = NDArray[np.floating]
    Colour = tuple[int, int, int, int]

MOST_LABELS = 65_535
"""Values of one map that can have colours of their own."""

_FLAT = 1e-8


def unit_interval(values: Floats, low: float, high: float) -> NDArray[np.float64]:
    """Return values stretched to 0..1; NaN stays NaN.

    Parameters
    ----------
    values
        Any shape.
    low, high
        Values that become 0 and 1; what lies outside becomes these. If `low` is the greater, the
        ramp runs the other way; if they are equal to 1e-8, nothing is divided.

    Examples
    --------
    >>> unit_interval(np.array([0.0, 5.0, 20.0]), 0, 10).tolist()
    [0.0, 0.5, 1.0]
    """
    place = values.astype(np.float64) - low
    norm = high - low
    if abs(norm) > _FLAT:
        place *= 1 / norm
    return np.clip(place, 0.0, 1.0)


def levels(unit: Floats) -> NDArray[np.uint8]:
    """Return 1 to 255 for 0..1, rounded to even, and 0 for NaN.

    Examples
    --------
    >>> levels(np.array([0.0, 0.5, 1.0, np.nan])).tolist()
    [1, 128, 255, 0]
    """
    scaled = np.rint(unit * (COLOURS - 1) + 1)
    return np.where(np.isnan(scaled), TRANSPARENT, scaled).astype(np.uint8)


def ramp_png(
    values: Floats,
    low: float,
    high: float,
    *,
    colormap: str | None = None,
    transform: tuple[Operation, ...] = (),
    folder: str | None = None,
) -> bytes:
    """Return values as a PNG: greys (mode L), or a colour map (mode P).

    Parameters
    ----------
    values
        Shape (height, width); NaN is transparent.
    low, high
        See `unit_interval`.
    colormap, folder
        See `colour_table`.
    transform
        Steps between stretch and colours.
    """
    unit = transformed(unit_interval(values, low, high)[np.newaxis], transform)[0]
    index = levels(unit)
    if colormap is None:
        return encode.png_grey(index)
    palette = np.zeros((COLOURS + 1, 4), dtype=np.uint8)
    palette[1:] = colour_table(colormap, folder)
    return encode.png_indexed(index, palette)


def label_png(values: Floats, labels: Sequence[float], colours: Sequence[Colour]) -> bytes:
    """Return a PNG in which some values have colours of their own and all else is transparent.

    Parameters
    ----------
    values
        Shape (height, width).
    labels, colours
        Values, and red, green, blue, opacity of each; of two equal ones the last counts. Up to 255
        they make an indexed picture (mode P), more an RGBA one.
    """
    index = _labelled(values, labels)
    palette = np.zeros((max(COLOURS, len(labels)) + 1, 4), dtype=np.uint8)
    palette[1 : len(labels) + 1] = colours
    if len(labels) <= COLOURS:
        return encode.png_indexed(index.astype(np.uint8), palette)
    return encode.png_rgba(palette[index])


def rgb_png(
    bands: Sequence[Floats],
    ranges: Sequence[tuple[float, float]],
    *,
    transform: tuple[Operation, ...] = (),
) -> bytes:
    """Return three bands as a PNG (mode RGB) in which black is transparent.

    Parameters
    ----------
    bands
        Red, green and blue, each of shape (height, width). A pixel that any of them has no value
        for is transparent.
    ranges
        Low and high value of each.
    transform
        Steps after the stretch.
    """
    units = [unit_interval(band, *ends) for band, ends in zip(bands, ranges, strict=True)]
    colours = levels(transformed(np.stack(units), transform))
    colours[:, (colours == TRANSPARENT).any(axis=0)] = TRANSPARENT
    return encode.png_rgb(np.moveaxis(colours, 0, -1), transparent=True)


def empty_png(size: Size) -> bytes:
    """Return a transparent PNG (mode P)."""
    index = np.full((size.height, size.width), TRANSPARENT, dtype=np.uint8)
    return encode.png_indexed(index, np.zeros((1, 4), dtype=np.uint8))


def legend(
    name: str | None, low: float, high: float, number: int, folder: str | None = None
) -> list[dict[str, float | list[float]]]:
    """Return equally spaced values and the colours that they get.

    Examples
    --------
    >>> legend(None, 0, 1, 2)[0]
    {'value': 0.0, 'rgba': [1.0, 1.0, 1.0, 255.0]}
    """
    values = np.linspace(low, high, number)
    colours = colour_table(name, folder)[levels(unit_interval(values, low, high)) - 1]
    pairs = zip(values.tolist(), colours.astype(np.float64).tolist(), strict=True)
    return [{"value": value, "rgba": colour} for value, colour in pairs]


def _labelled(values: Floats, labels: Sequence[float]) -> NDArray[np.intp]:
    """Return the place of each value among the labels, from 1; 0 for those that are none."""
    # In the dtype of the values: 0.1 means the cell that holds 0.1 as well as float32 can.
    wanted = np.asarray(labels, dtype=np.float64).astype(values.dtype)
    order = np.argsort(wanted, kind="stable")
    ascending = wanted[order]
    place = np.searchsorted(ascending, values, side="right") - 1
    found = (place >= 0) & (ascending[place] == values)
    return np.where(found, order[place] + 1, TRANSPARENT)
