from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.render.sources import ArraySource, grid
from xcube_tiles.errors import ExpressionError, StyleError
from xcube_tiles.render.categories import categories_from_mapping
from xcube_tiles.render.statistics import percentiles_of, range_of, sampled
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style, complete_style

RED = categories_from_mapping({1: "#f00"})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"bands": ("a", "b")}, "one band, or three .* got 2: a, b"),
        ({"bands": 3}, "a name or a tuple of names, got 3"),
        ({"bands": ("a", 3)}, "a name or a tuple of names"),
        ({"stretch": 3}, "a pair of numbers, or a tuple of pairs, got 3"),
        ({"stretch": "low"}, "a pair of numbers"),
        ({"stretch": ((0, 1, 2),)}, "a pair of numbers"),
        ({"bands": ("a",), "expression": "a"}, "not both"),
        ({"bands": ("a", "b", "c"), "colormap": "viridis"}, "leave out the colours"),
        ({"stretch": (Stretch(0, 1), Stretch(0, 1))}, "expected one stretch, got 2"),
        ({"bands": ("a", "b", "c"), "stretch": (Stretch(0, 1),) * 2}, "or three, got 2"),
        ({"stretch": (Stretch(1, 0),)}, "lower to a higher"),
        ({"colormap": "nope"}, "unknown colour map 'nope'"),
        ({"colormap": "gray", "categories": RED}, "not both"),
        ({"categories": RED * 256}, "at most 255"),
        ({"resampling": "cubic"}, "nearest, bilinear, average or mode, got 'cubic'"),
        ({"percentiles": (98, 2)}, "percentiles go from a lower"),
        ({"percentiles": (0, 101)}, "within 0..100"),
    ],
)
def test_styles_that_contradict_themselves_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(StyleError, match=text):
        Style(**fields)


def test_a_name_and_a_pair_alone_will_do() -> None:
    loose: Any = {"bands": "v", "stretch": (0, 1)}
    assert Style(**loose) == Style(bands=("v",), stretch=(Stretch(0, 1),))
    loose = {"bands": ["r", "g", "b"], "stretch": [(0, 1), [0, 2], np.array([0, 3])]}
    assert Style(**loose).stretch == (Stretch(0, 1), Stretch(0, 2), Stretch(0, 3))
    assert hash(Style(**loose)) == hash(Style(**loose))
    loose = {"categories": {1: "#f00"}}
    assert Style(**loose).categories == RED


def test_expressions_are_read_at_once() -> None:
    with pytest.raises(ExpressionError):
        Style(expression="a +")
    assert Style(expression="(a - b) / (a + b)").inputs == ("a", "b")


def test_palettes_begin_with_transparency() -> None:
    palette = Style(colormap="gray").palette
    assert palette.shape == (256, 4)
    assert palette[0].tolist() == [0, 0, 0, 0]
    assert palette[255].tolist() == [255, 255, 255, 255]
    assert Style(categories=RED).palette.tolist() == [[0, 0, 0, 0], [255, 0, 0, 255]]


def source(cells: Any, **attrs: Any) -> ArraySource:
    cells = np.asarray(cells)
    box = grid(cells.shape[-2:], "EPSG:3857", left=0, top=0, cell=1)
    times = None if cells.ndim == 2 else [f"20{i:02}" for i in range(len(cells))]
    return ArraySource({"v": [cells], "w": [cells]}, box, attrs={"v": attrs}, times=times)


def test_what_is_left_out_is_found() -> None:
    cells = np.arange(101.0).reshape(1, 101)
    found = complete_style(source(cells))
    assert found == Style(bands=("v",), stretch=(Stretch(2, 98),), colormap="viridis")
    assert found.is_complete
    assert complete_style(source(cells), found) is found


def test_a_variable_named_like_a_colour_map_is_drawn_with_it() -> None:
    cells = np.arange(101.0)[None]
    box = grid((1, 101), "EPSG:4326", left=0, top=1, cell=0.1)
    named = ArraySource({"ndvi": [cells], "red": [cells]}, box)
    assert complete_style(named, Style(bands=("ndvi",))).colormap == "ndvi"
    assert (
        complete_style(named, Style(bands=("ndvi",), stretch=(Stretch(0, 1),))).colormap == "ndvi"
    )
    assert complete_style(named, Style(bands=("ndvi",), colormap="magma")).colormap == "magma"
    assert complete_style(named, Style(bands=("red",))).colormap == "viridis"


def test_three_bands_have_three_stretches() -> None:
    found = complete_style(source(np.arange(101.0).reshape(1, 101)), Style(bands=("v", "w", "v")))
    assert found.stretch == (Stretch(2, 98),) * 3
    assert found.colormap is None


def test_expressions_are_sampled() -> None:
    cells = np.arange(101.0).reshape(1, 101)
    found = complete_style(source(cells), Style(expression="v * 2", percentiles=(0, 100)))
    assert found.stretch == (Stretch(0, 200),)


def test_flags_become_categories_unless_colours_are_asked_for() -> None:
    flags = {"flag_values": [0, 1], "flag_meanings": "no yes"}
    one = source(np.zeros((4, 4), np.uint8), **flags)
    assert [c.meaning for c in complete_style(one).categories] == ["no", "yes"]
    assert complete_style(one, Style(colormap="gray")).categories == ()
    assert complete_style(one, Style(stretch=(Stretch(0, 1),))).categories == ()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (np.full((3, 3), np.nan), (0, 1)),
        (np.full((3, 3), 5.0), (5, 6)),
        (np.array([[1.0] * 99 + [3.0]]), (1, 3)),
        (np.array([[np.inf, 0.0, 10.0]]), (0.2, 9.8)),
    ],
)
def test_odd_values_still_give_a_stretch(cells: Any, expected: tuple[float, float]) -> None:
    assert percentiles_of(source(cells), "v", (2, 98)) == pytest.approx(Stretch(*expected))


def test_ranges_are_those_of_the_sample() -> None:
    assert range_of(source([[1.0, np.nan, 4.0]]), "v") == (1, 4)
    assert range_of(source([[np.nan]]), "v") is None


def test_known_statistics_are_not_read_again() -> None:
    one = source([[1.0, 2.0]])
    one.metadata = {"statistics": {"v": {"p2": -1.0, "p98": 9.0, "min": -2.0, "max": 10.0}}}  # type: ignore[attr-defined]
    assert percentiles_of(one, "v", (2, 98)) == Stretch(-1, 9)
    assert range_of(one, "v") == (-2, 10)
    assert one.reads == []
    assert percentiles_of(one, "v", (0, 100)) == Stretch(1, 2)


def test_few_times_and_windows_are_sampled() -> None:
    many = source(np.zeros((20, 4, 4)))
    sampled(many, "v")
    assert [read.time for read in many.reads] == [0, 4, 8, 11, 15, 19]
    large = source(np.zeros((2048, 2048), np.uint8))
    assert sampled(large, "v").size == 16 * 256 * 256
    assert len(large.reads) == 16


def test_unknown_variables_are_named() -> None:
    with pytest.raises(StyleError, match="unknown variable 'q'; the variables are v, w"):
        complete_style(source([[1.0]]), Style(bands=("q",)))
