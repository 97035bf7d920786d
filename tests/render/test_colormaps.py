from __future__ import annotations

import numpy as np
import pytest

from xcube_tiles.errors import StyleError
from xcube_tiles.render import colormaps
from xcube_tiles.render.colormaps import colormap, colormap_names


def test_there_are_at_least_twelve_maps_and_each_has_256_colours() -> None:
    assert len(colormap_names()) >= 12
    for name in colormap_names(with_reversed=True):
        assert colormap(name).shape == (256, 3)
        assert colormap(name).dtype == np.uint8


def test_ends_are_the_published_colours() -> None:
    assert colormap("viridis")[[0, -1]].tolist() == [[68, 1, 84], [253, 231, 37]]
    assert colormap("magma")[[0, -1]].tolist() == [[0, 0, 4], [252, 253, 191]]
    assert colormap("terrain")[0].tolist() == [0x33, 0x33, 0x99]


def test_names_are_found_in_any_case() -> None:
    np.testing.assert_array_equal(colormap("Viridis_R"), colormap("viridis")[::-1])


def test_ramps_are_near_those_of_matplotlib() -> None:
    theirs = pytest.importorskip("matplotlib").colormaps
    by_name = {name.lower(): name for name in theirs}
    shared = [name for name in colormaps._EVEN if name in by_name]
    assert len(shared) > 12
    for name in shared:
        expected = theirs[by_name[name]](np.linspace(0, 1, 256), bytes=True)[:, :3]
        assert np.abs(colormap(name).astype(int) - expected).max() <= 12, name


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
