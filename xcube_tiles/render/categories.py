"""Categorical colours: which value has which colour and meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import StyleError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CATEGORIES = 255
"""An indexed PNG has 256 colours, and one of them is transparent."""

# Ten hues that stay apart for most colour-blind readers (Wong 2011, widened), for values that come
# without colours of their own.
_QUALITATIVE = [
    *("0072b2", "e69f00", "009e73", "cc79a7", "56b4e9"),
    *("d55e00", "f0e442", "7f7f7f", "8c564b", "4d4d9f"),
]

_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A value of a categorical variable."""

    value: float
    """The value as it stands in the cells."""

    colour: tuple[int, int, int, int]
    """Red, green, blue, opacity; 0 to 255."""

    meaning: str = ""
    """What the value stands for."""

    @property
    def hex(self) -> str:
        """The colour as `#rrggbb`, or `#rrggbbaa` where it isn't opaque."""
        shown = self.colour if self.colour[3] < 255 else self.colour[:3]
        return "#" + "".join(f"{channel:02x}" for channel in shown)


def parse_colour(colour: object) -> tuple[int, int, int, int]:
    """Return a colour as red, green, blue, opacity.

    Parameters
    ----------
    colour
        `#rgb`, `#rrggbb` or `#rrggbbaa` (the `#` may be missing), or three or four integers from
        0 to 255.

    Raises
    ------
    StyleError
        Anything else.

    Examples
    --------
    >>> parse_colour("#f00"), parse_colour([1, 2, 3, 4])
    ((255, 0, 0, 255), (1, 2, 3, 4))
    """
    if isinstance(colour, str) and (match := _HEX.fullmatch(colour.strip())):
        digits = match[1] if len(match[1]) > 3 else "".join(c + c for c in match[1])
        return tuple(bytes.fromhex(digits.ljust(8, "f")))  # type: ignore[return-value]
    if isinstance(colour, list | tuple) and len(colour) in (3, 4):
        channels = (*colour, 255)[:4]
        if all(isinstance(c, int | np.integer) and 0 <= c <= 255 for c in channels):
            return tuple(int(c) for c in channels)  # type: ignore[return-value]
    raise StyleError(
        f"expected a colour as '#rrggbb' or as 3 or 4 integers from 0 to 255, got {colour!r}"
    )


def categories_from_mapping(colours: Mapping[Any, object]) -> tuple[Category, ...]:
    """Return the categories of a mapping from value to colour, in its order.

    Raises
    ------
    StyleError
        An empty mapping, more than 255 values, a value that is no number, or no colour.

    Examples
    --------
    >>> [(c.value, c.hex) for c in categories_from_mapping({1: "#0f0", "2": [0, 0, 255]})]
    [(1.0, '#00ff00'), (2.0, '#0000ff')]
    """
    _check_number_of(len(colours))
    return tuple(
        Category(value=_number(value), colour=parse_colour(colour))
        for value, colour in colours.items()
    )


def categories_from_attributes(attributes: Mapping[str, Any]) -> tuple[Category, ...]:
    """Return the categories that CF attributes describe; empty where they describe none.

    Parameters
    ----------
    attributes
        `flag_values` (numbers; without it there are no categories), `flag_meanings` (words
        parted by blanks, or a list) and `flag_colors` (`#rrggbb`, likewise). Values without a
        colour get one from a table of ten, over and over.

    Notes
    -----
    CF conventions 1.11, section 3.5; `flag_colors` is a widely read addition to them. Bit fields
    (`flag_masks`) are not categories: they give none. Nor do attributes that contradict each other
    or can't be read, or more values than a picture has colours (255): whoever made the data can
    seldom be asked, and values are drawn by a stretch then.

    Examples
    --------
    >>> found = categories_from_attributes(
    ...     {"flag_values": [0, 1], "flag_meanings": "land water", "flag_colors": "#aa8855 #0000ff"}
    ... )
    >>> [(c.value, c.meaning, c.hex) for c in found]
    [(0.0, 'land', '#aa8855'), (1.0, 'water', '#0000ff')]
    >>> categories_from_attributes({"units": "m"})
    ()
    >>> categories_from_attributes({"flag_values": [0, 1], "flag_meanings": "land water ice"})
    ()
    """
    if "flag_values" not in attributes or "flag_masks" in attributes:
        return ()
    try:
        return _described(attributes)
    except StyleError:
        return ()


def _described(attributes: Mapping[str, Any]) -> tuple[Category, ...]:
    values = np.atleast_1d(np.asarray(attributes["flag_values"])).tolist()
    if not values:
        return ()
    _check_number_of(len(values))
    meanings = _words(attributes, "flag_meanings", len(values))
    colours = _words(attributes, "flag_colors", len(values))
    return tuple(
        Category(
            value=_number(value),
            colour=parse_colour(colours[i] or _QUALITATIVE[i % len(_QUALITATIVE)]),
            meaning=meanings[i],
        )
        for i, value in enumerate(values)
    )


def _words(attributes: Mapping[str, Any], name: str, count: int) -> list[str]:
    given = attributes.get(name)
    if given is None:
        return [""] * count
    words = given.split() if isinstance(given, str) else [str(word) for word in given]
    if len(words) != count:
        raise StyleError(f"{name} has {len(words)} entries, but flag_values has {count}")
    return words


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise StyleError(f"a category is a number, got {value!r}") from error


def _check_number_of(count: int) -> None:
    if not 1 <= count <= MOST_CATEGORIES:
        raise StyleError(f"expected 1 to {MOST_CATEGORIES} categories, got {count}")
