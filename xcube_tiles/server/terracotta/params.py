"""Query parameters of Terracotta: JSON in texts, checked, each error with its own text."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from xcube_tiles.render.terracotta.colours import colour_names
from xcube_tiles.render.terracotta.picture import MOST_LABELS
from xcube_tiles.render.terracotta.values import Size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import QueryParams

LARGEST_EDGE = 2048
"""Longest edge of a picture, in pixels."""

LARGEST_PAGE = 100_000
"""Most rasters of one page."""

MOST_VALUES = 65_536
"""Most entries of a colour map."""

EXPLICIT = "explicit"
"""Name of the colour map that a request gives itself."""

End: TypeAlias = float | str | None
"""End of a stretch: a number, a percentile such as `p2`, or None for that of the raster."""

_PERCENTILE = re.compile(r"p(\d{1,3})", re.ASCII)
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


class BadRequestError(ValueError):
    """A request that can't be answered; the text says why."""


class Labels(NamedTuple):
    """Values that have colours of their own."""

    values: tuple[float, ...]
    colours: tuple[tuple[int, int, int, int], ...]


def required(query: QueryParams, name: str) -> str:
    """Return the text of a parameter that has to be there."""
    if name not in query:
        raise BadRequestError(f"{name}: missing data for required field")
    return str(query[name])


def stretch_of(query: QueryParams, name: str) -> tuple[End, End]:
    """Return the ends of a stretch; both None where none is given."""
    value = _json(query, name)
    if value is None:
        return None, None
    if not isinstance(value, list) or len(value) != 2:
        raise BadRequestError(f"{name}: expected a list [min, max], got {query[name]!r:.80}")
    return _end(name, value[0]), _end(name, value[1])


def numbers_of(query: QueryParams, name: str) -> tuple[float, float]:
    """Return the ends of a stretch that has to be two numbers."""
    required(query, name)
    match stretch_of(query, name):
        case [float(low), float(high)]:
            return low, high
    raise BadRequestError(f"{name}: expected two numbers [min, max], got {query[name]!r:.80}")


def percentile(text: str) -> int:
    """Return the number of a percentile such as `p2`."""
    return int(text[1:])


def size_of(query: QueryParams, default: Size) -> Size:
    """Return the size of a picture, given as rows and columns."""
    match _json(query, "tile_size"):
        case None:
            return default
        case [height, width] if _is_edge(height) and _is_edge(width):
            return Size(int(height), int(width))
    raise BadRequestError(
        f"tile_size: expected two whole numbers from 1 to {LARGEST_EDGE}, such as [256,256], got "
        f"{query['tile_size']!r:.80}"
    )


def colormap_of(query: QueryParams, folder: str | None, *, explicit: bool = False) -> str | None:
    """Return the name of a colour map, None where none is given."""
    name = query.get("colormap")
    names = colour_names(folder)
    if name is None or name in names or (explicit and name == EXPLICIT):
        return name
    choices = ([EXPLICIT] if explicit else []) + list(names)
    raise BadRequestError(f"colormap: must be one of {', '.join(choices)}, got {name!r:.80}")


def labels_of(query: QueryParams) -> Labels | None:
    """Return the values that have colours of their own; None where a ramp is asked for."""
    name = "explicit_color_map"
    asked = query.get("colormap") == EXPLICIT
    if asked != (name in query):
        raise BadRequestError(f"{name} and colormap=explicit must be given together")
    if not asked:
        return None
    given = _json(query, name)
    if not isinstance(given, dict) or not 0 < len(given) <= MOST_LABELS:
        raise BadRequestError(
            f"{name}: expected an object from value to colour with 1 to {MOST_LABELS} members"
        )
    pairs = {_label(text): _colour(colour) for text, colour in given.items()}
    return Labels(tuple(pairs), tuple(pairs.values()))


