"""The grid of a map tile: tile matrix sets by name, and the pixels of one of their tiles."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import morecantile
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError

if TYPE_CHECKING:
    from morecantile import TileMatrixSet

TILE_SIZE = 256
"""Edge of a tile, in pixels, unless told otherwise."""

LARGEST_TILE = 4096
"""Largest edge of a picture, in pixels: what one picture may cost is bounded."""


class Tile(NamedTuple):
    """Address of a map tile."""

    tms: str | TileMatrixSet
    """Tile matrix set, or its name, such as `WebMercatorQuad`."""

    z: int
    """Zoom level, named as in the set."""

    x: int
    """Column, counted from the west."""

    y: int
    """Row, counted from the north."""


def tms_names() -> tuple[str, ...]:
    """Return the names of the tile matrix sets that come with morecantile, sorted."""
    return tuple(sorted(morecantile.tms.list()))


@lru_cache(maxsize=64)
def named_tms(name: str) -> TileMatrixSet:
    """Return a tile matrix set by its name.

    Raises
    ------
    GridError
        A name that morecantile doesn't know.
    """
    if name not in morecantile.tms.list():
        raise GridError(f"unknown tile matrix set {name!r}; the names are {', '.join(tms_names())}")
    return morecantile.tms.get(name)


def tile_geobox(tile: tuple[str | TileMatrixSet, int, int, int], size: int = TILE_SIZE) -> GeoBox:
    """Return the grid of a tile's pixels.

    Parameters
    ----------
    tile
        Tile matrix set or its name, zoom, column, row: see `Tile`.
    size
        Edge of the tile in pixels; the set's own tile size has no say.

    Raises
    ------
    GridError
        An unknown set, a zoom, column or row that it doesn't have, a size out of range.

    Examples
    --------
    >>> tile_geobox(("WebMercatorQuad", 0, 0, 0)).boundingbox.left
    -20037508.342789244
    """
    if not isinstance(size, int) or not 1 <= size <= LARGEST_TILE:
        raise GridError(f"a tile is 1 to {LARGEST_TILE} pixels wide, got {size!r}")
    given, z, x, y = tile
    tms = named_tms(given) if isinstance(given, str) else given
    _check_address(tms, z, x, y)
    left, bottom, right, top = tms.xy_bounds(morecantile.Tile(x, y, z))
    affine = Affine((right - left) / size, 0.0, left, 0.0, (bottom - top) / size, top)
    crs = _named_crs(given) if isinstance(given, str) else _crs_of(tms)
    return GeoBox((size, size), affine, crs)


def _check_address(tms: TileMatrixSet, z: int, x: int, y: int) -> None:
    # Deeper zooms than the set defines could be extrapolated; nobody else's client would ask.
    if not tms.minzoom <= z <= tms.maxzoom:
        raise GridError(f"{tms.id} has the zoom levels {tms.minzoom} to {tms.maxzoom}, got {z}")
    matrix = tms.matrix(z)
    for name, value, count in (("x", x, matrix.matrixWidth), ("y", y, matrix.matrixHeight)):
        if not 0 <= value < count:
            raise GridError(f"{tms.id} has {name} from 0 to {count - 1} at zoom {z}, got {value}")


@lru_cache(maxsize=64)
def _named_crs(name: str) -> CRS:
    return _crs_of(named_tms(name))


def _crs_of(tms: TileMatrixSet) -> CRS:
    code = tms.crs.to_epsg()
    return _crs(f"EPSG:{code}" if code else tms.crs.to_wkt())


@lru_cache(maxsize=64)
def _crs(definition: str) -> CRS:
    return CRS(definition)
