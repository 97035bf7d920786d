"""Styles by name, for protocols whose clients choose from a list."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

from xcube_tiles.render.colormaps import colormap_names
from xcube_tiles.server.ogc.refusals import Refusal
from xcube_tiles.server.params import style_from_query

if TYPE_CHECKING:
    from xcube_tiles.render.style import Style
    from xcube_tiles.server.ogc.kvp import Kvp
    from xcube_tiles.server.served import ServedLayer

DEFAULT = "default"

PARAMETERS = tuple(signature(style_from_query).parameters)
"""Parameters of styles: those of the native routes, whatever these are."""


class NamedStyle(NamedTuple):
    """A style that is offered."""

    name: str
    title: str


def styles_of(layer: ServedLayer) -> tuple[NamedStyle, ...]:
    """Return the styles that capabilities list: the default, and one for each variable.

    More are understood than are listed: see `style_of`.
    """
    variables = layer.source.variables
    default = NamedStyle(DEFAULT, f"{variables[0]}, in its own colours")
    return default, *(NamedStyle(name, name) for name in variables if name != DEFAULT)


def style_of(layer: ServedLayer, name: str | None, asked: Kvp) -> Style:
    """Return the style that a name means, with what other parameters say.

    Parameters
    ----------
    layer
        What is drawn.
    name
        `default` or nothing; a variable; or `variable:colormap`.
    asked
        May have the parameters of `style_from_query`, as the native routes; they go before what
        the name means.

    Raises
    ------
    Refusal
        A style that the layer doesn't have.
    StyleError, ExpressionError
        Parameters that can't be understood.
    """
    variable, colours = _meaning(layer, name)
    texts: dict[str, Any] = {
        parameter: text for parameter in PARAMETERS if (text := asked.text(parameter))
    }
    if variable and not texts.keys() & {"bands", "expression"}:
        texts["bands"] = variable
    if colours:
        texts.setdefault("colormap", colours)
    return style_from_query(**texts)


def _meaning(layer: ServedLayer, name: str | None) -> tuple[str | None, str | None]:
    """Return the variable and the colour map that a style's name means."""
    if not name or name == DEFAULT:
        return None, None
    if name in layer.source.variables:
        return name, None
    variable, colon, colours = name.rpartition(":")
    if colon and variable in layer.source.variables:
        if colours.removesuffix("_r") in colormap_names():
            return variable, colours
        raise Refusal(
            "style",
            f"no colour map {colours!r}; the colour maps are {', '.join(colormap_names())}",
            "style",
        )
    listed = ", ".join(style.name for style in styles_of(layer))
    raise Refusal(
        "style",
        f"layer {layer.name!r} has no style {name!r}; its styles are {listed}, and "
        "each variable with a colour map, such as "
        f"{layer.source.variables[0]}:viridis",
        "style",
    )
