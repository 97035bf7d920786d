"""TileMatrixSets: finding them, and telling those that are regular grids."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import morecantile
import pyproj
from morecantile import TileMatrixSet
from morecantile.errors import InvalidIdentifier
from odc.geo.crs import CRS

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import check_extent, same_crs

if TYPE_CHECKING:
    from xcube_tiles.grid.extent import Extent


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


def square_tms(world: Extent, crs: CRS, tile_size: int, zooms: int) -> TileMatrixSet:
    """Return the TileMatrixSet of square cells over a rectangle, one tile or two at zoom 0.

    Parameters
    ----------
    world
        The rectangle, of the CRS.
    crs
        CRS of the tiles.
    tile_size
        Cells along an edge of a tile.
    zooms
        How many zoom levels.

    Raises
    ------
    GridError
        A rectangle of another CRS, or without width or height.
    """
    check_extent(world)
    if not same_crs(world.crs, crs):
        raise GridError(
            f"the extent is in {world.crs!s}, the scheme in {crs!s}; bring the extent there with "
            f"to_crs({str(crs)!r})"
        )
    if not (world.width and world.height):
        raise GridError(f"expected an extent with a width and a height, got {world!r}")
    cols = 2 if math.isclose(world.width, 2 * world.height, rel_tol=1e-9) else 1
    edge = max(world.width / cols, world.height)
    found: TileMatrixSet = TileMatrixSet.custom(
        [world.xmin, world.ymax - edge, world.xmin + cols * edge, world.ymax],
        pyproj.CRS.from_user_input(crs.proj),
        tile_width=tile_size,
        tile_height=tile_size,
        matrix_scale=[cols, 1],
        minzoom=0,
        maxzoom=zooms - 1,
    )
    return found


def named(tms: TileMatrixSet, prefix: str, crs: CRS) -> TileMatrixSet:
    """Return a TileMatrixSet under a prefix and the code of a CRS, if that has one.

    Examples
    --------
    >>> from xcube_tiles.grid.world import world_extent
    >>> crs = CRS("EPSG:3035")
    >>> named(square_tms(world_extent(crs), crs, 256, 3), "world_", crs).id
    'world_EPSG_3035'
    """
    authority = crs.proj.to_authority()
    if authority is None:
        return tms
    renamed: TileMatrixSet = tms.model_copy(update={"id": prefix + "_".join(authority)})
    return renamed
