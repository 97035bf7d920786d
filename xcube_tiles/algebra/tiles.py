"""Cubes cut into the tiles of a layout, put together again, and mapped tile by tile."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.blocks import map_windows
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import label_differences
from xcube_tiles.cube.georef import GRID_TOLERANCE, assign_geobox, canonical, geobox_of
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import (
    AlgebraError,
    CellOverflowError,
    CellTypeError,
    GridError,
    IncompatibleCubesError,
)
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.extent import as_crs, same_crs
from xcube_tiles.grid.keys import TileKey
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT

TileFunction: TypeAlias = "Callable[[NDArray[Any], TileKey], NDArray[Any]]"
"""``func(tile, key) -> tile``: cells of shape (..., height, width)."""

Tiling: TypeAlias = "TileLayout | int | tuple[int, int]"
"""A layout, or the edge of its square tiles, or their (height, width), over a cube."""


class _Cuts(NamedTuple):
    """Where tiles cut a cube; a tile is cut off where the cube ends."""

    first: TileKey
    """Key of the tile that holds the cube's first cell."""

    tops: tuple[int, ...]
    """Rows of the cube at which tiles begin, and its height."""

    lefts: tuple[int, ...]
    """Columns at which they begin, and the width."""

    def key(self, i: int, j: int) -> TileKey:
        """Return the key of the tile in row i and column j of those that the cube has."""
        return TileKey(self.first.col + j, self.first.row + i)


def split(obj: XarrayT, layout: Tiling = 256, *, pad: bool = False) -> dict[TileKey, XarrayT]:
    """Cut a cube into the tiles of a layout.

    Parameters
    ----------
    obj
        A cube.
    layout
        A TileLayout on whose grid the cube lies, or the size of tiles that start at the cube's
        top-left corner: the edge of square ones, or (height, width), in cells.
    pad
        Fill tiles that reach beyond the cube with NoData to their whole size. By default they end
        where the cube does.

    Returns
    -------
    The tiles by their keys, in row-major order: views of the cube, or lazy ones of it.

    Raises
    ------
    GridError
        Sizes that aren't positive; a layout in another CRS, of other cells, or that doesn't hold
        the cube.
    CellTypeError
        `pad` with cells without NoData (a raw integer type).

    Examples
    --------
    >>> grid = GeoBox((2, 3), Affine(10, 0, 0, 0, -10, 20), "EPSG:32633")
    >>> cube = assign_geobox(xr.DataArray([[1.0, 2, 3], [4, 5, np.nan]], dims=("y", "x")), grid)
    >>> tiles = split(cube, 2)
    >>> {str(key): tile.values.tolist() for key, tile in tiles.items()}
    {'0/0': [[1.0, 2.0], [4.0, 5.0]], '1/0': [[3.0], [nan]]}
    >>> stitch(tiles).equals(cube)
    True
    """
    obj = canonical(obj)
    whole = _layout(obj, layout)
    cuts = _cuts(geobox_of(obj), whole)
    tiles = {}
    for i, rows in enumerate(pairwise(cuts.tops)):
        for j, cols in enumerate(pairwise(cuts.lefts)):
            key = cuts.key(i, j)
            tile = canonical(obj.isel(y=slice(*rows), x=slice(*cols)))
            tiles[key] = warp(tile, whole.geobox(key)) if pad else tile
    return tiles


