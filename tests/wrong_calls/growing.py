"""Wrong calls of what makes layers grow."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.catalog.cubes import random_cube
from tests.wrong_calls import WrongCall
from tests.wrong_calls.catalog import WRONG, catalog, cube
from xcube_tiles.errors import CatalogError, DimensionError, GridError, LayerNotFoundError


def late() -> Any:
    """Return a cube of the time after the layer's."""
    one = random_cube((1, 300, 20))
    return one.assign_coords(time=np.array(["2018-06-01"], "datetime64[ns]"))


CALLS = [
    WrongCall(
        "xt.Catalog.append",
        lambda: catalog().append("nir", late()),
        LayerNotFoundError,
        "no layer 'nir'.*it has scene",
    ),
    WrongCall(
        "xt.Catalog.append",
        lambda: catalog().append("scene", cube()),
        CatalogError,
        r"has 2018-05-01, 2018-05-02 along 'time' already; catalog\.update\('scene', cube\)",
    ),
    WrongCall(
        "xt.Catalog.append",
        lambda: catalog().append("scene", late(), dim="date"),
        DimensionError,
        "has no dimension 'date' to grow along; it has time",
    ),
    WrongCall(
        "xt.Catalog.append",
        lambda: catalog().append("scene", WRONG),
        CatalogError,
        "expected an xarray Dataset or DataArray, got str",
    ),
    WrongCall(
        "xt.Catalog.append",
        lambda: catalog().append("scene", late().isel(x=slice(1, 3)).tiles.reproject("EPSG:3857")),
        GridError,
        r"EPSG:3857.*cube\.tiles\.reproject\(catalog\['scene'\]\.geoboxes\[0\]\)",
    ),
    WrongCall(
        "xt.Catalog.update",
        lambda: catalog().update("nir", cube()),
        LayerNotFoundError,
        "no layer 'nir'.*it has scene",
    ),
    WrongCall(
        "xt.Catalog.update",
        lambda: catalog().update("scene", late()),
        CatalogError,
        r"has no 2018-06-01 along 'time'.*catalog\.append\('scene'",
    ),
    WrongCall(
        "xt.Catalog.update",
        lambda: catalog().update("scene", cube(), overlay=WRONG),
        CatalogError,
        "unknown overlay 'wrong'; expected all, valid",
    ),
    WrongCall(
        "xt.Catalog.update",
        lambda: catalog().update("scene", cube(), keys=[WRONG]),
        CatalogError,
        r"keys are TileKey\(col=, row=\), got 'wrong'",
    ),
]
