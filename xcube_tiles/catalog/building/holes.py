"""Cells that read as NoData because nothing is stored for them."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import zarr
    from numpy.typing import NDArray


def has_holes(
    block: NDArray[Any], array: zarr.Array[Any], rows: tuple[int, int], cols: tuple[int, int]
) -> bool:
    """Whether an object on disk, chunk or shard, gave nothing but fill values to a block.

    Either all its cells are NoData, or it isn't there.

    Parameters
    ----------
    block
        Cells that were read, shape (..., rows, cols).
    array
        The array on disk.
    rows, cols
        First row and column of the block, and the first ones behind it.
    """
    stored = array.shards or array.chunks
    tops, lefts = (cuts(span, edge) for span, edge in zip((rows, cols), stored[-2:], strict=True))
    for down, across in product(tops, lefts):
        piece = block[..., down, across]
        for cells in piece.reshape(-1, *piece.shape[-2:]):
            # One cell tells for most of them.
            if cells.size and _is_fill(cells[0, 0], array) and _is_fill(cells, array).all():
                return True
    return False


def cuts(span: tuple[int, int], edge: int) -> list[slice]:
    """Return the parts of a span between multiples of an edge, counted from its beginning.

    Examples
    --------
    >>> cuts((5, 21), 10)
    [slice(0, 5, None), slice(5, 15, None), slice(15, 16, None)]
    """
    first, last = span
    edges = [first, *range((first // edge + 1) * edge, last, edge), last]
    return [slice(a - first, b - first) for a, b in pairwise(edges)]


def _is_fill(cells: Any, array: zarr.Array[Any]) -> Any:
    fill = array.fill_value
    return np.isnan(cells) if array.dtype.kind == "f" and np.isnan(fill) else cells == fill
