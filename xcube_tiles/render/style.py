"""Styles: how the values of a raster become colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.errors import StyleError
from xcube_tiles.render.categories import (
    MOST_CATEGORIES,
    Category,
    categories_from_attributes,
    categories_from_mapping,
)
from xcube_tiles.render.colormaps import THEMES, colormap, opacities
from xcube_tiles.render.elevation import Elevation, check_elevation
from xcube_tiles.render.formula import check_one_band, formed_palette, parse_formula
from xcube_tiles.render.references import referenced
from xcube_tiles.render.source import TileSource, attributes_of, check_variables
from xcube_tiles.render.statistics import percentiles_of
from xcube_tiles.render.stretch import COLOURS, Stretch, check_stretch
from xcube_tiles.render.window import DrawResampling

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_COLORMAP = "viridis"
DEFAULT_PERCENTILES = (2.0, 98.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How the values of a raster become colours.

    One band or an expression is drawn with a colour map or with categories, three bands as red,
    green and blue. What is left out is found from the source by `complete_style`.

    Raises
    ------
    StyleError
        A field that can't be used, or fields that contradict each other.
    ExpressionError
        An expression that can't be parsed.

    Examples
    --------
    >>> Style(bands="ndvi", stretch=(-0.2, 1), colormap="ndvi").stretch
    (Stretch(low=-0.2, high=1.0),)
    >>> Style(bands=("B04", "B03", "B02")).is_rgb
    True
    """

    bands: tuple[str, ...] = ()
    """Names of one or of three variables, or one name alone; empty: the first variable of the
    source."""

    expression: str | None = None
    """Band mathematics instead of bands, such as `(nir - red) / (nir + red)`."""

    stretch: tuple[Stretch, ...] = ()
    """Values of the first and the last colour, for all bands or for each; one pair of numbers alone
    will do; empty: `percentiles`."""

    percentiles: tuple[float, float] = DEFAULT_PERCENTILES
    """Percentiles, 0 to 100, of the source's values that are the stretch where none is given."""

    colormap: str | None = None
    """Name of a colour map; None: the categories of the variable, else viridis."""

    categories: tuple[Category, ...] = ()
    """Values that have colours of their own, or a mapping from value to colour; other values are
    transparent then."""

    resampling: DrawResampling = "nearest"
    """How a pixel gets its value; categories are drawn with the nearest cell instead of `bilinear`,
    with the most frequent one instead of `average`."""

    formula: str | None = None
    """Gamma, contrast and saturation, such as `gamma 1.2, saturation 1.3`: see `parse_formula`. For
    one band the curves act on the stretched value, saturation on the colours of the map."""

    elevation: Elevation | None = None
    """Encode the values, elevations in metres, as colours that clients compute with; None: draw
    them."""

    def __post_init__(self) -> None:
        # A name or a pair alone is what a notebook has at hand; what is stored has one shape.
        object.__setattr__(self, "bands", _as_names(self.bands))
        object.__setattr__(self, "stretch", _as_stretches(self.stretch))
        if isinstance(self.categories, Mapping):
            object.__setattr__(self, "categories", categories_from_mapping(self.categories))
        self._check_bands()
        self._check_stretch()
        if self.colormap is not None:
            colormap(self.colormap)
            if self.categories:
                raise StyleError("give a colour map or categories, not both")
        if len(self.categories) > MOST_CATEGORIES:
            raise StyleError(f"at most {MOST_CATEGORIES} categories can be drawn")
        if self.resampling not in get_args(DrawResampling):
            *others, last = get_args(DrawResampling)
            raise StyleError(
                f"pixels are resampled by {', '.join(others)} or {last}, got {self.resampling!r}"
            )

        self._check_colours()

    def _check_colours(self) -> None:
        if self.formula is not None:
            parse_formula(self.formula)
            if not self.is_rgb:
                check_one_band(self.formula)
            if self.categories:
                raise StyleError("categories have colours of their own: leave out the formula")
        if self.elevation is not None:
            check_elevation(self.elevation)
            if self.is_rgb or self.colormap or self.categories or self.formula:
                raise StyleError(
                    f"{self.elevation} is a colour code of one band: leave out what draws it"
                )

    def _check_bands(self) -> None:
        if len(self.bands) not in (0, 1, 3):
            raise StyleError(
                f"expected one band, or three for red, green and blue, got {len(self.bands)}: "
                f"{', '.join(self.bands)}"
            )
        if self.expression is not None:
            if self.bands:
                raise StyleError("give bands or an expression, not both")
            Expression.parse(self.expression)
        if self.is_rgb and (self.colormap or self.categories):
            raise StyleError("three bands are drawn as red, green and blue: leave out the colours")

    def _check_stretch(self) -> None:
        for part in self.stretch:
            check_stretch(part)
        if len(self.stretch) not in {0, 1, 3 if self.is_rgb else 1}:
            raise StyleError(
                f"expected one stretch{', or three' if self.is_rgb else ''}, "
                f"got {len(self.stretch)}"
            )
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise StyleError(
                f"percentiles go from a lower to a higher number within 0..100, got {low!r} "
                f"and {high!r}"
            )

    @property
    def is_rgb(self) -> bool:
        """Whether three bands are drawn as red, green and blue."""
        return len(self.bands) == 3

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to find from a source."""
        shown = bool(self.bands) or self.expression is not None
        stretched = bool(self.stretch) and (self.is_rgb or self.colormap is not None)
        return shown and (bool(self.categories) or stretched or self.elevation is not None)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the variables that are read, each once; empty where none is named yet."""
        if self.expression is not None:
            return tuple(Expression.parse(self.expression).names)
        return tuple(dict.fromkeys(self.bands))

    @property
    def channel_stretch(self) -> tuple[Stretch, Stretch, Stretch]:
        """Stretch of red, green and blue."""
        red, green, blue = self.stretch if len(self.stretch) == 3 else self.stretch * 3
        return red, green, blue

    @property
    def palette(self) -> NDArray[np.uint8]:
        """Red, green, blue, opacity of every palette index, shape (n, 4); 0 is transparent."""
        if self.categories:
            colours = [category.colour for category in self.categories]
            return np.array([(0, 0, 0, 0), *colours], dtype=np.uint8)
        palette = np.full((COLOURS + 1, 4), 255, dtype=np.uint8)
        palette[0] = 0
        ramp = colormap(self.colormap or DEFAULT_COLORMAP, COLOURS)
        palette[1:, 3] = opacities(self.colormap or DEFAULT_COLORMAP, COLOURS)
        palette[1:, :3] = ramp if self.formula is None else formed_palette(ramp, self.formula)
        return palette