def page_of(query: QueryParams) -> tuple[int, int]:
    """Return limit and page of a list."""
    return (
        whole_of(query, "limit", default=100, most=LARGEST_PAGE),
        whole_of(query, "page", default=0, most=2**53),
    )


def whole_of(query: QueryParams, name: str, *, default: int, most: int) -> int:
    """Return a whole number from 0."""
    text = query.get(name)
    if text is None:
        return default
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 17 and int(digits) <= most):
        raise BadRequestError(f"{name}: expected a whole number from 0 to {most}, got {text!r:.80}")
    return int(digits)


def truth_of(query: QueryParams, name: str, *, default: bool) -> bool:
    """Return true or false."""
    text = query.get(name, str(default)).lower()
    if text not in _TRUE | _FALSE:
        raise BadRequestError(f"{name}: expected true or false, got {text!r:.80}")
    return text in _TRUE


def list_of(text: str) -> list[str]:
    """Return the values that a text lists in brackets; without brackets it is one value.

    Examples
    --------
    >>> list_of("B04"), list_of("[B02, B03]"), list_of('["a,b", "c"]')
    (['B04'], ['B02', 'B03'], ['a,b', 'c'])
    """
    if not (text.startswith("[") and text.endswith("]")):
        return [text]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return found
    return [part.strip() for part in text[1:-1].split(",")]


def columns_of(query: QueryParams, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the columns that are asked for; all where none are named."""
    unknown = [name for name in query if name != "columns"]
    if unknown:
        raise BadRequestError(f"{unknown[0]}: unknown field")
    value = _json(query, "columns") if "columns" in query else list(known)
    if not isinstance(value, list) or not value or any(name not in known for name in value):
        raise BadRequestError(
            f"columns: expected a JSON list of some of {', '.join(known)}, got "
            f"{query.get('columns')!r:.80}"
        )
    return tuple(value)


def posted_keys(body: object, most: int) -> list[list[str]]:
    """Return the values of the keys of each raster that a body names."""
    keys = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(keys, list) or not all(map(_are_texts, keys)):
        raise BadRequestError('expected a JSON object {"keys": [["value1", "value2"], ...]}')
    if len(keys) > most:
        raise BadRequestError(f"at most {most} rasters at a time, got {len(keys)}")
    return keys


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _json(query: Mapping[str, str], name: str) -> Any:
    text = query.get(name)
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequestError(f"{name}: could not decode {text!r:.80} as JSON") from None


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _end(name: str, value: object) -> End:
    match value:
        case None:
            return None
        case str() if (found := _PERCENTILE.fullmatch(value)) and int(found[1]) <= 100:
            return value
        case int() | float() if not isinstance(value, bool) and _is_finite(value):
            return float(value)
    raise BadRequestError(
        f"{name}: expected a number, null, or a percentile p0 to p100, got {value!r:.80}"
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _is_edge(value: object) -> bool:
    whole = value.is_integer() if isinstance(value, float) else type(value) is int
    return whole and 1 <= value <= LARGEST_EDGE  # type: ignore[operator]


def _label(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRequestError(f"explicit_color_map: {text!r:.80} is no number")
    return number


def _colour(given: object) -> tuple[int, int, int, int]:
    match given:
        case str():
            found = _hex(given)
        case [_, _, _] | [_, _, _, _] if all(map(_is_byte, given)):
            found = [int(value) for value in given]  # type: ignore[call-overload]
        case _:
            found = None
    if found is None:
        raise BadRequestError(
            "explicit_color_map: a colour is [r,g,b] or [r,g,b,a] of numbers from 0 to 255, or "
            f"'#rrggbb', got {given!r:.80}"
        )
    red, green, blue, opacity = [*found, 255][:4]
    return red, green, blue, opacity


def _is_byte(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 255


def _hex(text: str) -> list[int] | None:
    digits = text.removeprefix("#")
    if len(digits) in (3, 4):
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch("[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", digits):
        return None
    return list(bytes.fromhex(digits))
