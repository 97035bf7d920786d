"""Headers of raster files: grid, bands, overviews; read once per file, in parallel."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyproj
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from xcube_tiles.errors import (
    CellTypeError,
    CollectionError,
    GeoreferenceError,
    RasterReadError,
)
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.dtypes import DTYPE_NAMES
from xcube_tiles.sources.storage import (
    fingerprint,
    forget_remote,
    is_local,
    open_raster,
    read_by_gdal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORKERS = 16
# Opening waits for disks and networks rather than for a processor.


class BlockShape(NamedTuple):
    """Cells of one internal block (tile or strip) of a file."""

    height: int
    width: int


class Flip(NamedTuple):
    """Which axes of a file run against a north-up grid."""

    rows: bool
    cols: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BandHeader:
    """What a file says about one of its bands."""

    cell_type: CellType
    """Dtype and NoData of the cells as stored."""

    scale: float
    """Factor from stored cells to values; 1 if none is given."""

    offset: float
    """What is added after the factor; 0 if none is given."""

    masked: bool
    """Whether a mask or an alpha band, rather than a number, says which cells have no value."""

    alpha: bool
    """Whether the band is itself the transparency of the others."""

    unit: str | None
    """Unit of the values."""

    description: str | None
    """Name of the band."""

    block_shape: BlockShape
    """Internal blocks of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterHeader:
    """What a raster file says about itself."""

    path: str
    """Absolute path or URL."""

    geobox: GeoBox
    """North-up grid of the full resolution."""

    flip: Flip
    """How stored rows and columns run against `geobox`."""

    overviews: tuple[GeoBox, ...]
    """Grids of the overviews, the finest first."""

    bands: tuple[BandHeader, ...]
    """Bands in the order of the file: band 1 first."""

    version: tuple[int, int] | None
    """Modification time (ns) and size of a local file."""

    def band(self, number: int | None) -> tuple[int, BandHeader]:
        """Return the number, from 1, and the header of a band; None means the only one.

        Raises
        ------
        CollectionError
            The file has no such band, or several to choose from.
        """
        if number is None:
            data = [n for n, band in enumerate(self.bands, 1) if not band.alpha]
            if len(data) != 1:
                raise CollectionError(
                    f"{self.path!r} has {len(data)} bands; say which one a raster is: "
                    f"scan(..., raster_bands={{'red': 1, 'green': 2}}) or "
                    f"collection.add(path, raster_band=1, ...)"
                )
            number = data[0]
        if not 1 <= number <= len(self.bands):
            raise CollectionError(f"{self.path!r} has bands 1 to {len(self.bands)}, not {number!r}")
        return number, self.bands[number - 1]


class HeaderCache:
    """Headers of files, each read once however many collections share the cache."""

    __slots__ = ("_headers", "_lock", "_options")

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._headers: dict[str, RasterHeader] = {}
        self._lock = threading.Lock()
        self._options = options

    def get(self, paths: Iterable[str]) -> dict[str, RasterHeader]:
        """Return the headers of files, reading in parallel those that aren't known.

        Raises
        ------
        CollectionError
            A file that can't be opened as a raster.
        GeoreferenceError
            A file without a CRS, without a transform, or with a rotated one.
        """
        wanted = list(dict.fromkeys(paths))
        with self._lock:
            missing = [path for path in wanted if path not in self._headers]
            if missing:
                with ThreadPoolExecutor(min(_WORKERS, len(missing))) as pool:
                    read = pool.map(lambda path: read_header(path, self._options), missing)
                    self._headers.update(zip(missing, read, strict=True))
            return {path: self._headers[path] for path in wanted}

    def unchanged(self) -> HeaderCache:
        """Return a cache of what is known of files that are as they were; others aren't read."""
        found = HeaderCache(self._options)
        with self._lock:
            known = dict(self._headers)
        found._headers = {path: each for path, each in known.items() if _is_fresh(each)}
        return found


def _is_fresh(header: RasterHeader) -> bool:
    try:
        return fingerprint(header.path) == header.version
    except OSError:
        return False


