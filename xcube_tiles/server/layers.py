"""Routes that answer with JSON: layers, TileJSON, values at a point, colour maps, health."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request

from xcube_tiles._version import __version__
from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.render.bounds import wgs84_bounds, zoom_range
from xcube_tiles.render.colormaps import colormap_names
from xcube_tiles.render.instants import iso, select_time
from xcube_tiles.render.point import values_at
from xcube_tiles.render.style import Style
from xcube_tiles.render.tms import tms_names
from xcube_tiles.server.describe import info_of, layer_address, links_of, summary_of
from xcube_tiles.server.library import Library, layer_of, library_of
from xcube_tiles.server.models import (
    Health,
    LayerInfo,
    LayerList,
    PointValues,
    TileJson,
    Trouble,
)
from xcube_tiles.server.params import Match, Time, parse_bands, style_from_query
from xcube_tiles.server.served import ServedLayer
from xcube_tiles.typing import ImageFormat

router = APIRouter(tags=["layers"])

Layer = Annotated[ServedLayer, Depends(layer_of)]
Layers = Annotated[Library, Depends(library_of)]
Look = Annotated[Style, Depends(style_from_query)]


@router.get("/layers")
def layers(request: Request, library: Layers) -> LayerList:
    """List the layers; one that can't be read is told apart and doesn't hide the others."""
    base = str(request.base_url)
    readable, unreadable = [], []
    for name in library.names():
        try:
            readable.append(summary_of(library[name], base))
        except XcubeTilesError as error:
            unreadable.append(Trouble(name=name, detail=str(error)))
    return LayerList(layers=readable, unreadable=unreadable)


@router.get("/layers/{layer}")
def layer_info(request: Request, layer: Layer) -> LayerInfo:
    """Describe a layer."""
    return info_of(layer, str(request.base_url))


@router.get("/layers/{layer}/tilejson.json")
def tilejson(
    request: Request,
    layer: Layer,
    style: Look,
    tms: Annotated[str, Query(description="Tile matrix set")] = "WebMercatorQuad",
    format: Annotated[ImageFormat, Query(description="Format of the tiles")] = "png",
) -> TileJson:
    """Describe the layer's tiles as TileJSON 3.0; the style goes into their address."""
    layer.complete(style)
    passed = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("tms", "format")
    ]
    address = (
        f"{layer_address(layer, str(request.base_url))}/tiles/{tms}/{{z}}/{{x}}/{{y}}.{format}"
    )
    minzoom, maxzoom = zoom_range(layer.source, tms)
    west, south, east, north = wgs84_bounds(layer.source)
    return TileJson(
        name=layer.title or layer.name,
        tiles=[address + (f"?{urlencode(passed)}" if passed else "")],
        bounds=(west, south, east, north),
        center=((west + east) / 2, (south + north) / 2, minzoom),
        minzoom=minzoom,
        maxzoom=maxzoom,
        links=links_of(layer, str(request.base_url)),
    )


@router.get("/layers/{layer}/point")
def point(
    layer: Layer,
    lon: Annotated[float, Query(ge=-540, le=540, description="Degrees, EPSG:4326")],
    lat: Annotated[float, Query(ge=-90, le=90, description="Degrees, EPSG:4326")],
    time: Time = None,
    time_match: Match = "exact",
    bands: Annotated[
        str | None,
        Query(description="Variables, parted by commas; also `ndvi@2024-06`. Default: all."),
    ] = None,
    expression: Annotated[
        str | None, Query(description="Band mathematics; its value comes under its text.")
    ] = None,
) -> PointValues:
    """Return the values of the cell that holds a point, at full detail."""
    source = layer.source
    index = select_time(source.times, time, match=time_match)
    variables = parse_bands(bands) or None
    values = values_at(source, lon, lat, time=index, variables=variables, expression=expression)
    instant = None if index is None or source.times is None else iso(source.times[index])
    return PointValues(lon=lon, lat=lat, time=instant, values=values)


@router.get("/colormaps")
def colormaps() -> list[str]:
    """List the names of the colour maps; each also with `_r`, in reverse order."""
    return list(colormap_names())


@router.get("/tilematrixsets")
def tilematrixsets() -> list[str]:
    """List the names of the tile matrix sets."""
    return list(tms_names())


@router.get("/health")
def health(library: Layers) -> Health:
    """Say that the server runs."""
    return Health(status="ok", version=__version__, layers=len(library.names()))
