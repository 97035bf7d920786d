"""How a map looks: what its attributes say, checked, and as the query of its tiles."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from xcube_tiles.errors import StyleError
from xcube_tiles.render.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from xcube_tiles.render.stretch import Stretch

Bands: TypeAlias = "str | Sequence[str] | None"
"""One name, or three for red, green and blue; None: the first variable."""

Stretches: TypeAlias = "tuple[float, float] | Sequence[tuple[float, float]] | None"
"""Values of the first and the last colour, for each band if there are several; None: found."""

Colours: TypeAlias = "str | Mapping[float, str] | None"
"""Name of a colour map, or colours of values; None: the variable's own, else viridis."""

Label: TypeAlias = "str | np.datetime64 | None"
"""A time, as precise as one likes; None: the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a map looks, as it was asked for; what is None is found from the cube.

    Raises
    ------
    StyleError, ExpressionError
        Something that can't be used, or that contradicts something else.
    """

    bands: Bands = None
    """One name or three."""

    expression: str | None = None
    """Band mathematics instead of bands."""

    stretch: Stretches = None
    """Values of the first and the last colour."""

    colormap: Colours = None
    """Name of a colour map, or colours of values."""

    time: Label = None
    """The instant that is drawn."""

    opacity: float = 1.0
    """0, nothing is seen, to 1."""

    def __post_init__(self) -> None:
        _ = self.style
        number = isinstance(self.opacity, int | float) and not isinstance(self.opacity, bool)
        if not (number and 0 <= self.opacity <= 1):
            raise StyleError(f"the opacity is a number from 0 to 1, got {self.opacity!r}")

    @property
    def style(self) -> Style:
        """The same as a style."""
        named = isinstance(self.colormap, str | None)
        return Style(
            bands=() if self.bands is None else self.bands,  # type: ignore[arg-type]
            expression=self.expression,
            stretch=() if self.stretch is None else self.stretch,  # type: ignore[arg-type]
            colormap=self.colormap if named else None,  # type: ignore[arg-type]
            categories=() if named else self._categories(),  # type: ignore[arg-type]
        )

    def _categories(self) -> Mapping[float, str]:
        if not isinstance(self.colormap, Mapping):
            raise StyleError(
                "a colormap is a name or a mapping from value to colour, such as "
                f"{{1: '#1f78b4'}}, got {self.colormap!r}"
            )
        return self.colormap

    def changed(self, changes: Mapping[str, object]) -> Look:
        """Return the look after some attributes are set.

        Bands and an expression replace each other. Whichever is new begins with a stretch of its
        own, and three bands without a colour map, unless these are set with it.
        """
        changes = dict(changes)
        if changes.get("expression") is not None:
            changes.setdefault("bands", None)
        elif changes.get("bands") is not None:
            changes.setdefault("expression", None)
        bare: dict[str, object] = {"stretch": None, "colormap": None}
        bare |= {name: changes[name] for name in ("bands", "expression") if name in changes}
        new = replace(self, **bare)  # type: ignore[arg-type]
        if _shown(new.style) != _shown(self.style):
            changes.setdefault("stretch", None)
            if new.style.is_rgb:
                changes.setdefault("colormap", None)
        return replace(self, **changes)  # type: ignore[arg-type]

    def query(self, instant: str | None) -> dict[str, str]:
        """Return the query parameters of the tiles.

        Parameters
        ----------
        instant
            The time that is drawn, as ISO 8601; None: there is no time axis.
        """
        style = self.style
        found = {
            "time": instant,
            "bands": ",".join(style.bands),
            "expression": style.expression,
            "stretch": stretch_text(style.stretch),
            "colormap": self._colormap_text(),
        }
        return {name: text for name, text in found.items() if text}

    def _colormap_text(self) -> str | None:
        if isinstance(self.colormap, Mapping):
            return json.dumps({f"{value:g}": colour for value, colour in self.colormap.items()})
        return self.colormap


def stretch_text(stretch: Sequence[Stretch]) -> str:
    """Return stretches as the server reads them.

    Examples
    --------
    >>> stretch_text([(0, 0.8), (-1.5, 2)])
    '0,0.8;-1.5,2'
    """
    return ";".join(f"{_number(low)},{_number(high)}" for low, high in stretch)


def _number(value: float) -> str:
    short = f"{value:g}"
    return short if math.isclose(float(short), value, rel_tol=0, abs_tol=0) else repr(float(value))


def _shown(style: Style) -> tuple[tuple[str, ...], str | None]:
    return style.bands, style.expression
