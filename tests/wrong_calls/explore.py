"""Wrong calls of live maps, figures and tiles."""

from __future__ import annotations

from typing import Any

from tests.wrong_calls import WrongCall
from tests.wrong_calls.render import cube
from xcube_tiles.errors import DimensionError, GridError, SettingsError, StyleError

# what a type checker refuses, a user of a notebook may still pass
WRONG: Any = "wrong"


def explore(**options: Any) -> object:
    return cube().tiles.explore(**options)


def plot(**options: Any) -> object:
    return cube().tiles.plot(**options)


def tile(*address: Any, **options: Any) -> object:
    return cube().tiles.tile(*address, **options)


CALLS = [
    WrongCall(
        "ds.tiles.explore",
        lambda: explore(bands="red"),
        StyleError,
        "unknown variable 'red'; the variables are ndvi",
    ),
    WrongCall(
        "ds.tiles.explore", lambda: explore(time="2017"), DimensionError, "times are 2018-05"
    ),
    WrongCall("ds.tiles.explore", lambda: explore(opacity=2), StyleError, "from 0 to 1, got 2"),
    WrongCall("ds.tiles.explore", lambda: explore(height="tall"), StyleError, "got 'tall'"),
    WrongCall("ds.tiles.explore", lambda: explore(basemap="osm"), StyleError, "address of tiles"),
    WrongCall("ds.tiles.explore", lambda: explore(base_url="hub"), SettingsError, "/proxy/"),
    WrongCall("ds.tiles.plot", lambda: plot(expression="nir"), StyleError, "variables are ndvi"),
    WrongCall("ds.tiles.plot", lambda: plot(time=["2018-05", "2017"]), DimensionError, "'2017'"),
    WrongCall("ds.tiles.plot", lambda: plot(time=[]), DimensionError, "no time to draw"),
    WrongCall("ds.tiles.plot", lambda: plot(columns=0), StyleError, "got 0"),
    WrongCall("ds.tiles.plot", lambda: plot(size=0), GridError, "got 0"),
    WrongCall("ds.tiles.plot", lambda: plot(figure=WRONG), StyleError, "matplotlib figure"),
    WrongCall("ds.tiles.tile", lambda: tile(4, 0, 1), GridError, "2 columns and 2 rows"),
    WrongCall("ds.tiles.tile", lambda: tile(0, 0, 99), GridError, "no zoom level 99"),
    WrongCall("ds.tiles.tile", lambda: tile(0, 0, 0, scheme="Mercator"), GridError, "Mercator"),
    WrongCall("ds.tiles.tile", lambda: tile(0.5, 0, 0), GridError, "0.5"),
    WrongCall("ds.tiles.tile", lambda: tile(0, 0, 0, resampling="best"), GridError, "best"),
]
