"""What focal kernels are given: strips of a plane with full rims, whatever lies beyond the raster.

A strip is as high as fits a near cache, so that padding costs little and kernels find their rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Edge: TypeAlias = Literal["clip", "nearest", "reflect", "wrap", "constant"]
"""What lies beyond the raster: nothing, the nearest cell, the mirrored raster, its other end, or
cells of one value."""

Margins: TypeAlias = tuple[int, int, int, int]
"""Cells of rim that a plane has at its top, bottom, left and right."""

_STRIP_BYTES = 1 << 20
"""Size of a strip; with its intermediate rows it fits the second-level cache of most machines."""

_ROWS_PER_RIM = 8
"""Rows of a strip for each row of rim, as rims are worked on twice."""


class Beyond(NamedTuple):
    """What pads a plane beyond the raster."""

    edge: Edge
    """The policy; `wrap` needs no padding, as planes come with full rims."""

    fill: Any
    """The cell for `clip` and `constant`."""


def strips(
    plane: NDArray[Any], margins: Margins, depth: tuple[int, int], beyond: Beyond, dtype: Any
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield strips of a plane, from top to bottom, as windows with full rims.

    Parameters
    ----------
    plane
        Cells of shape (h, w): a block and its rims, which are missing beyond the raster.
    margins
        Cells of rim that the plane has.
    depth
        Cells of rim that windows have at the top and bottom, and at the left and right.
    beyond
        What the missing rims are filled with.
    dtype
        Data type of the windows.

    Yields
    ------
    (rows, window): the rows of the block, and a C-contiguous array of these rows and full rims. It
    must not be written to, nor kept: the next strip may use its memory.

    Examples
    --------
    >>> plane = np.array([[1, 2], [3, 4]])
    >>> for rows, window in strips(plane, (0, 0, 0, 0), (0, 1), Beyond("reflect", 0), "int8"):
    ...     print(rows, window.tolist())
    slice(0, 2, None) [[1, 1, 2, 2], [3, 3, 4, 4]]
    """
    top, bottom, left, right = margins
    height = plane.shape[0] - top - bottom
    rows = _sources(plane.shape[0], depth[0] - top, depth[0] - bottom, beyond.edge)
    cols = _sources(plane.shape[1], depth[1] - left, depth[1] - right, beyond.edge)
    whole = len(rows) == plane.shape[0] and len(cols) == plane.shape[1]
    ready = whole and plane.flags.c_contiguous and plane.dtype == dtype
    each = min(strip_rows(len(cols), depth[0], np.dtype(dtype)), height)
    memory = np.empty((0 if ready else each + 2 * depth[0], len(cols)), dtype)
    for start in range(0, height, max(each, 1)):
        stop = min(start + each, height)
        if ready:
            yield slice(start, stop), plane[start : stop + 2 * depth[0]]
            continue
        window = memory[: stop - start + 2 * depth[0]]
        needed = rows[start : stop + 2 * depth[0]]
        _paste(plane, needed, cols, depth[1] - left, beyond.fill, window)
        yield slice(start, stop), window


def padded(
    plane: NDArray[Any], margins: Margins, depth: tuple[int, int], edge: Edge, fill: Any
) -> NDArray[Any]:
    """Return a whole plane with full rims; C-contiguous, of its own dtype.

    Parameters
    ----------
    plane, margins, depth
        As for `strips`.
    edge, fill
        The policy, and the cell for `clip` and `constant`.

    Examples
    --------
    >>> padded(np.array([[1, 2]]), (0, 0, 0, 0), (0, 3), "reflect", 0)
    array([[2, 2, 1, 1, 2, 2, 1, 1]])
    """
    top, bottom, left, right = margins
    rows = _sources(plane.shape[0], depth[0] - top, depth[0] - bottom, edge)
    cols = _sources(plane.shape[1], depth[1] - left, depth[1] - right, edge)
    window = np.empty((len(rows), len(cols)), plane.dtype)
    _paste(plane, rows, cols, depth[1] - left, fill, window)
    return window


def strip_rows(width: int, depth: int, dtype: np.dtype[Any]) -> int:
    """Return how many rows a strip has, its rims left out."""
    return max(_STRIP_BYTES // max(width * dtype.itemsize, 1), _ROWS_PER_RIM * depth, 1)


def _sources(size: int, before: int, after: int, edge: Edge) -> NDArray[np.int64]:
    """Return which cell of an axis each cell of the padded axis is; -1: the fill."""
    at = np.arange(-before, size + after)
    if edge == "nearest":
        return np.clip(at, 0, size - 1)
    if edge == "reflect":
        turned = at % (2 * size)
        return np.minimum(turned, 2 * size - 1 - turned)
    return np.where((at >= 0) & (at < size), at, -1)


def _paste(
    plane: NDArray[Any], rows: NDArray[np.int64], cols: NDArray[np.int64], first: int, fill: Any,
    window: NDArray[Any],
) -> None:  # fmt: skip
    """Copy rows of a plane into a window, whose columns before `first` are padding."""
    after = first + plane.shape[1]
    body = window[:, first:after]
    if rows[0] >= 0 and (np.diff(rows) == 1).all():
        body[...] = plane[rows[0] : rows[-1] + 1]
    else:
        for at, row in enumerate(rows):
            body[at] = fill if row < 0 else plane[row]
    for side in (slice(0, first), slice(after, len(cols))):
        if side.start < side.stop:
            cells = body[:, np.maximum(cols[side], 0)]
            window[:, side] = np.where(cols[side] >= 0, cells, window.dtype.type(fill))
