"""Statistics and histograms of layers, everywhere or in a region."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from xcube_tiles.errors import CatalogError, RegionError
from xcube_tiles.render.categories import categories_from_attributes
from xcube_tiles.render.instants import iso
from xcube_tiles.render.legend import label_of
from xcube_tiles.render.references import referenced
from xcube_tiles.render.region import Region
from xcube_tiles.render.region_statistics import (
    DEFAULT_MAX_SIZE,
    BandStatistics,
    Wanted,
    region_statistics,
)
from xcube_tiles.render.source import TileSource, attributes_of
from xcube_tiles.server.caching import respond
from xcube_tiles.server.data.models import (
    Count,
    Histogram,
    Statistics,
    StatisticsOfRegion,
    StatisticsOfTime,
)
from xcube_tiles.server.data.params import (
    Allowed,
    BandNames,
    BboxText,
    CoordCrs,
    GeoJson,
    GeometryText,
    Layer,
    When,
    region_from_geojson,
    region_from_query,
    when_from_query,
)
from xcube_tiles.server.operations.limits import Limits
from xcube_tiles.server.params import ExpressionText, parse_bands
from xcube_tiles.server.served import ServedLayer

router = APIRouter()

Times = Annotated[When, Depends(when_from_query)]


class _Asked:
    """What a request wants to know; FastAPI fills it from the query."""

    def __init__(
        self,
        limits: Allowed,
        bands: BandNames = None,
        expression: ExpressionText = None,
        percentiles: Annotated[
            str, Query(description="Numbers from 0 to 100, parted by commas")
        ] = "2,98",
        bins: Annotated[
            str,
            Query(
                description="Number of bins of the histogram, or their edges, parted by commas; "
                "0: none"
            ),
        ] = "10",
        range: Annotated[
            str | None,
            Query(description="Ends of the histogram, `low,high`. Default: all values."),
        ] = None,
        categorical: Annotated[bool, Query(description="Count each value by itself")] = False,
        max_size: Annotated[
            int,
            Query(
                ge=1,
                description="The finest level is read at which the region has at most so many "
                "cells along its longer edge",
            ),
        ] = DEFAULT_MAX_SIZE,
    ) -> None:
        counted = _numbers(bins, "bins")
        number = len(counted) == 1 and counted[0] == int(counted[0])
        ends = None if range is None else _numbers(range, "range")
        if ends is not None and len(ends) != 2:
            raise RegionError(f"a range is two numbers, low,high; got {range!r}")
        self.wanted = Wanted(
            percentiles=_numbers(percentiles, "percentiles") if percentiles else (),
            bins=int(counted[0]) if number else counted,
            range=None if ends is None else (ends[0], ends[1]),
            categorical=categorical,
            most_percentiles=limits.percentiles,
            most_bins=limits.bins,
            most_categories=limits.categories,
        )
        self.bands = parse_bands(bands)
        self.expression = expression or None
        self.max_size = max_size


Asked = Annotated[_Asked, Depends()]


@router.get(
    "/statistics",
    response_model=StatisticsOfRegion,
    responses={304: {"description": "Not modified"}},
)
def statistics_by_bbox(
    request: Request,
    layer: Layer,
    limits: Allowed,
    asked: Asked,
    when: Times,
    bbox: BboxText = None,
    geometry: GeometryText = None,
    coord_crs: CoordCrs = None,
) -> Response:
    """Return statistics of the cells whose centres lie in a bbox or a polygon, or of all cells.

    `level` says which level was read, `exact` whether it was the finest.
    """
    region = region_from_query(layer, bbox, geometry, coord_crs, limits)

    def make() -> bytes:
        return _answer(layer, region, asked, when, limits).model_dump_json().encode()

    return respond(request, layer, make, media_type="application/json")


@router.post("/statistics")
def statistics_by_polygon(
    response: Response,
    layer: Layer,
    limits: Allowed,
    asked: Asked,
    when: Times,
    area: GeoJson,
    coord_crs: CoordCrs = None,
) -> StatisticsOfRegion:
    """Return statistics of the cells whose centres lie in a polygon.

    `level` says which level was read, `exact` whether it was the finest.
    """
    region = region_from_geojson(layer, area, coord_crs, limits)
    response.headers["Cache-Control"] = "no-store"
    return _answer(layer, region, asked, when, limits)


def _numbers(text: str, what: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise RegionError(f"{what} are numbers parted by commas, got {text[:100]!r}") from error
    if not all(abs(number) < float("inf") for number in found):
        raise RegionError(f"{what} are finite numbers, got {text[:100]!r}")
    return found


def _answer(
    layer: ServedLayer, region: Region | None, asked: _Asked, when: When, limits: Limits
) -> StatisticsOfRegion:
    source, indices = layer.source, when.of(layer, limits)
    found = region_statistics(
        source,
        region,
        times=indices,
        bands=asked.bands,
        expression=asked.expression,
        max_size=asked.max_size,
        wanted=asked.wanted,
        most=limits.cells,
    )
    times = source.times
    labels = [None if index is None or times is None else iso(times[index]) for index in indices]
    return StatisticsOfRegion(
        level=found.level,
        exact=found.level == 0,
        resolution=found.resolution,
        cells=found.cells,
        times=[
            StatisticsOfTime(
                time=label,
                bands={name: _described(source, name, each) for name, each in bands.items()},
            )
            for label, bands in zip(labels, found.bands, strict=True)
        ],
        stored=_stored(source) if region is None else None,
    )


def _described(source: TileSource, name: str, found: BandStatistics) -> Statistics:
    histogram = None
    if found.edges is not None and found.counts is not None:
        histogram = Histogram(edges=found.edges, counts=found.counts)
    return Statistics(
        count=found.count,
        valid=found.valid,
        min=found.min,
        max=found.max,
        mean=found.mean,
        std=found.std,
        median=found.median,
        percentiles=found.percentiles,
        histogram=histogram,
        categories=_counts(source, name, found),
    )


def _counts(source: TileSource, name: str, found: BandStatistics) -> list[Count] | None:
    if found.categories is None:
        return None
    view = referenced(source, (name,)) if "@" in name else source
    attributes = attributes_of(view, name) if name in view.variables else {}
    labels = {c.value: label_of(c) for c in categories_from_attributes(attributes) if c.meaning}
    return [
        Count(value=value, count=count, share=count / found.count, label=labels.get(value))
        for value, count in found.categories
    ]


def _stored(source: TileSource) -> dict[str, dict[str, Any]] | None:
    """Return what the layer keeps of all cells of its finest level at all times, if it does."""
    known = getattr(source, "level_statistics", None)
    if known is None:
        return None
    try:
        found: dict[str, dict[str, Any]] = known(0)
    except CatalogError:
        return None
    return {
        name: {key: value for key, value in each.items() if key != "histogram"}
        for name, each in found.items()
    }
