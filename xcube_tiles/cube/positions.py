"""Where the cells of one grid lie in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.georef import GRID_TOLERANCE
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import as_crs, same_crs
from xcube_tiles.kernels.warp import positions as kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

_PATCHES = (256, 128, 64, 32, 16)
"""Edges of the patches between whose nodes positions are interpolated, in target cells."""

_ACCURATE = 2.5e-6
"""Largest departure, in cells, where a patch is compared with exact positions."""

_BAND = 1e-5
"""Positions that close to an edge of cells are computed exactly: four times `_ACCURATE`, as a patch
may depart more between the points of comparison."""

_ROUNDING = 1e-9
"""Exact positions that close to an edge lie on it, beside what float64 loses far from 0."""


def positions(
    source: GeoBox, target: GeoBox, rows: tuple[int, int], cols: tuple[int, int], *, corners: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where (rows, cols) of a part of a target grid lie in the source, in its cells.

    Parameters
    ----------
    source, target
        North-up grids.
    rows, cols
        First row and column of the part, and the first ones behind it.
    corners
        Positions of the corners of cells, else of their centres.

    Returns
    -------
    Two float64 arrays of the part's shape, one more each way with `corners`. Not finite where the
    target has no place in the source's CRS.

    Notes
    -----
    The target is cut into patches of 256 cells, counted from its first cell whatever part is asked
    for. Exact positions at 16 points make a cubic polynomial of row and column. Where it departs
    from exact positions at 25 further points by more than 2.5e-6 of a cell, the patch is cut into
    four, down to 16 cells; below that every position is exact. Positions closer than 1e-5 to an
    edge of source cells are exact, too: the cell that holds a position is always the right one.

    Positions are counted from the source's corner and rounded to a 2^30th of a cell: whatever part
    is asked for, a cell's position is the same to the last bit, also less an integer offset.
    Longitudes that differ by a full turn are one place: the one nearest to the source's middle.
    """
    inset, more = (0.0, 1) if corners else (0.5, 0)
    shape = (rows[1] - rows[0] + more, cols[1] - cols[0] + more)
    first = (rows[0], cols[0])
    down, across = np.empty(shape), np.empty(shape)
    if same_plane(source, target):
        along = np.arange(max(shape), dtype=np.float64) + inset
        row, col = exact(source, target, first[0] + along, first[1] + along)
        down[:], across[:] = row[: shape[0], None], col[: shape[1]]
        return down, across
    rest = _fill_patches(source, target, first, inset, down, across)
    where = _cells_of(rest, _PATCHES[-1] // 2, first, shape)
    _fill_exact(source, target, first, inset, where, down, across)
    return down, across


def exact(
    source: GeoBox, target: GeoBox, down: NDArray[np.float64], across: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where single points of a target grid lie in the source, in cells of either.

    Parameters
    ----------
    source, target
        North-up grids.
    down, across
        Rows and columns in the target, of equal shape; (0, 0) is its top-left corner.

    Returns
    -------
    Rows and columns in the source, as `positions` has them. A position closer than 1e-9 to an edge
    of cells lies on it.
    """
    row, col = _projected(source, target, down, across)
    turn = full_turn(source)
    if turn:
        with np.errstate(invalid="ignore"):
            col = col - turn * np.floor((col - _middle(source)) / turn + 0.5)
    back = ~source.affine
    return _settled(row, back.f), _settled(col, back.c)


def _projected(
    source: GeoBox, target: GeoBox, down: NDArray[np.float64], across: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    to, back = target.affine, ~source.affine
    x, y = to.c + across * to.a, to.f + down * to.e
    if not same_plane(source, target):
        x, y = _transformer(target.crs, source.crs)(x, y)
    return back.f + np.asarray(y) * back.e, back.c + np.asarray(x) * back.a


def _settled(cells: NDArray[np.float64], offset: float) -> NDArray[np.float64]:
    noise = _ROUNDING + 2 * np.finfo(np.float64).eps * abs(offset)
    with np.errstate(invalid="ignore"):
        whole = np.rint(cells)
        on_edge = np.abs(cells - whole) < noise
    return np.where(on_edge, whole, kernel.rounded(cells))


def _fill_patches(
    source: GeoBox,
    target: GeoBox,
    first: tuple[int, int],
    inset: float,
    down: NDArray[np.float64],
    across: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Fill in what patches can give; return the origins of what is left."""
    near = np.zeros(down.shape[0], np.bool_)
    turn, middle = full_turn(source), _middle(source)
    origins = _origins(first, down.shape)
    for size in _PATCHES:
        cubics, starts, good = _fitted(source, target, origins, size)
        kernel.evaluate(
            cubics[good], starts[good], origins[good], size, first, inset,
            turn, middle, _BAND, down, across, near,
        )  # fmt: skip
        origins = _quarters(origins[~good], size // 2, first, down.shape)
        if not len(origins):
            break
    # Cells that no patch filled hold anything: they are looked at in vain, if at all.
    where = kernel.doubtful(down, across, near, _BAND)
    _fill_exact(source, target, first, inset, where, down, across)
    return origins


def _fitted(
    source: GeoBox, target: GeoBox, origins: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the cubics of patches, what to add to them, and which are accurate."""
    count = len(origins)
    grids = [np.meshgrid(at, at, indexing="ij") for at in (kernel.NODES, kernel.CHECKS)]
    along = [np.concatenate([grid[axis].ravel() for grid in grids]) for axis in (0, 1)]
    down, across = (origins[:, axis, None] + size * along[axis] for axis in (0, 1))
    found = np.stack(_projected(source, target, down, across), axis=1)
    good = np.isfinite(found).all((1, 2))
    found[~good] = 0.0
    starts = found[:, :, 0].copy()
    found -= starts[..., None]
    nodes, checks = np.split(found, [kernel.NODES.size**2], axis=2)
    cubics = kernel.fit(nodes.reshape(count, 2, kernel.NODES.size, -1))
    departure = np.abs(kernel.at_checks(cubics).reshape(checks.shape) - checks)
    return cubics, starts, good & (departure.max((1, 2), initial=0.0) <= _ACCURATE)


def _origins(first: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return first row and column of the largest patches that hold a part, shape (p, 2)."""
    size = _PATCHES[0]
    starts = [
        np.arange(at // size * size, at + length, size)
        for at, length in zip(first, shape, strict=True)
    ]
    return np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)


def _quarters(
    origins: NDArray[np.int64], size: int, first: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Cut patches into four of a size; return those that hold cells of a part."""
    steps = np.array([(0, 0), (0, size), (size, 0), (size, size)])
    quarters = (origins[:, None] + steps).reshape(-1, 2)
    inside = (quarters + size > first) & (quarters < np.add(first, shape))
    return np.asarray(quarters[inside.all(1)])


def _cells_of(
    origins: NDArray[np.int64], size: int, first: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return (row, column) in a part of each cell of patches that lies in it, shape (n, 2)."""
    steps = np.stack(np.meshgrid(*[np.arange(size)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    cells = (origins[:, None] - first + steps).reshape(-1, 2)
    return np.asarray(cells[((cells >= 0) & (cells < shape)).all(1)])


def _fill_exact(
    source: GeoBox,
    target: GeoBox,
    first: tuple[int, int],
    inset: float,
    where: NDArray[np.int64],
    down: NDArray[np.float64],
    across: NDArray[np.float64],
) -> None:
    """Fill in exact positions at (row, column) of a part, shape (n, 2)."""
    row, col = where[:, 0], where[:, 1]
    at_row, at_col = (each.astype(np.float64) + inset for each in (row + first[0], col + first[1]))
    down[row, col], across[row, col] = exact(source, target, at_row, at_col)


def same_plane(source: GeoBox, target: GeoBox) -> bool:
    """Whether two grids have the same CRS, be it under different names."""
    return same_crs(as_crs(source.crs), as_crs(target.crs))


def full_turn(source: GeoBox) -> float:
    """Return the columns in 360 degrees of longitude; 0 where columns aren't longitudes."""
    if source.crs is None or not source.crs.geographic:
        return 0.0
    units = {axis.unit_name for axis in source.crs.proj.axis_info[:2]}
    return 360 / abs(source.affine.a) if units <= {"degree"} else 0.0


def is_round(source: GeoBox) -> bool:
    """Whether a grid goes once around the earth: its last column is next to its first."""
    width: int = source.shape[1]
    return abs(full_turn(source) - width) < GRID_TOLERANCE * width


def _middle(source: GeoBox) -> float:
    width: int = source.shape[1]
    return width / 2


def _transformer(source: CRS | None, target: CRS | None) -> Any:
    if source is None or target is None:
        raise GridError("a grid without a CRS can't be warped")
    return source.transformer_to_crs(target)
