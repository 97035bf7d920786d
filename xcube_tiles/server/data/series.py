"""The values at a point through time."""

import csv
from io import StringIO
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from xcube_tiles.render.instants import iso
from xcube_tiles.render.series import Series, series_at
from xcube_tiles.server.caching import respond
from xcube_tiles.server.data.models import SeriesValues
from xcube_tiles.server.data.params import Allowed, BandNames, End, Layer, Start
from xcube_tiles.server.params import ExpressionText, parse_bands

router = APIRouter()


@router.get(
    "/series",
    response_model=SeriesValues,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        304: {"description": "Not modified"},
    },
)
def series(
    request: Request,
    layer: Layer,
    limits: Allowed,
    lon: Annotated[float, Query(ge=-540, le=540, description="Degrees, EPSG:4326")],
    lat: Annotated[float, Query(ge=-90, le=90, description="Degrees, EPSG:4326")],
    bands: BandNames = None,
    expression: ExpressionText = None,
    start: Start = None,
    end: End = None,
    format: Annotated[Literal["json", "csv"], Query(description="Of the answer")] = "json",
) -> Response:
    """Return the values of the cell that holds a point at every time, at full detail."""

    def make() -> bytes:
        found = series_at(
            layer.source,
            lon,
            lat,
            start=start,
            end=end,
            variables=parse_bands(bands) or None,
            expression=expression or None,
            most=limits.series,
        )
        if format == "csv":
            return _csv(found)
        times = [iso(instant) for instant in found.times]
        values = SeriesValues(lon=lon, lat=lat, times=times, values=found.values)
        return values.model_dump_json().encode()

    media_type = "text/csv; charset=utf-8" if format == "csv" else "application/json"
    return respond(request, layer, make, media_type=media_type)


def _csv(found: Series) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(["time", *found.values])
    for instant, *row in zip(found.times, *found.values.values(), strict=True):
        writer.writerow([iso(instant), *("" if value is None else value for value in row)])
    return text.getvalue().encode()
