"""What Terracotta tells of a raster: its metadata, of the cells as the file stores them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import CollectionError, XcubeTilesError
from xcube_tiles.sources.decoding import decodings
from xcube_tiles.sources.footprint import bounds_wgs84, footprint, hull_points
from xcube_tiles.sources.handles import handle
from xcube_tiles.sources.header import read_header
from xcube_tiles.sources.keys import Key
from xcube_tiles.sources.raster import RasterStatistics
from xcube_tiles.sources.statistics import moments_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xcube_tiles.sources.collection import Collection
    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.raster import Raster

_WORKERS = 16
# Opening waits for disks and networks rather than for a processor.

COLUMNS = (
    "bounds",
    "convex_hull",
    "valid_percentage",
    "range",
    "mean",
    "stdev",
    "percentiles",
    "metadata",
)
"""Names of what a record tells, in order."""


def record_of(statistics: RasterStatistics, extra: Any = None) -> dict[str, Any]:
    """Return the record of a raster, without its keys.

    Parameters
    ----------
    statistics
        Of the cells as they are stored.
    extra
        Whatever else is known, as JSON.

    Returns
    -------
    dict
        `COLUMNS`; what depends on values is None where the raster has none.
    """
    return {
        "bounds": list(statistics.bounds),
        "convex_hull": statistics.footprint,
        "valid_percentage": 100 * statistics.valid_share,
        "range": [statistics.minimum, statistics.maximum],
        "mean": statistics.mean,
        "stdev": statistics.std,
        "percentiles": None if statistics.percentiles is None else list(statistics.percentiles),
        "metadata": {} if extra is None else extra,
    }


def quick_statistics(
    raster: Raster,
    header: RasterHeader,
    storage: Mapping[str, Any] | None,
    *,
    max_shape: tuple[int, int],
) -> RasterStatistics:
    """Return statistics of stored cells, of a thinned-out raster where it is a large one.

    Parameters
    ----------
    raster, header, storage
        What to read.
    max_shape
        Rows and columns that are read at most; of a larger raster every so-manieth cell is, or an
        overview.

    Raises
    ------
    CollectionError
        The file can't be read, or has another shape by now.
    """
    number, band = header.band(raster.raster_band)
    [decoding] = decodings([band], scaled=False, needs_nodata=False, variable=str(raster))
    height, width = header.geobox.shape
    shape = (min(height, max_shape[0]), min(width, max_shape[1]))
    with handle(raster.path, storage) as file:
        if tuple(file.shape) != (height, width):
            raise CollectionError(f"{raster.path!r} has changed its shape; scan it again")
        cells = file.read(number, out_shape=shape)
        mask = file.read_masks(number, out_shape=shape) if decoding.masked else None
    turn = tuple(slice(None, None, -1 if flipped else 1) for flipped in header.flip)
    values = decoding.apply(cells, mask)[turn]
    valid = ~decoding.target.is_nodata(values) & np.isfinite(values)
    return _statistics(values[valid], valid, header)


def _statistics(
    values: NDArray[Any], valid: NDArray[np.bool_], header: RasterHeader
) -> RasterStatistics:
    found = moments_of(values)
    empty = not found.number
    quantiles = None if empty else np.percentile(values.astype(np.float64), np.arange(1, 100))
    return RasterStatistics(
        bounds=bounds_wgs84(header.geobox),
        footprint=footprint(hull_points(valid, 0, 0), header.geobox.zoom_to(valid.shape)),
        valid_share=found.number / valid.size,
        minimum=None if empty else found.minimum,
        maximum=None if empty else found.maximum,
        mean=None if empty else found.mean,
        std=None if empty else math.sqrt(found.squares / found.number),
        percentiles=None if quantiles is None else tuple(quantiles.tolist()),
    )


def unscaled(
    statistics: RasterStatistics, header: RasterHeader, raster_band: int | None
) -> RasterStatistics:
    """Return statistics of values as those of the cells that the file stores for them."""
    _, band = header.band(raster_band)
    if (band.scale, band.offset) == (1.0, 0.0) or statistics.mean is None:
        return statistics

    def stored(value: float | None) -> float | None:
        return None if value is None else (value - band.offset) / band.scale

    ends = stored(statistics.minimum), stored(statistics.maximum)
    quantiles = tuple((value - band.offset) / band.scale for value in statistics.percentiles or ())
    turned = band.scale < 0
    return RasterStatistics(
        bounds=statistics.bounds,
        footprint=statistics.footprint,
        valid_share=statistics.valid_share,
        minimum=ends[turned],
        maximum=ends[not turned],
        mean=stored(statistics.mean),
        std=None if statistics.std is None else statistics.std / abs(band.scale),
        percentiles=(quantiles[::-1] if turned else quantiles) or None,
    )


def without_foreign_scales(collection: Collection) -> Collection:
    """Return rasters without the statistics that Terracotta took of cells before their scale.

    Parameters
    ----------
    collection
        Rasters of a database of Terracotta. Their headers are read; a file that can't be opened
        keeps what is known of it.
    """
    rasters = list(collection)
    with ThreadPoolExecutor(_WORKERS) as pool:
        scaled = pool.map(lambda one: _is_scaled(one, collection.storage_options), rasters)
        kept = [
            replace(raster, statistics=None) if foreign else raster
            for raster, foreign in zip(rasters, scaled, strict=True)
        ]
    keys = [Key(name=name, type=kind) for name, kind in collection.key_types.items()]
    return type(collection)(kept, keys=keys, storage_options=collection.storage_options)


def _is_scaled(raster: Raster, storage: Mapping[str, Any] | None) -> bool:
    if raster.statistics is None:
        return False
    try:
        header = read_header(raster.path, storage)
        _, band = header.band(raster.raster_band or 1)
    except (XcubeTilesError, OSError):
        return False
    return (band.scale, band.offset) != (1.0, 0.0)