def stitch(tiles: Mapping[TileKey, XarrayT]) -> XarrayT:
    """Put tiles together to the cube that they were cut from: the inverse of `split`.

    Parameters
    ----------
    tiles
        Cubes by their keys: a full rectangle of columns and rows, tiles side by side on one grid.

    Returns
    -------
    One cube, lazy if the tiles are. For tiles with gaps between them, or that overlap, use
    `mosaic`.

    Raises
    ------
    GridError
        No tiles; tiles missing; tiles that don't lie side by side.
    IncompatibleCubesError
        Tiles of other labels or cell types.
    """
    if not isinstance(tiles, Mapping) or not tiles:
        raise GridError(f"expected tiles by their keys, as split returns them, got {tiles!r}")
    keys = [key if isinstance(key, TileKey) else _not_a_key(key) for key in tiles]
    rows, cols = sorted({key.row for key in keys}), sorted({key.col for key in keys})
    missing = [
        str(TileKey(col, row)) for row in rows for col in cols if TileKey(col, row) not in tiles
    ]
    if missing or rows[-1] - rows[0] >= len(rows) or cols[-1] - cols[0] >= len(cols):
        gaps = ", ".join(missing[:3]) or "whole rows or columns"
        raise GridError(
            f"the tiles have gaps ({gaps}); put them together with mosaic, which fills in NoData"
        )
    parts = {key: canonical(tile) for key, tile in tiles.items()}
    for part in parts.values():
        _check_alike(parts[keys[0]], part)
    strips = [_concatenated([parts[TileKey(col, row)] for col in cols], "x") for row in rows]
    return _concatenated(strips, "y")


def _not_a_key(key: object) -> TileKey:
    raise GridError(f"expected a TileKey for each tile, got {key!r}")


def _concatenated(parts: list[XarrayT], dim: str) -> XarrayT:
    first = geobox_of(parts[0])
    start, sizes = (0, 0), []
    for part in parts:
        own = geobox_of(part)
        _check_beside(first, own, start, dim)
        sizes.append(part.sizes[dim])
        start = (sum(sizes), 0) if dim == "y" else (0, sum(sizes))
    height, width = first.shape
    shape = (sum(sizes), width) if dim == "y" else (height, sum(sizes))
    bare = [part.drop_vars(["y", "x", "spatial_ref"]) for part in parts]
    if isinstance(bare[0], xr.DataArray):
        joined = xr.concat(bare, dim, coords="minimal", compat="override", join="exact")
    else:
        joined = xr.concat(
            bare,
            dim,
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="exact",
            combine_attrs="override",
        )
    return assign_geobox(joined, GeoBox(shape, first.affine, first.crs))


def _check_alike(first: XarrayT, other: XarrayT) -> None:
    differences = label_differences(first, other)
    if differences:
        raise IncompatibleCubesError(f"the tiles can't be stitched: {differences[0]}")
    one, two = (
        {"": each} if isinstance(each, xr.DataArray) else each.data_vars for each in (first, other)
    )
    for name, array in one.items():
        if cell_type_of(array) != cell_type_of(two[name]):
            raise IncompatibleCubesError(
                f"the cell types of {array.name!r} differ: {cell_type_of(array).name} and "
                f"{cell_type_of(two[name]).name}; convert one first: "
                f"cube.tiles.convert({cell_type_of(array).name!r})"
            )


def _check_beside(first: GeoBox, own: GeoBox, start: tuple[int, int], dim: str) -> None:
    wanted = first.affine * Affine.translation(start[1], start[0])
    off = np.abs(np.subtract(tuple(~wanted * own.affine)[:6], tuple(Affine.identity())[:6])).max()
    across = 1 if dim == "y" else 0
    if not same_crs(as_crs(first.crs), as_crs(own.crs)) or off > GRID_TOLERANCE * max(
        *own.shape, 1
    ):
        raise GridError(
            f"the tiles don't lie side by side: one starts at ({own.affine.c}, {own.affine.f}) in "
            f"{own.crs}, expected ({wanted.c}, {wanted.f}) in {first.crs}; use mosaic"
        )
    if own.shape[across] != first.shape[across]:
        raise GridError(
            f"the tiles don't lie side by side: (y, x) are {tuple(first.shape)} and "
            f"{tuple(own.shape)}; use mosaic"
        )


