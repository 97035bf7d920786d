"""Figures: the colours of render, axes of the CRS, one part a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from xcube_tiles.errors import SizeLimitError
from xcube_tiles.explore.plot import plot
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.preview import render_preview
from xcube_tiles.render.style import Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
image = pytest.importorskip("PIL.Image", reason="pillow is not installed")

NDVI = "(nir - red) / (nir + red)"


def pictures(figure: Figure) -> list[Any]:
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


@pytest.mark.parametrize(
    "look",
    [
        {},
        {"expression": NDVI, "stretch": (0, 0.8), "colormap": "magma"},
        {"bands": ("red", "green", "blue"), "stretch": (0, 3000)},
        {"bands": "cloud"},
    ],
)
def test_colours_are_those_of_render(cube: xr.Dataset, look: dict[str, Any], tmp_path: Any) -> None:
    figure = plot(cube, time="2024-01", size=64, **look)
    path = tmp_path / "expected.png"
    path.write_bytes(render_preview(CubeSource(cube), Style(**look), time="2024-01", size=64))
    with image.open(path) as expected:
        # What is transparent has no colour to compare.
        wanted = np.asarray(expected.convert("RGBA"))
    (found,) = pictures(figure)
    np.testing.assert_array_equal(found[..., 3], wanted[..., 3])
    seen = wanted[..., 3] > 0
    assert seen.any()
    np.testing.assert_array_equal(found[seen], wanted[seen])


def test_all_times_are_parts_with_one_stretch(cube: xr.Dataset) -> None:
    figure = plot(cube.chunk(), bands="nir", size=32, columns=2)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title()[:7] for axes in shown] == ["2024-01", "2024-05", "2024-09"]
    assert len({part.tobytes() for part in pictures(figure)}) == 3
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert len(bars) == 1
    assert not figure.axes[3].axison


def test_axes_are_of_the_crs(cube: xr.Dataset) -> None:
    (axes,) = plot(cube, time="2024-01", bands=("red", "green", "blue")).axes
    left, bottom, right, top = cube.tiles.extent.bounds
    assert (*axes.get_xlim(), *axes.get_ylim()) == (left, right, bottom, top)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x [m]", "y [m]")
    degrees = cube[["elevation"]].tiles.reproject("EPSG:4326")
    assert plot(degrees).axes[0].get_xlabel() == "longitude [degrees]"


def test_the_colour_bar_has_the_unit(cube: xr.Dataset) -> None:
    height = cube.elevation.assign_attrs(long_name="height", units="m")
    bar = plot(height, stretch=(0, 2000)).axes[-1]
    assert bar.get_ylabel() == "height [m]"
    assert bar.get_ylim() == (0, 2000)


def test_categories_have_a_legend(cube: xr.Dataset) -> None:
    figure = plot(cube, bands="cloud", time=["2024-01"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["clear", "cloud"]


def test_draws_into_a_figure_that_is_given(cube: xr.Dataset) -> None:
    from matplotlib.figure import Figure

    given = Figure()
    assert plot(cube.elevation, figure=given) is given
    assert given.axes


def test_too_many_times(cube: xr.Dataset) -> None:
    many = cube[["nir"]].isel(time=np.zeros(40, dtype=int))
    with pytest.raises(SizeLimitError, match="at most 36 times, got 40"):
        plot(many)
