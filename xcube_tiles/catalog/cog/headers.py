"""What the header of a file says that becomes part of a layer."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags

from xcube_tiles.catalog.cog.assembly import BandText
from xcube_tiles.catalog.cog.bands import attributes_of_text
from xcube_tiles.catalog.cog.handles import opened, version_of
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.dtypes import DTYPE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.catalog.cog.handles import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A band of a file."""

    cells: CellType
    """Dtype and NoData."""

    attrs: Mapping[str, Any] = field(default_factory=dict)
    """CF attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself."""

    path: str
    """Absolute path or URL."""

    version: Version | None
    """Modification time and size of a local file."""

    geobox: GeoBox
    """Grid of the full resolution, north up."""

    bands: tuple[Band, ...]
    """Band 1 first."""

    names: tuple[str, ...]
    """Names of the bands: their descriptions where these tell them apart."""

    overviews: tuple[int, ...]
    """Factors of the overviews that all bands have, the finest first."""

    @property
    def crs(self) -> CRS:
        """Coordinate reference system."""
        crs = self.geobox.crs
        assert crs is not None  # checked when the header was read
        return crs

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.geobox.shape[0]), int(self.geobox.shape[1])


def header_of(path: str | os.PathLike[str]) -> Header:
    """Read the header of a file.

    Raises
    ------
    CatalogError
        A file that can't be opened; one without CRS or transform, rotated, south-up, with complex
        cells, or with a mask instead of NoData.
    """
    if not isinstance(path, str | os.PathLike):
        raise CatalogError(f"expected the path or URL of a raster, got {path!r}")
    text = os.fspath(path)
    if "://" not in text and not text.startswith("/vsi"):
        text = os.path.abspath(os.path.expanduser(text))
    version = version_of(text)
    file = opened(text, version)
    affine = file.transform
    if file.crs is None or affine.is_identity:
        raise CatalogError(f"{text!r} has no CRS or no transform: it has no place on a grid")
    if affine.b or affine.d or affine.e >= 0 or affine.a <= 0:
        raise CatalogError(
            f"{text!r} isn't north-up (transform {tuple(affine)[:6]!r}); it can't be read in "
            "place: rewrite it with xcube-tiles optimize, or gdalwarp"
        )
    return Header(
        path=text,
        version=version,
        geobox=GeoBox(file.shape, affine, _crs(file.crs.to_wkt())),
        bands=tuple(_band(text, file, number) for number in file.indexes),
        names=_names(file),
        overviews=_overviews(file),
    )


def _crs(wkt: str) -> CRS:
    code = pyproj.CRS.from_wkt(wkt).to_epsg(min_confidence=100)
    return CRS(wkt if code is None else f"EPSG:{code}")


def _band(path: str, file: Any, number: int) -> Band:
    at = number - 1
    dtype = file.dtypes[at]
    if dtype not in DTYPE_NAMES:
        raise CatalogError(
            f"band {number} of {path!r} has cells of {dtype!r}; expected {', '.join(DTYPE_NAMES)}"
        )
    flags = file.mask_flag_enums[at]
    if MaskFlags.nodata not in flags and MaskFlags.all_valid not in flags:
        raise CatalogError(
            f"a mask or transparency says which cells of {path!r} have values; to be read in "
            "place a file needs a NoData value: rewrite it with xcube-tiles optimize"
        )
    text = BandText(
        name=file.descriptions[at] or "",
        units=file.units[at] or None,
        scale=float(file.scales[at]),
        offset=float(file.offsets[at]),
        tags={k: v for k, v in file.tags(number).items() if not k.startswith("STATISTICS_")},
    )
    cells = CellType(dtype=np.dtype(dtype), nodata=_nodata(np.dtype(dtype), file.nodatavals[at]))
    return Band(cells=cells, attrs=attributes_of_text(text))


def _nodata(dtype: np.dtype[Any], nodata: float | None) -> float | None:
    if nodata is None:
        return float("nan") if dtype.kind == "f" else None
    if dtype.kind == "f":
        return float(nodata)
    # GDAL lets a byte file declare -9999: no cell can be that, so that all have values.
    limits = np.iinfo(dtype)
    fits = float(nodata).is_integer() and limits.min <= nodata <= limits.max
    return int(nodata) if fits else None


def _names(file: Any) -> tuple[str, ...]:
    names = [(name or "").replace("/", "_") for name in file.descriptions]
    if "" in names or len(set(names)) < len(names):
        return tuple(f"band_{number}" for number in file.indexes)
    return tuple(names)


def _overviews(file: Any) -> tuple[int, ...]:
    lists = [file.overviews(number) for number in file.indexes]
    return tuple(map(int, lists[0])) if all(own == lists[0] for own in lists) else ()
