"""Wrong calls of what is computed from the flow of water."""

from __future__ import annotations

from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from tests.wrong_calls import WrongCall
from xcube_tiles.algebra.hydrology.depressions import fill_depressions
from xcube_tiles.algebra.hydrology.direction import flow_direction
from xcube_tiles.errors import (
    AlgebraError,
    DimensionError,
    GeoreferenceError,
    IncompatibleCubesError,
)

ASIDE = GeoBox.from_bbox((310_000, 5_000_000, 310_050, 5_000_040), crs="EPSG:32633", resolution=10)
BEYOND = GeoBox.from_bbox((10, 88, 10.05, 92), crs="EPSG:4326", resolution=0.01)


def dem() -> Any:
    return raster(1.5).tiles


def ways() -> Any:
    return raster(np.uint8(0)).tiles


def bare() -> Any:
    return raster(1.5).drop_vars("spatial_ref").tiles


CALLS: list[WrongCall] = [
    WrongCall(
        "da.tiles.flow_direction",
        lambda: bare().flow_direction(),
        GeoreferenceError,
        r"the object has no CRS",
    ),
    WrongCall(
        "da.tiles.flow_direction",
        lambda: raster(1.5, geobox=BEYOND).tiles.flow_direction(),
        GeoreferenceError,
        r"rows lie beyond a pole",
    ),
    WrongCall(
        "da.tiles.flow_direction",
        lambda: flow_direction(raster(1.5).to_dataset()),  # type: ignore[arg-type]
        DimensionError,
        r"elevations must be one raster, got a Dataset of \['a'\]",
    ),
    WrongCall(
        "da.tiles.fill_depressions",
        lambda: dem().fill_depressions(gradient=0.01),
        AlgebraError,
        r"gradient must be True or False, got 0.01",
    ),
    WrongCall(
        "da.tiles.fill_depressions",
        lambda: bare().fill_depressions(),
        GeoreferenceError,
        r"the object has no CRS",
    ),
    WrongCall(
        "da.tiles.fill_depressions",
        lambda: fill_depressions(np.ones((3, 3))),  # type: ignore[arg-type]
        DimensionError,
        r"elevations must be a DataArray, got array",
    ),
    WrongCall(
        "da.tiles.flow_accumulation",
        lambda: dem().flow_accumulation(),
        AlgebraError,
        r"flow directions must be integers .*got float64; compute them with .*flow_direction\(\)",
    ),
    WrongCall(
        "da.tiles.flow_accumulation",
        lambda: ways().flow_accumulation(weights=raster(1.5, geobox=ASIDE)),
        IncompatibleCubesError,
        r"the grids are 1000 cells apart",
    ),
    WrongCall(
        "da.tiles.flow_accumulation",
        lambda: ways().flow_accumulation(weights=2.0),
        DimensionError,
        r"weights must be a DataArray, got 2.0",
    ),
    WrongCall(
        "da.tiles.watershed",
        lambda: ways().watershed([(0.0, 0.0)]),
        AlgebraError,
        r"pour_points: \(0.0, 0.0\) lies outside the raster, which covers \(300000.0, 5000000.0",
    ),
    WrongCall(
        "da.tiles.watershed",
        lambda: ways().watershed([(300_001, 5_000_001), (300_002, 5_000_002)]),
        AlgebraError,
        r"\(300001, 5000001\) and \(300002, 5000002\) lie in one cell; leave one out",
    ),
    WrongCall(
        "da.tiles.watershed",
        lambda: ways().watershed([]),
        AlgebraError,
        r"pour_points must be given by coordinates .*, got \[\]; a list of places has at least one",
    ),
    WrongCall(
        "da.tiles.watershed",
        lambda: ways().watershed(raster(1.5)),
        AlgebraError,
        r"a raster of pour points must have integers .*got float64; convert it",
    ),
    WrongCall(
        "da.tiles.watershed",
        lambda: ways().watershed(raster(-3)).compute(),
        AlgebraError,
        r"must be positive, got -3; .* points.attrs\['_FillValue'\] = -1",
    ),
    WrongCall(
        "da.tiles.watershed",
        lambda: dem().watershed(),
        AlgebraError,
        r"flow directions must be integers",
    ),
    WrongCall(
        "da.tiles.stream_order",
        lambda: ways().stream_order(threshold=5, method="horton"),
        AlgebraError,
        r"unknown method 'horton'; expected one of 'strahler', 'shreve'",
    ),
    WrongCall(
        "da.tiles.stream_order",
        lambda: ways().stream_order(threshold="100"),
        AlgebraError,
        r"threshold must be a number of cells upstream, got '100'",
    ),
    WrongCall(
        "da.tiles.stream_order",
        lambda: ways().stream_order(threshold=np.nan),
        AlgebraError,
        r"threshold must be finite, got nan",
    ),
    WrongCall(
        "da.tiles.stream_order",
        lambda: ways().stream_order(threshold=1, accumulation=raster(1.5, geobox=ASIDE)),
        IncompatibleCubesError,
        r"the grids are 1000 cells apart",
    ),
]
