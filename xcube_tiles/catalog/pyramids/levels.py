"""The graph of a pyramid: one variable's levels from its base, block by block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.cube.blocks import map_outputs, map_windows
from xcube_tiles.errors import GridError
from xcube_tiles.kernels.pyramid.chain import block_levels, far_level, state_dtypes
from xcube_tiles.kernels.pyramid.totals import MOST_CELLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import PyramidResampling


def coarsen_levels(
    array: Any,
    *,
    shapes: Sequence[tuple[int, int]],
    exponents: Sequence[int],
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
        Shapes (y, x) of the levels; the first is at least that of `array`, the others are that
        divided by ``2**exponent``.
    exponents
        How many times each level halves the resolution of the base; the first is 0, and they
        ascend.
    block
        Edge, in cells, of the blocks of every level.
    method, min_valid
        As in `kernels.pyramid.coarsen`.
    cell_type
        Cell type of `array` and of all levels.

    Raises
    ------
    GridError
        Windows of so many cells that their sums can't be exact.

    Notes
    -----
    A block of the base gives its share of every level by itself, in one task, as windows of
    ``2**level`` cells don't cross blocks. So the base is held one block at a time, and what waits
    for the other parts of a coarser block has a quarter, a sixteenth ... of its size.
    """
    _check_sums(array, exponents[-1], method)
    base = _regular_blocks(array, block)
    nodata = cell_type.nodata
    levels = [_assembled(base, shapes[0], block, nodata)]
    if len(shapes) == 1:
        return levels
    # Only windows of at least 2 x 2 have a state, and those don't cross blocks of an even edge.
    work = _regular_blocks(base, block if block % 2 == 0 else 2 * block)
    within = _within(block)
    near = [exponent for exponent in exponents[1:] if exponent <= within]
    far = exponents[len(near) + 1 :]
    how: dict[str, Any] = {"method": method, "nodata": nodata, "min_valid": min_valid}
    states = state_dtypes(method, array.dtype) if far else ()
    outputs = map_outputs(
        block_levels,
        work,
        chunks=[_coarse(work, exponent) for exponent in (*near, *(within for _ in states))],
        name=f"pyramid-{method}",
        dtypes=[*(array.dtype for _ in near), *states],
        exponents=near,
        carried=within if far else None,
        **how,
    )
    for shape, part in zip(shapes[1:], outputs[: len(near)], strict=False):
        levels.append(_assembled(part, shape, block, nodata))
    if far:
        # The edge that a block of states has, in states, is that of a block of the base.
        how["dtype"] = array.dtype
        levels += _far_levels(
            outputs[len(near) :], list(zip(far, shapes[len(near) + 1 :], strict=True)), within,
            block, how,
        )  # fmt: skip
    return levels


def _within(block: int) -> int:
    """Return how often the resolution can halve before a cell is larger than a block's part."""
    even = block if block % 2 == 0 else 2 * block
    return (even & -even).bit_length() - 1


def _check_sums(array: Any, exponent: int, method: PyramidResampling) -> None:
    height, width = (min(2**exponent, size) for size in array.shape[-2:])
    bits = 8 * array.dtype.itemsize
    inexact = array.dtype.kind in "iu" and bits >= 32 and height * width >= MOST_CELLS
    if method in ("mean", "sum") and inexact:
        raise GridError(
            f"the sums of 2**{exponent} x 2**{exponent} cells of {array.dtype} can't be exact: "
            "take fewer levels, or convert the cells to float64"
        )


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


def _coarse(array: Any, exponent: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rows, cols = array.chunks[-2:]
    return tuple(-(-n // 2**exponent) for n in rows), tuple(-(-n // 2**exponent) for n in cols)


def _far_levels(
    states: Sequence[Any],
    levels: Sequence[tuple[int, tuple[int, int]]],
    reached: int,
    block: int,
    how: dict[str, Any],
) -> list[Any]:
    """Return the levels, as (exponent, shape), whose windows cross blocks: from states."""
    found = []
    for exponent, shape in levels:
        more = exponent - reached
        edge = block * 2**more
        func = partial(_far_block, exponent=more, base_edge=2**exponent, shape=shape, edge=block)
        found.append(
            map_windows(
                partial(func, **how),
                *states,
                chunks=_cuts(shape, block),
                windows=partial(_own_window, edge, edge),
                name=f"pyramid-far-{how['method']}",
                dtype=how["dtype"],
            )
        )
    return found


def _far_block(
    *states: NDArray[Any],
    block: tuple[int, int],
    exponent: int,
    base_edge: int,
    shape: tuple[int, int],
    edge: int,
    **how: Any,
) -> NDArray[Any]:
    if not states[0].size:
        cells = np.empty((*states[0].shape[:-2], 0, 0), how["dtype"])
    else:
        cells = far_level(*states, exponent=exponent, edge=base_edge, **how)
    return _pad(cells, block=block, shape=shape, edge=edge, nodata=how["nodata"])
