from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image
from skimage.color import lab2rgb, rgb2lab
from zarr.storage import MemoryStore

from tests.render.sources import ArraySource, grid, rgba
from tests.server.client import Client
from tests.server.conftest import TILE, scene
from xcube_tiles.algebra.terrain.relief import hillshade
from xcube_tiles.algebra.terrain.surface import slope
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import DimensionError, StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.colormaps import colormap, colormap_names
from xcube_tiles.render.draw import draw
from xcube_tiles.render.elevation import elevation_colours
from xcube_tiles.render.formula import formed, parse_formula, saturated
from xcube_tiles.render.references import Reference, referenced, selected
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style, complete_style
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCENE = scene()
WINDOW = {"bbox": "400000,5630000,420000,5650000", "coord_crs": "native"}
ROWS = COLS = slice(0, 100)
PLACE = grid((40, 50), "EPSG:32633", left=400_000, top=5_650_000, cell=30)
RNG = np.random.default_rng(7)
HEIGHTS = (RNG.random((40, 50)).cumsum(axis=0).cumsum(axis=1) * 2).astype(np.float32)
HEIGHTS[10:12, 20] = np.nan


def heights() -> ArraySource:
    return ArraySource({"height": [HEIGHTS]}, PLACE)


def picture(client: Client, **query: Any) -> NDArray[np.uint8]:
    answer = client.get("/layers/scene/crop.png", params={**WINDOW, **query})
    assert answer.status_code == 200, answer.text
    return rgba(answer.content)


def test_three_times_are_red_green_and_blue(client: Client) -> None:
    times = ("2018-05-06", "2018-05-24", "2018-06-15")
    found = picture(client, bands=",".join(f"ndvi@{time}" for time in times), stretch="0,1")
    values = SCENE["ndvi"].values[:, ROWS, COLS].astype(float)
    expected = np.floor(1.5 + 254 * values)
    np.testing.assert_allclose(np.moveaxis(found[..., :3], -1, 0), expected, atol=1)


def test_a_time_of_its_own_is_drawn_whatever_time_is_asked_for(client: Client) -> None:
    style = {"stretch": "0,1", "colormap": "gray"}
    expected = picture(client, bands="ndvi", time="2018-05-06", **style)
    found = picture(client, bands="ndvi@2018-05-06", time="2018-06-15", **style)
    np.testing.assert_array_equal(found, expected)
    assert (found != picture(client, bands="ndvi", **style)).any()


def test_expressions_subtract_times(client: Client) -> None:
    answer = client.get(
        "/layers/scene/crop.npy",
        params={**WINDOW, "expression": 'ndvi - band("ndvi@2018-05-06")', "time": "2018-05-24"},
    )
    ndvi = SCENE["ndvi"].values[:, ROWS, COLS]
    np.testing.assert_array_equal(np.load(BytesIO(answer.content))[0], ndvi[1] - ndvi[0])


@pytest.mark.parametrize(
    "path",
    [
        f"tiles/{TILE}.png",
        "preview.png",
        "legend.json",
        "legend.png",
        "tilejson.json",
    ],
)
def test_references_are_understood_by_every_route(client: Client, path: str) -> None:
    query = {"bands": "ndvi@2018-05-06", "color_formula": "gamma 1.5"}
    answer = client.get(f"/layers/scene/{path}", params=query)
    assert answer.status_code == 200, answer.text


def test_hillshade_is_that_of_the_algebra_in_every_window() -> None:
    import xarray as xr

    dem = assign_geobox(xr.DataArray(HEIGHTS.astype(float), dims=("y", "x")), PLACE)
    whole = hillshade(dem, azimuth=300, altitude=30).values
    name = "hillshade(height; azimuth=300; altitude=30)"
    source = referenced(heights(), [name, "slope(height)"])
    for rows, cols in (
        (slice(0, 40), slice(0, 50)),
        (slice(5, 20), slice(15, 50)),
        (slice(0, 1), slice(49, 50)),
    ):
        found = source.read(name, level=0, rows=rows, cols=cols)
        np.testing.assert_array_equal(found, whole[rows, cols])
        steep = source.read("slope(height)", level=0, rows=rows, cols=cols)
        np.testing.assert_array_equal(steep, slope(dem).values[rows, cols])


