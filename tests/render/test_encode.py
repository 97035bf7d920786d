from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from rasterio.io import MemoryFile

from tests.render.sources import grid, rgba
from xcube_tiles.errors import MissingExtraError, StyleError
from xcube_tiles.render import encode
from xcube_tiles.typing import ImageFormat

SIZES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)


@st.composite
def palettes(draw: st.DrawFn) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return draw(arrays("uint8", (draw(st.integers(1, 256)), 4)))


@given(st.data(), SIZES, palettes())
def test_indexed_pictures_decode_to_their_palette(
    data: st.DataObject, shape: tuple[int, ...], palette: np.ndarray[Any, np.dtype[np.uint8]]
) -> None:
    index = data.draw(arrays("uint8", shape, elements=st.integers(0, len(palette) - 1)))
    np.testing.assert_array_equal(rgba(encode.png_indexed(index, palette)), palette[index])


@given(arrays("uint8", SIZES.map(lambda shape: (*shape, 4))))
def test_rgba_pictures_decode_to_themselves(colours: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    np.testing.assert_array_equal(rgba(encode.png_rgba(colours)), colours)


@given(arrays("uint8", SIZES.map(lambda shape: (*shape, 3)), elements=st.integers(0, 2)))
def test_black_is_transparent_where_asked(colours: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    found = rgba(encode.png_rgb(colours, transparent=True))
    np.testing.assert_array_equal(found[..., :3], colours)
    np.testing.assert_array_equal(found[..., 3] == 0, (colours == 0).all(axis=-1))
    assert (rgba(encode.png_rgb(colours))[..., 3] == 255).all()


def test_the_standard_library_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_compressor", lambda: lambda data: zlib.compress(data, 1))
    index = np.arange(256, dtype=np.uint8).reshape(16, 16)
    palette = np.stack([np.arange(256)] * 4, axis=1).astype(np.uint8)
    np.testing.assert_array_equal(rgba(encode.png_indexed(index, palette)), palette[index])


def test_opaque_palettes_have_no_transparency_chunk() -> None:
    palette = np.full((2, 4), 255, dtype=np.uint8)
    assert b"tRNS" not in encode.png_indexed(np.zeros((2, 2), np.uint8), palette)
    palette[0, 3] = 0
    assert b"tRNS" in encode.png_indexed(np.zeros((2, 2), np.uint8), palette)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(StyleError, match="at least one pixel, got 0 x 3"):
        encode.png_indexed(np.zeros((0, 3), np.uint8), np.zeros((1, 4), np.uint8))


@given(
    st.sampled_from(["uint8", "int16", "float32", "float64", "bool", ">i4"]).flatmap(
        lambda dtype: arrays(dtype, array_shapes(max_dims=3, max_side=6))
    )
)
def test_npy_reads_back(values: np.ndarray[Any, Any]) -> None:
    found = np.load(BytesIO(encode.npy(values)))
    np.testing.assert_array_equal(found, values)
    assert found.dtype == values.dtype


def test_geotiff_reads_back_with_its_georeference() -> None:
    geobox = grid((3, 5), "EPSG:32633", left=500_000, top=5_000_000, cell=10)
    values = np.arange(30, dtype=np.int16).reshape(2, 3, 5)
    data = encode.geotiff(values, geobox, nodata=-1, names=("a", "b"))
    with MemoryFile(data) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(), values)
        assert file.crs.to_epsg() == 32633
        assert tuple(file.bounds) == (500_000, 4_999_970, 500_050, 5_000_000)
        assert file.nodata == -1
        assert file.descriptions == ("a", "b")


def test_webp_keeps_transparency_and_jpeg_is_on_white() -> None:
    colours = np.zeros((16, 16, 4), dtype=np.uint8)
    colours[:, 8:] = (200, 30, 30, 255)
    found = rgba(encode.webp(colours))
    assert (found[:, :4, 3] == 0).all()
    assert (found[:, 12:, 3] == 255).all()
    found = rgba(encode.jpeg(colours))
    assert found[0, 0].min() > 250  # lossy
    assert np.abs(found[0, -1].astype(int) - (200, 30, 30, 255)).max() < 12


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"xcube_tiles\[server\]"):
        encode.webp(np.zeros((2, 2, 4), np.uint8))


def test_formats_have_names_and_media_types() -> None:
    from typing import get_args

    assert set(encode.MEDIA_TYPES) == set(get_args(ImageFormat))
    with pytest.raises(StyleError, match="unknown format 'bmp'; the formats are png, webp"):
        encode.check_format("bmp")


def test_pillow_agrees_on_mode_and_size() -> None:
    palette = np.full((2, 4), 9, dtype=np.uint8)
    with Image.open(BytesIO(encode.png_indexed(np.zeros((3, 7), np.uint8), palette))) as image:
        assert (image.mode, image.size) == ("P", (7, 3))
