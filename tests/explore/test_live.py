"""The live map: really served, checked at once, and gone when it is closed."""

from __future__ import annotations

import gc
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest

from xcube_tiles.errors import DimensionError, MissingExtraError, SettingsError, StyleError
from xcube_tiles.explore import live as module
from xcube_tiles.explore.address import HUB_PREFIX
from xcube_tiles.explore.live import LiveMap, explore
from xcube_tiles.render.categories import categories_from_mapping
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.render.tile import render_tile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

httpx = pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("uvicorn", reason="the server extra is not installed")

TILE = {"z": 10, "x": 551, "y": 361}
TWO = categories_from_mapping({0: "#00ff00", 1: "#ff0000"})
RGB = (Stretch(0, 3000), Stretch(0, 2900.5), Stretch(1e-7, 2800))
NDVI = "(nir - red) / (nir + red)"


@pytest.fixture
def live(cube: xr.Dataset) -> Iterator[LiveMap]:
    with explore(cube) as made:
        yield made


def fetch(live: LiveMap, **tile: int) -> bytes:
    answer = httpx.get(live.tile_url.format(**(tile or TILE)))
    assert answer.status_code == 200, answer.text
    content = answer.content
    assert isinstance(content, bytes)
    return content


def query(live: LiveMap) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(live.tile_url).query).items()}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def port_of(live: LiveMap) -> int:
    port = urlsplit(live.url).port
    assert port is not None
    return port


@pytest.mark.parametrize(
    ("look", "style", "time"),
    [
        ({}, Style(bands=("blue",)), None),
        ({"expression": NDVI}, Style(expression=NDVI), None),
        (
            {"expression": NDVI, "stretch": (0, 0.8), "colormap": "magma", "time": "2024-01"},
            Style(expression=NDVI, stretch=(Stretch(0, 0.8),), colormap="magma"),
            "2024-01",
        ),
        ({"bands": ["red", "green", "blue"]}, Style(bands=("red", "green", "blue")), None),
        ({"bands": "cloud"}, Style(bands=("cloud",)), None),
        (
            {"bands": "cloud", "colormap": {0: "#00ff00", 1: "#ff0000"}},
            Style(bands=("cloud",), categories=TWO),
            None,
        ),
        (
            {"bands": ("red", "green", "blue"), "stretch": [tuple(pair) for pair in RGB]},
            Style(bands=("red", "green", "blue"), stretch=RGB),
            None,
        ),
    ],
)
def test_tiles_are_those_of_render(
    cube: xr.Dataset, look: dict[str, Any], style: Style, time: str | None
) -> None:
    address = ("WebMercatorQuad", TILE["z"], TILE["x"], TILE["y"])
    expected = render_tile(CubeSource(cube), address, style, time=time)
    with explore(cube, **look) as made:
        assert fetch(made) == expected
    with explore(cube) as made:
        made.update(**look)
        assert fetch(made) == expected


def test_attributes_change_the_tiles(live: LiveMap) -> None:
    seen = {live.tile_url: fetch(live)}
    for name, value in (
        ("time", "2024-01"),
        ("stretch", (0, 5000)),
        ("colormap", "magma"),
        ("expression", NDVI),
        ("bands", ("red", "green", "blue")),
        ("stretch", [(0, 3000), (0, 2500), (0, 2000)]),
    ):
        setattr(live, name, value)
        seen[live.tile_url] = fetch(live)
    assert len(seen) == len(set(seen.values())) == 7


def test_attributes_read_as_what_is_drawn(live: LiveMap, cube: xr.Dataset) -> None:
    def drawn() -> Any:
        return live.bands, live.stretch, live.colormap, live.time

    last = f"{cube.time.values[-1].astype('datetime64[s]')}Z"
    bands, (low, high), colormap, time = drawn()
    assert (bands, colormap, time) == (("blue",), "viridis", last)
    assert low < high
    live.time = np.datetime64("2024-01")
    assert drawn()[-1].startswith("2024-01-15T")
    live.bands = ("red", "green", "blue")
    bands, stretch, colormap, _ = drawn()
    assert (bands, len(stretch), colormap) == (("red", "green", "blue"), 3, None)
    live.bands = "cloud"
    bands, stretch, colormap, _ = drawn()
    assert (bands, stretch, list(colormap)) == (("cloud",), None, [0.0, 1.0])


