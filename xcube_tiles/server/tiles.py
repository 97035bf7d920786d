"""Routes that answer with pictures: tiles, previews, legends."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from xcube_tiles.render.encode import MEDIA_TYPES
from xcube_tiles.render.legend import STOPS, legend, legend_png
from xcube_tiles.render.preview import PREVIEW_SIZE, render_preview
from xcube_tiles.render.style import Style
from xcube_tiles.render.tms import TILE_SIZE
from xcube_tiles.server.caching import respond
from xcube_tiles.server.fast import Asked, draw_tile, note
from xcube_tiles.server.library import layer_of
from xcube_tiles.server.models import LegendInfo
from xcube_tiles.server.operations.limits import limits_of
from xcube_tiles.server.params import Match, Size, Time, style_from_query
from xcube_tiles.server.served import ServedLayer
from xcube_tiles.typing import ImageFormat

router = APIRouter(prefix="/layers/{layer}", tags=["pictures"])

Layer = Annotated[ServedLayer, Depends(layer_of)]
Look = Annotated[Style, Depends(style_from_query)]
PICTURES: dict[str, dict[str, object]] = {"image/png": {}, "image/webp": {}, "image/jpeg": {}}
VALUES: dict[str, dict[str, object]] = {"application/octet-stream": {}, "image/tiff": {}}
TileMatrixSetName = Annotated[str, Path(description="Tile matrix set, such as WebMercatorQuad")]
Zoom = Annotated[int, Path(description="Zoom level")]
Column = Annotated[int, Path(description="Column, from the west")]
Row = Annotated[int, Path(description="Row, from the north")]
Format = Annotated[ImageFormat, Path(description="`npy` and `tif` are the values themselves")]
DRAWN: dict[int | str, dict[str, Any]] = {
    200: {"content": PICTURES | VALUES},
    304: {"description": "Not modified"},
}


def _shown(layer: ServedLayer, style: Style, format: ImageFormat) -> Style:
    """Return the style to draw with; values themselves need none of what completes it."""
    return style if format in ("npy", "tif") else layer.complete(style)


@router.get(
    "/tiles/{tms}/{z}/{x}/{y}@2x.{format}",
    response_class=Response,
    responses=DRAWN,
)
def tile_doubled(
    request: Request,
    layer: Layer,
    style: Look,
    tms: TileMatrixSetName,
    z: Zoom,
    x: Column,
    y: Row,
    format: Format,
    time: Time = None,
    time_match: Match = "exact",
    size: Size = TILE_SIZE,
) -> Response:
    """Draw a map tile with two pixels for each of `size`, for screens that have so many."""
    limits_of(request).check("tile_size", 2 * size)
    asked = Asked(style=style, time=time, time_match=time_match, size=2 * size)
    return _answer(request, layer, (tms, z, x, y), asked, format)


@router.get(
    "/tiles/{tms}/{z}/{x}/{y}.{format}",
    response_class=Response,
    responses=DRAWN,
)
def tile(
    request: Request,
    layer: Layer,
    style: Look,
    tms: TileMatrixSetName,
    z: Zoom,
    x: Column,
    y: Row,
    format: Format,
    time: Time = None,
    time_match: Match = "exact",
    size: Size = TILE_SIZE,
) -> Response:
    """Draw a map tile; NoData and what lies outside the layer is transparent."""
    asked = Asked(style=style, time=time, time_match=time_match, size=size)
    return _answer(request, layer, (tms, z, x, y), asked, format)


def _answer(
    request: Request,
    layer: ServedLayer,
    address: tuple[str, int, int, int],
    asked: Asked,
    format: ImageFormat,
) -> Response:
    def make() -> bytes:
        return draw_tile(layer, address, asked, format)

    response = respond(request, layer, make, media_type=MEDIA_TYPES[format])
    note(request, asked)  # the next tile with this query needn't come here
    return response


@router.get(
    "/preview.{format}",
    response_class=Response,
    responses=DRAWN,
)
def preview(
    request: Request,
    layer: Layer,
    style: Look,
    format: Format,
    time: Time = None,
    time_match: Match = "exact",
    size: Size = PREVIEW_SIZE,
) -> Response:
    """Draw the whole layer in its own CRS; `size` is the longer edge."""

    def make() -> bytes:
        shown = _shown(layer, style, format)
        return render_preview(
            layer.source, shown, time=time, time_match=time_match, format=format, size=size
        )

    return respond(request, layer, make, media_type=MEDIA_TYPES[format])


@router.get(
    "/legend.png",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "Not modified"}},
)
def legend_picture(request: Request, layer: Layer, style: Look) -> Response:
    """Draw the legend of one band or an expression."""

    def make() -> bytes:
        shown = layer.complete(style)
        return legend_png(shown, units=layer.units_of(shown))

    return respond(request, layer, make, media_type="image/png")


@router.get("/legend.json")
def legend_data(
    layer: Layer,
    style: Look,
    stops: Annotated[
        int,
        Query(ge=2, le=256, description="Colours of a ramp; 255: each one that tiles have"),
    ] = STOPS,
) -> LegendInfo:
    """Say which colour means which value."""
    shown = layer.complete(style)
    return LegendInfo.model_validate(legend(shown, stops=stops, units=layer.units_of(shown)))
