"""One output block from the block at its place and the rims of the blocks around it."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from xcube_tiles.cube.blocks.graph import is_lazy
from xcube_tiles.cube.blocks.mapping import unified
from xcube_tiles.cube.blocks.threads import bands
from xcube_tiles.cube.blocks.windows import map_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import DTypeLike, NDArray

_ROWS_PER_RIM = 8
"""Rows of a band for each row of rim: more would read the rims too often."""


def map_halo(
    func: Callable[..., NDArray[Any]],
    *arrays: Any,
    depth: tuple[int, int],
    name: str,
    dtype: DTypeLike,
    wrap: bool = False,
    locate: bool = False,
    **params: Any,
) -> Any:
    """Apply a focal function: each block sees the rims of its neighbours.

    Parameters
    ----------
    func
        ``func(*windows, margins=(top, bottom, left, right), **params) -> block``: a window is the
        block and its rims; `margins` tells how many cells of rim each side has, which is less than
        `depth` at the raster's edge. The result has no rims.
    *arrays
        Arrays of equal shape, from the last dimension (y, x) backwards; missing leading dimensions
        broadcast.
    depth
        Cells of rim needed along (y, x); it may exceed a block, and the array.
    name
        Prefix of the graph's keys.
    dtype
        Data type of the result.
    wrap
        The last row and column are next to the first ones: all rims have full `depth`.
    locate
        Pass ``origin=(row, col)`` to `func` as well: where the block starts in the array.
    **params
        Passed on to `func`.

    Notes
    -----
    Numpy arrays are computed at once, in bands of rows on all cores.
    """
    lazy = any(is_lazy(array) for array in arrays)
    if lazy:
        arrays = unified(arrays)
        chunks = arrays[0].chunks[-2:]
    else:
        shape = max((array.shape for array in arrays), key=len)
        chunks = bands(shape, least_rows=_ROWS_PER_RIM * depth[0]), (shape[-1],)
    tops, lefts = (tuple(accumulate(sizes, initial=0)) for sizes in chunks)

    def window(i: int, j: int) -> tuple[slice, slice]:
        rows = slice(tops[i] - depth[0], tops[i + 1] + depth[0])
        return rows, slice(lefts[j] - depth[1], lefts[j + 1] + depth[1])

    call = partial(_with_margins, func, tops, lefts, depth, (wrap, locate))
    return map_windows(
        call,
        *arrays,
        chunks=chunks,
        windows=window,
        name=name,
        dtype=dtype,
        wrap=wrap,
        params=params,
    )


def _with_margins(
    func: Callable[..., NDArray[Any]],
    tops: tuple[int, ...],
    lefts: tuple[int, ...],
    depth: tuple[int, int],
    flags: tuple[bool, bool],
    *windows: NDArray[Any],
    block: tuple[int, int],
    params: Mapping[str, Any],
) -> NDArray[Any]:
    (i, j), (height, width), (wrap, locate) = block, (tops[-1], lefts[-1]), flags
    top, bottom, left, right = depth[0], depth[0], depth[1], depth[1]
    if not wrap:
        top, bottom = min(top, tops[i]), min(bottom, height - tops[i + 1])
        left, right = min(left, lefts[j]), min(right, width - lefts[j + 1])
    if locate:
        params = {**params, "origin": (tops[i], lefts[j])}
    return func(*windows, margins=(top, bottom, left, right), **params)
