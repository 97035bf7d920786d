"""The n-th lowest cell along one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.kernels.network import sorting_network
from xcube_tiles.kernels.reduce.columns import WIDTH, columns, over_columns
from xcube_tiles.kernels.reduce.order import gather, padding, sort_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _nth(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    pad: Any,
    n: int,
    network: NDArray[np.int64],
    missing: Any,
    out: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    block = np.empty((cells.shape[0], WIDTH), cells.dtype)
    valid = np.empty(WIDTH, np.int32)
    for first in range(start, stop, WIDTH):
        width = min(WIDTH, stop - first)
        gather(cells, nodata, masked, pad, first, width, block, valid)
        sort_columns(block, network)
        for w in range(width):
            at = n if n >= 0 else valid[w] + n
            out[first + w] = block[at, w] if 0 <= at < valid[w] else missing


def nth(
    cells: NDArray[Any],
    axis: int = 0,
    *,
    n: int,
    nodata: float | None = None,
    missing: float = 0,
    threads: int = 1,
) -> NDArray[Any]:
    """Return the n-th lowest valid cell along an axis.

    Parameters
    ----------
    cells
        Integers, floats or bool of any shape.
    axis
        Axis to reduce; it has at least one cell.
    n
        0 for the lowest, 1 for the next; -1 for the highest, -2 for the one below.
    nodata
        The number that means NoData; None: none does. NaN always does.
    missing
        What stands where there are too few valid cells.
    threads
        Most threads to use.

    Returns
    -------
    ndarray
        `cells` without the axis, in its dtype.

    Examples
    --------
    >>> cells = np.array([[3, 9], [1, 2], [7, 9]], "uint8")
    >>> nth(cells, n=1, nodata=9, missing=9), nth(cells, n=-1, nodata=9)
    (array([3, 9], dtype=uint8), array([7, 2], dtype=uint8))
    """
    given = columns(cells, axis, nodata)
    dtype = given.cells.dtype
    out = given.empty(dtype)
    network = sorting_network(given.depth)
    args = (padding(given), n, network, dtype.type(missing))
    over_columns(_nth, [given], *args, outs=[out], threads=threads)
    return given.restore(out).view(cells.dtype if cells.dtype.kind == "b" else dtype)
