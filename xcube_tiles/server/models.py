"""What the server answers in JSON."""

from typing import Literal

from pydantic import BaseModel, Field

Bounds = tuple[float, float, float, float]


class Link(BaseModel):
    """An address that belongs to a layer."""

    rel: str
    href: str
    type: str
    templated: bool = Field(default=False, description="Whether it has gaps to fill (RFC 6570)")


class TimeSpan(BaseModel):
    """How many times a layer has, and between which."""

    count: int
    first: str = Field(description="ISO 8601, UTC")
    last: str = Field(description="ISO 8601, UTC")


class Footprint(BaseModel):
    """Where a layer lies: a GeoJSON polygon."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[tuple[float, float]]]


class LayerSummary(BaseModel):
    """A layer in the list of layers."""

    name: str
    title: str | None
    variables: list[str]
    times: TimeSpan | None
    bounds_wgs84: Bounds = Field(description="West, south, east, north; EPSG:4326")
    footprint: Footprint = Field(description="Its edges in EPSG:4326, curved as they are there")
    crs: str
    levels: int
    links: list[Link]


class Trouble(BaseModel):
    """A layer that can't be read."""

    name: str
    detail: str


class LayerList(BaseModel):
    """All layers."""

    layers: list[LayerSummary]
    unreadable: list[Trouble] = Field(description="Layers that are there but can't be read")


class Level(BaseModel):
    """A level of detail; 0 is the finest."""

    level: int
    shape: tuple[int, int] = Field(description="Rows and columns")
    resolution: tuple[float, float] = Field(description="Width and height of a cell, CRS units")


class CategoryInfo(BaseModel):
    """A value that has a colour of its own."""

    value: float
    label: str
    color: str = Field(description="#rrggbb")


class Variable(BaseModel):
    """A variable of a layer."""

    name: str
    dtype: str
    nodata: int | float | str | None = Field(
        description="Number, 'NaN', or null: every cell has a value"
    )
    min: float | None = Field(description="Of a sample of the coarsest level")
    max: float | None = Field(description="Of a sample of the coarsest level")
    units: str | None
    labels: list[int | float | str] | None = Field(
        description="Of its dimension that is neither time nor space: `name@label` is a band"
    )
    categories: list[CategoryInfo] | None


class DefaultStyle(BaseModel):
    """What is drawn unless a request asks for something else."""

    bands: list[str]
    stretch: list[tuple[float, float]]
    colormap: str | None


class LayerInfo(BaseModel):
    """All about a layer."""

    name: str
    title: str | None
    crs: str
    bounds_wgs84: Bounds = Field(description="West, south, east, north; EPSG:4326")
    bounds: Bounds = Field(description="Left, bottom, right, top; CRS of the layer")
    footprint: Footprint = Field(description="Its edges in EPSG:4326, curved as they are there")
    minzoom: int = Field(description="WebMercatorQuad zoom at which the layer fits one tile")
    maxzoom: int = Field(description="WebMercatorQuad zoom at which its cells are pixels")
    levels: list[Level]
    variables: list[Variable]
    times: list[str] | None = Field(description="ISO 8601, UTC")
    default_style: DefaultStyle
    links: list[Link]


class PointValues(BaseModel):
    """The values at a point."""

    lon: float
    lat: float
    time: str | None
    values: dict[str, float | int | None] = Field(description="null: NoData, or outside the layer")


class TileJson(BaseModel):
    """TileJSON 3.0.0."""

    tilejson: str = "3.0.0"
    name: str
    version: str = "1.0.0"
    scheme: str = "xyz"
    tiles: list[str]
    bounds: Bounds
    center: tuple[float, float, int]
    minzoom: int
    maxzoom: int
    links: list[Link] = Field(default=[], description="Addresses of the layer; no part of TileJSON")


class LegendCategory(BaseModel):
    """A value that has a colour of its own."""

    value: float
    label: str
    color: str


class LegendInfo(BaseModel):
    """What the colours of a picture mean."""

    colormap: str | None
    stretch: list[tuple[float, float]]
    colors: list[str]
    categories: list[LegendCategory]
    units: str | None


class Health(BaseModel):
    """That the server runs."""

    status: str
    version: str
    layers: int