def test_exaggeration_multiplies_elevations() -> None:
    doubled = ArraySource({"height": [HEIGHTS * 2]}, PLACE)
    whole = {"level": 0, "rows": slice(0, 40), "cols": slice(0, 50)}
    found = referenced(heights(), ["hillshade(height; z=2)"]).read(
        "hillshade(height; z=2)",
        **whole,  # type: ignore[arg-type]
    )
    expected = referenced(doubled, ["hillshade(height)"]).read("hillshade(height)", **whole)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, expected)


def test_degrees_are_metres_on_the_ellipsoid() -> None:
    import xarray as xr

    place = grid((40, 50), "EPSG:4326", left=13, top=51, cell=0.001)
    dem = assign_geobox(xr.DataArray(HEIGHTS.astype(float), dims=("y", "x")), place)
    source = ArraySource({"height": [HEIGHTS]}, place)
    found = referenced(source, ["slope(height)"]).read(
        "slope(height)", level=0, rows=slice(3, 30), cols=slice(0, 50)
    )
    np.testing.assert_allclose(found, slope(dem, z_factor="latitude").values[3:30], rtol=1e-5)


def test_a_hillshade_has_a_fixed_scale_and_its_own_colours() -> None:
    style = complete_style(heights(), Style(bands=("hillshade(height)",)))
    assert style.stretch == (Stretch(1.0, 255.0),)
    assert style.colormap == "hillshade"
    assert complete_style(heights(), Style(bands=("slope(height)",))).stretch[0].high < 90


def test_variables_win_over_references() -> None:
    cells = np.array([[1.0, 2.0]])
    place = grid((1, 2), "EPSG:32633", left=0, top=0, cell=1)
    source = ArraySource({"a@2018": [cells]}, place)
    assert referenced(source, ["a@2018"]) is source
    assert selected(source, ["a@2018"]).variables == ("a@2018",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@2018", "expected a band as"),
        ("ndvi@", "expected a band as"),
        ("hillshade(height; sun=3)", "options of hillshade are azimuth, altitude, light, z"),
        ("slope(height; azimuth=3)", "options of slope are z"),
        ("hillshade(height; azimuth)", "got 'azimuth'"),
        ("x" * 301, "at most 300 characters"),
    ],
)
def test_texts_that_refer_to_nothing(text: str, message: str) -> None:
    with pytest.raises(StyleError, match=message):
        Reference.parse(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hillshade(height; altitude=99)", "altitude must be 0 to 90"),
        ("hillshade(height; azimuth=north)", "azimuth is a number"),
        ("hillshade(height; z=0)", "z is a positive number"),
        ("hillshade(height; light=candle)", "candle"),
        ("hillshade(depth)", "unknown variable 'depth'"),
    ],
)
def test_references_that_cannot_be_computed(name: str, message: str) -> None:
    with pytest.raises(StyleError, match=message):
        referenced(heights(), [name])
    with pytest.raises(DimensionError, match="there is no time axis"):
        referenced(heights(), ["height@2018"])


@given(npst.arrays(np.float64, 20, elements=st.floats(-9_999, 100_000)))
def test_terrain_rgb_is_read_back_to_a_tenth_of_a_metre(metres: NDArray[np.float64]) -> None:
    red, green, blue, opacity = np.moveaxis(
        elevation_colours(metres, "terrainrgb").astype(int), -1, 0
    )
    np.testing.assert_allclose(
        -10000 + (red * 65536 + green * 256 + blue) * 0.1, metres, atol=0.0501
    )
    assert (opacity == 255).all()
    red, green, blue, _ = np.moveaxis(
        elevation_colours(metres % 9000, "terrarium").astype(int), -1, 0
    )
    np.testing.assert_allclose(red * 256 + green + blue / 256 - 32768, metres % 9000, atol=0.002)


