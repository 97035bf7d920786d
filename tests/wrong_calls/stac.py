"""Wrong calls of `open_stac`."""

from __future__ import annotations

from typing import Any

import xcube_tiles as xt
from tests.sources.stac.data import bare
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import GridError, NoItemsError, SizeLimitError, StacError


def opened(**arguments: Any) -> object:
    return xt.open_stac([bare()], **arguments)


CALLS = [
    WrongCall(
        "xt.open_stac",
        lambda: xt.open_stac("/nowhere/catalog.json"),
        StacError,
        "can't read STAC from '/nowhere/catalog.json'",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: xt.open_stac([]),
        NoItemsError,
        "the given list has no items",
    ),
    WrongCall(
        "xt.open_stac", lambda: opened(bands="nir"), StacError, "no band 'nir'; the items have red"
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(bbox=(14, 46, 15)),
        StacError,
        r"expected bbox as \(xmin, ymin, xmax, ymax\), got \(14, 46, 15\)",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(bbox=(170, -20, -170, -10)),
        StacError,
        "crosses the antimeridian.*bbox_crs=3832",
    ),
    WrongCall(
        "xt.open_stac", lambda: opened(datetime="last May"), StacError, "'last May' is no time"
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(filter="eo:cloud_cover <"),
        StacError,
        "filter='eo:cloud_cover <' is no valid CQL2",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(width=256, resolution=10),
        StacError,
        "either resolution or width and height",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(resolution=10, target_crs="EPSG:4326"),
        StacError,
        "10 degrees, as EPSG:4326 is geographic",
    ),
    WrongCall(
        "xt.open_stac", lambda: opened(target_crs="utm"), GridError, "expected a CRS .*got 'utm'"
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(max_pixels=1000),
        SizeLimitError,
        "1024 x 768 cells x 1 times x 1 bands = 786432 cells, but max_pixels=1000",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(groupby="day"),
        StacError,
        "groupby='day' is unknown; use 'time', 'solar_day', or a function",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(resampling="linear"),
        StacError,
        "resampling='linear' is unknown; use one of nearest, bilinear",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(nodata={"nir": 0}),
        StacError,
        "nodata names 'nir', but the cube's variables are red",
    ),
    WrongCall(
        "xt.open_stac",
        lambda: opened(chunks={"band": 1}),
        StacError,
        "but the dimensions are time, y, x",
    ),
]
