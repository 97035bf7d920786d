"""Wrong calls of kernels by name, and of filters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

import xcube_tiles as xt
from tests.wrong_calls import WrongCall
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import AlgebraError, CellTypeError

# what a type checker refuses, a user of a notebook may still pass
WRONG: Any = "wrong"
FIVE: Any = 5


def tiles(dtype: str = "float32", **attrs: object) -> Any:
    grid = GeoBox((3, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    cells = xr.DataArray(np.ones((3, 4), dtype), dims=("y", "x"), name="cells", attrs=attrs)
    return assign_geobox(cells, grid).tiles


def refused(name: str, text: str, *args: Any, **options: Any) -> WrongCall:
    """Return a wrong call of one of the kernels that have names."""
    make = partial(getattr(xt.Kernel, name), *args, **options)
    return WrongCall(f"xt.Kernel.{name}", make, AlgebraError, text)


WHOLE = ("box", "diamond", "octagon", "plus", "cross", "euclidean", "manhattan", "chebyshev")
TURNED = ("sobel", "prewitt", "compass", "kirsch")

REAL = ("circle", "cone", "quartic")
DIRECTIONS = r"unknown direction {}; expected one of e, ne, n, nw, w, sw, s, se"


def ds(name: str, call: Any, text: str, error: type[Exception] = AlgebraError) -> WrongCall:
    """Return a wrong call of a method of the accessor."""
    return WrongCall(f"ds.tiles.{name}", call, error, text)


CALLS: list[WrongCall] = [
    *(refused(name, r"a radius in whole cells, an integer, got 0\.5", 0.5) for name in WHOLE),
    *(refused(name, r"a positive radius in cells, of at most 1000, got 0", 0) for name in WHOLE),
    *(refused(name, r"got 30000; for map units divide by the cell size", 30000) for name in WHOLE),
    *(refused(name, r"a positive radius in cells, of at most 1000, got 0", 0) for name in REAL),
    *(refused(name, r"a positive radius .* got nan", np.nan) for name in REAL),
    *(refused(name, r"a positive radius .* got 'wrong'", WRONG) for name in REAL),
    refused("gaussian", r"a positive sigma in cells, of at most 1000, got 0", 0),
    refused("gaussian", r"a positive sigma in cells, .* got inf", np.inf),
    refused("gaussian", r"a radius in whole cells, an integer, got 2\.5", 1, radius=2.5),
    *(refused(name, DIRECTIONS.format("'east'"), "east") for name in TURNED),
    *(refused(name, DIRECTIONS.format("0"), 0) for name in TURNED),
    *(refused(name, DIRECTIONS.format("'N'"), "N") for name in TURNED),
    refused("roberts", r"unknown direction 'e'; expected one of se, sw, nw, ne", "e"),
    refused("roberts", r"unknown direction 'SE'; expected one of se", "SE"),
    refused("roberts", r"unknown direction 1; expected", 1),
    refused("sharpen", r"a positive amount, of at most 1000, got 0", 0),
    refused("sharpen", r"a positive amount, of at most 1000, got -1", -1),
    refused("sharpen", r"a positive amount, of at most 1000, got 'wrong'", WRONG),
    refused("unsharp", r"a positive sigma in cells, of at most 1000, got -1", -1),
    refused("unsharp", r"a positive amount, of at most 1000, got 0", 1, amount=0),
    refused("unsharp", r"a radius in whole cells, an integer, got '3'", 1, radius="3"),
    ds("convolve", lambda: tiles().convolve(FIVE), r"expected a Kernel, such as .* got 5"),
    ds("convolve", lambda: tiles().convolve(xt.Square(1)), r"expected a Kernel.* got Square\("),
    ds(
        "convolve",
        lambda: tiles().convolve(xt.Kernel.laplacian4(), normalize=True),
        r"weights can't be negative; the least of this kernel is -4\.0; use normalize=False",
    ),
    ds(
        "convolve",
        lambda: tiles().convolve(xt.Kernel.box(1), edge="mirror"),
        r"unknown edge 'mirror'; expected one of clip, nearest, reflect, wrap, constant",
    ),
    ds(
        "convolve",
        lambda: tiles().convolve(xt.Kernel.box(1), edge="constant"),
        r"give it with edge='constant', and only then; got edge='constant', constant=None",
    ),
    ds(
        "convolve",
        lambda: tiles().convolve(xt.Kernel.box(1), constant=0),
        r"give it with edge='constant', and only then; got edge='clip', constant=0",
    ),
    ds(
        "convolve",
        lambda: tiles().convolve(xt.Kernel.box(1), edge="constant", constant=WRONG),
        r"constant must be a number, NaN for no value; got 'wrong'",
    ),
    ds(
        "convolve",
        lambda: tiles().convolve(xt.Kernel.box(1), target="valid"),
        r"unknown target 'valid'; expected one of all, data, nodata",
    ),
    ds(
        "convolve",
        lambda: tiles("int64").convolve(xt.Kernel.box(1), target="nodata"),
        r"can't hold copies of all int64 cells; leave target='all', or convert them first",
        CellTypeError,
    ),
    ds(
        "morphology",
        lambda: tiles().morphology("open"),
        r"unknown operation 'open'; expected one of erode, dilate, opening, closing, gradient",
    ),
    ds("morphology", lambda: tiles().morphology("erode", 1), r"such as Square\(1\) .* got 1"),
    ds(
        "morphology",
        lambda: tiles().morphology("erode", edge="constant"),
        r"unknown edge 'constant'; expected one of clip, nearest, reflect, wrap",
    ),
    ds(
        "morphology",
        lambda: tiles("uint8").morphology("erode", xt.Annulus(1, 2)),
        r"uint8raw cells at the edge may have no neighbour",
    ),
    ds(
        "fill_gaps",
        lambda: tiles().fill_gaps(method="linear"),
        r"unknown method of filling 'linear'; expected one of mean, median, idw, nearest",
    ),
    ds(
        "fill_gaps",
        lambda: tiles("uint8").fill_gaps(),
        r"'cells' has no NoData value \(uint8raw\), so there is nothing to fill; declare",
        CellTypeError,
    ),
    ds("fill_gaps", lambda: tiles().fill_gaps(passes=0), r"at least 1, got 0"),
    ds("fill_gaps", lambda: tiles().fill_gaps(power=-2), r"power must be positive .* got -2"),
    ds(
        "fill_gaps",
        lambda: tiles().fill_gaps(neighborhood=xt.Kernel([[3]])),
        r"has no cell but the focus, which has no value",
    ),
    ds(
        "fill_gaps",
        lambda: tiles("int64", _FillValue=np.int64(0)).fill_gaps(method="idw"),
        r"idw computes with floats, which can't hold all int64 cells; use 'mean'",
        CellTypeError,
    ),
    ds("morans_i", lambda: tiles().morans_i(1), r"such as Square\(1\) .* got 1"),
    ds("morans_i", lambda: tiles().morans_i("queen"), r"a neighbourhood .* got 'queen'"),
    ds(
        "morans_i",
        lambda: tiles().morans_i(xt.Kernel.laplacian8()),
        r"neighbours can't have negative weights, .* of this kernel is -8\.0",
    ),
    ds(
        "morans_i",
        lambda: tiles().morans_i(xt.Kernel([[1]])),
        r"has no cell but the focus, which isn't a neighbour",
    ),
    ds("getis_ord", lambda: tiles().getis_ord(3), r"such as Square\(1\) .* got 3"),
    ds("getis_ord", lambda: tiles().getis_ord(None), r"a neighbourhood .* got None"),
    ds(
        "getis_ord",
        lambda: tiles().getis_ord(xt.Kernel.sobel()),
        r"neighbours can't have negative weights",
    ),
    ds(
        "game_of_life",
        lambda: tiles().game_of_life(),
        r"integers whose NoData isn't 0 or 1, got float32; make them bool by a comparison",
        CellTypeError,
    ),
    ds(
        "game_of_life",
        lambda: tiles("uint8", _FillValue=np.uint8(0)).game_of_life(),
        r"got uint8;",
        CellTypeError,
    ),
    ds("game_of_life", lambda: tiles("bool").game_of_life(generations=-1), r"at least 0, got -1"),
    ds(
        "game_of_life",
        lambda: tiles("bool").game_of_life(edge="reflect"),
        r"unknown edge 'reflect'; expected one of clip, wrap",
    ),
]
