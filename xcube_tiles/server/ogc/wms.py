"""WMS 1.3.0 and 1.1.1: pictures of any rectangle, values at a pixel, legends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from xcube_tiles.errors import GridError, SizeLimitError
from xcube_tiles.render.box import WHITE, Drawn, box_geobox, render_box
from xcube_tiles.render.encode import MEDIA_TYPES
from xcube_tiles.render.interval import select_instant
from xcube_tiles.render.legend import legend_png
from xcube_tiles.render.pixels import transformer
from xcube_tiles.render.point import WGS84
from xcube_tiles.render.tms import LARGEST_TILE
from xcube_tiles.server.caching import respond
from xcube_tiles.server.library import Library, library_of
from xcube_tiles.server.ogc.addresses import address_of
from xcube_tiles.server.ogc.formats import image_format
from xcube_tiles.server.ogc.info import INFO_FORMATS, found_at, info_response
from xcube_tiles.server.ogc.kvp import Kvp
from xcube_tiles.server.ogc.refusals import Refusal, guarded, wms_report
from xcube_tiles.server.ogc.styles import style_of
from xcube_tiles.server.ogc.systems import System, offered, system
from xcube_tiles.server.ogc.wms_capabilities import wms_capabilities
from xcube_tiles.server.ogc.xml import document
from xcube_tiles.server.operations.limits import Limits, limits_of
from xcube_tiles.server.served import ServedLayer

if TYPE_CHECKING:
    from collections.abc import Callable

    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.style import Style

router = APIRouter(tags=["OGC"])

_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_COLOUR = re.compile(r"(?:0x|#)?([0-9a-fA-F]{6})")


class Map(NamedTuple):
    """What a request for a map names."""

    layers: list[ServedLayer]
    styles: list[Style]
    target: GeoBox
    system: System


@router.get("/wms", response_class=Response)
def wms(request: Request, library: Annotated[Library, Depends(library_of)]) -> Response:
    """Answer as a Web Map Service 1.3.0 or 1.1.1 (OGC 06-042, 01-068r3).

    `REQUEST` is GetCapabilities, GetMap, GetFeatureInfo or GetLegendGraphic. Names of parameters
    know no case. The parameters of styles (`bands`, `expression`, `stretch`, `colormap`,
    `resampling`) and `time_match` work as for tiles.
    """
    asked = Kvp(request.query_params.multi_items())
    version = _version(asked)

    def answer() -> Response:
        service = (asked.text("SERVICE") or "WMS").upper()
        if service != "WMS":
            raise Refusal("invalid", f"SERVICE is WMS here, got {service!r}", "SERVICE")
        name = asked.required("REQUEST")
        operation = _OPERATIONS.get(name.lower())
        if operation is None:
            raise Refusal(
                "operation",
                f"no operation {name!r}; the operations are GetCapabilities, GetMap, "
                "GetFeatureInfo and GetLegendGraphic",
                "REQUEST",
            )
        return operation(request, library, asked, version)

    return guarded(answer, lambda refusal: wms_report(refusal, version))


def _version(asked: Kvp) -> str:
    """Return the version to answer in: the highest that is no higher than what was asked for."""
    text = asked.text("VERSION") or asked.text("WMTVER")
    if text is None or not _VERSION.fullmatch(text):
        # Requests for maps name one; of those that forget to, only the old have an SRS.
        return "1.1.1" if asked.has("srs") and not asked.has("crs") else "1.3.0"
    return "1.3.0" if [int(part) for part in text.split(".")] >= [1, 3] else "1.1.1"


def _capabilities(request: Request, library: Library, asked: Kvp, version: str) -> Response:
    root = wms_capabilities(
        library, address_of(request), version, most_layers=limits_of(request).layers
    )
    old = "application/vnd.ogc.wms_xml"
    return Response(
        document(root),
        media_type="text/xml" if version == "1.3.0" else old,
        headers={"Cache-Control": "no-cache"},
    )


def _map(request: Request, library: Library, asked: Kvp, version: str) -> Response:
    wanted = _wanted(library, asked, version, limits_of(request))
    format = image_format(asked.required("FORMAT"))
    background = None if asked.flag("TRANSPARENT") else _background(asked)
    time, match = asked.text("TIME"), asked.match()

    def make() -> bytes:
        drawn = [
            Drawn(
                layer.source,
                style if format == "tif" else layer.complete(style),
                select_instant(layer.source.times, time, match=match),
            )
            for layer, style in zip(wanted.layers, wanted.styles, strict=True)
        ]
        return render_box(drawn, wanted.target, format=format, background=background)

    return respond(request, _together(wanted.layers), make, media_type=MEDIA_TYPES[format])


def _feature_info(request: Request, library: Library, asked: Kvp, version: str) -> Response:
    wanted = _wanted(library, asked, version, limits_of(request))
    shown = {layer.name: layer for layer in wanted.layers}
    queried = asked.listed("QUERY_LAYERS")
    if not queried:
        raise Refusal("missing", "the parameter QUERY_LAYERS is missing", "QUERY_LAYERS")
    for name in queried:
        if name not in shown:
            raise Refusal("layer", f"layer {name!r} is not among LAYERS", "QUERY_LAYERS")
    media_type = (asked.text("INFO_FORMAT") or "application/json").lower()
    if media_type not in INFO_FORMATS:
        raise Refusal(
            "format",
            f"no format {media_type!r}; the formats are {', '.join(INFO_FORMATS)}",
            "INFO_FORMAT",
        )
    place = _place(asked, wanted, version)
    found = [found_at(shown[name], place, asked) for name in queried]
    return info_response(found, place, media_type)


def _legend(request: Request, library: Library, asked: Kvp, version: str) -> Response:
    layer = library[asked.required("LAYER")]
    style = style_of(layer, asked.text("STYLE"), asked)
    format = image_format(asked.text("FORMAT") or "image/png")
    if format != "png":
        raise Refusal("format", "legends are drawn as image/png", "FORMAT")

    def make() -> bytes:
        shown = layer.complete(style)
        return legend_png(shown, units=layer.units_of(shown))

    return respond(request, layer, make, media_type="image/png")


_OPERATIONS: dict[str, Callable[[Request, Library, Kvp, str], Response]] = {
    "getcapabilities": _capabilities,
    "capabilities": _capabilities,  # WMS 1.0
    "getmap": _map,
    "getfeatureinfo": _feature_info,
    "getlegendgraphic": _legend,
}


def _wanted(library: Library, asked: Kvp, version: str, limits: Limits) -> Map:
    names = asked.listed("LAYERS")
    if not names:
        raise Refusal("missing", "the parameter LAYERS is missing", "LAYERS")
    try:
        limits.check("layers", len(names))
    except SizeLimitError as error:
        raise Refusal("invalid", str(error), "LAYERS") from error
    layers = [library[name] for name in names]
    styles = asked.listed("STYLES") or [""] * len(names)
    if len(styles) != len(names):
        raise Refusal(
            "style",
            f"expected as many STYLES as LAYERS, {len(names)}, or none, got {len(styles)}",
            "STYLES",
        )
    found = [style_of(layer, name, asked) for layer, name in zip(layers, styles, strict=True)]
    chosen = _system(asked, layers, version)
    return Map(layers, found, _target(asked, chosen, version, limits), chosen)


def _system(asked: Kvp, layers: list[ServedLayer], version: str) -> System:
    name = "CRS" if version == "1.3.0" else "SRS"
    text = asked.required(name)
    found = system(text)
    there = offered(layer.source for layer in layers)
    if found is None or found.name not in there:
        raise Refusal("crs", f"no {name} {text!r} here; there are {', '.join(there)}", name)
    return found


def _target(asked: Kvp, chosen: System, version: str, limits: Limits) -> GeoBox:
    first, second, third, fourth = asked.numbers("BBOX", 4)
    swapped = chosen.swapped and version == "1.3.0"
    bounds = (second, first, fourth, third) if swapped else (first, second, third, fourth)
    width = asked.whole("WIDTH", low=1, high=LARGEST_TILE)
    height = asked.whole("HEIGHT", low=1, high=LARGEST_TILE)
    try:
        limits.check("pixels", width * height)
    except SizeLimitError as error:
        raise Refusal("invalid", str(error), "WIDTH") from error
    try:
        return box_geobox(bounds, chosen.crs, width=width, height=height)
    except GridError as error:
        raise Refusal("invalid", str(error), "BBOX") from error


def _background(asked: Kvp) -> tuple[int, int, int]:
    text = asked.text("BGCOLOR")
    if text is None:
        return WHITE
    found = _COLOUR.fullmatch(text)
    if found is None:
        raise Refusal("invalid", f"BGCOLOR is a colour such as 0xFFFFFF, got {text!r}", "BGCOLOR")
    red, green, blue = bytes.fromhex(found[1])
    return red, green, blue


def _place(asked: Kvp, wanted: Map, version: str) -> tuple[float, float]:
    """Return longitude and latitude of the middle of the pixel that is asked about."""
    height, width = (int(size) for size in wanted.target.shape)
    names = ("I", "J") if version == "1.3.0" else ("X", "Y")
    col, row = (
        _pixel(asked, name, size) for name, size in zip(names, (width, height), strict=True)
    )
    affine = wanted.target.affine
    x, y = affine.c + affine.a * (col + 0.5), affine.f + affine.e * (row + 0.5)
    to_degrees = transformer(wanted.system.crs, WGS84)
    if to_degrees is not None:
        x, y = to_degrees.transform(x, y)
    if not (abs(x) < 1e6 and abs(y) <= 90):
        raise Refusal("point", "this pixel lies nowhere on Earth", names[0])
    return float(x), float(y)


def _pixel(asked: Kvp, name: str, size: int) -> int:
    try:
        return asked.whole(name, low=0, high=size - 1)
    except Refusal as refusal:
        if refusal.kind == "missing":
            raise
        raise Refusal("point", str(refusal), name) from refusal


def _together(layers: list[ServedLayer]) -> ServedLayer:
    """Return what stands for all layers where a picture of them is remembered."""
    if len(layers) == 1:
        return layers[0]
    names, versions = (
        "\n".join(texts) for texts in zip(*((x.name, x.version) for x in layers), strict=True)
    )
    return ServedLayer(names, layers[0].source, version=versions)