def test_elevation_tiles_are_lossless_and_transparent_without_a_value() -> None:
    client = Client(create_app(sources={"dem": heights()}))
    query = {"bbox": "400000,5648800,401500,5650000", "coord_crs": "native"}
    answer = client.get("/layers/dem/crop.png", params=query | {"elevation": "terrainrgb"})
    with Image.open(BytesIO(answer.content)) as image:
        red, green, blue, opacity = np.moveaxis(np.asarray(image).astype(int), -1, 0)
    metres = -10000 + (red * 65536 + green * 256 + blue) * 0.1
    np.testing.assert_array_equal(opacity == 0, np.isnan(HEIGHTS))
    np.testing.assert_allclose(metres, np.nan_to_num(HEIGHTS), atol=0.0501)
    refused = client.get("/layers/dem/crop.webp", params=query | {"elevation": "terrainrgb"})
    assert refused.status_code == 400
    assert "ask for png" in refused.json()["detail"]
    mixed = client.get(
        "/layers/dem/crop.png", params=query | {"elevation": "terrarium", "colormap": "gray"}
    )
    assert mixed.status_code == 400


@given(npst.arrays(np.uint8, (30, 3), elements=st.integers(1, 255)), st.floats(0.2, 5))
def test_gamma_is_a_power(index: NDArray[np.uint8], gamma: float) -> None:
    expected = np.floor(1.5 + 254 * ((index - 1.0) / 254) ** (1 / gamma))
    np.testing.assert_allclose(formed(index, f"gamma {gamma}"), expected, atol=1)
    only_red = formed(index, f"gamma R {gamma}")
    np.testing.assert_array_equal(only_red[:, 1:], index[:, 1:])


def test_sigmoidal_contrast_is_that_of_the_algebra() -> None:
    import xarray as xr

    from xcube_tiles.algebra.contrast import sigmoidal_contrast

    index = np.arange(1, 256, dtype=np.uint8)
    place = grid((1, 255), "EPSG:32633", left=0, top=0, cell=1)
    cells = assign_geobox(xr.DataArray((index[np.newaxis] - 1.0) / 254, dims=("y", "x")), place)
    expected = sigmoidal_contrast(cells, 6, 0.4, range=(0, 1)).values[0]
    found = formed(np.stack([index] * 3, axis=-1), "sigmoidal RGB 6 0.4")
    np.testing.assert_allclose(found[:, 2], np.floor(1.5 + 254 * expected), atol=1)


@given(npst.arrays(np.float64, (20, 3), elements=st.floats(0.3, 0.6)), st.floats(0, 1.3))
def test_saturation_is_chroma(colours: NDArray[np.float64], factor: float) -> None:
    lab = rgb2lab(colours)
    lab[..., 1:] *= factor
    np.testing.assert_allclose(saturated(colours, factor), lab2rgb(lab), atol=2e-4)


def test_formulas_work_on_one_band_and_on_three(client: Client) -> None:
    plain = picture(client, bands="ndvi", stretch="0,1", colormap="viridis")
    moved = picture(
        client, bands="ndvi", stretch="0,1", colormap="viridis", color_formula="gamma 2"
    )
    index = 1 + 254 * SCENE["ndvi"].values[2, ROWS, COLS].astype(float)
    place = ((np.floor(index + 0.5) - 1) / 254) ** 0.5
    expected = colormap("viridis", 255)[np.floor(place * 254 + 0.5).astype(int)]
    np.testing.assert_array_equal(moved[..., :3], expected)
    assert (plain != moved).any()
    grey = picture(
        client, bands="ndvi", stretch="0,1", colormap="viridis", color_formula="saturation 0"
    )
    assert (np.ptp(grey[..., :3].astype(int), axis=-1) <= 1).all()