def read_header(path: str, options: Mapping[str, Any] | None = None) -> RasterHeader:
    """Read the header of one file; see `HeaderCache.get` for the errors."""
    try:
        version = fingerprint(path)
        with open_raster(path, options) as file:
            return _header(path, version, file)
    except NotGeoreferencedWarning:
        raise _no_georeference(path) from None
    except FileNotFoundError:
        raise RasterReadError(f"{path!r} doesn't exist") from None
    except RasterioError as error:
        if not is_local(path) and read_by_gdal(path, options):
            forget_remote(path)
        raise RasterReadError(f"{path!r} can't be opened as a raster: {error}") from error


def _header(path: str, version: tuple[int, int] | None, file: Any) -> RasterHeader:
    transform: Affine = file.transform
    if file.crs is None or transform.is_identity:
        raise _no_georeference(path)
    if transform.b or transform.d:
        raise GeoreferenceError(
            f"{path!r} has a rotated grid (transform {tuple(transform)[:6]!r}); warp the file to a "
            f"north-up grid first, e.g. with gdalwarp"
        )
    flip = Flip(rows=transform.e > 0, cols=transform.a < 0)
    full = _north_up(GeoBox(file.shape, transform, _crs(file.crs.to_wkt())), flip)
    return RasterHeader(
        path=path,
        geobox=full,
        flip=flip,
        overviews=tuple(_overview(full, factor) for factor in _factors(file)),
        bands=tuple(_band(path, file, number) for number in file.indexes),
        version=version,
    )


@lru_cache(maxsize=64)
def _crs(wkt: str) -> CRS:
    """Return a CRS by its EPSG code where it is that to the letter: people read the code."""
    code = pyproj.CRS.from_wkt(wkt).to_epsg(min_confidence=100)
    return CRS(wkt if code is None else f"EPSG:{code}")


def _no_georeference(path: str) -> GeoreferenceError:
    return GeoreferenceError(
        f"{path!r} has no CRS or no transform (ground control points don't count); "
        f"add them, e.g. with gdal_edit.py -a_srs EPSG:32633 -a_ullr xmin ymax xmax ymin"
    )


def _north_up(geobox: GeoBox, flip: Flip) -> GeoBox:
    height, width = geobox.shape
    turn = Affine(-1 if flip.cols else 1, 0, width if flip.cols else 0, 0, 1, 0) * Affine(
        1, 0, 0, 0, -1 if flip.rows else 1, height if flip.rows else 0
    )
    return GeoBox(geobox.shape, geobox.affine * turn, geobox.crs)


def _factors(file: Any) -> list[int]:
    # Overviews belong to bands; a level counts only if every band has it.
    lists = [file.overviews(number) for number in file.indexes]
    return [int(factor) for factor in lists[0]] if all(own == lists[0] for own in lists) else []


def _overview(full: GeoBox, factor: int) -> GeoBox:
    """Return the grid of an overview: GDAL rounds sizes up and keeps the outer edges."""
    height, width = (-(-size // factor) for size in full.shape)
    scale = Affine.scale(full.shape.x / width, full.shape.y / height)
    return GeoBox((height, width), full.affine * scale, full.crs)


def _band(path: str, file: Any, number: int) -> BandHeader:
    at = number - 1
    dtype = file.dtypes[at]
    if dtype not in DTYPE_NAMES:
        raise CellTypeError(
            f"band {number} of {path!r} has cells of {dtype!r}; expected {', '.join(DTYPE_NAMES)}"
        )
    flags = file.mask_flag_enums[at]
    alpha = file.colorinterp[at] == ColorInterp.alpha
    scale, offset = float(file.scales[at]), float(file.offsets[at])
    return BandHeader(
        cell_type=CellType(dtype=np.dtype(dtype), nodata=_nodata(np.dtype(dtype), file, at)),
        scale=scale,
        offset=offset,
        masked=not alpha and MaskFlags.nodata not in flags and MaskFlags.all_valid not in flags,
        alpha=alpha,
        unit=file.units[at] or None,
        description=file.descriptions[at] or None,
        block_shape=BlockShape(*file.block_shapes[at]),
    )


def _nodata(dtype: np.dtype[Any], file: Any, at: int) -> float | None:
    nodata = file.nodatavals[at]
    if nodata is None:
        return float("nan") if dtype.kind == "f" else None
    if dtype.kind == "f":
        return float(nodata)
    # GDAL lets a byte file declare -9999: no cell can be that, so that all have values.
    limits = np.iinfo(dtype)
    fits = float(nodata).is_integer() and limits.min <= nodata <= limits.max
    return int(nodata) if fits else None
