"""Pictures of rectangles: their grids, and sources one over the other."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from affine import Affine
from odc.geo.crs import CRS
from PIL import Image

from tests.render.sources import ArraySource, grid, numbered, rgba
from xcube_tiles.errors import GridError, StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.box import Drawn, box_geobox, render_box
from xcube_tiles.render.categories import Category
from xcube_tiles.render.draw import draw
from xcube_tiles.render.style import Style

WGS84 = CRS("EPSG:4326")
BOX = box_geobox((0, 0, 4, 2), WGS84, width=4, height=2)

LOW = Category(value=1, colour=(200, 100, 0, 255))
HALF = Category(value=2, colour=(0, 50, 250, 128))


def classes(cells: list[list[int]]) -> ArraySource:
    """Return a source of 4 x 2 cells of classes; 0 is NoData."""
    return ArraySource(
        {"class": [np.array(cells, dtype=np.uint8)]},
        grid((2, 4), "EPSG:4326", left=0, top=2, cell=1),
        types={"class": CellType.parse("uint8ud0")},
    )


def drawn(cells: list[list[int]], *categories: Category) -> Drawn:
    return Drawn(classes(cells), Style(bands=("class",), categories=categories))


BELOW = drawn([[1, 1, 0, 0], [1, 1, 0, 0]], LOW)
ABOVE = drawn([[2, 0, 2, 0], [2, 0, 2, 0]], HALF)


def test_grid_of_a_box() -> None:
    found = box_geobox((10, 40, 20, 50), WGS84, width=20, height=5)
    assert found.affine == Affine(0.5, 0, 10, 0, -2, 50)
    assert tuple(found.shape) == (5, 20)
    assert found.crs == WGS84


@pytest.mark.parametrize(
    "bounds",
    [
        (10, 40, 10, 50),
        (20, 40, 10, 50),
        (10, 50, 20, 40),
        (10, 40, float("nan"), 50),
        (10, 40, float("inf"), 50),
    ],
)
def test_bounds_that_are_none(bounds: tuple[float, float, float, float]) -> None:
    with pytest.raises(GridError, match="expected left < right and bottom < top"):
        box_geobox(bounds, WGS84, width=10, height=10)


def test_bounds_narrower_than_numbers_can_tell() -> None:
    tiny = 5e-324
    with pytest.raises(GridError, match="too narrow"):
        box_geobox((0, 0, tiny, 1), WGS84, width=100, height=10)


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (4097, 1), (1, -1), (1.5, 1)])
def test_sizes_that_are_none(width: int, height: int) -> None:
    with pytest.raises(GridError, match="1 to 4096 pixels"):
        box_geobox((0, 0, 1, 1), WGS84, width=width, height=height)


@pytest.mark.parametrize("format", ["png", "webp", "jpg", "npy", "tif"])
def test_one_source_is_drawn_like_a_tile(format: str) -> None:
    source, style = BELOW.source, BELOW.style
    found = render_box([BELOW], BOX, format=format)  # type: ignore[arg-type]
    assert found == draw(source, BOX, style, format=format)  # type: ignore[arg-type]


def test_what_is_above_covers_what_is_below() -> None:
    opaque = drawn([[3, 0, 3, 0], [3, 0, 3, 0]], Category(value=3, colour=(9, 8, 7, 255)))
    found = rgba(render_box([BELOW, opaque], BOX))
    assert found[0].tolist() == [
        [9, 8, 7, 255],
        [200, 100, 0, 255],
        [9, 8, 7, 255],
        [0, 0, 0, 0],
    ]


def test_translucent_colours_mix() -> None:
    # 128/255 of the upper colour and the rest of the lower one.
    share = 128 / 255
    mixed = [round(200 * (1 - share)), round(50 * share + 100 * (1 - share)), round(250 * share)]
    found = rgba(render_box([BELOW, ABOVE], BOX))
    assert found[0].tolist() == [
        [*mixed, 255],
        [200, 100, 0, 255],
        [0, 50, 250, 128],
        [0, 0, 0, 0],
    ]


def test_two_translucent_colours_mix() -> None:
    # Opacity 1 - (1 - a)(1 - b), by hand: 0.5 over 0.4 is 0.7.
    lower = drawn([[1] * 4] * 2, Category(value=1, colour=(255, 0, 0, 102)))
    upper = drawn([[2] * 4] * 2, Category(value=2, colour=(0, 0, 255, 128)))
    red, green, blue, opacity = rgba(render_box([lower, upper], BOX))[0, 0]
    a, b = 128 / 255, 102 / 255
    total = a + b * (1 - a)
    assert opacity == round(255 * total)
    assert (red, green, blue) == (round(255 * b * (1 - a) / total), 0, round(255 * a / total))


@pytest.mark.parametrize("layers", [[ABOVE], [BELOW, ABOVE]])
def test_a_background_leaves_nothing_transparent(layers: list[Drawn]) -> None:
    png = render_box(layers, BOX, background=(10, 20, 30))
    with Image.open(BytesIO(png)) as image:
        assert image.mode == "RGB"
        assert image.info.get("transparency") is None
        assert np.asarray(image)[0, 3].tolist() == [10, 20, 30]


def test_a_background_shows_through() -> None:
    share = 128 / 255
    found = rgba(render_box([ABOVE], BOX, background=(100, 100, 100)))
    expected = [round(c * share + 100 * (1 - share)) for c in (0, 50, 250)]
    assert found[0, 0].tolist() == [*expected, 255]


@pytest.mark.parametrize("format", ["webp", "jpg"])
def test_several_in_other_formats(format: str) -> None:
    picture = render_box([BELOW, ABOVE], BOX, format=format)  # type: ignore[arg-type]
    with Image.open(BytesIO(picture)) as image:
        assert image.size == (4, 2)
        assert image.format == {"webp": "WEBP", "jpg": "JPEG"}[format]


def test_three_bands_over_one() -> None:
    bands = {name: [np.full((2, 4), i, np.float32)] for i, name in enumerate("rgb")}
    bands["r"][0][:, 2:] = np.nan
    source = ArraySource(bands, grid((2, 4), "EPSG:4326", left=0, top=2, cell=1))
    style = Style(bands=("r", "g", "b"), stretch=(0, 2))  # type: ignore[arg-type]
    alone = rgba(draw(source, BOX, style))
    found = rgba(render_box([BELOW, Drawn(source, style)], BOX))
    assert found[:, :2].tolist() == alone[:, :2].tolist()
    assert (alone[:, 2:, 3] == 0).all()
    assert (found[:, 2:] == 0).all()  # neither has anything there


def test_a_source_elsewhere_leaves_the_others() -> None:
    far = numbered((4, 4), "EPSG:4326", left=100, top=50, cell=1)
    elsewhere = Drawn(far, Style(bands=("index",), stretch=(0, 15)))  # type: ignore[arg-type]
    assert (
        rgba(render_box([BELOW, elsewhere], BOX)).tolist()
        == rgba(render_box([BELOW], BOX)).tolist()
    )


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(StyleError, match="name at least one layer"):
        render_box([], BOX)
    with pytest.raises(StyleError, match="got 2 layers: ask for each"):
        render_box([BELOW, ABOVE], BOX, format="tif")
    with pytest.raises(StyleError, match="unknown format 'gif'"):
        render_box([BELOW, ABOVE], BOX, format="gif")  # type: ignore[arg-type]
    code = BELOW._replace(style=Style(bands=("class",), elevation="terrarium"))
    with pytest.raises(StyleError, match="terrarium is a code, no picture"):
        render_box([BELOW, code], BOX)
    # A code isn't mixed with a background either.
    assert render_box([code], BOX, background=(1, 2, 3)) == render_box([code], BOX)
