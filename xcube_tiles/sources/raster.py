"""One row of a collection: a raster, its keys, its statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import CollectionError
from xcube_tiles.sources.keys import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.grid.extent import Bounds
    from xcube_tiles.sources.keys import KeyValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterStatistics:
    """What the cells of one raster are like; values are those of a cube, scaled."""

    bounds: Bounds
    """West, south, east and north of the grid in WGS84 degrees; west > east if it crosses the
    antimeridian."""

    footprint: Mapping[str, Any] | None
    """Convex hull of the valid cells, to half a cell, as a GeoJSON geometry in WGS84; None if there
    are none."""

    valid_share: float
    """Share of cells that have a finite value, 0 to 1."""

    minimum: float | None
    """Least value; this and what follows is None if no cell is valid."""

    maximum: float | None
    """Greatest value."""

    mean: float | None
    """Arithmetic mean, in float64."""

    std: float | None
    """Standard deviation of the population, in float64."""

    percentiles: tuple[float, ...] | None
    """1st to 99th percentile, linearly interpolated; exact however large the raster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """One band of one file, and what tells it from others.

    Raises
    ------
    CollectionError
        A path that is no text, or a band that is no number from 1.
    """

    path: str
    """Absolute path or URL of the file."""

    keys: Mapping[str, KeyValue]
    """Value of each key, in the collection's order."""

    raster_band: int | None = None
    """Band of the file, from 1; None: its only one."""

    statistics: RasterStatistics | None = None
    """Metadata of its cells, once computed."""

    def __post_init__(self) -> None:
        if not isinstance(self.path, str):
            raise CollectionError(f"a path is a text, got {self.path!r}")
        number = self.raster_band
        if number is not None and (not isinstance(number, int) or number < 1):
            raise CollectionError(f"a band is a number from 1, got {number!r}")

    def __str__(self) -> str:
        return self.path if self.raster_band is None else f"{self.path} (band {self.raster_band})"


def keys_text(keys: Mapping[str, KeyValue]) -> str:
    """Return keys for people to read.

    Examples
    --------
    >>> keys_text({"sensor": "S2", "band": "ndvi"})
    'sensor=S2, band=ndvi'
    """
    return ", ".join(f"{name}={value_text(value)}" for name, value in keys.items())
