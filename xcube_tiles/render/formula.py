"""Colour formulas: gamma, sigmoidal contrast and saturation, as `gamma 1.2, saturation 1.3`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.errors import StyleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHANNELS = "rgb"
_PARTS = {
    "gamma": ("gamma [RGB] value", 1),
    "sigmoidal": ("sigmoidal [RGB] contrast bias", 2),
    "saturation": ("saturation factor", 1),
}
_LONGEST = 200  # characters
_MOST_STEPS = 8
_STEPS = 254
"""Palette indices 1 to 255 are this many steps apart, end to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of a colour formula."""

    name: str
    """`gamma`, `sigmoidal` or `saturation`."""

    channels: tuple[int, ...]
    """Which of red, green and blue (0, 1, 2) it changes."""

    numbers: tuple[float, ...]
    """Its parameters."""

    def curve(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where shares of the range, 0 to 1, go; not for a saturation."""
        if self.name == "gamma":
            return np.asarray(shares ** (1.0 / self.numbers[0]))
        contrast, bias = self.numbers
        if contrast == 0:
            return shares
        at, low, high = (
            1.0 / (1.0 + np.exp(contrast * (bias - x))) for x in (shares, np.zeros(1), np.ones(1))
        )
        return np.asarray((at - low) / (high - low))


@lru_cache(maxsize=128)
def parse_formula(text: str) -> tuple[Step, ...]:
    """Return the operations of a colour formula, in their order.

    Parameters
    ----------
    text
        Operations parted by commas or one after the other: ``gamma [RGB] value`` (value ** (1 /
        gamma)), ``sigmoidal [RGB] contrast bias`` (contrast around `bias`, 0 to 1), ``saturation
        factor``. Without letters all channels are meant. As in rio-color.

    Raises
    ------
    StyleError
        A text that isn't of this form, or a number out of range.

    Examples
    --------
    >>> [step.name for step in parse_formula("gamma RG 1.2, sigmoidal 3 0.5, saturation 1.1")]
    ['gamma', 'sigmoidal', 'saturation']
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise StyleError(f"a formula is a text of at most {_LONGEST} characters, got {text!r:.80}")
    words = text.replace(",", " ").lower().split()
    steps = []
    while words:
        name = words.pop(0)
        if name not in _PARTS:
            forms = ", ".join(form for form, _ in _PARTS.values())
            raise StyleError(f"unknown operation {name!r} in a colour formula; expected {forms}")
        steps.append(_step(name, words))
    if not 1 <= len(steps) <= _MOST_STEPS:
        raise StyleError(f"a colour formula has 1 to {_MOST_STEPS} operations, got {text!r}")
    return tuple(steps)


def _step(name: str, words: list[str]) -> Step:
    """Return an operation, and take its words away."""
    form, count = _PARTS[name]
    letters = _CHANNELS
    if words and name != "saturation" and set(words[0]) <= set(_CHANNELS):
        letters = words.pop(0)
    numbers = tuple(_number(word, form) for word in words[:count])
    del words[:count]
    if len(numbers) < count:
        raise StyleError(f"expected '{form}' in a colour formula, got too few numbers")
    _check(name, numbers)
    channels = tuple(i for i, letter in enumerate(_CHANNELS) if letter in letters)
    return Step(name=name, channels=channels, numbers=numbers)


def _number(word: str, form: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise StyleError(f"expected '{form}' in a colour formula, got {word!r}")
    return number


def _check(name: str, numbers: tuple[float, ...]) -> None:
    first = numbers[0]
    if name == "gamma" and not 0.01 <= first <= 100:
        raise StyleError(f"gamma is 0.01 to 100, got {first!r}")
    if name == "sigmoidal" and not (0 <= first <= 100 and 0 <= numbers[1] <= 1):
        raise StyleError(f"contrast is 0 to 100 and bias 0 to 1, got {first!r} and {numbers[1]!r}")
    if name == "saturation" and not 0 <= first <= 10:
        raise StyleError(f"saturation is 0 to 10, got {first!r}")


def check_one_band(text: str) -> None:
    """Raise StyleError for a formula of single channels: one band has none."""
    if any(len(step.channels) < len(_CHANNELS) for step in parse_formula(text)):
        raise StyleError(
            f"red, green and blue can be told apart in three bands only: leave the letters out "
            f"of {text!r}"
        )


def formed(index: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Return the colours that a formula makes of stretched red, green and blue.

    Parameters
    ----------
    index
        Shape (..., 3), 1 to 255 from the low to the high end; 0: no value.
    text
        See `parse_formula`.

    Returns
    -------
    ndarray of uint8
        Same shape, 1 to 255; 0 where it was.

    Examples
    --------
    >>> formed(np.array([[0, 0, 0], [1, 128, 255]], np.uint8), "gamma 2").tolist()
    [[0, 0, 0], [1, 181, 255]]
    """
    steps = parse_formula(text)
    missing = index == 0
    if all(step.name != "saturation" for step in steps):
        table = _to_index(_curved(np.tile(np.arange(256)[:, np.newaxis], 3), steps))
        result = np.stack([table[index[..., i], i] for i in range(3)], axis=-1)
    else:
        result = _to_index(_curved(index, steps))
    result[missing] = 0
    return result