def complete_style(source: TileSource, style: Style | None = None) -> Style:
    """Return a style in which nothing is left to find.

    Parameters
    ----------
    source
        What is to be drawn.
    style
        What is known; None: nothing.

    Returns
    -------
    Style
        With bands or an expression, and with categories or a stretch. Unless told otherwise: the
        first variable; its categories where it has CF `flag_values` and neither a colour map nor a
        stretch was asked for; else a stretch between percentiles of the values (see
        `statistics.percentiles_of`), and the colour map that is named like the variable (`ndvi`,
        `hillshade`, `terrain`, `water`), or viridis.

    Raises
    ------
    StyleError
        A variable that the source doesn't have.

    Notes
    -----
    Finding a stretch reads from the coarsest level. It is done once for all tiles of a map: they
    would differ in colour otherwise, and be slow.
    """
    style = style or Style()
    if not style.bands and style.expression is None:
        style = replace(style, bands=source.variables[:1])
    source = referenced(source, style.inputs)
    check_variables(source, style.inputs)
    if style.is_complete:
        return style
    plain = style.colormap is None and style.formula is None and not style.stretch
    if len(style.bands) == 1 and plain:
        categories = categories_from_attributes(attributes_of(source, style.bands[0]))
        if categories:
            return replace(style, categories=categories)
    stretch = style.stretch or _found_stretch(source, style)
    return replace(style, stretch=stretch, colormap=_shown_colormap(style))


def _found_stretch(source: TileSource, style: Style) -> tuple[Stretch, ...]:
    if style.expression is not None:
        return (percentiles_of(source, Expression.parse(style.expression), style.percentiles),)
    return tuple(percentiles_of(source, band, style.percentiles) for band in style.bands)


def _as_names(bands: object) -> tuple[str, ...]:
    names = (bands,) if isinstance(bands, str) else bands
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise StyleError(f"bands are a name or a tuple of names, got {bands!r}")
    return tuple(names)


def _as_stretches(stretch: object) -> tuple[Stretch, ...]:
    try:
        pairs = list(stretch)  # type: ignore[call-overload]
        if len(pairs) == 2 and not any(isinstance(pair, list | tuple) for pair in pairs):
            pairs = [pairs]
        return tuple(Stretch(float(low), float(high)) for low, high in pairs)
    except (TypeError, ValueError) as error:
        raise StyleError(
            f"a stretch is a pair of numbers, or a tuple of pairs, got {stretch!r}"
        ) from error


def _shown_colormap(style: Style) -> str | None:
    if style.is_rgb or style.colormap is not None:
        return style.colormap
    # The relief of `hillshade(height)` names a map, too.
    only = style.bands[0].partition("(")[0] if style.bands else None
    return only if only in THEMES else DEFAULT_COLORMAP
