from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile

from tests.render.sources import ArraySource, grid, rgba
from xcube_tiles.errors import DimensionError, ExpressionError, StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.categories import categories_from_mapping
from xcube_tiles.render.colormaps import colormap
from xcube_tiles.render.draw import draw, index_on
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.render.values import values_on

BOX = grid((4, 4), "EPSG:32633", left=500_000, top=5_000_040, cell=10)
CELLS = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 255]], dtype=np.uint8)
GREY = Style(bands=("v",), stretch=(Stretch(0, 254),), colormap="gray")


def source(**more: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> ArraySource:
    types = dict.fromkeys(["v", *more], CellType.parse("uint8ud255"))
    return ArraySource({"v": [CELLS], **{k: [v] for k, v in more.items()}}, BOX, types=types)


def test_a_raster_of_four_by_four_by_hand() -> None:
    # One pixel a cell: value v has the index v + 1, which gray paints as (v, v, v).
    found = rgba(draw(source(), BOX, GREY))
    np.testing.assert_array_equal(found[..., 0], np.where(CELLS == 255, 0, CELLS))
    np.testing.assert_array_equal(found[..., 3], np.where(CELLS == 255, 0, 255))


def test_pixels_half_a_cell_large_repeat_cells() -> None:
    fine = grid((8, 8), "EPSG:32633", left=500_000, top=5_000_040, cell=5)
    found = rgba(draw(source(), fine, GREY))[..., 3] > 0
    np.testing.assert_array_equal(found, np.kron(CELLS != 255, np.ones((2, 2), bool)))


def test_pixels_beyond_the_edge_are_transparent() -> None:
    # Moved by one cell to the upper left: the first row and column lie outside.
    moved = grid((4, 4), "EPSG:32633", left=499_990, top=5_000_050, cell=10)
    found = rgba(draw(source(), moved, GREY))
    assert (found[0, :, 3] == 0).all()
    assert (found[:, 0, 3] == 0).all()
    np.testing.assert_array_equal(found[1:, 1:, 0], CELLS[:3, :3])


def test_indices_are_painted_with_the_colour_map() -> None:
    style = Style(bands=("v",), stretch=(Stretch(2, 12),), colormap="viridis")
    index = index_on(source(), BOX, style)
    assert index is not None
    expected = np.concatenate([np.zeros((1, 3), np.uint8), colormap("viridis", 255)])[index]
    np.testing.assert_array_equal(rgba(draw(source(), BOX, style))[..., :3], expected)


def test_a_strip_of_nodata_is_transparent() -> None:
    cells = np.full((256, 256), 0.5, dtype=np.float32)
    cells[100:120] = np.nan
    box = grid((256, 256), "EPSG:3857", left=0, top=0, cell=10)
    strip = ArraySource({"v": [cells]}, box)
    found = rgba(draw(strip, box, Style(bands=("v",), stretch=(Stretch(0, 1),))))
    expected = np.full((256, 256), 255)
    expected[100:120] = 0
    np.testing.assert_array_equal(found[..., 3], expected)


def test_three_bands_are_red_green_blue() -> None:
    style = Style(bands=("v", "g", "b"), stretch=(Stretch(0, 254),))
    green, blue = CELLS.T.copy(), (CELLS // 2).astype(np.uint8)
    found = rgba(draw(source(g=green, b=blue), BOX, style))
    shown = (CELLS != 255) & (green != 255) & (blue != 255)
    np.testing.assert_array_equal(found[..., 3] > 0, shown)
    for channel, band in enumerate((CELLS, green, blue)):
        np.testing.assert_array_equal(found[..., channel][shown], band[shown] + 1)


def test_a_band_missing_in_one_of_three_is_transparent() -> None:
    green = CELLS.copy()
    green[0, 0] = 255
    style = Style(bands=("v", "g", "g"), stretch=(Stretch(0, 1), Stretch(0, 2), Stretch(0, 3)))
    found = rgba(draw(source(g=green), BOX, style))
    assert found[0, 0].tolist() == [0, 0, 0, 0]
    assert found[0, 1, 3] == 255


def test_each_band_is_read_once() -> None:
    one = source()
    draw(one, BOX, Style(bands=("v", "v", "v"), stretch=(Stretch(0, 1),)))
    assert len(one.reads) == 1


def test_categories_have_their_colours() -> None:
    style = Style(bands=("v",), categories=categories_from_mapping({1: "#ff0000", 2: "#00ff0080"}))
    found = rgba(draw(source(), BOX, style))
    assert found[0].tolist() == [[0, 0, 0, 0], [255, 0, 0, 255], [0, 255, 0, 128], [0, 0, 0, 0]]


def test_expressions_are_evaluated_under_the_pixels() -> None:
    style = Style(expression="(v - w) / (v + w)", stretch=(Stretch(-1, 1),), colormap="gray")
    other = np.full((4, 4), 3, dtype=np.uint8)
    values = values_on(source(w=other), BOX, style)
    with np.errstate(invalid="ignore"):
        expected = (CELLS - np.float32(3)) / (CELLS + np.float32(3))
    expected[3, 3] = np.nan
    np.testing.assert_allclose(values.cells[0], expected, rtol=1e-6)
    assert values.names == ("(v - w) / (v + w)",)
    assert rgba(draw(source(w=other), BOX, style))[3, 3, 3] == 0


def test_bilinear_values_lie_between_and_keep_nodata() -> None:
    # Half a cell to the right and down: each pixel is the mean of four cells.
    between = grid((3, 3), "EPSG:32633", left=500_005, top=5_000_035, cell=10)
    style = Style(bands=("v",), resampling="bilinear")
    found = values_on(source(), between, style, tolerance=0).cells[0]
    whole = CELLS.astype(float)
    expected = (whole[:-1, :-1] + whole[1:, :-1] + whole[:-1, 1:] + whole[1:, 1:]) / 4
    np.testing.assert_allclose(found[:2, :2], expected[:2, :2])
    # The pixel's centre lies in the corner of the cell with NoData: on its side, hence none.
    assert np.isnan(found[2, 2])


def test_bilinear_weighs_by_distance() -> None:
    # A quarter of a cell from the centre of the cell with the value 5 towards 6.
    pixel = grid((1, 1), "EPSG:32633", left=500_015, top=5_000_027.5, cell=5)
    style = Style(bands=("v",), resampling="bilinear")
    found = values_on(source(), pixel, style, tolerance=0).cells
    assert found.tolist() == [[[5.25]]]


@pytest.mark.parametrize("format", ["npy", "tif"])
def test_values_come_as_they_are_stored(format: str) -> None:
    moved = grid((4, 4), "EPSG:32633", left=499_990, top=5_000_050, cell=10)
    data = draw(source(), moved, GREY, format=format)  # type: ignore[arg-type]
    expected = np.full((1, 4, 4), 255, dtype=np.uint8)
    expected[0, 1:, 1:] = CELLS[:3, :3]
    if format == "npy":
        found = np.load(BytesIO(data))
    else:
        with MemoryFile(data) as memory, memory.open() as file:
            found = file.read()
            assert file.nodata == 255
            assert file.bounds.left == 499_990
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_values_without_nodata_become_floats_everywhere() -> None:
    raw = ArraySource({"v": [CELLS]}, BOX)
    inside = values_on(raw, BOX, Style()).cells
    assert inside.dtype == np.float32
    np.testing.assert_array_equal(inside[0], CELLS)
    away = grid((2, 2), "EPSG:32633", left=0, top=0, cell=10)
    assert np.isnan(values_on(raw, away, Style()).cells).all()
    assert values_on(raw, away, Style()).cells.dtype == np.float32


@pytest.mark.parametrize("format", ["png", "webp", "jpg", "npy", "tif"])
def test_off_the_source_every_format_is_empty_and_nothing_is_read(format: str) -> None:
    away = grid((64, 32), "EPSG:32633", left=0, top=0, cell=10)
    one = source()
    data = draw(one, away, GREY, format=format)  # type: ignore[arg-type]
    assert one.reads == []
    if format in ("png", "webp", "jpg"):
        with Image.open(BytesIO(data)) as image:
            assert image.size == (32, 64)
            opacity = np.asarray(image.convert("RGBA"))[..., 3]
        assert (opacity == (255 if format == "jpg" else 0)).all()


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "uint64", "float64"])
@pytest.mark.parametrize("size", [1, 64, 1024])
def test_every_type_and_size_draws(dtype: str, size: int) -> None:
    one = ArraySource({"v": [np.eye(4).astype(dtype)]}, BOX)
    box = grid((size, size), "EPSG:32633", left=500_000, top=5_000_040, cell=40 / size)
    found = rgba(draw(one, box, Style(bands=("v",), stretch=(Stretch(0, 1),))))
    assert found.shape == (size, size, 4)
    assert (found[..., 3] == 255).all()


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(StyleError, match="unknown variable 'q'; the variables are v"):
        draw(source(), BOX, Style(bands=("q",)))
    with pytest.raises(StyleError, match="unknown variable 'q'; the variables are v"):
        draw(source(), BOX, Style(bands=("q",)), format="npy")
    with pytest.raises(StyleError, match="unknown format 'gif'"):
        draw(source(), BOX, GREY, format="gif")  # type: ignore[arg-type]
    with pytest.raises(ExpressionError):
        draw(source(), BOX, Style(expression="v +"))


def test_inputs_are_not_changed() -> None:
    one = source()
    before = CELLS.copy()
    draw(one, BOX, GREY)
    np.testing.assert_array_equal(CELLS, before)


def test_a_further_dimension_can_not_be_drawn() -> None:
    cube = ArraySource({"v": [np.zeros((3, 4, 4), np.uint8)]}, BOX)
    cube.read = lambda *args, **kwargs: np.zeros((3, 4, 4), np.uint8)  # type: ignore[method-assign]
    with pytest.raises(DimensionError, match=r"besides time, y and x, of size 3.*it has none"):
        draw(cube, BOX, GREY)
    cube.labels = lambda _: np.array([0, 10, 20])  # type: ignore[attr-defined]
    with pytest.raises(DimensionError, match=r"ask for the band v@0, v@10, v@20$"):
        draw(cube, BOX, GREY)
