"""What becomes of attributes that describe values when an operation makes other values."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

AttrsRule: TypeAlias = Literal["keep", "square", "drop"]
"""Results have the unit of the cells, its square, or none."""

_VALUE_ATTRS = frozenset(
    {"units", "standard_name", "valid_min", "valid_max", "valid_range", "flag_values"}
    | {"flag_meanings", "flag_masks", "scale_factor", "add_offset"}
)
"""Attributes that describe single values; a count or a product isn't one of them."""


def value_attrs(attrs: dict[Any, Any], rule: AttrsRule) -> dict[Any, Any]:
    """Return the attributes that results of an operation have.

    Examples
    --------
    >>> value_attrs({"units": "K", "long_name": "Temperature"}, "square")
    {'long_name': 'Temperature', 'units': '(K)^2'}
    """
    if rule == "keep":
        return dict(attrs)
    kept = {key: value for key, value in attrs.items() if key not in _VALUE_ATTRS}
    units = attrs.get("units")
    if rule == "square" and units is not None:
        kept["units"] = f"({units})^2"
    return kept
