"""Wrong calls of reading layers."""

from __future__ import annotations

import shapely
from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import random_cube
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CatalogError, GridError, LayerNotFoundError


def catalog() -> xt.Catalog:
    """Return a catalog in memory with one layer."""
    store = MemoryStore()
    random_cube((2, 30, 20)).tiles.to_catalog(store, "scene")
    return xt.open_catalog(store)


CALLS = [
    WrongCall(
        "xt.Catalog.query",
        lambda: catalog().query("nir"),
        LayerNotFoundError,
        "no layer 'nir' in the catalog .*; it has scene",
    ),
    WrongCall(
        "xt.Catalog.query",
        lambda: catalog().query("scene").where(time="2018-05").where(time="2019").read(),
        CatalogError,
        "no time '2019'; it has 2 from",
    ),
    WrongCall(
        "xt.Catalog.query",
        lambda: catalog().query("scene").zoom(7).keys(),
        CatalogError,
        r"has the zooms 0 \(the finest first\), not 7",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", geometry=shapely.Point(500_010, 5_199_990)),
        GridError,
        "got Point without area; buffer points",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", zoom=-1),
        CatalogError,
        "pass overzoom='nearest' or 'bilinear'",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", sel={"depth": 5}),
        CatalogError,
        "no dimension 'depth' besides y and x; it has time",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", time=["2018-05-01", "2018-07"]),
        CatalogError,
        "no time '2018-07'; it has 2 from",
    ),
]
