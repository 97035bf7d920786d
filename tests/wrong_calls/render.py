"""Wrong calls of styles and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles as xt
from tests.wrong_calls import WrongCall
from xcube_tiles.cube.georef import set_crs
from xcube_tiles.errors import (
    DimensionError,
    ExpressionError,
    GeoreferenceError,
    GridError,
    StyleError,
)
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.tile import render_tile

# what a type checker refuses, a user of a notebook may still pass
WRONG: Any = "wrong"


def cube() -> xr.Dataset:
    """Return two dates of a small raster."""
    cells = xr.DataArray(
        np.arange(8.0).reshape(2, 2, 2),
        coords={
            "time": np.array(["2018-05-06", "2018-05-24"], dtype="datetime64[ns]"),
            "y": [15.0, 5.0],
            "x": [5.0, 15.0],
        },
        dims=("time", "y", "x"),
        name="ndvi",
    )
    return set_crs(cells.to_dataset(), "EPSG:32633")


def tile(*address: Any, **options: Any) -> bytes:
    return render_tile(CubeSource(cube()), address, **options)


CALLS = [
    WrongCall("xt.Style", lambda: xt.Style(colormap="jetlike"), StyleError, "names are accent"),
    WrongCall("xt.Style", lambda: xt.Style(bands=("a", "b")), StyleError, "one band, or three"),
    WrongCall("xt.Style", lambda: xt.Style(stretch=(Stretch(1, 0),)), StyleError, "add '_r'"),
    WrongCall("xt.Style", lambda: xt.Style(resampling=WRONG), StyleError, "average or mode"),
    WrongCall("xt.Style", lambda: xt.Style(expression="a +"), ExpressionError, "a \\+"),
    WrongCall(
        "ds.tiles.render",
        lambda: cube().tiles.render(xt.Style(bands=("red",))),
        StyleError,
        "unknown variable 'red'; the variables are ndvi",
    ),
    WrongCall(
        "ds.tiles.render",
        lambda: cube().tiles.render(time="2017"),
        DimensionError,
        "no time '2017'; the times are 2018-05-06",
    ),
    WrongCall("ds.tiles.render", lambda: cube().tiles.render(size=0), GridError, "got 0"),
    WrongCall(
        "ds.tiles.render",
        lambda: cube().tiles.render(format=WRONG),
        StyleError,
        "the formats are png, webp, jpg, npy, tif",
    ),
    WrongCall(
        "ds.tiles.render",
        lambda: xr.DataArray(np.zeros((2, 2)), dims=("y", "x"), name="v").tiles.render(),
        GeoreferenceError,
        "the object has no CRS",
    ),
    WrongCall("render_tile", lambda: tile("Mercator", 0, 0, 0), GridError, "WebMercatorQuad"),
    WrongCall("render_tile", lambda: tile("WebMercatorQuad", 0, 1, 0), GridError, "0 to 0"),
    WrongCall(
        "render_tile",
        lambda: tile("WebMercatorQuad", 0, 0, 0, tile_size=10_000),
        GridError,
        "1 to 4096",
    ),
    WrongCall(
        "render_tile",
        lambda: tile("WebMercatorQuad", 0, 0, 0, time="yesterday"),
        DimensionError,
        "ISO 8601",
    ),
]
