"""One tile of a scheme, cut out of a cube or resampled onto its grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.algebra.reproject import reproject
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.grid.keys import TileKey
from xcube_tiles.grid.scheme import resolve_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from morecantile import TileMatrixSet

    from xcube_tiles.grid.scheme import Scheme
    from xcube_tiles.typing import ResamplingName, XarrayT


def tile(
    obj: XarrayT,
    col: int,
    row: int,
    zoom: int,
    *,
    scheme: str | TileMatrixSet | Scheme = "WebMercatorQuad",
    tile_size: int | None = None,
    resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
) -> XarrayT:
    """Return the cells of a tile.

    Parameters
    ----------
    obj
        A cube.
    col, row
        Column from the west, row from the north.
    zoom
        Zoom level of the scheme.
    scheme
        Name of a TileMatrixSet, one itself, `local`, or any scheme: see `resolve_scheme`.
    tile_size
        Cells along an edge; None: as the scheme says.
    resampling
        Method, or one for each variable; see `reproject`.

    Returns
    -------
    The cube on the grid of the tile, lazy if it was; cells outside the cube are NoData.

    Raises
    ------
    GridError
        An unknown scheme, or a zoom, column or row that it doesn't have.
    CellTypeError
        A raw integer type that can't be NoData outside the cube.

    Notes
    -----
    Every cell of the tile is computed from the cube's own cells. A tile of much coarser cells than
    the cube's shows what is nearest to their middles, unless `resampling` averages.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 2), Affine(90, 0, -180, 0, -90, 90), "EPSG:4326")
    >>> cube = assign_geobox(xr.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("y", "x")), grid)
    >>> tile(cube, 0, 0, 0, scheme="WorldCRS84Quad", tile_size=2).values
    array([[1., 2.],
           [3., 4.]])
    >>> tile(cube, 1, 0, 0, scheme="WorldCRS84Quad", tile_size=2).isnull().all().item()
    True
    """
    layout = resolve_scheme(scheme, geobox_of(obj), tile_size=tile_size).layout(zoom)
    return reproject(obj, layout.geobox(TileKey(col, row)), resampling=resampling)
