"""TileMatrixSets: finding them, and telling those that are regular grids."""

from __future__ import annotations

from functools import lru_cache

import morecantile
from morecantile import TileMatrixSet
from morecantile.errors import InvalidIdentifier
from odc.geo.crs import CRS

from xcube_tiles.errors import GridError


@lru_cache(maxsize=1)
def tms_names() -> tuple[str, ...]:
    """Return the names of the TileMatrixSets of morecantile that are regular grids, sorted.

    Examples
    --------
    >>> "WebMercatorQuad" in tms_names(), "GNOSISGlobalGrid" in tms_names()
    (True, False)
    """
    names = sorted(morecantile.tms.list())
    return tuple(name for name in names if not _named_tms(name).is_variable)


def regular_tms(tms: TileMatrixSet | str) -> TileMatrixSet:
    """Return a TileMatrixSet, given itself or its name.

    Raises
    ------
    GridError
        An unknown name, or a TileMatrixSet whose tiles are no regular grid counted from the top
        left: variable matrix widths, or a bottom-left corner of origin.

    Examples
    --------
    >>> regular_tms("WebMercatorQuad").maxzoom
    24
    """
    found = _named_tms(tms) if isinstance(tms, str) else tms
    if not isinstance(found, TileMatrixSet):
        raise GridError(f"expected a TileMatrixSet or the name of one, got {tms!r}")
    if found.is_variable:
        raise GridError(
            f"the TileMatrixSet {found.id!r} has variable matrix widths: its tiles are no regular "
            "grid. Choose one without, such as WGS1984Quad"
        )
    corners = {matrix.cornerOfOrigin for matrix in found.tileMatrices}
    if corners != {"topLeft"}:
        raise GridError(
            f"the TileMatrixSet {found.id!r} counts tiles from {sorted(corners)!r}; "
            "expected topLeft"
        )
    return found


def tms_crs(tms: TileMatrixSet) -> CRS:
    """Return the CRS of a TileMatrixSet, under its short name where it has one.

    Examples
    --------
    >>> tms_crs(regular_tms("WorldCRS84Quad"))
    CRS('OGC:CRS84')
    """
    return _crs_of_wkt(tms.crs.to_wkt())


@lru_cache(maxsize=64)
def _crs_of_wkt(wkt: str) -> CRS:
    crs = CRS(wkt)
    # TileMatrixSets name CRSs by URIs, which odc-geo would carry into every repr and file
    authority = crs.proj.to_authority()
    return CRS(":".join(authority)) if authority else crs


@lru_cache(maxsize=64)
def _named_tms(name: str) -> TileMatrixSet:
    try:
        # morecantile makes a deep copy at each call, which a tile can't wait for
        return morecantile.tms.get(name)
    except InvalidIdentifier:
        raise GridError(
            f"unknown TileMatrixSet {name!r}; the names are {', '.join(tms_names())}"
        ) from None
