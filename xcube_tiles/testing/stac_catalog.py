"""A static STAC catalog of the synthetic scene, with relative links."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rasterio.warp
from pyproj import CRS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from odc.geo.geobox import GeoBox

STAC_VERSION = "1.0.0"
COLLECTION = "demo-s2"

_EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
)
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_WAVELENGTHS = {"blue": 0.49, "green": 0.56, "red": 0.665, "nir": 0.842}


@dataclass(frozen=True, slots=True, kw_only=True)
class StacAsset:
    """One raster file."""

    name: str
    """Key of the asset: the band's name."""

    path: Path
    """The file."""

    dtype: str
    """Name of the cells' dtype."""

    nodata: float | None
    """NoData value; None: all cells are valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StacItem:
    """All rasters of one date."""

    day: date
    """Date of the images."""

    assets: tuple[StacAsset, ...]
    """Its files."""

    cloud_cover: float
    """Share of the seen ground under clouds, in percent."""

    sun_elevation: float
    """Height of the sun above the horizon, in degrees."""

    sun_azimuth: float
    """Direction to the sun, in degrees clockwise from north."""


def write_stac(
    folder: Path, items: Sequence[StacItem], elevation: StacAsset, geobox: GeoBox
) -> Path:
    """Write `catalog.json`, a collection and its items below a folder.

    Parameters
    ----------
    folder
        Folder that the assets' files lie in.
    items
        Dates, at least one.
    elevation
        The elevation model, an asset of the collection itself.
    geobox
        Grid of all files.

    Returns
    -------
    Path
        The catalog's file. All links are relative: the folder may be moved, or served over HTTP.
    """
    stac = folder / "stac"
    _write(stac / "collection.json", _collection(items, elevation, geobox))
    for item in items:
        _write(stac / f"{_item_id(item)}.json", _item(item, geobox))
    return _write(folder / "catalog.json", _catalog())


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _item_id(item: StacItem) -> str:
    return f"S2_demo_{item.day:%Y%m%d}"


def _link(rel: str, href: str) -> dict[str, str]:
    kind = "application/geo+json" if rel == "item" else "application/json"
    return {"rel": rel, "href": href, "type": kind}


def _bounds(geobox: GeoBox) -> list[float]:
    """Return west, south, east and north in degrees, as GeoJSON wants them."""
    box = geobox.extent.boundingbox
    corners = (box.left, box.bottom, box.right, box.top)
    bounds = rasterio.warp.transform_bounds(str(geobox.crs), "EPSG:4326", *corners)
    return [round(value, 6) for value in bounds]


def _footprint(geobox: GeoBox) -> dict[str, Any]:
    box = geobox.extent.boundingbox
    lons, lats = rasterio.warp.transform(
        str(geobox.crs),
        "EPSG:4326",
        [box.left, box.right, box.right, box.left, box.left],
        [box.bottom, box.bottom, box.top, box.top, box.bottom],
    )
    ring = [[round(lon, 6), round(lat, 6)] for lon, lat in zip(lons, lats, strict=True)]
    return {"type": "Polygon", "coordinates": [ring]}


def _catalog() -> dict[str, Any]:
    return {
        "type": "Catalog",
        "id": "demo",
        "stac_version": STAC_VERSION,
        "description": "A synthetic landscape through one year.",
        "links": [
            _link("root", "./catalog.json"),
            _link("child", "./stac/collection.json"),
        ],
    }


def _collection(items: Sequence[StacItem], elevation: StacAsset, geobox: GeoBox) -> dict[str, Any]:
    days = sorted(item.day for item in items)
    interval = [f"{days[0]}T10:24:00Z", f"{days[-1]}T10:24:00Z"]
    return {
        "type": "Collection",
        "id": COLLECTION,
        "stac_version": STAC_VERSION,
        "stac_extensions": [
            "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json",
            *_EXTENSIONS,
        ],
        "title": "Synthetic Sentinel-2 scene",
        "description": "Reflectance in four bands with a cloud mask, one image a month.",
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [_bounds(geobox)]},
            "temporal": {"interval": [interval]},
        },
        "summaries": {"gsd": [_gsd(geobox)], "proj:epsg": [_epsg(geobox)]},
        "item_assets": {asset.name: _asset_fields(asset, geobox) for asset in items[0].assets},
        "assets": {
            "dem": {
                "href": f"../{elevation.path.parent.name}/{elevation.path.name}",
                "title": "Elevation in metres",
                **_asset_fields(elevation, geobox),
            }
        },
        "links": [
            _link("root", "../catalog.json"),
            _link("parent", "../catalog.json"),
            *(_link("item", f"./{_item_id(item)}.json") for item in items),
        ],
    }


def _item(item: StacItem, geobox: GeoBox) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(_EXTENSIONS),
        "id": _item_id(item),
        "collection": COLLECTION,
        "geometry": _footprint(geobox),
        "bbox": _bounds(geobox),
        "properties": {
            "datetime": f"{item.day}T10:24:00Z",
            "platform": "demo",
            "gsd": _gsd(geobox),
            "eo:cloud_cover": item.cloud_cover,
            "view:sun_elevation": item.sun_elevation,
            "view:sun_azimuth": item.sun_azimuth,
            "proj:epsg": _epsg(geobox),
            "proj:shape": list(geobox.shape),
            "proj:transform": list(geobox.transform)[:6],
        },
        "assets": {
            asset.name: {
                "href": f"../{asset.path.parent.name}/{asset.path.name}",
                **_asset_fields(asset, geobox),
            }
            for asset in item.assets
        },
        "links": [
            _link("root", "../catalog.json"),
            _link("parent", "./collection.json"),
            _link("collection", "./collection.json"),
        ],
    }


def _epsg(geobox: GeoBox) -> int | None:
    return CRS(str(geobox.crs)).to_epsg()


def _gsd(geobox: GeoBox) -> float:
    """Return the cell size in metres; a degree counts 111320 m."""
    cell = float(abs(geobox.resolution.x))
    return round(cell * 111_320.0, 3) if CRS(str(geobox.crs)).is_geographic else cell


def _asset_fields(asset: StacAsset, geobox: GeoBox) -> dict[str, Any]:
    """Return what the items' assets and the collection's `item_assets` have in common."""
    band: dict[str, Any] = {"data_type": asset.dtype, "spatial_resolution": _gsd(geobox)}
    if asset.nodata is not None:
        band["nodata"] = asset.nodata
    fields: dict[str, Any] = {"type": _COG, "roles": ["data"], "raster:bands": [band]}
    if asset.name in _WAVELENGTHS:
        band.update(scale=0.0001, offset=0.0, unit="1")
        fields["eo:bands"] = [
            {
                "name": asset.name,
                "common_name": asset.name,
                "center_wavelength": _WAVELENGTHS[asset.name],
            }
        ]
        fields["roles"] = ["data", "reflectance"]
    elif asset.name == "cloud":
        band["unit"] = "1"
        fields["roles"] = ["data", "cloud"]
    else:
        band["unit"] = "m"
    return fields
