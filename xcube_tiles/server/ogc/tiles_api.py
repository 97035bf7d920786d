"""OGC API - Tiles 1.0 (OGC 20-057): map tiles of collections, and what describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from xcube_tiles.errors import GridError
from xcube_tiles.render.box import Drawn, render_box
from xcube_tiles.render.encode import MEDIA_TYPES
from xcube_tiles.render.interval import select_instant
from xcube_tiles.render.tms import TILE_SIZE, named_tms, tile_geobox, tms_names
from xcube_tiles.server.caching import respond
from xcube_tiles.server.errors import problem
from xcube_tiles.server.library import Library, layer_of, library_of
from xcube_tiles.server.ogc.formats import FORMATS, image_format
from xcube_tiles.server.ogc.kvp import Kvp
from xcube_tiles.server.ogc.offer import readable
from xcube_tiles.server.ogc.refusals import Refusal
from xcube_tiles.server.ogc.styles import style_of
from xcube_tiles.server.ogc.tiles_documents import (
    CONFORMANCE,
    collection,
    link,
    matrix_set,
    tileset,
    tilesets,
)
from xcube_tiles.server.served import ServedLayer

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcube_tiles.typing import ImageFormat

router = APIRouter(prefix="/ogc", tags=["OGC"])

Layers = Annotated[Library, Depends(library_of)]
Layer = Annotated[ServedLayer, Depends(layer_of)]
Wanted = Annotated[
    str | None,
    Query(alias="f", description="Format: png, jpg, webp or tif; else the header Accept decides."),
]
DateTime = Annotated[
    str | None,
    Query(description="An instant, or an interval a/b of which the last instant is drawn."),
]


def _root(request: Request) -> str:
    return f"{request.base_url}ogc"


@router.get("")
@router.get("/", include_in_schema=False)
def landing_page(request: Request) -> dict[str, Any]:
    """Return the links to all that there is (OGC API - Tiles 1.0)."""
    root = _root(request)
    rel = "http://www.opengis.net/def/rel/ogc/1.0"
    return {
        "title": "xcube_tiles",
        "description": "Map tiles of layers of raster data.",
        "links": [
            link("self", root, "This document"),
            link(
                "service-desc",
                f"{request.base_url}openapi.json",
                "The interface",
                "application/vnd.oai.openapi+json;version=3.0",
            ),
            link("service-doc", f"{request.base_url}docs", "The interface, to read", "text/html"),
            link("conformance", f"{root}/conformance", "Conformance classes"),
            link(f"{rel}/conformance", f"{root}/conformance", "Conformance classes"),
            link("data", f"{root}/collections", "Collections"),
            link(f"{rel}/data", f"{root}/collections", "Collections"),
            link(f"{rel}/tiling-schemes", f"{root}/tileMatrixSets", "Tile matrix sets"),
        ],
    }


@router.get("/conformance")
def conformance() -> dict[str, list[str]]:
    """Return the conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


@router.get("/collections")
def collections(request: Request, library: Layers) -> dict[str, Any]:
    """List the layers that can be read."""
    root = _root(request)
    return {
        "links": [link("self", f"{root}/collections", "This document")],
        "collections": [collection(layer, root) for layer in readable(library)],
    }


@router.get("/collections/{layer}")
def one_collection(request: Request, layer: Layer) -> dict[str, Any]:
    """Describe a layer."""
    return collection(layer, _root(request))


@router.get("/collections/{layer}/map/tiles")
def collection_tilesets(request: Request, layer: Layer) -> dict[str, Any]:
    """List the tile sets of a layer."""
    return tilesets(layer, _root(request))


@router.get("/collections/{layer}/map/tiles/{tms}")
def collection_tileset(request: Request, layer: Layer, tms: str) -> dict[str, Any]:
    """Describe a tile set of a layer."""
    return tileset(layer, tms, _root(request))


@router.get(
    "/collections/{layer}/map/tiles/{tms}/{matrix}/{row}/{col}",
    response_class=Response,
    responses={200: {"content": {name: {} for name in FORMATS}}},
)
def collection_tile(
    request: Request,
    layer: Layer,
    tms: str,
    matrix: str,
    row: str,
    col: str,
    f: Wanted = None,
    datetime: DateTime = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """Draw a tile; rows come before columns. The parameters of styles work as for tiles."""
    asked = Kvp(request.query_params.multi_items())

    def answer() -> Response:
        format = _format(f, accept)
        style = style_of(layer, None, asked)
        time, match = datetime or asked.text("time"), asked.match()
        z, x, y = _whole(matrix, "tileMatrix"), _whole(col, "tileCol"), _whole(row, "tileRow")
        target = tile_geobox((tms, z, x, y))
        if (size := named_tms(tms).matrix(z).tileWidth) != TILE_SIZE:
            target = tile_geobox((tms, z, x, y), size)

        def make() -> bytes:
            index = select_instant(layer.source.times, time, match=match)
            shown = style if format == "tif" else layer.complete(style)
            return render_box([Drawn(layer.source, shown, index)], target, format=format)

        media_type = MEDIA_TYPES[format]
        if f is not None:
            return respond(request, layer, make, media_type=media_type)
        # The address alone doesn't say which of the formats this is.
        version = f"{layer.version}\n{format}"
        as_accepted = ServedLayer(layer.name, layer.source, version=version)
        made = respond(request, as_accepted, make, media_type=media_type)
        made.headers["Vary"] = "Accept"
        return made

    return _refused(answer)


def _whole(text: str, name: str) -> int:
    # What can't be parsed isn't there: a path is wrong by being none.
    if not text.removeprefix("-").isdecimal() or len(text) > 18:
        raise GridError(f"{name} is a whole number, got {text!r}")
    return int(text)


def _format(wanted: str | None, accept: str | None) -> ImageFormat:
    if wanted is not None:
        return image_format(wanted, "f")
    for part in (accept or "").split(","):
        if part.strip().lower().startswith("image/") and "*" not in part:
            try:
                return image_format(part)
            except Refusal:
                continue
    return "png"


def _refused(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except Refusal as refusal:
        return problem(refusal.status, str(refusal))


@router.get("/tileMatrixSets")
def tile_matrix_sets(request: Request) -> dict[str, Any]:
    """List the tile matrix sets."""
    root = _root(request)
    return {"tileMatrixSets": [matrix_set(name, root) for name in tms_names()]}


@router.get("/tileMatrixSets/{tms}")
def tile_matrix_set(tms: str) -> dict[str, Any]:
    """Return a tile matrix set (OGC 17-083r4)."""
    found: dict[str, Any] = named_tms(tms).model_dump(mode="json", exclude_none=True)
    return found
