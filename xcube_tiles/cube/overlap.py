"""What a cell becomes where two cubes both have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from xcube_tiles.errors import CellOverflowError, DimensionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.typing import OverlapName

Block: TypeAlias = NDArray[Any]
Resolver: TypeAlias = Callable[[Block, Block], Block]
Overlap: TypeAlias = OverlapName | Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapRule:
    """One way to resolve an overlap."""

    combine: Resolver
    """Two valid cells to one, elementwise."""

    result: Callable[[np.dtype[Any]], np.dtype[Any]]
    """Cell dtype of the whole result for that of the input; what it widens can't wrap."""


def sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of sums: 64 bits for integers, unsigned only for unsigned ones."""
    wide = {"u": np.uint64, "i": np.int64, "b": np.int64}
    return np.dtype(wide.get(dtype.kind, dtype))


def _mean(left: Block, right: Block) -> Block:
    half: Block = left.astype(np.float64) / 2 + right.astype(np.float64) / 2
    return half


def _sum(left: Block, right: Block) -> Block:
    dtype = sum_dtype(left.dtype)
    left, right = left.astype(dtype), right.astype(dtype)
    total: Block = left + right
    if dtype.kind == "u":
        wrapped = total < left
    elif dtype.kind == "i":  # both summands have another sign than their sum
        wrapped = ((left ^ total) & (right ^ total)) < 0
    else:
        return total
    if wrapped.any():
        at = tuple(np.argwhere(wrapped)[0])
        raise CellOverflowError(
            f"the sum of {left[at]} and {right[at]} doesn't fit {dtype}; convert both cubes "
            "first: cube.tiles.convert('float64')"
        )
    return total


def _same(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype


RULES: dict[OverlapName, OverlapRule] = {
    "first": OverlapRule(combine=lambda left, _: left, result=_same),
    "last": OverlapRule(combine=lambda _, right: right, result=_same),
    "min": OverlapRule(combine=np.minimum, result=_same),
    "max": OverlapRule(combine=np.maximum, result=_same),
    "mean": OverlapRule(combine=_mean, result=average_dtype),
    "sum": OverlapRule(combine=_sum, result=sum_dtype),
}


def result_cell_type(overlap: Overlap, source: CellType) -> CellType:
    """Return the cell type of a merge: the source's, or one that holds means or sums.

    Raises
    ------
    DimensionError
        An unknown name.
    """
    if callable(overlap):
        return CellType.default(np.float64)
    if overlap not in RULES:
        raise DimensionError(
            f"unknown overlap resolver {overlap!r}; expected one of "
            f"{', '.join(get_args(OverlapName))}, or a callable of two arrays"
        )
    dtype = RULES[overlap].result(source.dtype)
    if RULES[overlap].result is _same:
        return source
    if dtype.kind == "f" or source.nodata is None:
        return CellType.default(dtype)
    # Not the source's NoData, which a sum of valid cells can equal, but an end that none reaches.
    limits = np.iinfo(dtype)
    return CellType(dtype=dtype, nodata=limits.max if dtype.kind == "u" else limits.min)


def resolve(
    left: Block, right: Block, *, overlap: Overlap, source: CellType, target: CellType
) -> Block:
    """Resolve two blocks of cells; NoData in one gives the other's value.

    Parameters
    ----------
    left, right
        Blocks of equal (or broadcasting) shape, of the cell type `source`.
    overlap
        Name of a rule, or a callable that gets both blocks as float64 with NaN for NoData and
        returns one such block; it decides about NoData itself.
    source, target
        Cell types of the input and of the result.

    Raises
    ------
    CellOverflowError
        A sum of 64-bit integers that doesn't fit.
    DimensionError
        A callable that returns another shape.
    """
    left, right = np.broadcast_arrays(left, right)
    if callable(overlap):
        made = np.asarray(overlap(_as_floats(left, source), _as_floats(right, source)))
        if made.shape != left.shape:
            raise DimensionError(
                f"the overlap resolver must return cells of shape {left.shape}, got {made.shape}"
            )
        return made.astype(target.dtype, copy=False)
    no_left, no_right = source.is_nodata(left), source.is_nodata(right)
    none = source.dtype.type(0)
    both = RULES[overlap].combine(np.where(no_left, none, left), np.where(no_right, none, right))
    both = both.astype(target.dtype)
    result = np.where(no_left, right.astype(target.dtype), both)
    result = np.where(no_right, left.astype(target.dtype), result)
    if target.nodata is not None:
        result[no_left & no_right] = target.nodata
    return result


def resolve_all(
    blocks: Sequence[Block], *, overlap: Overlap, source: CellType, target: CellType
) -> Block:
    """Resolve any number of blocks of cells, in order; NoData gives way to the other's values.

    Parameters
    ----------
    blocks
        Blocks of equal shape, of the cell type `source`; at least one.
    overlap, source, target
        As for `resolve`; a mean is that of all valid cells, however many there are.

    Raises
    ------
    CellOverflowError
        A sum of 64-bit integers that doesn't fit.
    DimensionError
        A callable that returns another shape.
    """
    if overlap == "mean":
        return _mean_of_all(blocks, source, target)
    first, *rest = (_as_cells(block, source, target) for block in blocks)
    for block in rest:
        first = resolve(first, block, overlap=overlap, source=target, target=target)
    return first


def _as_cells(block: Block, source: CellType, target: CellType) -> Block:
    if source == target:
        return block
    cells = block.astype(target.dtype)
    if target.nodata is not None:
        cells[source.is_nodata(block)] = target.nodata
    return cells


def _mean_of_all(blocks: Sequence[Block], source: CellType, target: CellType) -> Block:
    total, count = np.zeros(blocks[0].shape), np.zeros(blocks[0].shape, np.intp)
    for block in blocks:
        valid = ~source.is_nodata(block)
        np.add(total, block, out=total, where=valid)
        count += valid
    with np.errstate(invalid="ignore"):
        mean: Block = (total / count).astype(target.dtype)
    return mean


def _as_floats(block: Block, source: CellType) -> Block:
    floats: Block = block.astype(np.float64)
    floats[source.is_nodata(block)] = np.nan
    return floats
