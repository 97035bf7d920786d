"""Names that a caller chooses from."""

from __future__ import annotations

import pytest

from xcube_tiles.algebra.choosing import check_choice, chosen
from xcube_tiles.errors import AlgebraError

SIDES = {"left": False, "right": True, "l": False}


def test_a_name_or_an_alias_gives_its_row() -> None:
    assert [chosen("side", name, SIDES) for name in SIDES] == [False, True, False]


@pytest.mark.parametrize("name", ["top", "", None, ["left"], 1])
def test_anything_else_is_refused_with_the_names_that_there_are(name: object) -> None:
    with pytest.raises(AlgebraError, match=r"unknown side .*; expected one of left, right, l$"):
        chosen("side", name, SIDES)  # type: ignore[arg-type]
    with pytest.raises(AlgebraError, match=r"unknown side .*; expected one of left, right$"):
        check_choice("side", name, SIDES, ("left", "right"))
