"""Mathematical morphology: what grows, shrinks, opens and closes the shapes in a raster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.algebra.focal.layers import check_neighborhood, core, fill_layers, number_of
from xcube_tiles.algebra.focal.table import statistic_named
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError
from xcube_tiles.kernels.focal.extremes import largest, smallest, subtract
from xcube_tiles.kernels.focal.window import padded
from xcube_tiles.kernels.neighborhood import Square
from xcube_tiles.kernels.nodata import is_valid

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.layers import Margins
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.kernels.neighborhood import Neighborhood
    from xcube_tiles.typing import XarrayT

Morphology: TypeAlias = Literal[
    "erode", "dilate", "opening", "closing", "gradient", "white_tophat", "black_tophat"
]
"""What `morphology` does."""

_Pass: TypeAlias = Literal["erode", "dilate"]
_Edge: TypeAlias = Literal["clip", "nearest", "reflect", "wrap"]


@dataclass(frozen=True, slots=True)
class _Operation:
    """One row of the table: passes over the raster, and those whose result is subtracted."""

    high: tuple[_Pass, ...]
    low: tuple[_Pass, ...] | None = None


_OPERATIONS: dict[str, _Operation] = {
    "erode": _Operation(("erode",)),
    "dilate": _Operation(("dilate",)),
    "opening": _Operation(("erode", "dilate")),
    "closing": _Operation(("dilate", "erode")),
    "gradient": _Operation(("dilate",), ("erode",)),
    "white_tophat": _Operation((), ("erode", "dilate")),
    "black_tophat": _Operation(("dilate", "erode"), ()),
}


def morphology(
    obj: XarrayT,
    operation: Morphology,
    neighborhood: Neighborhood | None = None,
    *,
    edge: Literal["clip", "nearest", "reflect", "wrap"] = "clip",
) -> XarrayT:
    """Shrink, grow, open or close the shapes in a raster.

    Parameters
    ----------
    obj
        Cells of any type, dimensions (..., y, x); of a Dataset, every raster. Bool cells are shapes
        (True) on a ground; numbers are heights.
    operation
        `erode`: the smallest cell of the neighbourhood, so that shapes shrink. `dilate`: the
        largest cell of the reflected neighbourhood: they grow. `opening`: eroded, then dilated,
        which takes away what is smaller than the neighbourhood. `closing`: dilated, then eroded,
        which fills holes smaller than it. `gradient`: dilated minus eroded, the outlines.
        `white_tophat`: cells minus their opening; `black_tophat`: the closing minus the cells.
    neighborhood
        The structuring element, flat; by default `Square(1)`. Weights of a `Kernel` count as in or
        out (0).
    edge
        What is beyond the raster. `clip`: nothing; `nearest`: the cell at the edge; `reflect`: the
        raster mirrored, with the cell at the edge repeated; `wrap`: its other side.

    Returns
    -------
    Cells of the same type; lazy if `obj` is. The last three operations give differences, which are
    bool of bool cells, floats of floats, and of integers the next wider ones, which hold them
    (int16 of 8 bits, int32 of 16, int64 of 32, uint64 of 64). A NoData cell stays so and is nothing
    to its neighbours.

    Raises
    ------
    AlgebraError
        An unknown operation or edge; something else than a neighbourhood; one without the focus,
        with `edge="clip"`, of integers that have no NoData.
    NoDataCollisionError
        When it is computed: a difference of 2**64 - 1 between integers of 64 bits.

    Notes
    -----
    As `scipy.ndimage.grey_erosion` and its siblings have it, for cells without NoData. Opening and
    closing are idempotent with gaps too.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 8), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> heights = [[0.0, 9, 0, 5, 5, 5, 0, np.nan]]
    >>> cells = assign_geobox(xr.DataArray(heights, dims=("y", "x")), grid)
    >>> morphology(cells, "opening").values
    array([[ 0.,  0.,  0.,  5.,  5.,  5.,  0., nan]])
    >>> morphology(cells, "white_tophat").values
    array([[ 0.,  9.,  0.,  0.,  0.,  0.,  0., nan]])
    """
    check_choice("operation", operation, _OPERATIONS)
    check_choice("edge", edge, get_args(_Edge))
    neighborhood = Square(1) if neighborhood is None else neighborhood
    check_neighborhood(neighborhood)
    call = partial(_shape_array, name=operation, mask=neighborhood.mask(), edge=edge)
    return map_rasters(canonical(obj), call)


def _shape_array(
    array: xr.DataArray, *, name: Morphology, mask: NDArray[np.bool_], edge: _Edge
) -> xr.DataArray:
    cells, reach = cell_type_of(array), (mask.shape[0] // 2, mask.shape[1] // 2)
    if cells.nodata is None and edge == "clip" and not mask[reach]:
        raise AlgebraError(
            f"{cells.name} cells at the edge may have no neighbour, as the neighbourhood is without"
            " its focus, and no number says so; use edge='nearest', or give them a NoData number, "
            "e.g. cube.tiles.convert('int16ud-9999')"
        )
    row = _OPERATIONS[name]
    result = cells
    if row.low is not None and cells.dtype.kind != "b":
        result = statistic_named("range").result_type(cells, may_lack=False)
    passes = max(len(row.high), len(row.low or ()))
    data = map_halo(
        _shape_block,
        array.data,
        depth=(passes * reach[0], passes * reach[1]),
        name=name,
        dtype=result.dtype,
        wrap=edge == "wrap",
        operation=name,
        mask=mask,
        edge=edge,
        cells=cells,
        result=result,
    )
    return set_cell_type(array.copy(data=data), result)


def _shape_block(
    window: NDArray[Any],
    *,
    margins: Margins,
    operation: str,
    mask: NDArray[np.bool_],
    edge: _Edge,
    cells: CellType,
    result: CellType,
) -> NDArray[Any]:
    row = _OPERATIONS[operation]

    def fill(plane: NDArray[Any], out: NDArray[Any]) -> None:
        high = _passed(plane, margins, row.high, mask, edge, cells)
        if row.low is None:
            out[...] = high
            return
        low = _passed(plane, margins, row.low, mask, edge, cells)
        valid = is_valid(high, cells.nodata) & is_valid(low, cells.nodata)
        if out.dtype == bool:
            out[...] = high != low
        else:
            subtract(high, low, valid, 0 if result.nodata is None else result.nodata, out)

    return fill_layers(fill, window, margins, result.dtype)


def _passed(
    plane: NDArray[Any],
    margins: Margins,
    passes: tuple[_Pass, ...],
    mask: NDArray[np.bool_],
    edge: _Edge,
    cells: CellType,
) -> NDArray[Any]:
    """Return what passes make of a plane, without its rims."""
    down, across = mask.shape[0] // 2, mask.shape[1] // 2
    for left in reversed(range(len(passes))):
        # The rims that later passes need are computed as the block is.
        far = (down, down, across, across)
        inner = [min(rim, left * depth) for rim, depth in zip(margins, far, strict=True)]
        outer = tuple(rim - kept for rim, kept in zip(margins, inner, strict=True))
        plane = _one_pass(plane, outer, passes[-1 - left], mask, edge, cells)
        margins = (inner[0], inner[1], inner[2], inner[3])
    return core(plane, margins)


def _one_pass(
    plane: NDArray[Any],
    margins: Any,
    step: _Pass,
    mask: NDArray[np.bool_],
    edge: _Edge,
    cells: CellType,
) -> NDArray[Any]:
    nodata, known = number_of(cells, plane.dtype)
    if known:
        beyond = nodata
    elif plane.dtype.kind == "f":
        beyond = plane.dtype.type(np.nan)
    else:
        # Integers without NoData: a number that no cell loses to.
        limits = np.iinfo(plane.dtype)
        beyond = plane.dtype.type(limits.max if step == "erode" else limits.min)
    depth = (mask.shape[0] // 2, mask.shape[1] // 2)
    rimmed = padded(plane, margins, depth, edge, beyond)
    block = core(plane, margins)
    out = np.empty(block.shape, plane.dtype)
    if step == "erode":
        smallest(rimmed, mask, nodata, known, beyond, out)
    else:
        reflected = np.ascontiguousarray(mask[::-1, ::-1])
        largest(rimmed, reflected, nodata, known, beyond, out)
    gaps = ~is_valid(block, cells.nodata)
    if gaps.any():
        out[gaps] = block[gaps]
    return out
