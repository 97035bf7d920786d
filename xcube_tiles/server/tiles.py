"""Routes that answer with pictures: tiles, previews, legends."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from xcube_tiles.render.encode import MEDIA_TYPES
from xcube_tiles.render.legend import legend, legend_png
from xcube_tiles.render.preview import PREVIEW_SIZE, render_preview
from xcube_tiles.render.style import Style
from xcube_tiles.render.tile import render_tile
from xcube_tiles.render.tms import TILE_SIZE
from xcube_tiles.server.caching import respond
from xcube_tiles.server.library import layer_of
from xcube_tiles.server.models import LegendInfo
from xcube_tiles.server.params import Match, Size, Time, style_from_query
from xcube_tiles.server.served import ServedLayer
from xcube_tiles.typing import ImageFormat

router = APIRouter(prefix="/layers/{layer}", tags=["pictures"])

Layer = Annotated[ServedLayer, Depends(layer_of)]
Look = Annotated[Style, Depends(style_from_query)]
PICTURES: dict[str, dict[str, object]] = {"image/png": {}, "image/webp": {}, "image/jpeg": {}}
VALUES: dict[str, dict[str, object]] = {"application/octet-stream": {}, "image/tiff": {}}
DRAWN: dict[int | str, dict[str, Any]] = {
    200: {"content": PICTURES | VALUES},
    304: {"description": "Not modified"},
}


def _shown(layer: ServedLayer, style: Style, format: ImageFormat) -> Style:
    """Return the style to draw with; values themselves need none of what completes it."""
    return style if format in ("npy", "tif") else layer.complete(style)


@router.get(
    "/tiles/{tms}/{z}/{x}/{y}.{format}",
    response_class=Response,
    responses=DRAWN,
)
def tile(
    request: Request,
    layer: Layer,
    style: Look,
    tms: Annotated[str, Path(description="Tile matrix set, such as WebMercatorQuad")],
    z: Annotated[int, Path(description="Zoom level")],
    x: Annotated[int, Path(description="Column, from the west")],
    y: Annotated[int, Path(description="Row, from the north")],
    format: Annotated[ImageFormat, Path(description="`npy` and `tif` are the values themselves")],
    time: Time = None,
    time_match: Match = "exact",
    size: Size = TILE_SIZE,
) -> Response:
    """Draw a map tile; NoData and what lies outside the layer is transparent."""

    def make() -> bytes:
        shown = _shown(layer, style, format)
        return render_tile(
            layer.source,
            (tms, z, x, y),
            shown,
            time=time,
            time_match=time_match,
            format=format,
            tile_size=size,
        )

    return respond(request, layer, make, media_type=MEDIA_TYPES[format])


@router.get(
    "/preview.{format}",
    response_class=Response,
    responses=DRAWN,
)
def preview(
    request: Request,
    layer: Layer,
    style: Look,
    format: Annotated[ImageFormat, Path(description="`npy` and `tif` are the values themselves")],
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
def legend_data(layer: Layer, style: Look) -> LegendInfo:
    """Say which colour means which value."""
    shown = layer.complete(style)
    return LegendInfo.model_validate(legend(shown, units=layer.units_of(shown)))
