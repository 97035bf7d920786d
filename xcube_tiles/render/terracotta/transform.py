"""Colour transforms, such as `gamma rgb 1.5, sigmoidal rgb 6 0.5, saturation 1.2`.

The language is that of the package color-operations, which Terracotta uses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.errors import StyleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ARGUMENTS = {"gamma": 1, "sigmoidal": 2, "saturation": 1}
_BANDS = {"r": 0, "g": 1, "b": 2, "1": 0, "2": 1, "3": 2}
_EPSILON = float(np.finfo(np.float64).eps)

# sRGB (IEC 61966-2-1) to CIE XYZ and back, under the white point D65.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_FROM_XYZ = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_DELTA = 6 / 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One step of a colour transform."""

    name: str
    """`gamma`, `sigmoidal` or `saturation`."""

    bands: tuple[int, ...]
    """Bands that it changes, from 0."""

    arguments: tuple[float, ...]
    """Its numbers."""

    def apply(self, colours: Floats) -> Floats:
        """Return changed colours.

        Parameters
        ----------
        colours
            Shape (bands, ...), 0 to 1; NaN stays NaN.

        Returns
        -------
        ndarray of float64
            Same shape, 0 to 1.
        """
        changed = colours.copy()
        with np.errstate(all="ignore"):
            if self.name == "saturation":
                changed[:3] = _saturation(colours[:3], *self.arguments)
            elif self.name == "gamma":
                for band in self.bands:
                    changed[band] = colours[band] ** (1.0 / self.arguments[0])
            else:
                for band in self.bands:
                    changed[band] = _sigmoidal(colours[band], *self.arguments)
        return np.clip(changed, 0.0, 1.0)


def parse_transform(text: str, bands: int) -> tuple[Operation, ...]:
    """Return the operations that a text names, in order.

    Parameters
    ----------
    text
        ``gamma BANDS g``, ``sigmoidal BANDS contrast bias``, ``saturation proportion``, one after
        the other; commas may part them. BANDS are letters of ``rgb``, or ``1 2 3``.
    bands
        Number of bands that there are: 1 or 3.

    Raises
    ------
    StyleError
        A text that can't be understood, or a band that there isn't.

    Examples
    --------
    >>> [step.name for step in parse_transform("gamma rg 1.5, sigmoidal rgb 6 0.5", 3)]
    ['gamma', 'sigmoidal']
    """
    words = text.lower().replace(",", " ").split()
    steps: list[list[str]] = []
    for word in words:
        if word in _ARGUMENTS:
            steps.append([word])
        elif steps:
            steps[-1].append(word)
        else:
            raise _bad(text, f"{word!r} is no operation")
    if not steps:
        raise _bad(text, "it is empty")
    return tuple(_operation(step, bands, text) for step in steps)


def transformed(colours: Floats, operations: tuple[Operation, ...]) -> Floats:
    """Return colours, shape (bands, ...), after all operations."""
    for operation in operations:
        colours = operation.apply(colours)
    return colours


def _operation(words: list[str], bands: int, text: str) -> Operation:
    name, *rest = words
    chosen = tuple(range(3))
    if name == "saturation":
        if bands != 3:
            raise _bad(text, "saturation needs three bands")
    else:
        if not rest:
            raise _bad(text, f"{name} needs bands")
        chosen = tuple(sorted({_BANDS.get(letter, bands) for letter in rest[0]}))
        if chosen[-1] >= bands:
            raise _bad(text, f"{rest[0]!r} names a band that there isn't")
        rest = rest[1:]
    if len(rest) != _ARGUMENTS[name]:
        raise _bad(text, f"{name} takes {_ARGUMENTS[name]} numbers, got {len(rest)}")
    try:
        numbers = tuple(float(word) for word in rest)
    except ValueError:
        raise _bad(text, f"{' '.join(rest)!r} are no numbers") from None
    _check(name, numbers, text)
    return Operation(name=name, bands=chosen, arguments=numbers)


def _check(name: str, numbers: tuple[float, ...], text: str) -> None:
    if not all(math.isfinite(number) for number in numbers):
        raise _bad(text, "numbers are finite")
    if name == "gamma" and numbers[0] <= 0:
        raise _bad(text, "gamma is greater than 0")
    if name == "sigmoidal" and not 0 <= numbers[1] <= 1:
        raise _bad(text, "the bias is between 0 and 1")


def _bad(text: str, reason: str) -> StyleError:
    return StyleError(
        f"invalid color_transform {text!r:.200}: {reason}; expected steps such as 'gamma rgb 1.5', "
        "'sigmoidal rgb 6 0.5', 'saturation 1.2'"
    )


def _sigmoidal(values: Floats, contrast: float, bias: float) -> Floats:
    """Return the sigmoidal contrast (Farid, *Fundamentals of Image Processing*), or its inverse."""
    middle, steep = bias or _EPSILON, contrast
    if steep == 0:
        return values
    if steep > 0:
        low = 1 / (1 + np.exp(steep * middle))
        high = 1 / (1 + np.exp(steep * (middle - 1)))
        curve: Floats = (1 / (1 + np.exp(steep * (middle - values))) - low) / (high - low)
        return curve
    low = 1 / (1 + np.exp(steep * middle))
    high = 1 / (1 + np.exp(steep * middle - steep))
    inverse: Floats = (steep * middle - np.log(1 / (values * (high - low) + low) - 1)) / steep
    return inverse


def _saturation(rgb: Floats, proportion: float) -> Floats:
    """Return colours whose chroma in CIE LCh is multiplied."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = _lab_curve(_mixed(_TO_XYZ, linear) / _scaled_white(rgb))
    a, b = 500 * (x - y) * proportion, 200 * (y - z) * proportion
    back = _lab_inverse(np.stack([y + a / 500, y, y - b / 200])) * _scaled_white(rgb)
    linear = _mixed(_FROM_XYZ, back)
    curved = 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    return np.clip(np.where(linear <= 0.0031308, 12.92 * linear, curved), 0.0, 1.0)


def _mixed(matrix: Floats, bands: Floats) -> Floats:
    # Not a product of matrices: that would start BLAS threads.
    rows = [sum(weight * band for weight, band in zip(row, bands, strict=True)) for row in matrix]
    return np.stack(rows)


def _scaled_white(bands: Floats) -> Floats:
    return _WHITE.reshape(3, *[1] * (bands.ndim - 1))


def _lab_curve(xyz: Floats) -> Floats:
    return np.where(xyz > _DELTA**3, np.cbrt(xyz), xyz / (3 * _DELTA**2) + 4 / 29)


def _lab_inverse(curve: Floats) -> Floats:
    return np.where(curve > _DELTA, curve**3, 3 * _DELTA**2 * (curve - 4 / 29))
