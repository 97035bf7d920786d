"""Wrong calls of what gives values: regions, series, references, formulas."""

from __future__ import annotations

from typing import Any

from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.wrong_calls import WrongCall
from tests.wrong_calls.render import cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError, DimensionError, RegionError, StyleError
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.region import Region
from xcube_tiles.render.series import series_at

# what a type checker refuses, a user of a notebook may still pass
WRONG: Any = "wrong"
POINT = {"type": "Point", "coordinates": [13.0, 51.0]}


def source() -> CubeSource:
    return CubeSource(cube())


def layer() -> xt.Layer:
    """Return a layer of the cube."""
    store = MemoryStore()
    to_catalog(cube(), store, "ndvi", progress=False)
    return open_catalog(store)["ndvi"]


CALLS = [
    WrongCall("xt.Layer.labels", lambda: layer().labels("red"), CatalogError, "it has ndvi"),
    WrongCall("xt.Layer.labels", lambda: layer().labels("NDVI"), CatalogError, "variable 'NDVI'"),
    WrongCall("xt.Layer.labels", lambda: layer().labels("nir"), CatalogError, "variable .nir."),
    WrongCall("xt.Style", lambda: xt.Style(formula="blur 2"), StyleError, "gamma \\[RGB\\] value"),
    WrongCall("xt.Style", lambda: xt.Style(formula="gamma R 2"), StyleError, "leave the letters"),
    WrongCall("xt.Style", lambda: xt.Style(elevation=WRONG), StyleError, "terrainrgb or terrarium"),
    WrongCall(
        "ds.tiles.render",
        lambda: cube().tiles.render(xt.Style(bands=("ndvi@2017",))),
        DimensionError,
        "no time '2017'; the times are 2018-05-06",
    ),
    WrongCall(
        "ds.tiles.render",
        lambda: cube().tiles.render(xt.Style(bands=("hillshade(height)",))),
        StyleError,
        "unknown variable 'height'; the variables are ndvi",
    ),
    WrongCall("Region.from_bbox", lambda: Region.from_bbox((1, 2, 3)), RegionError, "west, south"),
    WrongCall("Region.from_bbox", lambda: Region.from_bbox((1, 2, 1, 3)), RegionError, "less than"),
    WrongCall("Region.from_bbox", lambda: Region.from_bbox((1, 99, 2, 98)), RegionError, "degrees"),
    WrongCall("Region.from_geojson", lambda: Region.from_geojson(POINT), RegionError, "a Polygon"),
    WrongCall("Region.from_geojson", lambda: Region.from_geojson({}), RegionError, "got '{}'"),
    WrongCall("Region.from_geojson", lambda: Region.from_geojson(WRONG), RegionError, "wrong"),
    WrongCall(
        "series_at", lambda: series_at(source(), 0, 0, start="now"), DimensionError, "ISO 8601"
    ),
    WrongCall(
        "series_at",
        lambda: series_at(source(), 0, 0, start="2019", end="2018"),
        DimensionError,
        "ends before it starts",
    ),
    WrongCall(
        "series_at",
        lambda: series_at(source(), 0, 0, variables=("red",)),
        StyleError,
        "unknown variable 'red'",
    ),
]