def map_tiles(
    obj: XarrayT,
    func: TileFunction,
    layout: Tiling = 256,
    *,
    depth: int = 0,
    cell_type: CellType | str | None = None,
) -> XarrayT:
    """Apply a function to each tile of a layout, lazily if the cube is lazy.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    func
        ``func(tile, key) -> tile``: a numpy array of shape (..., height, width) with all leading
        dimensions whole, and the TileKey. It returns an array of the same shape; the one that it
        gets is read-only. On a cluster it is pickled.
    layout
        As for `split`. Tiles end where the cube does.
    depth
        Cells of the neighbours that `func` sees around each tile; beyond the cube they are NoData.
        Its result may be of the tile with this rim, which is then cut off, or without.
    cell_type
        Cell type of the result, or its name, such as `"float32"`; None: that of the cube.

    Returns
    -------
    The cube on its grid, of the cell type declared; a block is a tile, computed in one task.

    Raises
    ------
    AlgebraError
        `depth` that isn't a whole number of at least 0; something that can't be called. When it is
        computed: a result of another shape, or of a dtype that the cell type can't hold.
    GridError
        A layout that doesn't fit the cube, as for `split`.
    CellTypeError
        An unknown cell type; a rim around cells without NoData (a raw integer type). When it is
        computed: integers that the cell type can't hold (`CellOverflowError`).

    Examples
    --------
    >>> grid = GeoBox((2, 3), Affine(10, 0, 0, 0, -10, 20), "EPSG:32633")
    >>> cube = assign_geobox(xr.DataArray([[1.0, 2, 3], [4, 5, np.nan]], dims=("y", "x")), grid)
    >>> map_tiles(cube, lambda tile, key: tile - np.nanmin(tile) + 100 * key.col, 2).values
    array([[  0.,   1., 100.],
           [  3.,   4.,  nan]])
    """
    if not callable(func):
        raise AlgebraError(f"expected a function of a tile and its key, got {func!r}")
    if not isinstance(depth, Integral) or isinstance(depth, bool) or int(depth) < 0:
        raise AlgebraError(f"depth must be a whole number of cells, at least 0, got {depth!r}")
    target = CellType.parse(cell_type) if isinstance(cell_type, str) else cell_type
    obj = canonical(obj)
    cuts = _cuts(geobox_of(obj), _layout(obj, layout))
    return map_rasters(obj, lambda array: _map_array(array, func, cuts, int(depth), target))


def _map_array(
    array: xr.DataArray, func: TileFunction, cuts: _Cuts, depth: int, target: CellType | None
) -> xr.DataArray:
    cells = cell_type_of(array)
    if depth and cells.nodata is None:
        raise CellTypeError(
            f"{array.name!r} has no NoData value ({cells.name}), which the rim beyond the cube "
            "would be; give it one first, e.g. cube.tiles.convert('int16ud-9999')"
        )
    result = cells if target is None else target
    # Tiles are the same whatever the chunks of leading dimensions: each gets them whole.
    lead = dict.fromkeys(array.dims[:-2], -1)
    data = map_windows(
        partial(_map_tile, user=func, cuts=cuts, depth=depth, fill=cells.nodata, result=result),
        (array.chunk(lead) if array.chunks is not None and lead else array).data,
        chunks=_sizes(cuts),
        windows=partial(_rimmed, cuts=cuts, depth=depth),
        name="map-tiles",
        dtype=result.dtype,
    )
    return set_cell_type(array.copy(data=data), result)


def _sizes(cuts: _Cuts) -> tuple[tuple[int, ...], tuple[int, ...]]:
    heights, widths = (
        tuple(b - a for a, b in pairwise(starts)) for starts in (cuts.tops, cuts.lefts)
    )
    return heights, widths


def _rimmed(i: int, j: int, *, cuts: _Cuts, depth: int) -> tuple[slice, slice]:
    rows = slice(cuts.tops[i] - depth, cuts.tops[i + 1] + depth)
    return rows, slice(cuts.lefts[j] - depth, cuts.lefts[j + 1] + depth)


