"""What a WMTS offers, as the XML of version 1.0.0."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from morecantile.utils import meters_per_unit

from xcube_tiles.render.bounds import wgs84_bounds
from xcube_tiles.render.instants import iso
from xcube_tiles.render.tms import named_tms, tile_geobox
from xcube_tiles.server.ogc.addresses import quoted
from xcube_tiles.server.ogc.formats import PICTURES
from xcube_tiles.server.ogc.info import INFO_ENDINGS, INFO_FORMATS
from xcube_tiles.server.ogc.offer import limits_by_set, readable, regular_sets, sorted_times
from xcube_tiles.server.ogc.styles import styles_of
from xcube_tiles.server.ogc.systems import system
from xcube_tiles.server.ogc.wms_capabilities import legend_address
from xcube_tiles.server.ogc.xml import XLINK, element

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from xcube_tiles.render.reach import TileLimits
    from xcube_tiles.server.library import Library
    from xcube_tiles.server.ogc.addresses import Address
    from xcube_tiles.server.served import ServedLayer

VERSION = "1.0.0"
_DOCUMENT = f"wmts/{VERSION}/WMTSCapabilities.xml"

_NAMESPACES: dict[str, object] = {
    "xmlns": "http://www.opengis.net/wmts/1.0",
    "xmlns:ows": "http://www.opengis.net/ows/1.1",
    **XLINK,
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:schemaLocation": (
        "http://www.opengis.net/wmts/1.0 "
        "http://schemas.opengis.net/wmts/1.0/wmtsGetCapabilities_response.xsd"
    ),
}


def wmts_capabilities(library: Library, at: Address) -> Element:
    """Return the capabilities of a library; layers that can't be read are left out.

    Parameters
    ----------
    library
        Its layers are listed.
    at
        Where the services are.
    """
    sets = regular_sets()
    return element(
        "Capabilities",
        element(
            "ows:ServiceIdentification",
            element("ows:Title", "xcube_tiles"),
            element("ows:Abstract", "Map tiles of layers of raster data."),
            element("ows:ServiceType", "OGC WMTS"),
            element("ows:ServiceTypeVersion", VERSION),
        ),
        _operations(at),
        element(
            "Contents",
            (_layer(layer, at, sets) for layer in readable(library)),
            (_matrix_set(name) for name in sets),
        ),
        _address("ServiceMetadataURL", at.by_path(_DOCUMENT)),
        attributes={**_NAMESPACES, "version": VERSION},
    )


def _address(name: str, href: str) -> Element:
    return element(name, attributes={"xlink:href": href})


def _operations(at: Address) -> Element:
    def get(href: str, encoding: str) -> Element:
        return element(
            "ows:Get",
            element(
                "ows:Constraint",
                element("ows:AllowedValues", element("ows:Value", encoding)),
                attributes={"name": "GetEncoding"},
            ),
            attributes={"xlink:href": href},
        )

    def operation(name: str, *rest: Element) -> Element:
        kvp = get(at.by_query("wmts"), "KVP")
        ways = element("ows:DCP", element("ows:HTTP", kvp, *rest))
        return element("ows:Operation", ways, attributes={"name": name})

    capabilities = get(at.by_path(_DOCUMENT), "RESTful")
    return element(
        "ows:OperationsMetadata",
        operation("GetCapabilities", capabilities),
        operation("GetTile"),
        operation("GetFeatureInfo"),
    )


def _layer(layer: ServedLayer, at: Address, sets: tuple[str, ...]) -> Element:
    west, south, east, north = wgs84_bounds(layer.source)
    limits_of = limits_by_set(layer.source, sets)
    return element(
        "Layer",
        element("ows:Title", layer.title or layer.name),
        element(
            "ows:WGS84BoundingBox",
            element("ows:LowerCorner", f"{west!r} {south!r}"),
            element("ows:UpperCorner", f"{east!r} {north!r}"),
        ),
        element("ows:Identifier", layer.name),
        (_bounds(name, limits) for name, limits in limits_of.items()),
        (_style(layer, style.name, style.title, at) for style in styles_of(layer)),
        (element("Format", media_type) for media_type in PICTURES),
        (element("InfoFormat", media_type) for media_type in INFO_FORMATS),
        _time(layer),
        (_set_link(name, limits) for name, limits in limits_of.items()),
        _resources(layer, at),
    )


def _bounds(name: str, limits: tuple[TileLimits, ...]) -> Element:
    """Return what the deepest tiles cover, in the CRS of a set.

    Without it clients take it from the bounds in degrees, and around poles and across the
    antimeridian some make half of the layer of that, or nothing.
    """
    deepest = limits[-1]
    first = tile_geobox((name, deepest.z, deepest.min_col, deepest.min_row)).boundingbox
    last = tile_geobox((name, deepest.z, deepest.max_col, deepest.max_row)).boundingbox
    corners = [(first.left, last.bottom), (last.right, first.top)]
    crs = crs_urn(name)
    known = system(crs)
    if known is not None and known.swapped:
        corners = [(y, x) for x, y in corners]
    lower, upper = (f"{float(one)!r} {float(other)!r}" for one, other in corners)
    return element(
        "ows:BoundingBox",
        element("ows:LowerCorner", lower),
        element("ows:UpperCorner", upper),
        attributes={"crs": crs},
    )


def _style(layer: ServedLayer, name: str, title: str, at: Address) -> Element:
    href = legend_address(at, layer.name, name)
    return element(
        "Style",
        element("ows:Title", title),
        element("ows:Identifier", name),
        element("LegendURL", attributes={"format": "image/png", "xlink:href": href}),
        attributes={"isDefault": "true" if name == "default" else None},
    )


def _time(layer: ServedLayer) -> Element | None:
    times = [iso(instant) for instant in sorted_times(layer.source)]
    if not times:
        return None
    return element(
        "Dimension",
        element("ows:Identifier", "Time"),
        element("ows:UOM", "ISO8601"),
        element("Default", times[-1]),
        (element("Value", value) for value in times),
    )


def _set_link(name: str, limits: tuple[TileLimits, ...]) -> Element:
    return element(
        "TileMatrixSetLink",
        element("TileMatrixSet", name),
        element("TileMatrixSetLimits", (_limits(one) for one in limits)),
    )


def _limits(one: TileLimits) -> Element:
    return element(
        "TileMatrixLimits",
        element("TileMatrix", str(one.z)),
        element("MinTileRow", str(one.min_row)),
        element("MaxTileRow", str(one.max_row)),
        element("MinTileCol", str(one.min_col)),
        element("MaxTileCol", str(one.max_col)),
    )


def _resources(layer: ServedLayer, at: Address) -> Iterator[Element]:
    """Yield the templates of addresses; a client puts the dimension in where it is named."""
    root = f"wmts/{VERSION}/{quoted(layer.name)}/{{style}}"
    tile = f"{root}/{{TileMatrixSet}}/{{TileMatrix}}/{{TileRow}}/{{TileCol}}"
    timed = bool(sorted_times(layer.source))
    for media_type, name in PICTURES.items():
        yield _resource(media_type, "tile", at.by_path(f"{tile}.{name}", time=timed))
    for ending, media_type in INFO_ENDINGS.items():
        template = at.by_path(f"{tile}/{{J}}/{{I}}.{ending}", time=timed)
        yield _resource(media_type, "FeatureInfo", template)


def _resource(media_type: str, kind: str, template: str) -> Element:
    given = {"format": media_type, "resourceType": kind, "template": template}
    return element("ResourceURL", attributes={**given})


def _matrix_set(name: str) -> Element:
    tms: Any = named_tms(name)
    scales = tms.wellKnownScaleSet
    return element(
        "TileMatrixSet",
        element("ows:Title", tms.title or name),
        element("ows:Identifier", name),
        element("ows:SupportedCRS", crs_urn(name)),
        element("WellKnownScaleSet", _WELL_KNOWN[name]) if name in _WELL_KNOWN and scales else None,
        (_matrix(matrix, meters_per_unit(tms.crs._pyproj_crs)) for matrix in tms.tileMatrices),
    )


# The identifiers of WMTS 1.0, annex E: not those of the later standard on tile matrix sets.
_WELL_KNOWN = {
    "WebMercatorQuad": "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible",
    "WorldCRS84Quad": "urn:ogc:def:wkss:OGC:1.0:GoogleCRS84Quad",
}


@lru_cache(maxsize=64)
def crs_urn(name: str) -> str:
    """Return the URN of the CRS of a set."""
    tms = named_tms(name)
    code = tms.crs.to_epsg()
    return f"urn:ogc:def:crs:EPSG::{code}" if code else "urn:ogc:def:crs:OGC:1.3:CRS84"


_PIXEL = 0.00028  # metres: the edge that WMTS takes a pixel to have


def _matrix(matrix: Any, metres: float) -> Element:
    # Clients find the cell size from the scale. Some registered sets give that of another pixel.
    scale = float(matrix.scaleDenominator)
    meant = matrix.cellSize * metres / _PIXEL
    if not math.isclose(scale, meant, rel_tol=1e-4):
        scale = meant
    # Its corner is given in the order of the CRS's own axes there as here.
    first, second = matrix.pointOfOrigin
    return element(
        "TileMatrix",
        element("ows:Identifier", str(matrix.id)),
        element("ScaleDenominator", repr(scale)),
        element("TopLeftCorner", f"{float(first)!r} {float(second)!r}"),
        element("TileWidth", str(matrix.tileWidth)),
        element("TileHeight", str(matrix.tileHeight)),
        element("MatrixWidth", str(matrix.matrixWidth)),
        element("MatrixHeight", str(matrix.matrixHeight)),
    )
