"""Rasters wherever one text says they are: a path pattern, a stored table, a single file."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from xcube_tiles.sources.collection import Collection, scan
from xcube_tiles.sources.finding import BAND_KEY
from xcube_tiles.sources.header import read_header
from xcube_tiles.sources.raster import Raster
from xcube_tiles.sources.remote_database import SUFFIXES
from xcube_tiles.sources.storage import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.sources.header import RasterHeader

_DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql:", "mysql+", "mariadb:", "mariadb+")
# GeoPackages are SQLite too, but GDAL reads those: the suffix decides, not the file's first bytes.


def open_rasters(source: str, *, storage_options: Mapping[str, Any] | None = None) -> Collection:
    """Return the rasters that a text names, in whichever way.

    Parameters
    ----------
    source
        A path pattern with keys in braces; the URL of a database, or the path of an SQLite file
        (`.db`, `.sqlite`, `.sqlite3`); or the path or URL of one raster file.
    storage_options
        Options of the fsspec file system in which the files lie.

    Returns
    -------
    Collection
        Of one file: a raster for each band that isn't the transparency of the others, with the key
        `band`: the band's description, or `band_1` ... where the descriptions don't tell the bands
        apart.

    Raises
    ------
    PatternError, DuplicateKeysError
        As `scan`.
    CollectionError
        As `Collection.open`; a file that can't be opened as a raster.
    GeoreferenceError
        A file without a CRS, or with a rotated grid.
    MissingExtraError
        A library for the database or the file system isn't installed.

    Examples
    --------
    >>> import numpy as np, rasterio
    >>> grid = {"width": 2, "height": 2, "crs": "EPSG:32633"}
    >>> grid["transform"] = rasterio.Affine(10, 0, 0, 0, -10, 20)
    >>> with rasterio.open("rgb.tif", "w", count=3, dtype="uint8", **grid) as file:
    ...     file.write(np.ones((3, 2, 2), "uint8"))
    >>> open_rasters("rgb.tif").values("band")
    ['band_1', 'band_2', 'band_3']
    """
    if "{" in source:
        return scan(source, storage_options=storage_options)
    if is_database(source):
        return Collection.open(source, storage_options=storage_options)
    path = absolute(source)
    labels = _labels(read_header(path, storage_options))
    return Collection(
        (
            Raster(path=path, keys={BAND_KEY: label}, raster_band=number)
            for number, label in labels.items()
        ),
        keys=[BAND_KEY],
        storage_options=storage_options,
    )


def is_database(source: str) -> bool:
    """Return whether a text names a database: by a URL, or a file by its suffix."""
    return source.startswith(_DATABASES) or PurePosixPath(source).suffix in SUFFIXES


def _labels(header: RasterHeader) -> dict[int, str]:
    """Return a name for each band that holds data, by its number."""
    numbers = [number for number, band in enumerate(header.bands, 1) if not band.alpha]
    names = [header.bands[number - 1].description or "" for number in numbers]
    if len(set(names)) < len(names) or "" in names:
        names = [f"band_{number}" for number in numbers]
    return dict(zip(numbers, names, strict=True))