def test_what_is_new_begins_with_a_stretch_of_its_own(live: LiveMap) -> None:
    def drawn() -> Any:
        return live.bands, live.expression, live.stretch, live.colormap

    live.update(bands=("red", "green", "blue"), stretch=(0, 3000))
    assert drawn()[2] == (0, 3000)
    live.expression = NDVI
    bands, _, (low, high), _ = drawn()
    assert bands == ()
    assert -1 <= low < high <= 1
    live.stretch = (0, 0.8)
    live.colormap = "magma"
    live.expression = NDVI
    assert drawn() == ((), NDVI, (0, 0.8), "magma")
    live.bands = "red"
    bands, expression, stretch, colormap = drawn()
    assert (bands, expression, colormap) == (("red",), None, "magma")
    assert stretch != (0, 0.8)
    live.bands = ("red", "green", "blue")
    live.bands = None
    assert drawn()[0] == ("blue",)


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("bands", "swir", StyleError, "'swir'; the variables are blue, green, red, nir"),
        ("bands", ("red", "nir"), StyleError, "one band, or three"),
        ("bands", 3, StyleError, "a name or a tuple of names, got 3"),
        ("expression", "(nir - swir)", StyleError, "'swir'; the variables are blue"),
        ("expression", "nir -", ValueError, "nir -"),
        ("stretch", (1, 0), StyleError, "add '_r'"),
        ("stretch", 5, StyleError, "pair of numbers"),
        ("stretch", (0, float("nan")), StyleError, "finite"),
        ("colormap", "jetlike", StyleError, "the names are .*viridis"),
        ("colormap", 5, StyleError, "a name or a mapping"),
        ("time", "2017", DimensionError, "no time '2017'; the times are 2024-01-15"),
        ("time", "yesterday", DimensionError, "ISO 8601"),
        ("opacity", 1.5, StyleError, "0 to 1, got 1.5"),
        ("opacity", "half", StyleError, "0 to 1, got 'half'"),
        ("opacity", float("nan"), StyleError, "0 to 1, got nan"),
    ],
)
def test_bad_values_are_refused_at_once(
    live: LiveMap, name: str, value: object, error: type[Exception], text: str
) -> None:
    before = live.tile_url, live.stretch, live.opacity
    with pytest.raises(error, match=text):
        setattr(live, name, value)
    assert (live.tile_url, live.stretch, live.opacity) == before


def test_an_unknown_attribute_is_refused(live: LiveMap) -> None:
    with pytest.raises(AttributeError, match="colourmap"):
        live.colourmap = "gray"  # type: ignore[attr-defined]


def test_two_maps_share_one_endpoint(cube: xr.Dataset) -> None:
    with explore(cube) as first:
        with explore(cube.elevation) as second:
            assert port_of(first) == port_of(second)
            assert first.url.split("#")[0] != second.url.split("#")[0]
            second.stretch = (0, 1000)
            assert fetch(first) != fetch(second)
            gone = second.tile_url
        assert httpx.get(gone.format(**TILE)).status_code == 404
        assert fetch(first)
        port = port_of(first)
    assert not listens(port)


def test_closing_frees_the_port(cube: xr.Dataset) -> None:
    made = explore(cube)
    port = port_of(made)
    assert listens(port)
    made.close()
    assert not listens(port)
    assert made.is_closed
    made.close()  # twice does no harm
    assert repr(made) == "<LiveMap closed>"
    assert "closed" in made._repr_html_()
    for use in (lambda: made.url, lambda: made.tile_url, lambda: made.update(opacity=0.5)):
        with pytest.raises(StyleError, match=r"closed: make another one with tiles.explore"):
            use()


