from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xcube_tiles.errors import StyleError
from xcube_tiles.render.categories import (
    categories_from_attributes,
    categories_from_mapping,
    parse_colour,
)


def test_cf_attributes_become_categories() -> None:
    attributes = {
        "flag_values": np.array([1, 2, 9], dtype="int8"),
        "flag_meanings": "water bare_soil forest",
        "flag_colors": "#0000ff #aa8855 #00ff00",
    }
    found = categories_from_attributes(attributes)
    assert [(c.value, c.meaning, c.hex) for c in found] == [
        (1.0, "water", "#0000ff"),
        (2.0, "bare_soil", "#aa8855"),
        (9.0, "forest", "#00ff00"),
    ]


def test_values_without_colours_get_different_ones() -> None:
    found = categories_from_attributes({"flag_values": list(range(10))})
    assert len({c.colour for c in found}) == 10


def test_bit_fields_are_no_categories() -> None:
    assert categories_from_attributes({"flag_values": [1, 2], "flag_masks": [1, 2]}) == ()


def test_a_single_value_may_stand_alone() -> None:
    assert len(categories_from_attributes({"flag_values": 3, "flag_meanings": "only"})) == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"flag_values": [1, 2], "flag_meanings": "one"},
        {"flag_values": [1], "flag_colors": "puce"},
        {"flag_values": "0b, 1b, 2b", "flag_meanings": "a b c"},
        {"flag_values": "land", "flag_meanings": "land"},
        {"flag_values": list(range(256))},
        {"flag_values": []},
    ],
)
def test_attributes_that_contradict_leave_values_to_a_stretch(attributes: dict[str, Any]) -> None:
    assert categories_from_attributes(attributes) == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("#0af", (0, 0xAA, 0xFF, 255)),
        ("00aaff", (0, 0xAA, 0xFF, 255)),
        ("#00aaff80", (0, 0xAA, 0xFF, 0x80)),
        ((1, 2, 3), (1, 2, 3, 255)),
        ([1, 2, 3, 4], (1, 2, 3, 4)),
    ],
)
def test_colours_are_read(given: object, expected: tuple[int, ...]) -> None:
    assert parse_colour(given) == expected


@pytest.mark.parametrize(
    "given", ["#ff", "red", (1, 2), (256, 0, 0), (-1, 0, 0), 5, None, (1.5, 0, 0)]
)
def test_what_is_no_colour_is_refused(given: object) -> None:
    with pytest.raises(StyleError, match="expected a colour"):
        parse_colour(given)


def test_mappings_must_have_numbers() -> None:
    with pytest.raises(StyleError, match="a category is a number, got 'a'"):
        categories_from_mapping({"a": "#fff"})
    with pytest.raises(StyleError, match="got 0"):
        categories_from_mapping({})
