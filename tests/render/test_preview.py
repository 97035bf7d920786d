from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from tests.render.sources import ArraySource, grid, numbered, rgba
from xcube_tiles.errors import GridError, StyleError
from xcube_tiles.render.bounds import native_bounds, wgs84_bounds, zoom_range
from xcube_tiles.render.categories import categories_from_attributes
from xcube_tiles.render.legend import legend, legend_png
from xcube_tiles.render.preview import preview_geobox, render_preview
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.typing import ImageFormat


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [((100, 200), 64, (32, 64)), ((200, 100), 64, (64, 32)), ((1, 5000), 64, (1, 64))],
)
def test_previews_keep_proportions(
    shape: tuple[int, int], size: int, expected: tuple[int, int]
) -> None:
    source = numbered(shape, "EPSG:32633", left=500_000, top=5_000_000, cell=10)
    box = preview_geobox(source, size)
    assert box.shape == expected
    np.testing.assert_allclose(box.boundingbox.bbox, source.geoboxes[0].boundingbox.bbox)
    style = Style(stretch=(Stretch(0, 1),))
    found = rgba(render_preview(source, style, size=size))
    assert found.shape == (*expected, 4)
    assert (found[..., 3] == 255).all()


def test_a_preview_at_its_own_size_is_the_raster() -> None:
    cells = np.arange(60, dtype=np.uint8).reshape(6, 10)
    source = ArraySource({"v": [cells]}, grid((6, 10), "EPSG:3413", left=0, top=0, cell=100))
    style = Style(stretch=(Stretch(0, 254),), colormap="gray")
    np.testing.assert_array_equal(rgba(render_preview(source, style, size=10))[..., 0], cells)


@pytest.mark.parametrize("format", get_args(ImageFormat))
def test_every_format_is_written(format: ImageFormat) -> None:
    source = numbered((4, 4), "EPSG:32633", left=500_000, top=5_000_000, cell=10)
    assert len(render_preview(source, size=16, format=format)) > 50


@pytest.mark.parametrize("size", [0, 5000, 2.5])
def test_impossible_sizes_are_refused(size: int) -> None:
    source = numbered((4, 4), "EPSG:32633", left=500_000, top=5_000_000, cell=10)
    with pytest.raises(GridError, match="1 to 4096 pixels"):
        render_preview(source, size=size)


def test_bounds_in_degrees() -> None:
    plain = numbered((10, 20), "EPSG:4326", left=10.0, top=50.0, cell=0.5)
    assert wgs84_bounds(plain) == (10, 45, 20, 50)
    assert native_bounds(plain) == (10, 45, 20, 50)
    shifted = numbered((18, 36), "EPSG:4326", left=0.0, top=90.0, cell=10.0)
    assert wgs84_bounds(shifted) == (-180, -90, 180, 90)
    beyond = numbered((10, 10), "EPSG:4326", left=190.0, top=0.0, cell=1.0)
    assert wgs84_bounds(beyond) == (-170, -10, -160, 0)
    across = numbered((10, 20), "EPSG:4326", left=170.0, top=0.0, cell=1.0)
    assert wgs84_bounds(across) == (-180, -10, 180, 0)


def test_bounds_of_a_polar_source_hold_the_pole() -> None:
    polar = numbered((100, 100), "EPSG:3413", left=-1e6, top=1e6, cell=20_000)
    west, south, east, north = wgs84_bounds(polar)
    assert (west, east, north) == (-180, 180, 90)
    assert 70 < south < 85


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (numbered((256, 256), "EPSG:3857", left=0, top=0, cell=156543.0339 / 2**5), (5, 5)),
        (numbered((2048, 2048), "EPSG:3857", left=0, top=0, cell=156543.0339 / 2**9), (6, 9)),
    ],
)
def test_zoom_levels_follow_the_cells(source: ArraySource, expected: tuple[int, int]) -> None:
    low, high = zoom_range(source)
    assert abs(low - expected[0]) <= 1
    assert high == expected[1]


def test_zoom_levels_of_other_sets() -> None:
    source = numbered((1800, 3600), "EPSG:4326", left=-180.0, top=90.0, cell=0.1)
    assert zoom_range(source, "WorldCRS84Quad") == (0, 3)


def test_legends_of_ramps_categories_and_three_bands() -> None:
    ramp = legend(Style(bands=("v",), stretch=(Stretch(0, 1),), colormap="gray"), stops=2)
    assert ramp["colors"] == ["#000000", "#ffffff"]
    assert ramp["categories"] == []
    flags = {"flag_values": [3], "flag_meanings": "bare_soil", "flag_colors": "#102030"}
    classes = legend(Style(bands=("v",), categories=categories_from_attributes(flags)))
    assert classes["categories"] == [{"value": 3.0, "label": "bare soil", "color": "#102030"}]
    assert (classes["colormap"], classes["stretch"]) == (None, [])
    formed = Style(bands=("v",), stretch=(Stretch(0, 1),), colormap="gray", formula="gamma 2")
    assert legend(formed, stops=3)["colors"] == [
        "#" + bytes(formed.palette[at, :3].tolist()).hex() for at in (1, 128, 255)
    ]
    assert legend(formed, stops=3)["colors"][1] != "#808080"
    three = legend(Style(bands=("a", "b", "c"), stretch=(Stretch(0, 1),)))
    assert three["stretch"] == [(0, 1)] * 3
    assert three["colors"] == []


def test_numbers_in_legends_are_written_out() -> None:
    large = categories_from_attributes({"flag_values": [1_234_567, 0, 0.25, -4_000_000_007]})
    labels = [one["label"] for one in legend(Style(bands=("v",), categories=large))["categories"]]
    assert labels == ["1234567", "0", "0.25", "-4000000007"]
    near = Style(bands=("v",), stretch=(Stretch(4e9, 4e9 + 8),), colormap="gray")
    shifted = Style(bands=("v",), stretch=(Stretch(4e9 + 800, 4e9 + 808),), colormap="gray")
    assert legend_png(near) != legend_png(shifted)


def test_legends_are_drawn() -> None:
    style = Style(bands=("v",), stretch=(Stretch(-0.25, 0.8),), colormap="ndvi")
    found = rgba(legend_png(style, units="m"))
    assert found[36, 24].tolist() == [*style.palette[1]]
    flags = {"flag_values": [1, 2, 3]}
    classes = Style(bands=("v",), categories=categories_from_attributes(flags))
    assert rgba(legend_png(classes)).shape[0] > 4 * 16


@pytest.mark.parametrize(
    ("style", "text"),
    [(Style(), "complete the style first"), (Style(bands=("a", "b", "c")), "three bands")],
)
def test_what_has_no_legend_says_so(style: Style, text: str) -> None:
    with pytest.raises(StyleError, match=text):
        legend_png(style)
    with pytest.raises(StyleError, match="2 to 256 stops"):
        legend(style, stops=1)
