"""Region groups: connected cells of equal value get one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xcube_tiles.cube.blocks import map_shared
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import as_cells
from xcube_tiles.kernels.regions.labels import label
from xcube_tiles.kernels.regions.seams import Outline, look_up, outline, renumber

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT

_CONNECTIVITIES = (4, 8)


def regions(obj: XarrayT, *, connectivity: Literal[4, 8] = 4) -> XarrayT:
    """Give each group of connected cells of equal value a number.

    Parameters
    ----------
    obj
        A cube of any cell type, dimensions (..., y, x); of a Dataset, every variable with y and x.
    connectivity
        4: cells are connected by their edges; 8: by their corners, too.

    Returns
    -------
    Numbers 1..n in row-major order of each region's first cell, 0 for NoData; int32, or int64 for
    rasters of 2**31 cells and more. Same shape, and same chunks along y and x; lazy if `obj` is.

    Raises
    ------
    AlgebraError
        A connectivity that is neither 4 nor 8.
    GeoreferenceError
        No CRS or no regular grid.

    Notes
    -----
    Values are compared exactly, floats too: classify continuous ones first. NaN is NoData. Along
    other dimensions than y and x every layer is a raster of its own, with numbers from 1.

    The numbers don't depend on the chunks: blocks are labelled by runs and union-find [1]_, united
    along their borders, and numbered together. That takes three tasks a block and one for all,
    which holds the borders of the blocks and 8 bytes a region.

    References
    ----------
    .. [1] K. Wu, E. Otoo, K. Suzuki (2009): Optimizing two-pass connected-component labeling
       algorithms. Pattern Analysis and Applications 12.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cover = xr.DataArray(
    ...     np.uint8([[7, 7, 5, 5], [5, 5, 7, 255], [5, 7, 7, 255]]),
    ...     dims=("y", "x"),
    ...     attrs={"_FillValue": np.uint8(255)},
    ... )
    >>> regions(assign_geobox(cover, grid)).values
    array([[1, 1, 2, 2],
           [3, 3, 4, 0],
           [3, 4, 4, 0]], dtype=int32)
    >>> regions(assign_geobox(cover, grid), connectivity=8).values
    array([[1, 1, 2, 2],
           [2, 2, 1, 0],
           [2, 1, 1, 0]], dtype=int32)
    """
    if isinstance(connectivity, bool) or connectivity not in _CONNECTIVITIES:
        raise AlgebraError(
            f"connectivity must be 4 (edges) or 8 (edges and corners), got {connectivity!r}"
        )
    return map_rasters(canonical(obj), lambda array: _regions(array, connectivity == 8))


def _regions(array: xr.DataArray, diagonal: bool) -> xr.DataArray:
    cells = array.sizes["y"] * array.sizes["x"]
    numbers = CellType(dtype=np.dtype(np.int32 if cells < 2**31 else np.int64), nodata=0)
    data = map_shared(
        _label_block,
        _number_all,
        _number_block,
        array.data,
        name="regions",
        dtype=numbers.dtype,
        nodata=cell_type_of(array).nodata,
        diagonal=diagonal,
        numbers=numbers.dtype,
    )
    result = array.copy(data=data)
    result.attrs = {}
    return set_cell_type(result, numbers)


def _label_block(
    block: NDArray[Any],
    *,
    origin: tuple[int, int],
    shape: tuple[int, int],
    nodata: float | None,
    diagonal: bool,
    numbers: np.dtype[Any],
) -> tuple[NDArray[Any], Outline]:
    cells = as_cells(block)
    own, firsts = label(cells, nodata, diagonal=diagonal, dtype=numbers)
    return own, outline(cells, own, firsts, origin=origin, width=shape[1])


def _number_all(
    outlines: Sequence[tuple[tuple[int, int], Outline]],
    *,
    nodata: float | None,
    diagonal: bool,
    numbers: np.dtype[Any],
) -> Mapping[tuple[int, int], NDArray[Any] | None]:
    return renumber(outlines, diagonal=diagonal, dtype=numbers)


def _number_block(
    own: NDArray[Any],
    final: NDArray[Any] | None,
    *,
    nodata: float | None,
    diagonal: bool,
    numbers: np.dtype[Any],
) -> NDArray[Any]:
    return own if final is None else look_up(own, final)
