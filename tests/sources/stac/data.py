"""STAC items over small Cloud-Optimized GeoTIFFs, for the tests of `open_stac`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import rasterio
import rasterio.warp
import shapely
from affine import Affine
from rasterio.transform import array_bounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

UTM33 = "EPSG:32633"
UTM32 = "EPSG:32632"

TRANSFORM = Affine(20, 0, 280000, 0, -20, 5100000)
"""North-west corner and cells of 20 m of the standard scene, in zone 33."""

SHAPE = (48, 64)
"""Rows and columns of the standard scene: 960 m by 1280 m."""

Json = dict[str, Any]


def cells(seed: int, shape: tuple[int, int] = SHAPE, *, holes: bool = True) -> NDArray[np.uint16]:
    """Return reflectances from 1 to 10000, with 0 (NoData) in a corner."""
    values = np.random.default_rng(seed).integers(1, 10000, shape).astype(np.uint16)
    if holes:
        values[:8, :10] = 0
    return values


def write_tif(
    path: Path,
    values: NDArray[Any],
    *,
    transform: Affine = TRANSFORM,
    crs: str = UTM33,
    nodata: float | None = 0,
) -> Path:
    """Write `(bands,) y, x` as a tiled GeoTIFF with the layout of a COG."""
    stack = values if values.ndim == 3 else values[np.newaxis]
    count, height, width = stack.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="COG",
        height=height,
        width=width,
        count=count,
        dtype=stack.dtype,
        crs=crs,
        transform=transform,
        nodata=nodata,
        overviews="NONE",
    ) as file:
        file.write(stack)
    return path


def asset(href: Path | str, **fields: Any) -> Json:
    """Return an asset of one band, uint16 with NoData 0 unless told otherwise."""
    return {
        "href": str(href),
        "type": pystac.MediaType.COG,
        "roles": ["data"],
        "data_type": "uint16",
        "nodata": 0,
        **fields,
    }


def item(
    identifier: str,
    assets: Mapping[str, Json],
    *,
    time: str = "2024-05-01T10:00:00Z",
    transform: Affine = TRANSFORM,
    shape: tuple[int, int] = SHAPE,
    crs: str = UTM33,
    collection: str = "scenes",
    properties: Mapping[str, object] | None = None,
) -> Json:
    """Return an item as JSON, with its grid at the level of the item."""
    outline = shapely.segmentize(shapely.box(*array_bounds(*shape, transform)), 200)
    raster = shapely.geometry.mapping(outline)
    footprint = rasterio.warp.transform_geom(crs, "EPSG:4326", raster)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
        ],
        "id": identifier,
        "collection": collection,
        "geometry": footprint,
        "bbox": list(shapely.geometry.shape(footprint).bounds),
        "properties": {
            "datetime": time,
            "proj:code": crs,
            "proj:shape": list(shape),
            "proj:transform": list(transform)[:6],
            **(properties or {}),
        },
        "links": [{"rel": "collection", "href": "./collection.json"}],
        "assets": dict(assets),
    }


def bare(identifier: str = "bare", **fields: Any) -> Json:
    """Return an item whose file doesn't exist: for everything that must not read one."""
    return item(identifier, {"red": asset(f"/nowhere/{identifier}.tif")}, **fields)


def collection(identifier: str = "scenes", **fields: Any) -> Json:
    """Return a collection as JSON that covers the globe and all times."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": identifier,
        "description": "Scenes",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]},
        },
        "links": [],
        **fields,
    }


def save_catalog(folder: Path, items: Sequence[Json], **fields: Any) -> Path:
    """Write a static catalog of one collection, with relative links, and return its path."""
    links = [
        {"rel": "root", "href": "../catalog.json"},
        {"rel": "parent", "href": "../catalog.json"},
    ]
    inner = folder / "scenes"
    inner.mkdir(parents=True, exist_ok=True)
    for each in items:
        content = {**each, "links": [{"rel": "collection", "href": "./collection.json"}]}
        (inner / f"{each['id']}.json").write_text(json.dumps(content))
    members = [{"rel": "item", "href": f"./{each['id']}.json"} for each in items]
    described = collection(**{**fields, "links": [*links, *members]})
    (inner / "collection.json").write_text(json.dumps(described))
    root = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "root",
        "description": "Catalog",
        "links": [
            {"rel": "root", "href": "./catalog.json"},
            {"rel": "child", "href": "./scenes/collection.json"},
        ],
    }
    (folder / "catalog.json").write_text(json.dumps(root))
    return folder / "catalog.json"