def test_nodata_stays_transparent_under_a_formula() -> None:
    cells = np.array([[0, 50, 255]], dtype=np.uint8)
    place = grid((1, 3), "EPSG:32633", left=0, top=0, cell=1)
    source = ArraySource({"n": [cells]}, place, types={"n": CellType.parse("uint8ud255")})
    style = Style(bands=("n", "n", "n"), stretch=(Stretch(0, 100),), formula="saturation 2")
    found = rgba(draw(source, place, style))
    assert found[0, :, 3].tolist() == [255, 255, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1 to 8 operations"),
        ("gamma 1 " * 9, "1 to 8 operations"),
        ("blur 3", "unknown operation 'blur'"),
        ("gamma", "too few numbers"),
        ("gamma RGBX 1", "got 'rgbx'"),
        ("gamma 0", "gamma is 0.01 to 100"),
        ("sigmoidal 3", "too few numbers"),
        ("sigmoidal 3 2", "bias 0 to 1"),
        ("saturation -1", "0 to 10"),
        ("gamma nan", "got 'nan'"),
        ("gamma 1" + " " * 200, "at most 200"),
    ],
)
def test_formulas_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(StyleError, match=message):
        parse_formula(text)


def test_formulas_that_do_not_fit_the_style() -> None:
    with pytest.raises(StyleError, match="leave the letters out"):
        Style(bands=("a",), formula="gamma R 2")
    with pytest.raises(StyleError, match="leave out the formula"):
        Style(bands=("a",), categories={1: "#f00"}, formula="gamma 2")  # type: ignore[arg-type]
    with pytest.raises(StyleError, match="encoded as"):
        Style(bands=("a",), elevation="rgb")  # type: ignore[arg-type]


def test_names_of_matplotlib_and_terracotta_are_known_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = pytest.importorskip("matplotlib").colormaps
    monkeypatch.setattr("xcube_tiles.render.colormaps._names_of_matplotlib", dict)
    assert len(colormap_names()) > 80
    for name in ("gist_ncar", "Set1", "tab20", "jet", "RdYlBu", "ocean_r", "cubehelix"):
        expected = theirs[name](np.linspace(0, 1, 255), bytes=True)[:, :3].astype(int)
        found = colormap(name, 255).astype(int)
        # The tables are cut to whole numbers where matplotlib rounds.
        assert np.abs(found - expected).max() <= 1, name
    assert len(colormap("jet")) == 256


@pytest.mark.parametrize(
    ("labels", "names", "unknown"),
    [
        ([10.0, 20.0, 50.0], ["10", "20", "50.0"], "30"),
        (["low", "mid", "high"], ["low", "mid", "high"], "top"),
    ],
)
def test_labels_of_any_dimension_are_red_green_and_blue(
    labels: list[Any], names: list[str], unknown: str
) -> None:
    import xarray as xr

    cells = np.linspace(0, 1, 3 * 64 * 64, dtype=np.float32).reshape(3, 64, 64)
    cube = xr.Dataset({"t": (("depth", "y", "x"), cells)}, coords={"depth": labels})
    place = grid((64, 64), "EPSG:32633", left=400_000, top=5_650_000, cell=200)
    store = MemoryStore()
    to_catalog(assign_geobox(cube, place), store, "sea", progress=False)
    client = Client(create_app(open_catalog(store)))
    query = {"bbox": "400000,5637200,412800,5650000", "coord_crs": "native", "stretch": "0,1"}
    bands = ",".join(f"t@{name}" for name in names)
    answer = client.get("/layers/sea/crop.png", params=query | {"bands": bands})
    assert answer.status_code == 200, answer.text
    found = np.moveaxis(rgba(answer.content)[..., :3], -1, 0)
    np.testing.assert_allclose(found, np.floor(1.5 + 254 * cells), atol=1)
    refused = client.get("/layers/sea/crop.png", params=query | {"bands": f"t@{unknown}"})
    assert refused.status_code == 400
    assert f"no label '{unknown}'" in refused.json()["detail"]
    plain = client.get("/layers/sea/crop.npy", params=query)
    assert plain.status_code == 400
