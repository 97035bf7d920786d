"""Conway's game of life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.algebra.focal.layers import core, fill_layers
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.kernels.focal.life import generations as later_generation
from xcube_tiles.kernels.nodata import is_valid

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.layers import Margins
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayT

_EDGES = ("clip", "wrap")
_AT_ONCE = 16
"""Most generations of one task: each widens the rims that neighbouring blocks compute twice."""


def game_of_life(
    obj: XarrayT, *, generations: int = 1, edge: Literal["clip", "wrap"] = "clip"
) -> XarrayT:
    """Let cells live and die by Conway's rule, B3/S23.

    Parameters
    ----------
    obj
        Cells of bool or of integers, dimensions (..., y, x): those that aren't 0 live. Of a
        Dataset, every raster.
    generations
        How many steps to take, 0 or more.
    edge
        What is around the raster. `clip`: cells that never live. `wrap`: its other side.

    Returns
    -------
    Cells of the same cell type, 1 (or True) where they live and 0 elsewhere; lazy if `obj` is. A
    NoData cell stays so, and counts as one that doesn't live.

    Raises
    ------
    CellTypeError
        Floats, or integers whose NoData is 0 or 1.
    AlgebraError
        An unknown edge; generations that aren't an integer of at least 0.

    Notes
    -----
    A cell is born if 3 of its 8 neighbours live, and survives if 2 or 3 do (Gardner, Scientific
    American 223, 1970). `focalConway` of GeoTrellis is another rule: there a cell without value
    isn't alive, the focus counts as its own neighbour, and 2 or 3 of the 9 make a cell live.

    Examples
    --------
    Three in a row turn round; at the edge, where a neighbour has no value, nothing is born:

    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> blinker = np.array([[0, 0, 0, 9], [1, 1, 1, 0], [0, 0, 0, 0]], "uint8")
    >>> cells = xr.DataArray(blinker, dims=("y", "x"), attrs={"_FillValue": np.uint8(9)})
    >>> game_of_life(assign_geobox(cells, grid)).values
    array([[0, 1, 0, 9],
           [0, 1, 0, 0],
           [0, 1, 0, 0]], dtype=uint8)
    """
    whole = isinstance(generations, int | np.integer) and not isinstance(generations, bool)
    if not whole or generations < 0:
        raise AlgebraError(f"generations must be an integer of at least 0, got {generations!r}")
    check_choice("edge", edge, _EDGES)
    return map_rasters(
        canonical(obj), lambda array: _live(array, int(generations), wrap=edge == "wrap")
    )


def _live(array: xr.DataArray, count: int, *, wrap: bool) -> xr.DataArray:
    cells = cell_type_of(array)
    if cells.dtype.kind not in "biu" or cells.nodata in {0, 1}:
        raise CellTypeError(
            f"expected cells of bool, or integers whose NoData isn't 0 or 1, got {cells.name}; "
            "make them bool by a comparison, such as cube > 0.5, or convert them to 'uint8ud255'"
        )
    data = array.data
    parts, rest = divmod(count, _AT_ONCE)
    for steps in [_AT_ONCE] * parts + [rest] * (rest > 0 or not parts):
        data = map_halo(
            _live_block,
            data,
            depth=(steps, steps),
            name="life",
            dtype=data.dtype,
            wrap=wrap,
            cells=cells,
            steps=steps,
        )
    return set_cell_type(array.copy(data=data), cells)


def _live_block(
    window: NDArray[Any], *, margins: Margins, cells: CellType, steps: int
) -> NDArray[Any]:
    def live(plane: NDArray[Any], out: NDArray[Any]) -> None:
        barren = is_valid(plane, cells.nodata)
        np.logical_not(barren, out=barren)
        later = later_generation(plane != 0, barren, steps).astype(out.dtype)
        if cells.nodata is not None:
            later[barren] = cells.nodata
        out[...] = core(later, margins)

    return fill_layers(live, window, margins, window.dtype)
