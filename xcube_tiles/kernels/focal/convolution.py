"""Weighted sums of the cells around each cell, in an order that no block changes.

Windows are planes of float64 with full rims, (h + 2 * dy, w + 2 * dx); results are (h, w). Each
cell's sum runs over the weights from the north-west to the south-east, so that it depends neither
on where a block starts nor on how a processor vectorizes the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from xcube_tiles.kernels.missing import is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXACT = 1e-14
"""Relative error up to which the product of a column and a row counts as the weights: some units
of the last place, less than what rounding makes of the sums."""


class Passes(NamedTuple):
    """Weights as the passes that are made over a window, one after the other."""

    places: tuple[NDArray[np.int64], ...]
    """For each pass the row and column of its weights in the window that it sees, (n, 2)."""

    weights: tuple[NDArray[np.float64], ...]
    """For each pass its weights, (n,); none is 0."""

    shape: tuple[int, int]
    """Rows and columns of all weights together."""

    support: NDArray[np.int64]
    """Row and column of each weight that isn't 0, (n, 2)."""


def passes_of(weights: NDArray[np.float64]) -> Passes:
    """Return the passes that make weighted sums with the fewest products.

    Two passes, along rows and then along columns, where the weights are the product of a column
    and a row, as those of a gaussian are; else one.

    Examples
    --------
    >>> [len(part) for part in passes_of(np.ones((5, 5))).weights]
    [5, 5]
    >>> [len(part) for part in passes_of(np.eye(3)).weights]
    [3]
    """
    top, left = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    row, column = weights[top], weights[:, left] / weights[top, left]
    product = np.outer(column, row)
    separable = np.all(np.abs(product - weights) <= _EXACT * np.abs(weights))
    fewer = np.count_nonzero(row) + np.count_nonzero(column) < np.count_nonzero(weights)
    parts = [row[None, :], column[:, None]] if separable and fewer else [weights]
    places = tuple(np.argwhere(part) for part in parts)
    return Passes(
        places, tuple(part[part != 0] for part in parts), weights.shape, np.argwhere(weights)
    )


class Scratch:
    """Planes that the strips of a block use in turn: fresh memory costs more than the sums do."""

    __slots__ = ("_planes",)

    def __init__(self) -> None:
        self._planes: dict[str, NDArray[np.float64]] = {}

    def plane(self, name: str, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return a plane of a shape, with any content; the one of this name before is lost."""
        size = shape[0] * shape[1]
        if name not in self._planes or self._planes[name].size < size:
            self._planes[name] = np.empty(size)
        return self._planes[name][:size].reshape(shape)


def weigh(
    plane: NDArray[np.float64], passes: Passes, scratch: Scratch | None = None, name: str = "sums"
) -> NDArray[np.float64]:
    """Return the weighted sums of a window's cells.

    Parameters
    ----------
    plane
        Window with full rims; no NaN.
    passes
        What `passes_of` makes of the weights. They lie over the window as they are: unflipped.
    scratch, name
        Where to find memory, and the name there of the result.

    Examples
    --------
    >>> weigh(np.arange(9.0).reshape(3, 3), passes_of(np.array([[-1.0, 0.0, 1.0]])))
    array([[2.],
           [2.],
           [2.]])
    """
    scratch = scratch or Scratch()
    height, width = (plane.shape[at] - passes.shape[at] + 1 for at in (0, 1))
    for at, (places, weights) in enumerate(zip(passes.places, passes.weights, strict=True)):
        last = at == len(passes.weights) - 1
        shape = (height if last else plane.shape[0], width)
        out = scratch.plane(name if last else "rows", shape)
        _add_weighted(plane, places, weights, out)
        plane = out
    return plane


@njit(nogil=True, cache=True)
def _add_weighted(
    plane: NDArray[np.float64],
    places: NDArray[np.int64],
    weights: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    count, width = len(weights), out.shape[1]
    for i in range(out.shape[0]):
        total = out[i]
        total[:] = 0.0
        at = 0
        # Four products a turn read and write the totals a quarter as often.
        while at + 4 <= count:
            a = plane[i + places[at, 0], places[at, 1] :]
            b = plane[i + places[at + 1, 0], places[at + 1, 1] :]
            c = plane[i + places[at + 2, 0], places[at + 2, 1] :]
            d = plane[i + places[at + 3, 0], places[at + 3, 1] :]
            wa, wb, wc, wd = weights[at], weights[at + 1], weights[at + 2], weights[at + 3]
            for j in range(width):
                total[j] = total[j] + wa * a[j] + wb * b[j] + wc * c[j] + wd * d[j]
            at += 4
        while at < count:
            e = plane[i + places[at, 0], places[at, 1] :]
            we = weights[at]
            for j in range(width):
                total[j] += we * e[j]
            at += 1


def convolve_window(
    window: NDArray[Any],
    passes: Passes,
    nodata: Any,
    masked: bool,
    *,
    normalize: bool,
    out: NDArray[Any],
    scratch: Scratch,
) -> None:
    """Fill `out` with the weighted sums, or means, of the valid cells of a window.

    Parameters
    ----------
    window
        Cells with full rims, of any number dtype.
    passes
        What `passes_of` makes of the weights; they lie over the window unflipped.
    nodata, masked
        The number that means NoData, in the dtype of the cells, and whether there is one.
    normalize
        Divide each sum by the sum of the weights of its valid cells; weights must not be negative.
    out
        Float cells (h, w); NaN where no cell with a weight is valid.
    scratch
        Memory that one call after the other may use.
    """
    values, valid, gaps = split(window, nodata, masked, scratch)
    sums = weigh(values, passes, scratch)
    if normalize:
        # Where nothing is missing all sums of weights are one number, added up in the same order.
        shares = weigh(valid if gaps else np.ones(passes.shape), passes, scratch, "shares")
        with np.errstate(invalid="ignore"):
            sums /= shares
    elif gaps:
        _blank(valid, passes.support, sums)
    out[...] = sums


def split(
    window: NDArray[Any], nodata: Any, masked: bool, scratch: Scratch
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return cells or 0 for NoData, 1 or 0 for NoData, and the number of NoData cells."""
    values, valid = (scratch.plane(name, window.shape) for name in ("values", "valid"))
    return values, valid, _split(window, nodata, masked, values, valid)


@njit(nogil=True, cache=True)
def _split(
    cells: NDArray[Any],
    nodata: Any,
    masked: bool,
    values: NDArray[np.float64],
    valid: NDArray[np.float64],
) -> int:
    gaps = 0
    for i in range(cells.shape[0]):
        row, value, known = cells[i], values[i], valid[i]
        for j in range(cells.shape[1]):
            missing = is_missing(row[j], nodata, masked)
            value[j] = 0.0 if missing else float(row[j])
            known[j] = 0.0 if missing else 1.0
            gaps += missing
    return gaps


@njit(nogil=True, cache=True)
def _blank(
    valid: NDArray[np.float64], places: NDArray[np.int64], sums: NDArray[np.float64]
) -> None:
    """Make NaN of the sums without a valid cell; the search mostly ends with the first cell."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            found = False
            for k in range(len(places)):
                if valid[i + places[k, 0], j + places[k, 1]] != 0.0:
                    found = True
                    break
            if not found:
                sums[i, j] = np.nan
