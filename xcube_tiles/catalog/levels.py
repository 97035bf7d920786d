"""The graph of a pyramid: one variable's levels from its base, block by block."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.blocks import map_windows
from xcube_tiles.kernels.pyramid.coarsen import (
    add_windows,
    coarsen,
    finish,
    window_counts,
    window_sums,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import PyramidResampling


def coarsen_levels(
    array: Any,
    *,
    shapes: Sequence[tuple[int, int]],
    block: int,
    method: PyramidResampling,
    cell_type: CellType,
    min_valid: float,
) -> list[Any]:
    """Return the arrays of all levels of one variable, the base first.

    Parameters
    ----------
    array
        Dask array, last dimensions (y, x), not padded.
    shapes
        Shapes (y, x) of the levels; each half of the one before, the first at least that of
        `array`.
    block
        Edge, in cells, of the blocks of every level.
    method, min_valid
        As in `kernels.pyramid.coarsen`.
    cell_type
        Cell type of `array` and of all levels.

    Notes
    -----
    A block of the base gives its share of every level by itself, as windows of ``2**level`` cells
    don't cross blocks. So the base is held one block at a time, and what waits for the other
    parts of a coarser block has a quarter, a sixteenth ... of its size.
    """
    base = _regular_blocks(array, block)
    # Beyond this level a block of the base is smaller than one cell.
    within = (block & -block).bit_length() - 1
    nodata = cell_type.nodata
    how: dict[str, Any] = {"method": method, "nodata": nodata, "min_valid": min_valid}
    levels = [_assembled(base, shapes[0], block, nodata)]
    for level in range(1, min(len(shapes), within + 1)):
        parts = _per_block(base, 2**level, coarsen, f"pyramid-{method}", array.dtype, **how)
        levels.append(_assembled(parts, shapes[level], block, nodata))
    if len(shapes) > within + 1:
        levels += _beyond_blocks(base, shapes[within + 1 :], 2**within, block, how)
    return levels


def _cut(size: int, edge: int) -> tuple[int, ...]:
    return (*(edge,) * (size // edge), *((size % edge,) if size % edge else ()))


def _cuts(shape: tuple[int, ...], edge: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return _cut(shape[-2], edge), _cut(shape[-1], edge)


def _regular_blocks(array: Any, edge: int) -> Any:
    """Cut an array into square blocks, gathered from the source's blocks in one task each."""
    chunks = _cuts(array.shape, edge)
    if array.chunks[-2:] == chunks:
        return array
    return map_windows(
        _as_it_is,
        array,
        chunks=chunks,
        windows=partial(_own_window, edge, edge),
        name="pyramid-base",
        dtype=array.dtype,
    )


def _as_it_is(piece: NDArray[Any], *, block: tuple[int, int]) -> NDArray[Any]:
    return piece


def _own_window(height: int, width: int, i: int, j: int) -> tuple[slice, slice]:
    return slice(i * height, (i + 1) * height), slice(j * width, (j + 1) * width)


def _per_block(
    array: Any,
    factor: int,
    func: Callable[..., NDArray[Any]],
    name: str,
    dtype: DTypeLike,
    **params: Any,
) -> Any:
    """Coarsen each block by itself."""
    rows, cols = array.chunks[-2:]
    starts = (0, *accumulate(rows)), (0, *accumulate(cols))
    return map_windows(
        partial(_coarsen_piece, func, factor=factor, **params),
        array,
        chunks=(_coarse(rows, factor), _coarse(cols, factor)),
        windows=partial(_block_window, starts),
        name=name,
        dtype=dtype,
    )


def _coarse(sizes: tuple[int, ...], factor: int) -> tuple[int, ...]:
    return tuple(-(-size // factor) for size in sizes)


def _block_window(starts: tuple[tuple[int, ...], ...], i: int, j: int) -> tuple[slice, slice]:
    tops, lefts = starts
    return slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1])


def _coarsen_piece(
    func: Callable[..., NDArray[Any]], piece: NDArray[Any], *, block: tuple[int, int], **params: Any
) -> NDArray[Any]:
    return func(piece, **params)


def _assembled(parts: Any, shape: tuple[int, int], edge: int, nodata: float | None) -> Any:
    """Join parts to the blocks of a level, padded to its shape."""
    chunks = _cuts(shape, edge)
    if parts.chunks[-2:] == chunks:
        return parts
    return map_windows(
        partial(_pad, shape=shape, edge=edge, nodata=nodata),
        parts,
        chunks=chunks,
        windows=partial(_own_window, edge, edge),
        name="pyramid-level",
        dtype=parts.dtype,
    )


def _pad(
    piece: NDArray[Any],
    *,
    block: tuple[int, int],
    shape: tuple[int, int],
    edge: int,
    nodata: float | None,
) -> NDArray[Any]:
    """Add NoData at the bottom and right of a block that reaches beyond the original raster."""
    wanted = tuple(min(edge, size - at * edge) for at, size in zip(block, shape, strict=True))
    if piece.shape[-2:] == wanted:
        return piece
    padded = np.full((*piece.shape[:-2], *wanted), 0 if nodata is None else nodata, piece.dtype)
    padded[..., : piece.shape[-2], : piece.shape[-1]] = piece
    return padded


def _beyond_blocks(
    base: Any,
    shapes: Sequence[tuple[int, int]],
    reached: int,
    block: int,
    how: dict[str, Any],
) -> list[Any]:
    """Return the levels past the one, `reached` times coarser, at which a block is one cell."""
    if how["method"] in ("mean", "sum"):
        counted = {"nodata": how["nodata"]}
        states = tuple(
            _per_block(base, reached, func, name, np.float64, **counted)
            for func, name in ((window_sums, "pyramid-sums"), (window_counts, "pyramid-counts"))
        )
        func: Callable[..., NDArray[Any]] = partial(
            _finish_windows, reached=reached, dtype=base.dtype, **how
        )
    else:
        states = (_per_block(base, reached, coarsen, "pyramid-tail", base.dtype, **how),)
        func = partial(_coarsen_more, **how)
    levels = []
    for number, shape in enumerate(shapes, start=1):
        edge = block * 2**number
        levels.append(
            map_windows(
                partial(func, factor=2**number, shape=shape, edge=block),
                *states,
                chunks=_cuts(shape, block),
                windows=partial(_own_window, edge, edge),
                name=f"pyramid-far-{how['method']}",
                dtype=base.dtype,
            )
        )
    return levels


def _finish_windows(
    sums: NDArray[Any],
    counts: NDArray[Any],
    *,
    block: tuple[int, int],
    factor: int,
    reached: int,
    shape: tuple[int, int],
    edge: int,
    **how: Any,
) -> NDArray[Any]:
    total, count = add_windows(sums, factor=factor), add_windows(counts, factor=factor)
    values = finish(total, count, cells=factor * reached, **how)
    return _pad(values, block=block, shape=shape, edge=edge, nodata=how["nodata"])


def _coarsen_more(
    piece: NDArray[Any],
    *,
    block: tuple[int, int],
    factor: int,
    shape: tuple[int, int],
    edge: int,
    **how: Any,
) -> NDArray[Any]:
    values = coarsen(piece, factor=factor, **how)
    return _pad(values, block=block, shape=shape, edge=edge, nodata=how["nodata"])
