"""The JSON of OGC API - Tiles: collections, tile sets, tile matrix sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from xcube_tiles.errors import GridError
from xcube_tiles.render.bounds import wgs84_bounds
from xcube_tiles.render.instants import iso
from xcube_tiles.render.reach import tile_limits
from xcube_tiles.render.tms import named_tms
from xcube_tiles.server.ogc.formats import PICTURES
from xcube_tiles.server.ogc.offer import limits_by_set, sorted_times
from xcube_tiles.server.ogc.systems import own_system

if TYPE_CHECKING:
    from xcube_tiles.server.served import ServedLayer

    Document = dict[str, Any]

_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf"
_COMMON = "http://www.opengis.net/spec/ogcapi-common"
CONFORMANCE = (
    f"{_COMMON}-1/1.0/conf/core",
    f"{_COMMON}-1/1.0/conf/landing-page",
    f"{_COMMON}-1/1.0/conf/json",
    f"{_COMMON}-2/1.0/conf/collections",
    f"{_TILES}/core",
    f"{_TILES}/tileset",
    f"{_TILES}/tilesets-list",
    f"{_TILES}/geodata-tilesets",
    f"{_TILES}/datetime",
    f"{_TILES}/png",
    f"{_TILES}/jpeg",
    f"{_TILES}/tiff",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
)
"""The conformance classes of OGC API - Tiles and its relatives."""

_REL = "http://www.opengis.net/def/rel/ogc/1.0"
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def link(rel: str, href: str, title: str, type: str = "application/json") -> dict[str, str]:
    """Return a link."""
    return {"rel": rel, "href": href, "type": type, "title": title}


def collection(layer: ServedLayer, root: str) -> Document:
    """Return the description of a collection; `root` is the address of the API's landing page."""
    here = _address(layer, root)
    times = [iso(instant) for instant in sorted_times(layer.source)]
    extent: Document = {"spatial": {"bbox": [wgs84_bounds(layer.source)], "crs": _CRS84}}
    if times:
        extent["temporal"] = {"interval": [[times[0], times[-1]]]}
    own = own_system(layer.source)
    return {
        "id": layer.name,
        "title": layer.title or layer.name,
        "dataType": "map",
        "extent": extent,
        "crs": list(dict.fromkeys([_CRS84, *([_crs_uri(own)] if own else [])])),
        "links": [
            link("self", here, "This document"),
            link(f"{_REL}/tilesets-map", f"{here}/map/tiles", "Tile sets"),
        ],
    }


def tilesets(layer: ServedLayer, root: str) -> Document:
    """Return the list of the tile sets that show something of a layer."""
    here = f"{_address(layer, root)}/map/tiles"
    return {
        "links": [link("self", here, "This document")],
        "tilesets": [_item(layer, name, root) for name in limits_by_set(layer.source)],
    }


def _item(layer: ServedLayer, name: str, root: str) -> Document:
    tms = named_tms(name)
    return {
        "title": f"{layer.title or layer.name} ({name})",
        "dataType": "map",
        "crs": str(tms.crs.root),
        **({"tileMatrixSetURI": str(tms.uri)} if tms.uri else {}),
        "links": [
            link("self", f"{_address(layer, root)}/map/tiles/{name}", "Tile set"),
            link(f"{_REL}/tiling-scheme", f"{root}/tileMatrixSets/{name}", "Tile matrix set"),
        ],
    }


def tileset(layer: ServedLayer, name: str, root: str) -> Document:
    """Return the metadata of a tile set.

    Raises
    ------
    GridError
        An unknown set, or one that the layer lies outside of.
    """
    limits = tile_limits(layer.source, name)
    if not limits:
        raise GridError(f"layer {layer.name!r} lies outside of {name}")
    found = _item(layer, name, root)
    here = f"{_address(layer, root)}/map/tiles/{name}"
    west, south, east, north = wgs84_bounds(layer.source)
    template = f"{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    found["links"] += [
        {**link("item", f"{template}?f={ending}", "Tiles", media_type), "templated": True}
        for media_type, ending in PICTURES.items()
    ]
    return {
        **found,
        "tileMatrixSetLimits": [
            {
                "tileMatrix": str(one.z),
                "minTileRow": one.min_row,
                "maxTileRow": one.max_row,
                "minTileCol": one.min_col,
                "maxTileCol": one.max_col,
            }
            for one in limits
        ],
        "boundingBox": {"lowerLeft": [west, south], "upperRight": [east, north], "crs": _CRS84},
    }


def matrix_set(name: str, root: str) -> Document:
    """Return what the list of tile matrix sets says of one."""
    tms = named_tms(name)
    return {
        "id": name,
        **({"title": tms.title} if tms.title else {}),
        **({"uri": str(tms.uri)} if tms.uri else {}),
        "crs": str(tms.crs.root),
        "links": [link("self", f"{root}/tileMatrixSets/{name}", "Tile matrix set")],
    }


def _address(layer: ServedLayer, root: str) -> str:
    return f"{root}/collections/{quote(layer.name, safe='')}"


def _crs_uri(name: str) -> str:
    authority, _, code = name.partition(":")
    return f"http://www.opengis.net/def/crs/{authority}/0/{code}"
