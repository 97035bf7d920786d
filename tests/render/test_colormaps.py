from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xcube_tiles.errors import StyleError
from xcube_tiles.render import colormaps
from xcube_tiles.render.colormaps import colormap, colormap_names, opacities
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style


def test_there_are_at_least_twelve_maps_and_each_has_256_colours() -> None:
    assert len(colormap_names()) >= 12
    for name in colormap_names(with_reversed=True):
        assert colormap(name).shape == (256, 3)
        assert colormap(name).dtype == np.uint8


def test_ends_are_the_published_colours() -> None:
    published = {
        "viridis": [[68, 1, 84], [253, 231, 37]],
        "magma": [[0, 0, 4], [252, 253, 191]],
    }
    for name, ends in published.items():
        assert np.abs(colormap(name)[[0, -1]].astype(int) - ends).max() <= 1
    assert colormap("terrain")[0].tolist() == [0x33, 0x33, 0x99]


def test_names_are_found_in_any_case() -> None:
    np.testing.assert_array_equal(colormap("Viridis_R"), colormap("viridis")[::-1])


def test_ramps_are_those_of_matplotlib() -> None:
    theirs = pytest.importorskip("matplotlib").colormaps
    by_name = {name.lower(): name for name in theirs}
    shared = [name for name in colormap_names() if name in by_name and name not in colormaps.THEMES]
    assert {"viridis", "coolwarm", "turbo", "greys", "tab20"} <= set(shared)
    for name in shared:
        expected = theirs[by_name[name]](np.linspace(0, 1, 255), bytes=True)[:, :3]
        # Theirs are looked up in 256 colours, so that neighbours may be taken.
        assert np.abs(colormap(name, 255).astype(int) - expected).max() <= 3, name


def test_the_map_of_terracotta_is_there_and_becomes_opaque() -> None:
    assert {"cloud", "cloud_r"} <= set(colormap_names(with_reversed=True))
    assert colormap("Cloud", 255)[[0, 1, -1]].tolist() == [[0] * 3, [129] * 3, [255] * 3]
    assert opacities("cloud", 255)[[0, 1, 100, -1]].tolist() == [0, 1, 150, 255]
    assert opacities("cloud_r", 3).tolist() == opacities("cloud", 3)[::-1].tolist()
    style = Style(bands=("cover",), stretch=(Stretch(0, 1),), colormap="cloud")
    assert style.palette[[1, 101, 255]].tolist() == [[0] * 4, [178] * 3 + [150], [255] * 4]
    assert replace(style, colormap="viridis").palette[1:, 3].min() == 255


def test_names_of_matplotlib_are_known_where_it_is_installed() -> None:
    pytest.importorskip("matplotlib")
    assert colormap("hot").shape == (256, 3)


def test_without_matplotlib_the_error_says_that_it_would_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(colormaps, "_names_of_matplotlib", dict)
    with pytest.raises(StyleError, match=r"'vanimo'.*viridis.*with matplotlib installed"):
        colormap("vanimo", 17)


def test_colours_are_shared_and_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        colormap("viridis")[0] = 0


@pytest.mark.parametrize("name", ["", "no such map", 3, None])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(StyleError):
        colormap(name)
