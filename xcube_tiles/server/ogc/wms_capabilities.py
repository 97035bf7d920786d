"""What a WMS offers, as the XML of version 1.3.0 or 1.1.1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xcube_tiles.render.bounds import native_bounds, wgs84_bounds
from xcube_tiles.render.instants import iso
from xcube_tiles.render.reach import bounds_in
from xcube_tiles.render.tms import LARGEST_TILE
from xcube_tiles.server.ogc.formats import FORMATS
from xcube_tiles.server.ogc.info import INFO_FORMATS
from xcube_tiles.server.ogc.offer import readable, sorted_times
from xcube_tiles.server.ogc.styles import styles_of
from xcube_tiles.server.ogc.systems import common_systems, own_system, system
from xcube_tiles.server.ogc.xml import element, link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from xcube_tiles.server.library import Library
    from xcube_tiles.server.ogc.addresses import Address
    from xcube_tiles.server.ogc.styles import NamedStyle
    from xcube_tiles.server.served import ServedLayer

# Bounds are given in these; GetMap takes all that are listed as CRS.
_BOUNDS_IN = ("EPSG:4326", "EPSG:3857")


def wms_capabilities(library: Library, at: Address, version: str, *, most_layers: int) -> Element:
    """Return the capabilities of a library.

    Parameters
    ----------
    library
        Its layers are listed; those that can't be read are left out.
    at
        Where the services are.
    version
        `1.3.0` or `1.1.1`.
    most_layers
        Layers of one picture.
    """
    modern = version == "1.3.0"
    layers = element(
        "Layer",
        element("Title", "xcube_tiles"),
        *(element("CRS" if modern else "SRS", name) for name in _names(modern)),
        _world(modern),
        *(_layer(layer, at, modern) for layer in readable(library)),
    )
    capability = element(
        "Capability", _requests(at.by_query("wms"), modern), _exceptions(modern), layers
    )
    return element(
        "WMS_Capabilities" if modern else "WMT_MS_Capabilities",
        _service(at.base, modern, most_layers),
        capability,
        attributes={"version": version, **(_NAMESPACES if modern else {})},
    )


_NAMESPACES: dict[str, object] = {
    "xmlns": "http://www.opengis.net/wms",
    "xmlns:sld": "http://www.opengis.net/sld",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:schemaLocation": (
        "http://www.opengis.net/wms http://schemas.opengis.net/wms/1.3.0/capabilities_1_3_0.xsd "
        "http://www.opengis.net/sld http://schemas.opengis.net/sld/1.1.0/sld_capabilities.xsd"
    ),
}


def _names(modern: bool) -> list[str]:
    return [name for name in common_systems() if modern or name != "CRS:84"]


def _service(base: str, modern: bool, most_layers: int) -> Element:
    limits = ("LayerLimit", most_layers), ("MaxWidth", LARGEST_TILE), ("MaxHeight", LARGEST_TILE)
    return element(
        "Service",
        element("Name", "WMS" if modern else "OGC:WMS"),
        element("Title", "xcube_tiles"),
        element("Abstract", "Layers of raster data: maps, values at a point, legends."),
        link(base),
        element("Fees", "none"),
        element("AccessConstraints", "none"),
        (element(name, str(value)) for name, value in limits) if modern else None,
    )


def _requests(address: str, modern: bool) -> Element:
    document = "text/xml" if modern else "application/vnd.ogc.wms_xml"
    legend = "sld:GetLegendGraphic" if modern else "GetLegendGraphic"
    formats = {
        "GetCapabilities": (document,),
        "GetMap": tuple(FORMATS),
        "GetFeatureInfo": tuple(INFO_FORMATS),
        legend: ("image/png",),
    }
    return element(
        "Request",
        *(
            element(
                name,
                *(element("Format", media_type) for media_type in media_types),
                element("DCPType", element("HTTP", element("Get", link(address)))),
            )
            for name, media_types in formats.items()
        ),
    )


def _exceptions(modern: bool) -> Element:
    return element(
        "Exception", element("Format", "XML" if modern else "application/vnd.ogc.se_xml")
    )


def _world(modern: bool) -> Element:
    return _geographic((-180.0, -90.0, 180.0, 90.0), modern)


def _geographic(bounds: tuple[float, float, float, float], modern: bool) -> Element:
    west, south, east, north = bounds
    if not modern:
        ends = {"minx": west, "miny": south, "maxx": east, "maxy": north}
        return element("LatLonBoundingBox", attributes={**ends})
    return element(
        "EX_GeographicBoundingBox",
        element("westBoundLongitude", repr(west)),
        element("eastBoundLongitude", repr(east)),
        element("southBoundLatitude", repr(south)),
        element("northBoundLatitude", repr(north)),
    )


def _layer(layer: ServedLayer, at: Address, modern: bool) -> Element:
    own = own_system(layer.source)
    return element(
        "Layer",
        element("Name", layer.name),
        element("Title", layer.title or layer.name),
        # A system that the parent lists is inherited: once is enough.
        element("CRS" if modern else "SRS", own) if own and own not in _names(modern) else None,
        _geographic(wgs84_bounds(layer.source), modern),
        _boxes(layer, modern),
        _time(layer, modern),
        (_style(layer, style, at, modern) for style in styles_of(layer)),
        attributes={"queryable": 1},
    )


def _boxes(layer: ServedLayer, modern: bool) -> Iterator[Element]:
    own = own_system(layer.source)
    for name in dict.fromkeys([*_BOUNDS_IN, *([own] if own else [])]):
        found = system(name)
        if found is None:
            continue
        bounds = native_bounds(layer.source) if name == own else bounds_in(layer.source, found.crs)
        if not all(map(math.isfinite, bounds)):
            continue
        left, bottom, right, top = bounds
        if found.swapped and modern:
            left, bottom, right, top = bottom, left, top, right
        yield element(
            "BoundingBox",
            attributes={
                ("CRS" if modern else "SRS"): name,
                "minx": float(left),
                "miny": float(bottom),
                "maxx": float(right),
                "maxy": float(top),
            },
        )


def _time(layer: ServedLayer, modern: bool) -> list[Element] | None:
    times = sorted_times(layer.source)
    if not times:
        return None
    values = ",".join(map(iso, times))
    about: dict[str, object] = {"default": iso(times[-1]), "nearestValue": 0}
    if modern:
        given = {"name": "time", "units": "ISO8601", **about}
        return [element("Dimension", values, attributes=given)]
    # 1.1.1 has the values in an element of their own, after all dimensions.
    return [
        element("Dimension", attributes={"name": "time", "units": "ISO8601"}),
        element("Extent", values, attributes={"name": "time", **about}),
    ]


def _style(layer: ServedLayer, style: NamedStyle, at: Address, modern: bool) -> Element:
    href = legend_address(at, layer.name, style.name)
    # Its size, which 1.1.1 demands, depends on values that nothing has been read of yet.
    legend = element("LegendURL", element("Format", "image/png"), link(href)) if modern else None
    return element("Style", element("Name", style.name), element("Title", style.title), legend)


def legend_address(at: Address, layer: str, style: str) -> str:
    """Return the address of a style's legend."""
    asked = {"SERVICE": "WMS", "VERSION": "1.3.0", "REQUEST": "GetLegendGraphic"}
    named = {"LAYER": layer, "STYLE": style, "FORMAT": "image/png"}
    return at.by_query("wms", **asked, **named).removesuffix("&")