def _map_tile(
    piece: NDArray[Any],
    *,
    block: tuple[int, int],
    user: TileFunction,
    cuts: _Cuts,
    depth: int,
    fill: float | None,
    result: CellType,
) -> NDArray[Any]:
    key = cuts.key(*block)
    tile = _padded(piece, block, cuts, depth, fill) if depth else piece.view()
    # Without a rim it is a view of the cube, which a function must not change.
    tile.flags.writeable = False
    inner = (*piece.shape[:-2], *(size - 2 * depth for size in tile.shape[-2:]))
    made = user(tile, key)
    if not isinstance(made, np.ndarray) or made.shape not in (tile.shape, inner):
        shape = made.shape if isinstance(made, np.ndarray) else type(made).__name__
        raise AlgebraError(
            f"the function must return an array of shape {inner} for tile {key}, got {shape}"
        )
    if not np.can_cast(made.dtype, result.dtype, "same_kind"):
        raise AlgebraError(
            f"the function returns {made.dtype} for tile {key}, which {result.name!r} can't hold; "
            f"declare it: map_tiles(..., cell_type={str(made.dtype)!r})"
        )
    if depth and made.shape == tile.shape:
        made = made[..., depth:-depth, depth:-depth]
    _check_range(made, result, key)
    return made.astype(result.dtype, copy=False)


def _check_range(made: NDArray[Any], result: CellType, key: TileKey) -> None:
    """Refuse integers that would wrap; floats become inf, as they do everywhere."""
    if result.dtype.kind not in "iu" or np.can_cast(made.dtype, result.dtype) or not made.size:
        return
    low, high, limits = int(made.min()), int(made.max()), np.iinfo(result.dtype)
    if low < limits.min or high > limits.max:
        raise CellOverflowError(
            f"the function returns {low} to {high} for tile {key}, which {result.name!r} can't "
            f"hold; declare what it returns: map_tiles(..., cell_type={str(made.dtype)!r})"
        )


def _padded(
    piece: NDArray[Any],
    block: tuple[int, int],
    cuts: _Cuts,
    depth: int,
    fill: float | None,
) -> NDArray[Any]:
    """Return a tile whose rims have their whole depth, NoData beyond the cube."""
    rims = [(0, 0)] * (piece.ndim - 2)
    for at, starts in zip(block, (cuts.tops, cuts.lefts), strict=True):
        before, behind = starts[at], starts[-1] - starts[at + 1]
        rims.append((max(depth - before, 0), max(depth - behind, 0)))
    return np.pad(piece, rims, constant_values=piece.dtype.type(fill))


def _layout(obj: XarrayT, layout: Tiling) -> TileLayout:
    if isinstance(layout, TileLayout):
        return layout
    return TileLayout.from_geobox(geobox_of(obj), layout)


def _cuts(geobox: GeoBox, layout: TileLayout) -> _Cuts:
    own, affine = layout.geobox(), ~layout.geobox().affine * geobox.affine
    col, row = round(affine.c), round(affine.f)
    off = max(abs(affine.c - col), abs(affine.f - row))
    stretch = max(abs(affine.a - 1) * geobox.shape[1], abs(affine.e - 1) * geobox.shape[0])
    if not same_crs(as_crs(own.crs), as_crs(geobox.crs)) or max(off, stretch) > GRID_TOLERANCE:
        raise GridError(
            f"the layout has other cells than the cube ({layout.resolution!r} in {layout.crs}, "
            f"the cube {(geobox.affine.a, -geobox.affine.e)!r} in {geobox.crs}, or an origin "
            "between cells); bring the cube there first: cube.tiles.reproject(layout)"
        )
    (height, width), (rows, cols) = geobox.shape, own.shape
    if row < 0 or col < 0 or row + height > rows or col + width > cols:
        raise GridError(
            "the cube reaches beyond the layout; crop it first: cube.tiles.crop(layout.extent())"
        )
    tall, wide = layout.tile_shape
    first = TileKey(col // wide, row // tall)
    return _Cuts(first, _starts(row % tall, height, tall), _starts(col % wide, width, wide))


def _starts(inside: int, length: int, size: int) -> tuple[int, ...]:
    """Return where tiles begin along an axis, from `inside` the first one, and the axis' end."""
    return (0, *range(size - inside, length, size), length)
