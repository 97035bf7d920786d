"""Regions cut out of layers, by a bbox or by a polygon."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from xcube_tiles.errors import RegionError
from xcube_tiles.render.region import Region, named_crs
from xcube_tiles.render.region_crop import MEDIA_TYPES, VALUES, Crop, crop
from xcube_tiles.server.caching import respond
from xcube_tiles.server.data.params import (
    Allowed,
    BboxText,
    CoordCrs,
    CropQuery,
    GeoJson,
    GeometryText,
    Layer,
    When,
    crop_from_query,
    region_from_geojson,
    region_from_query,
    when_from_query,
)
from xcube_tiles.server.operations.limits import Limits
from xcube_tiles.server.served import ServedLayer

router = APIRouter()

Query = Annotated[CropQuery, Depends(crop_from_query)]
Times = Annotated[When, Depends(when_from_query)]
CONTENT: dict[str, dict[str, object]] = {
    media.partition(";")[0]: {} for media in MEDIA_TYPES.values()
}
CUT: dict[int | str, dict[str, Any]] = {200: {"content": CONTENT}}


@router.get(
    "/crop.{format}",
    response_class=Response,
    responses=CUT | {304: {"description": "Not modified"}},
)
def crop_by_bbox(
    request: Request,
    layer: Layer,
    limits: Allowed,
    query: Query,
    when: Times,
    bbox: BboxText = None,
    geometry: GeometryText = None,
    coord_crs: CoordCrs = None,
) -> Response:
    """Cut a rectangle or a polygon out of a layer: a picture of it, or its values.

    Without `crs` and a size the answer has the layer's own cells, all that the bbox touches.
    """
    region = region_from_query(layer, bbox, geometry, coord_crs, limits, crs=query.crs)
    if region is None:
        raise RegionError("give a bbox, west,south,east,north, or a geometry")

    def make() -> bytes:
        return _cut(layer, region, query, when, limits)

    return respond(request, layer, make, media_type=MEDIA_TYPES[query.format])


@router.post("/crop.{format}", response_class=Response, responses=CUT)
def crop_by_polygon(
    layer: Layer,
    limits: Allowed,
    query: Query,
    when: Times,
    area: GeoJson,
    coord_crs: CoordCrs = None,
) -> Response:
    """Cut a polygon out of a layer; cells whose centres lie outside are NoData.

    There is no ETag: of an answer to POST it would be that of another thing (RFC 9110, 9.3.3).
    """
    region = region_from_geojson(layer, area, coord_crs, limits)
    body = _cut(layer, region, query, when, limits)
    headers = {"Cache-Control": "no-store"}
    return Response(body, media_type=MEDIA_TYPES[query.format], headers=headers)


def _cut(layer: ServedLayer, region: Region, query: CropQuery, when: When, limits: Limits) -> bytes:
    style = query.style if query.format in VALUES else layer.complete(query.style)
    crs = None if query.crs is None else named_crs(query.crs, layer.source)
    wanted = Crop(region, crs, query.size, when.of(layer, limits))
    return crop(
        layer.source,
        wanted,
        style,
        bands=query.bands,
        format=query.format,
        most=limits.pixels,
        most_values=limits.cells,
    )
