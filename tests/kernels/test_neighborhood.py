"""Neighbourhoods: masks by hand, and the formulas of GeoTrellis as loops."""

from __future__ import annotations

import math
import pickle
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import AlgebraError
from xcube_tiles.kernels.neighborhood import (
    Annulus,
    Circle,
    Kernel,
    Neighborhood,
    Nesw,
    Square,
    Wedge,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RADII = st.floats(0.3, 9) | st.integers(1, 9).map(float)
ALL: list[Neighborhood] = [
    Square(2), Circle(2.5), Nesw(3), Wedge(3, 30, 100), Annulus(1, 3), Kernel([[0, 1, 1]]),
]  # fmt: skip


def text(neighborhood: Neighborhood) -> list[str]:
    return ["".join("#" if cell else "." for cell in row) for row in neighborhood.mask()]


def by_loop(extent: int, inside: Callable[[int, int], bool]) -> NDArray[np.bool_]:
    """Ask for each cell by its offsets: to the east, and to the north."""
    along = range(-extent, extent + 1)
    return np.array([[inside(east, -south) for east in along] for south in along])


@pytest.mark.parametrize(
    ("neighborhood", "expected"),
    [
        (Square(1), ["###", "###", "###"]),
        (Nesw(2), ["..#..", "..#..", "#####", "..#..", "..#.."]),
        (Circle(1.5), [".....", ".###.", ".###.", ".###.", "....."]),
        (Circle(math.sqrt(5)), [".......", "..###..", *[".#####."] * 3, "..###..", "......."]),
        (Circle(0.4), ["...", ".#.", "..."]),
        (Annulus(2, 2), ["..#..", ".....", "#...#", ".....", "..#.."]),
        (Annulus(0, 1), [".#.", "###", ".#."]),
        (Wedge(1.5, 0, 90), [".....", "..##.", "..##.", ".....", "....."]),
        (Wedge(1.5, 315, 45), [".....", "...#.", "..##.", "...#.", "....."]),
        (Wedge(1.5, 180, 180), [".....", ".....", ".##..", ".....", "....."]),
        (Wedge(1, 0, 360), [".#.", "###", ".#."]),
        (Kernel([[0, 2, 0.5]]), [".##"]),
    ],
)
def test_by_hand(neighborhood: Neighborhood, expected: list[str]) -> None:
    assert text(neighborhood) == expected


@given(radius=RADII)
def test_circle(radius: float) -> None:
    circle = Circle(radius)
    assert circle.extent == math.ceil(radius)
    expected = by_loop(circle.extent, lambda x, y: math.sqrt(x * x + y * y) <= radius)
    np.testing.assert_array_equal(circle.mask(), expected)


@given(outer=RADII, share=st.floats(0, 1))
def test_annulus(outer: float, share: float) -> None:
    inner = outer * share
    expected = by_loop(math.ceil(outer), lambda x, y: inner <= math.sqrt(x * x + y * y) <= outer)
    if not expected.any():
        with pytest.raises(AlgebraError, match="holds no cell"):
            Annulus(inner, outer)
        return
    np.testing.assert_array_equal(Annulus(inner, outer).mask(), expected)


@given(radius=RADII, start=st.integers(0, 359), end=st.integers(0, 359))
def test_wedge(radius: float, start: int, end: int) -> None:
    def inside(x: int, y: int) -> bool:
        angle = math.degrees(math.atan2(y, x)) % 360
        between = start <= angle <= end if start <= end else angle >= start or angle <= end
        return x == y == 0 or (between and math.sqrt(x * x + y * y) <= radius)

    wedge = Wedge(radius, start, end)
    np.testing.assert_array_equal(wedge.mask(), by_loop(wedge.extent, inside))


@given(start=st.integers(-720, 720), width=st.integers(0, 359), turns=st.integers(-2, 2))
def test_whole_turns_change_nothing(start: int, width: int, turns: int) -> None:
    wedge = Wedge(4, start, start + width)
    shifted = Wedge(4, start + 360 * turns, start + 360 * turns + width)
    np.testing.assert_array_equal(wedge.mask(), shifted.mask())


@pytest.mark.parametrize("neighborhood", ALL, ids=repr)
def test_values(neighborhood: Neighborhood) -> None:
    copy = pickle.loads(pickle.dumps(neighborhood))
    assert copy == neighborhood
    assert hash(copy) == hash(neighborhood)
    assert tokenize(copy) == tokenize(neighborhood)
    assert neighborhood != Square(9)
    assert max(neighborhood.mask().shape) == 2 * neighborhood.extent + 1
    with pytest.raises(AttributeError):
        setattr(neighborhood, fields(neighborhood)[0].name, 7)


def test_numpy_numbers_are_numbers() -> None:
    assert Square(np.int8(3)) == Square(3)  # type: ignore[arg-type]
    assert Circle(np.float32(2)) == Circle(2)  # type: ignore[arg-type]


def test_kernel_keeps_its_own_weights() -> None:
    weights = np.ones((3, 3))
    kernel = Kernel(weights)
    weights[0] = 0
    assert kernel.mask().all()
    assert not kernel.weights.flags.writeable
    assert Kernel([[-0.0, 1, 0.0]]) == Kernel([[0, 1, 0]])
    assert hash(Kernel([[-0.0, 1, 0]])) == hash(Kernel([[0, 1, 0]]))


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "1", None, np.nan, 10**9])
def test_extents_are_checked(wrong: Any) -> None:
    for cls in (Square, Nesw):
        with pytest.raises(AlgebraError, match="an integer from 1 "):
            cls(wrong)


@pytest.mark.parametrize("wrong", [0, -1, True, "1", None, np.nan, np.inf, 1j])
def test_radii_are_checked(wrong: Any) -> None:
    with pytest.raises(AlgebraError, match="positive radius in cells"):
        Circle(wrong)
    with pytest.raises(AlgebraError, match="positive outer radius in cells"):
        Annulus(0, wrong)
