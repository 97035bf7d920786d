"""Flow direction: to which of its eight neighbours a cell drains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.hydrology.cells import DIRECTIONS
from xcube_tiles.algebra.rasters import raster_of
from xcube_tiles.algebra.terrain.cells import CellSizes, cell_sizes
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.kernels.hydrology.directions import CODES, END, steepest
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType

_MEANINGS = "none east southeast south southwest west northwest north northeast"


def flow_direction(elevation: xr.DataArray) -> xr.DataArray:
    """Return to which neighbour each cell drains: D8.

    Parameters
    ----------
    elevation
        Elevations of any cell type, dimensions (..., y, x).

    Returns
    -------
    uint8, 255 for NoData, named `flow_direction`; lazy if `elevation` is. 1 is east, 2 south-east,
    4 south, 8 south-west, 16 west, 32 north-west, 64 north, 128 north-east, as in ESRI's tools;
    0 where no neighbour is lower.

    Raises
    ------
    GeoreferenceError
        No CRS, no regular grid, or rows beyond a pole.
    DimensionError
        A Dataset.

    Notes
    -----
    The steepest drop, ``(own - other) / distance``, in float64 [1]_. Distances are those of the
    cells' centres, so cells needn't be square; in degrees of longitude and latitude they are true
    lengths on the ellipsoid, row by row. The unit of the elevations doesn't matter. Of equally
    steep ways the first is taken, clockwise from east: a cell drains to one neighbour, always.

    Neighbours that are NoData or outside the raster are left out. A cell from which water could
    only go there has 0, as the bottom of a depression and a flat cell have: there the water's way
    ends. Fill depressions and tilt flats first with `fill_depressions(elevation, gradient=True)`;
    then 0 is left at outlets only.

    References
    ----------
    .. [1] J. F. O'Callaghan, D. M. Mark (1984): The extraction of drainage networks from digital
       elevation data. Computer Vision, Graphics, and Image Processing 28.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((2, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> dem = xr.DataArray([[9.0, 8.0, 4.0], [9.0, np.nan, 6.0]], dims=("y", "x"))
    >>> flow_direction(assign_geobox(dem, grid)).values
    array([[  1,   1,   0],
           [128, 255,  64]], dtype=uint8)
    """
    elevation = raster_of(elevation, "elevations")
    geobox = geobox_of(elevation)
    degrees = geobox.crs is not None and geobox.crs.geographic
    data = map_halo(
        _block,
        elevation.data,
        depth=(1, 1),
        name="flow-direction",
        dtype=DIRECTIONS.dtype,
        locate=True,
        source=cell_type_of(elevation),
        sizes=cell_sizes(geobox, "latitude" if degrees else 1.0),
    )
    result = elevation.copy(data=data).rename("flow_direction")
    flags = np.array([END, *CODES], np.uint8)
    result.attrs = {"flag_values": flags, "flag_meanings": _MEANINGS}
    return set_cell_type(result, DIRECTIONS)


def _block(
    window: NDArray[Any],
    *,
    margins: tuple[int, int, int, int],
    origin: tuple[int, int],
    source: CellType,
    sizes: CellSizes,
) -> NDArray[np.uint8]:
    top, bottom, left, right = margins
    shape = (window.shape[-2] - top - bottom, window.shape[-1] - left - right)
    cells = np.ascontiguousarray(as_cells(window))
    out = np.empty((*window.shape[:-2], *shape), np.uint8)
    masked = source.nodata is not None and not np.isnan(source.nodata)
    nodata = cells.dtype.type(source.nodata if masked else 0)
    rows = sizes.of_rows(origin[0], origin[0] + shape[0])
    for index in np.ndindex(*window.shape[:-2]):
        steepest(cells[index], nodata, masked, margins, rows, out[index])
    return out
