"""What the routes that give values answer in JSON."""

from pydantic import BaseModel, Field


class SeriesValues(BaseModel):
    """The values at a point through time."""

    lon: float
    lat: float
    times: list[str] = Field(description="ISO 8601, UTC; ascending")
    values: dict[str, list[float | int | None]] = Field(
        description="For each band a value at each time; null: NoData, or outside the layer"
    )


class Histogram(BaseModel):
    """How many values are in each bin."""

    edges: list[float] = Field(description="One more than bins")
    counts: list[int] = Field(description="A bin holds its lower edge, the last one both")


class Count(BaseModel):
    """How often a value occurs."""

    value: float
    count: int
    share: float = Field(description="Of the cells with a value")
    label: str | None = Field(description="What the value stands for, where that is known")


class Statistics(BaseModel):
    """Statistics of a band; null where no cell has a value."""

    count: int = Field(description="Cells with a finite value")
    valid: float | None = Field(description="Their share of the cells of the region")
    min: float | None
    max: float | None
    mean: float | None
    std: float | None = Field(description="Of the values as they are: divided by `count`")
    median: float | None
    percentiles: dict[str, float | None] = Field(description="`p2` and so on, interpolated")
    histogram: Histogram | None
    categories: list[Count] | None = Field(description="Of `categorical`; ascending")


class StatisticsOfTime(BaseModel):
    """Statistics of each band at a time."""

    time: str | None = Field(description="ISO 8601, UTC; null: the layer has no times")
    bands: dict[str, Statistics]


class StatisticsOfRegion(BaseModel):
    """Statistics of a region."""

    level: int = Field(description="Level whose cells were read; 0 is the finest")
    exact: bool = Field(description="Whether it is the finest, so that every cell counted")
    resolution: tuple[float, float] = Field(description="Width and height of its cells")
    cells: int = Field(description="Cells of that level whose centres lie in the region")
    times: list[StatisticsOfTime]
    stored: dict[str, dict[str, float | None]] | None = Field(
        description="Of the whole layer alone: what it keeps of all cells of the finest level at "
        "all times, to 7 digits; null: nothing"
    )