def test_forgetting_frees_the_port(cube: xr.Dataset) -> None:
    made = explore(cube)
    port, endpoint = port_of(made), made._lease._endpoint
    del made
    gc.collect()
    endpoint.wait()
    assert not listens(port)


def test_a_map_that_fails_leaves_nothing_behind(cube: xr.Dataset) -> None:
    from xcube_tiles.explore.endpoint import _Endpoint

    with pytest.raises(StyleError):
        explore(cube, bands="swir")
    assert _Endpoint.running is None


def test_nothing_is_listed_without_the_token(live: LiveMap) -> None:
    root = f"http://127.0.0.1:{port_of(live)}"
    for path in ("/", "/layers", "/nonsense/layers"):
        assert httpx.get(root + path).status_code == 404
    assert httpx.get(live.url.split("#")[0] + "layers").json()["layers"][0]["name"] == "cube"


def test_other_sites_may_not_read(live: LiveMap) -> None:
    answer = httpx.get(live.tile_url.format(**TILE), headers={"Origin": "https://example.org"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_page_shows_what_is_drawn(live: LiveMap) -> None:
    live.update(expression=NDVI, stretch=(0, 0.8), colormap="magma", time="2024-01", opacity=0.5)
    page, _, fragment = live.url.partition("#")
    assert httpx.get(page).headers["content-type"].startswith("text/html")
    shown = dict(part.split("=", 1) for part in unquote(fragment).split("&"))
    assert shown == {
        "time": "2024-01-15T00:00:00Z",
        "expression": NDVI,
        "stretch": "0,0.8",
        "colormap": "magma",
        "opacity": "0.5",
        "layer": "cube",
    }
    assert live.url.replace("&", "&amp;") in live._repr_html_()
    assert set(live._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.mark.parametrize(
    ("prefix", "base_url", "begin"),
    [
        (None, None, "http://127.0.0.1:{port}/"),
        ("/user/ada/", None, "/user/ada/proxy/{port}/"),
        ("/user/ada/", "/proxy/{port}", "/proxy/{port}/"),
        (None, "https://hub.example.org/proxy/{port}/", "https://hub.example.org/proxy/{port}/"),
    ],
)
def test_addresses_of_remote_kernels(
    cube: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str | None,
    base_url: str | None,
    begin: str,
) -> None:
    if prefix is None:
        monkeypatch.delenv(HUB_PREFIX, raising=False)
    else:
        monkeypatch.setenv(HUB_PREFIX, prefix)
    with explore(cube, base_url=base_url) as made:
        root = begin.format(port=made._lease.port) + made._lease.token + "/"
        assert made.url.startswith(f"{root}#")
        assert made.tile_url.startswith(f"{root}layers/cube/tiles/")
        # What a proxy passes on, its own part of the path taken off.
        path = made.tile_url.removeprefix(begin.format(port=made._lease.port)).format(**TILE)
        assert httpx.get(f"http://127.0.0.1:{made._lease.port}/{path}").status_code == 200


@pytest.mark.parametrize("base_url", ["proxy/{port}", "ftp://host/{port}", 8123])
def test_bad_base_urls(cube: xr.Dataset, base_url: Any) -> None:
    with pytest.raises(SettingsError, match=r"/proxy/\{port\}/"):
        explore(cube, base_url=base_url)


def test_a_notebook_without_widgets_is_told_so(
    cube: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xcube_tiles.explore.jupyter.WIDGETS", "no_such_library")
    with explore(cube) as made, pytest.raises(MissingExtraError, match=r"xcube_tiles\[notebook\]"):
        _ = made.widget
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    with pytest.raises(ImportError, match=r"pip install 'xcube_tiles\[notebook\]'"):
        explore(cube)
