"""One row of a collection: a raster, its keys, its statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcube_tiles.sources.keys import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.sources.keys import KeyValue
    from xcube_tiles.sources.statistics import RasterStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """One band of one file, and what tells it from others."""

    path: str
    """Absolute path or URL of the file."""

    keys: Mapping[str, KeyValue]
    """Value of each key, in the collection's order."""

    raster_band: int | None = None
    """Band of the file, from 1; None: its only one."""

    statistics: RasterStatistics | None = None
    """Metadata of its cells, once computed."""

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
