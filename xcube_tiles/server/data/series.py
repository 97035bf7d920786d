"""The values at a point through time."""

import csv
from io import StringIO
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from xcube_tiles.render.instants import iso
from xcube_tiles.render.series import series_at
from xcube_tiles.server.data.models import SeriesValues
from xcube_tiles.server.data.params import Allowed, BandNames, End, Layer, Start
from xcube_tiles.server.params import ExpressionText, parse_bands

router = APIRouter()


@router.get(
    "/series",
    response_model=SeriesValues,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def series(
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
    times = [iso(instant) for instant in found.times]
    if format == "json":
        values = SeriesValues(lon=lon, lat=lat, times=times, values=found.values)
        return JSONResponse(values.model_dump(mode="json"))
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(["time", *found.values])
    for row in zip(times, *found.values.values(), strict=True):
        writer.writerow(["" if value is None else value for value in row])
    return Response(text.getvalue(), media_type="text/csv")
