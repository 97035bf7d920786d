"""WMTS 1.0.0: tiles and values at their pixels, by query (KVP) and by path (REST)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response

from xcube_tiles.errors import GridError
from xcube_tiles.render.box import Drawn, render_box
from xcube_tiles.render.encode import MEDIA_TYPES
from xcube_tiles.render.interval import select_instant
from xcube_tiles.render.pixels import transformer
from xcube_tiles.render.point import WGS84
from xcube_tiles.render.tms import named_tms, tile_geobox
from xcube_tiles.server.caching import respond
from xcube_tiles.server.library import Library, library_of
from xcube_tiles.server.ogc.addresses import address_of
from xcube_tiles.server.ogc.formats import PICTURES, image_format
from xcube_tiles.server.ogc.info import INFO_ENDINGS, INFO_FORMATS, found_at, info_response
from xcube_tiles.server.ogc.kvp import Kvp
from xcube_tiles.server.ogc.offer import regular_sets
from xcube_tiles.server.ogc.refusals import Refusal, guarded, wmts_report
from xcube_tiles.server.ogc.styles import style_of
from xcube_tiles.server.ogc.wmts_capabilities import VERSION, wmts_capabilities
from xcube_tiles.server.ogc.xml import document

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.style import Style
    from xcube_tiles.server.served import ServedLayer

router = APIRouter(tags=["OGC"])

Layers = Annotated[Library, Depends(library_of)]


class Tile(NamedTuple):
    """The tile that a request names."""

    layer: ServedLayer
    style: Style
    target: GeoBox


@router.get("/wmts", response_class=Response)
def wmts(request: Request, library: Layers) -> Response:
    """Answer as a Web Map Tile Service 1.0.0 (OGC 07-057r7), by query.

    `REQUEST` is GetCapabilities, GetTile or GetFeatureInfo. Names of parameters know no case. The
    parameters of styles (`bands`, `expression`, `stretch`, `colormap`, `resampling`) and
    `time_match` work as for tiles.
    """
    asked = Kvp(request.query_params.multi_items())

    def answer() -> Response:
        service = asked.required("SERVICE")
        if service.upper() != "WMTS":
            raise Refusal("invalid", f"SERVICE is WMTS here, got {service!r}", "SERVICE")
        name = asked.required("REQUEST")
        if name.lower() == "getcapabilities":
            return _capabilities(request, library, asked)
        if name.lower() not in ("gettile", "getfeatureinfo"):
            raise Refusal(
                "operation",
                f"no operation {name!r}; the operations are GetCapabilities, GetTile and "
                "GetFeatureInfo",
                "REQUEST",
                status=501,
            )
        version = asked.required("VERSION")
        if version != VERSION:
            raise Refusal("invalid", f"VERSION is {VERSION} here, got {version!r}", "VERSION")
        if name.lower() == "gettile":
            return _tile(request, library, asked)
        return _feature_info(library, asked)

    return guarded(answer, wmts_report)


@router.get("/wmts/1.0.0/WMTSCapabilities.xml", response_class=Response)
def wmts_rest_capabilities(request: Request, library: Layers) -> Response:
    """Return the capabilities of the Web Map Tile Service 1.0.0."""
    return guarded(lambda: _capabilities(request, library, Kvp([])), wmts_report)


@router.get("/wmts/1.0.0/{layer}/{style}/{tms}/{z}/{row}/{col}.{format}", response_class=Response)
def wmts_rest_tile(
    request: Request,
    library: Layers,
    layer: str,
    style: str,
    tms: str,
    z: str,
    row: str,
    col: str,
    format: str,
) -> Response:
    """Draw a tile; rows come before columns here."""
    asked = _asked(request, layer=layer, style=style, tilematrixset=tms, tilematrix=z)
    asked = asked.along(tilerow=row, tilecol=col, format=format)
    return guarded(lambda: _tile(request, library, asked), wmts_report)


@router.get(
    "/wmts/1.0.0/{layer}/{style}/{tms}/{z}/{row}/{col}/{j}/{i}.{format}", response_class=Response
)
def wmts_rest_feature_info(
    request: Request,
    library: Layers,
    layer: str,
    style: str,
    tms: str,
    z: str,
    row: str,
    col: str,
    j: str,
    i: str,
    format: str,
) -> Response:
    """Return the values at a pixel of a tile, row before column."""
    asked = _asked(request, layer=layer, style=style, tilematrixset=tms, tilematrix=z)
    asked = asked.along(tilerow=row, tilecol=col, i=i, j=j)
    asked = asked.along(infoformat=INFO_ENDINGS.get(format, format))
    return guarded(lambda: _feature_info(library, asked), wmts_report)


def _asked(request: Request, **path: str) -> Kvp:
    return Kvp(request.query_params.multi_items()).along(**path)


def _capabilities(request: Request, library: Library, asked: Kvp) -> Response:
    accepted = asked.listed("AcceptVersions")
    if accepted and VERSION not in accepted:
        raise Refusal(
            "version",
            f"version {VERSION} is all there is, got {', '.join(accepted)}",
            "AcceptVersions",
        )
    root = wmts_capabilities(library, address_of(request))
    return Response(document(root), media_type="text/xml", headers={"Cache-Control": "no-cache"})


def _tile(request: Request, library: Library, asked: Kvp) -> Response:
    tile = _named(library, asked)
    format = image_format(asked.required("Format"))
    if format not in PICTURES.values():
        raise Refusal("format", f"the formats are {', '.join(PICTURES)}", "FORMAT")
    time, match = asked.text("Time"), asked.match()

    def make() -> bytes:
        index = select_instant(tile.layer.source.times, time, match=match)
        drawn = Drawn(tile.layer.source, tile.layer.complete(tile.style), index)
        return render_box([drawn], tile.target, format=format)

    return respond(request, tile.layer, make, media_type=MEDIA_TYPES[format])


def _feature_info(library: Library, asked: Kvp) -> Response:
    tile = _named(library, asked)
    media_type = asked.required("InfoFormat").lower()
    if media_type not in INFO_FORMATS:
        raise Refusal(
            "format",
            f"no format {media_type!r}; the formats are {', '.join(INFO_FORMATS)}",
            "InfoFormat",
        )
    height, width = (int(size) for size in tile.target.shape)
    col, row = _pixel(asked, "I", width), _pixel(asked, "J", height)
    affine, crs = tile.target.affine, tile.target.crs
    x, y = affine.c + affine.a * (col + 0.5), affine.f + affine.e * (row + 0.5)
    assert crs is not None
    to_degrees = transformer(crs, WGS84)
    if to_degrees is not None:
        x, y = to_degrees.transform(x, y)
    if not (abs(x) < 1e6 and abs(y) <= 90):
        raise Refusal("point", "this pixel lies nowhere on Earth", "I")
    place = float(x), float(y)
    return info_response([found_at(tile.layer, place, asked)], place, media_type)


def _named(library: Library, asked: Kvp) -> Tile:
    layer = library[asked.required("Layer")]
    style = style_of(layer, asked.text("Style"), asked)
    name = asked.required("TileMatrixSet")
    if name not in regular_sets():
        raise Refusal(
            "invalid",
            f"no TileMatrixSet {name!r}; there are {', '.join(regular_sets())}",
            "TileMatrixSet",
        )
    matrices = {str(matrix.id): matrix for matrix in named_tms(name).tileMatrices}
    label = asked.required("TileMatrix")
    # Some clients put the set's name before the matrix's.
    matrix = matrices.get(label.removeprefix(f"{name}:"))
    if matrix is None:
        raise Refusal(
            "invalid",
            f"{name} has the TileMatrix {', '.join(matrices)}, got {label!r}",
            "TileMatrix",
        )
    row = _tile_index(asked, "TileRow", matrix.matrixHeight)
    col = _tile_index(asked, "TileCol", matrix.matrixWidth)
    try:
        target = tile_geobox((name, int(matrix.id), col, row), matrix.tileWidth)
    except GridError as error:
        raise Refusal("tile", str(error), "TileRow") from error
    return Tile(layer, style, target)


def _tile_index(asked: Kvp, name: str, count: int) -> int:
    found = asked.whole(name, low=-(10**17), high=10**17)
    if not 0 <= found < count:
        raise Refusal("tile", f"{name} goes from 0 to {count - 1} here, got {found}", name)
    return found


def _pixel(asked: Kvp, name: str, size: int) -> int:
    found = asked.whole(name, low=-(10**17), high=10**17)
    if not 0 <= found < size:
        raise Refusal("point", f"{name} goes from 0 to {size - 1}, got {found}", name)
    return found