def formed_palette(colours: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Return the colours of a ramp after a formula: curves move them, saturation changes them.

    Parameters
    ----------
    colours
        Shape (n, 3), from the low to the high end.
    text
        See `parse_formula`; of all channels.
    """
    steps = parse_formula(text)
    place = np.linspace(0.0, 1.0, len(colours))
    for step in steps:
        if step.name != "saturation":
            place = step.curve(place)
    moved = colours[np.floor(place * (len(colours) - 1) + 0.5).astype(np.intp)] / 255.0
    for step in steps:
        if step.name == "saturation":
            moved = saturated(moved, step.numbers[0])
    return np.floor(moved * 255 + 0.5).astype(np.uint8)


def _curved(index: NDArray[np.integer], steps: tuple[Step, ...]) -> NDArray[np.float64]:
    shares = np.clip((index.astype(np.float64) - 1) / _STEPS, 0.0, 1.0)
    for step in steps:
        if step.name == "saturation":
            shares = saturated(shares, step.numbers[0])
        else:
            for channel in step.channels:
                shares[..., channel] = step.curve(shares[..., channel])
    return shares


def _to_index(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.floor(1.5 + _STEPS * np.clip(shares, 0.0, 1.0)).astype(np.uint8)


# sRGB to XYZ, D65 (IEC 61966-2-1), each row divided by the white point.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_EDGE = 6 / 29


def saturated(colours: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Return colours whose chroma in CIE L*a*b* (D65) is multiplied; lightness and hue stay.

    Parameters
    ----------
    colours
        sRGB, 0 to 1, shape (..., 3). Results beyond it are clipped.
    factor
        0: grey; 1: no change.

    Examples
    --------
    >>> saturated(np.array([0.8, 0.2, 0.2]), 0.0).round(3).tolist()
    [0.429, 0.429, 0.429]
    """
    if factor == 1:
        return colours
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    xyz = _product(linear, _TO_XYZ)
    bent = np.where(xyz > _EDGE**3, np.cbrt(xyz), xyz / (3 * _EDGE**2) + 4 / 29)
    # a* and b* are differences of the bent X and Z from the bent Y, which alone makes L*.
    light = bent[..., 1:2]
    bent = light + (bent - light) * factor
    xyz = np.where(bent > _EDGE, bent**3, 3 * _EDGE**2 * (bent - 4 / 29))
    linear = np.clip(_product(xyz, _FROM_XYZ), 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _product(colours: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a matrix times each colour, without BLAS, whose threads take longer than a tile."""
    red, green, blue = (colours[..., i] for i in range(3))
    rows = [row[0] * red + row[1] * green + row[2] * blue for row in matrix]
    return np.stack(rows, axis=-1)
