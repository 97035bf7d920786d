"""Query parameters that say where, when, how large and of what values are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Body, Depends, Path, Query

from xcube_tiles.errors import RegionError, StyleError
from xcube_tiles.render.instants import select_span, select_time
from xcube_tiles.render.point import WGS84
from xcube_tiles.render.region import Region, named_crs
from xcube_tiles.render.region_crop import VALUES, CropFormat
from xcube_tiles.render.region_grid import Size
from xcube_tiles.render.style import Style
from xcube_tiles.render.window import DrawResampling
from xcube_tiles.server.library import layer_of
from xcube_tiles.server.operations.limits import Limits, limits_of
from xcube_tiles.server.params import (
    Bands,
    ColormapText,
    ElevationName,
    ExpressionText,
    FormulaText,
    Match,
    StretchText,
    Time,
    parse_bands,
    style_from_query,
)
from xcube_tiles.server.served import ServedLayer

Layer = Annotated[ServedLayer, Depends(layer_of)]
Allowed = Annotated[Limits, Depends(limits_of)]

BboxText = Annotated[
    str | None,
    Query(
        description="West, south, east, north, parted by commas. Degrees unless `coord_crs` or "
        "`crs` say otherwise; a west that is more than the east crosses the antimeridian.",
        examples=["12.5,50.9,12.7,51.0"],
    ),
]
GeometryText = Annotated[
    str | None,
    Query(
        description="GeoJSON as a text, instead of a bbox: what can be sent by POST, too. By GET "
        "the answer has an ETag, and can be kept.",
        examples=[
            '{"type":"Polygon","coordinates":[[[12.5,50.9],[12.7,50.9],[12.6,51],[12.5,50.9]]]}'
        ],
    ),
]
CoordCrs = Annotated[
    str | None,
    Query(
        description="CRS of the bbox or of the polygon, a code such as EPSG:32633, or `native`. "
        "Default: `crs` for a bbox where that is given, else EPSG:4326.",
    ),
]
GeoJson = Annotated[
    dict[str, Any],
    Body(
        description="GeoJSON: a Polygon, a MultiPolygon, a Feature or a FeatureCollection of them",
        examples=[
            {
                "type": "Polygon",
                "coordinates": [[[12.5, 50.9], [12.7, 50.9], [12.6, 51.0], [12.5, 50.9]]],
            }
        ],
    ),
]
BandNames = Annotated[
    str | None,
    Query(
        description="Variables, parted by commas; also `ndvi@2024-06` and `hillshade(height)`. "
        "Default: all, or none where there is an expression."
    ),
]
Start = Annotated[
    str | None, Query(description="First time, ISO 8601, as precise as you like: 2018-05")
]
End = Annotated[
    str | None,
    Query(description="Last time; 2018-05 includes all of that month", examples=["2018"]),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which times a request is about."""

    time: str | None
    match: Match
    start: str | None
    end: str | None

    def of(self, layer: ServedLayer, limits: Limits) -> tuple[int | None, ...]:
        """Return the indices of the layer's times; one, None, where it has no times."""
        times = layer.source.times
        if self.start is None and self.end is None:
            return (select_time(times, self.time, match=self.match),)
        if self.time is not None:
            raise StyleError("give a time, or start and end, not both")
        span = tuple(int(index) for index in select_span(times, self.start, self.end))
        if not span:
            raise StyleError(f"no time lies between {self.start or '...'} and {self.end or '...'}")
        limits.check("series", len(span))
        return span


def when_from_query(
    time: Time = None, time_match: Match = "exact", start: Start = None, end: End = None
) -> When:
    """Return the times that query parameters mean."""
    return When(time=time, match=time_match, start=start, end=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class CropQuery:
    """What a request to cut out says besides the region."""

    format: CropFormat
    style: Style
    bands: tuple[str, ...]
    crs: str | None
    size: Size


def crop_from_query(
    format: Annotated[
        CropFormat, Path(description="`npy`, `tif` and `nc` (NetCDF) are the values themselves")
    ],
    bands: Bands = None,
    expression: ExpressionText = None,
    stretch: StretchText = None,
    colormap: ColormapText = None,
    resampling: Annotated[
        DrawResampling, Query(description="How a cell gets its value")
    ] = "nearest",
    color_formula: FormulaText = None,
    elevation: ElevationName = None,
    crs: Annotated[
        str | None,
        Query(description="CRS of the answer, such as EPSG:3857. Default: the layer's, `native`."),
    ] = None,
    width: Annotated[int | None, Query(ge=1, description="Columns of the answer")] = None,
    height: Annotated[int | None, Query(ge=1, description="Rows of the answer")] = None,
    max_size: Annotated[
        int | None,
        Query(
            ge=1,
            description="Most cells along the longer edge: a coarser level is read. Default for "
            "pictures: 1024; for values: full detail.",
        ),
    ] = None,
    resolution: Annotated[
        float | None, Query(gt=0, description="Edge of a cell, in units of `crs`")
    ] = None,
) -> CropQuery:
    """Return what query parameters say of a region that is cut out."""
    if format in VALUES:
        # Values of any number of bands; how they would be drawn says nothing of them.
        named = parse_bands(bands)
        style = Style(expression=expression or None, resampling=resampling)
    else:
        named = ()
        style = style_from_query(
            bands, expression, stretch, colormap, resampling, color_formula, elevation
        )
    size = Size(width=width, height=height, max_size=max_size, resolution=resolution)
    return CropQuery(format=format, style=style, bands=named, crs=crs, size=size)


def region_from_bbox(
    layer: ServedLayer, bbox: str, coord_crs: str | None, crs: str | None = None
) -> Region:
    """Return the region that a bbox means.

    Raises
    ------
    RegionError
        A text that isn't four numbers, or no rectangle.
    """
    try:
        edges = [float(part) for part in bbox.split(",")]
    except ValueError:
        edges = []
    if len(edges) != 4:
        raise RegionError(f"a bbox is four numbers, west,south,east,north; got {bbox[:100]!r}")
    name = coord_crs or crs
    return Region.from_bbox(edges, WGS84 if name is None else named_crs(name, layer.source))


def region_from_query(
    layer: ServedLayer,
    bbox: str | None,
    geometry: str | None,
    coord_crs: str | None,
    limits: Limits,
    *,
    crs: str | None = None,
) -> Region | None:
    """Return the region that a bbox or a GeoJSON text means; None where neither is given.

    Raises
    ------
    RegionError
        Both of them, or one that can't be understood.
    SizeLimitError
        A geometry of more vertices than are allowed.
    """
    if geometry is None:
        return None if bbox is None else region_from_bbox(layer, bbox, coord_crs, crs)
    if bbox is not None:
        raise RegionError("give a bbox or a geometry, not both")
    try:
        document = json.loads(geometry)
    except (ValueError, RecursionError) as error:
        raise RegionError(f"geometry is no GeoJSON: {error}") from error
    if not isinstance(document, Mapping):
        raise RegionError(f"geometry is to be a GeoJSON object, got {geometry[:100]!r}")
    return region_from_geojson(layer, document, coord_crs, limits)


def region_from_geojson(
    layer: ServedLayer, document: Mapping[str, Any], coord_crs: str | None, limits: Limits
) -> Region:
    """Return the region that a GeoJSON document means."""
    crs = WGS84 if coord_crs is None else named_crs(coord_crs, layer.source)
    return Region.from_geojson(document, crs, most=limits.vertices)
