"""Wrong calls of zonal operations, histograms, class breaks and contrast."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import (
    AlgebraError,
    CellTypeError,
    DimensionError,
    GeoreferenceError,
    IncompatibleCubesError,
)

# what a type checker refuses, a user of a notebook may still pass
ODD: Any = "odd"
HALF: Any = [1.5]


def cells() -> Any:
    return raster(np.float32(1), name="height").tiles


def cover() -> Any:
    return raster(np.array([1, 2, 2, 3, 255], "uint8"), name="cover", nodata=255).tiles


def cube() -> Any:
    return raster(np.uint8(1), name="cover").to_dataset().tiles


def zones() -> xr.DataArray:
    return raster(np.array([1, 1, 2, 2, 0], "uint8"), name="zones", nodata=0)


def elsewhere() -> xr.DataArray:
    return zones().isel(x=slice(1, None))


def table() -> Any:
    return xr.Dataset({"mean": ("zone", [1.0, 2.0])}, {"zone": [1, 2]}).tiles


def bare() -> Any:
    return xr.Dataset({"mean": ("zone", [1.0, 2.0])}).tiles


def names() -> Any:
    return xr.Dataset({"mean": ("zone", [1.0])}, {"zone": ["forest"]}).tiles


CALLS: list[WrongCall] = [
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(zones(), ["meen"]),
        AlgebraError,
        r"unknown statistic 'meen'; expected one of count, sum, mean, min, max, range, sd, "
        r"variance, median, mode, minority, variety, or a percentile from 'p0' to 'p100'",
    ),
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(elsewhere()),
        IncompatibleCubesError,
        r"the grids differ in size.*cube\.tiles\.reproject\(other\)",
    ),
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(zones().astype("float32").drop_attrs()),
        CellTypeError,
        r"zones must be integers or bool, got float32.*raster\.tiles\.convert\('int32'\)",
    ),
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(zones(), labels=[0, 1]),
        AlgebraError,
        r"labels contain 0, which means NoData in 'zones'",
    ),
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(zones(), labels=[256]),
        AlgebraError,
        r"labels must fit the uint8 cells \(0 to 255\), got 256",
    ),
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(zones(), labels=HALF),
        AlgebraError,
        r"labels must be a list of integers, got \[1\.5\]",
    ),
    WrongCall(
        "ds.tiles.zonal",
        lambda: cells().zonal(zones().to_dataset()),
        DimensionError,
        r"zones must be one raster \(a DataArray\), got a Dataset of \['zones'\]",
    ),
    WrongCall(
        "ds.tiles.crosstab",
        lambda: cells().crosstab(zones()),
        CellTypeError,
        r"classes must be integers or bool, got float32",
    ),
    WrongCall(
        "ds.tiles.crosstab",
        lambda: cube().crosstab(zones()),
        DimensionError,
        r"a crosstab is made of one raster, not of a Dataset of \['cover'\]; name the variable",
    ),
    WrongCall(
        "ds.tiles.crosstab",
        lambda: cover().crosstab(zones(), classes=[255]),
        AlgebraError,
        r"classes contain 255, which means NoData in 'cover'",
    ),
    WrongCall(
        "ds.tiles.zonal_percentage",
        lambda: cover().zonal_percentage(elsewhere()),
        IncompatibleCubesError,
        r"the grids differ in size",
    ),
    WrongCall(
        "ds.tiles.zonal_percentage",
        lambda: cells().zonal_percentage(zones()),
        CellTypeError,
        r"classes must be integers or bool, got float32",
    ),
    WrongCall(
        "ds.tiles.zonal_percentage",
        lambda: cover().zonal_percentage(zones(), labels=[1, 1]),
        AlgebraError,
        r"labels must differ from each other, got 1 twice",
    ),
    WrongCall(
        "ds.tiles.zonal_histogram",
        lambda: cells().zonal_histogram(zones(), 0),
        AlgebraError,
        r"bins must be at least 1, got 0",
    ),
    WrongCall(
        "ds.tiles.zonal_histogram",
        lambda: cells().zonal_histogram(zones(), [2, 1]),
        AlgebraError,
        r"at least two ascending edges of bins, got \[2, 1\]",
    ),
    WrongCall(
        "ds.tiles.zonal_histogram",
        lambda: cells().zonal_histogram(zones(), 5, range=(2, 2)),
        AlgebraError,
        r"range must be two finite ascending numbers, got \(2, 2\)",
    ),
    WrongCall(
        "ds.tiles.to_raster",
        lambda: cells().to_raster(zones()),
        DimensionError,
        r"a table of zones has the dimension 'zone', got \('y', 'x'\)",
    ),
    WrongCall(
        "ds.tiles.to_raster",
        lambda: bare().to_raster(zones()),
        DimensionError,
        r"the labels of 'zone' must be integers, got no coordinate",
    ),
    WrongCall(
        "ds.tiles.to_raster",
        lambda: names().to_raster(zones()),
        DimensionError,
        r"the labels of 'zone' must be integers, got <U6",
    ),
    WrongCall(
        "ds.tiles.to_raster",
        lambda: table().to_raster(zones().drop_vars(["x", "y", "spatial_ref"])),
        GeoreferenceError,
        r"the object has no CRS",
    ),
    WrongCall(
        "ds.tiles.histogram",
        lambda: cube().histogram(),
        DimensionError,
        r"a histogram is made of one raster, not of a Dataset of \['cover'\]",
    ),
    WrongCall(
        "ds.tiles.histogram",
        lambda: cells().histogram(ODD),
        AlgebraError,
        r"bins must be a number, or at least two ascending edges of bins, got 'odd'",
    ),
    WrongCall(
        "ds.tiles.histogram",
        lambda: cells().histogram([1, 2, 3], range=(1, 2)),
        AlgebraError,
        r"range is for a number of bins; these have edges",
    ),
    WrongCall(
        "ds.tiles.class_breaks",
        lambda: cells().class_breaks(5, "natural"),
        AlgebraError,
        r"unknown method 'natural'; expected one of quantile, equal-interval, "
        r"standard-deviation, head-tail, jenks",
    ),
    WrongCall(
        "ds.tiles.class_breaks",
        lambda: cells().class_breaks(0),
        AlgebraError,
        r"n must be a number of classes from 1 to 256, got 0",
    ),
    WrongCall(
        "ds.tiles.class_breaks",
        lambda: cube().class_breaks(5),
        DimensionError,
        r"a list of class breaks is made of one raster, not of a Dataset",
    ),
    WrongCall(
        "ds.tiles.equalize",
        lambda: cells().equalize(range="type"),
        AlgebraError,
        r"the range of float32 has no use; expected 'cells' or two numbers",
    ),
    WrongCall(
        "ds.tiles.equalize",
        lambda: cells().equalize(range="full"),
        AlgebraError,
        r"range must be 'cells', 'type' or two ascending numbers, got 'full'",
    ),
    WrongCall(
        "ds.tiles.equalize",
        lambda: cells().equalize(range=(255, 0)),
        AlgebraError,
        r"two ascending numbers, got \(255, 0\)",
    ),
    WrongCall(
        "ds.tiles.match_histogram",
        lambda: cells().match_histogram(raster(np.uint8(1), name="photo")),
        CellTypeError,
        r"'height' can be NoData \(float32\), but 'photo' has no NoData value",
    ),
    WrongCall(
        "ds.tiles.match_histogram",
        lambda: cells().match_histogram(raster(np.uint8(1), name="photo").to_dataset()),
        DimensionError,
        r"not to a Dataset of \['photo'\]; name the variable",
    ),
    WrongCall(
        "ds.tiles.match_histogram",
        lambda: cube().match_histogram(raster(np.uint8(1), name="photo").to_dataset()),
        DimensionError,
        r"there is no variable 'cover' to match; it has \['photo'\]",
    ),
    WrongCall(
        "ds.tiles.sigmoidal_contrast",
        lambda: cells().sigmoidal_contrast(-3),
        AlgebraError,
        r"contrast must be a number of at least 0, got -3",
    ),
    WrongCall(
        "ds.tiles.sigmoidal_contrast",
        lambda: cells().sigmoidal_contrast(3, 50),
        AlgebraError,
        r"midpoint must be a share from 0 to 1, got 50",
    ),
    WrongCall(
        "ds.tiles.sigmoidal_contrast",
        lambda: cells().sigmoidal_contrast(3, range="type"),
        AlgebraError,
        r"the range of float32 has no use",
    ),
]
