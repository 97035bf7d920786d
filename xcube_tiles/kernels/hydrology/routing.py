"""What flows along the receivers of cells: order, amounts, ends, ranks of streams.

`receivers` holds for each cell the index of the cell that it flows to, -1 where its water ends and
-2 where there is no cell; see `xcube_tiles.kernels.hydrology.directions.receivers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from xcube_tiles.errors import AlgebraError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def downstream(receivers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices of all cells so that each comes before the one that it flows to.

    Raises
    ------
    AlgebraError
        Water flows in a circle.
    """
    order = np.empty(receivers.size, np.int64)
    found, cells = _sort(receivers, order)
    if found < cells:
        raise AlgebraError(
            f"the flow directions have loops: the water of {cells - found} cells returns to them, "
            "or waits for such. Directions that follow slopes have none; compute them with "
            "elevation.tiles.flow_direction()"
        )
    return order[:found]


@njit(nogil=True, cache=True)
def _sort(receivers: NDArray[np.int64], order: NDArray[np.int64]) -> tuple[int, int]:
    # Kahn (1962): the order is its own queue.
    waiting = np.zeros(receivers.size, np.int32)
    cells = 0
    for at in range(receivers.size):
        if receivers[at] >= 0:
            waiting[receivers[at]] += 1
        cells += receivers[at] > -2
    found = 0
    for at in range(receivers.size):
        if receivers[at] > -2 and waiting[at] == 0:
            order[found] = at
            found += 1
    head = 0
    while head < found:
        below = receivers[order[head]]
        head += 1
        if below >= 0:
            waiting[below] -= 1
            if waiting[below] == 0:
                order[found] = below
                found += 1
    return found, cells


@njit(nogil=True, cache=True)
def accumulate(
    receivers: NDArray[np.int64],
    order: NDArray[np.int64],
    weights: NDArray[Any],
    upstream: NDArray[Any],
) -> None:
    """Add to `upstream` the weights of all cells whose water passes a cell, its own left out."""
    for at in order:
        below = receivers[at]
        if below >= 0:
            upstream[below] += upstream[at] + weights[at]


@njit(nogil=True, cache=True)
def inherit(
    receivers: NDArray[np.int64], order: NDArray[np.int64], labels: NDArray[np.int64]
) -> None:
    """Give each cell the label of the cell where its water ends."""
    for k in range(order.size - 1, -1, -1):
        below = receivers[order[k]]
        if below >= 0:
            labels[order[k]] = labels[below]


@njit(nogil=True, cache=True)
def strahler(
    receivers: NDArray[np.int64],
    order: NDArray[np.int64],
    streams: NDArray[np.bool_],
    out: NDArray[np.int32],
) -> None:
    """Fill `out`, zeros at first, with the orders of streams after Strahler."""
    highest, times = np.zeros(out.size, np.int32), np.zeros(out.size, np.int32)
    for at in order:
        if not streams[at]:
            continue
        own = max(highest[at] + (1 if times[at] > 1 else 0), 1)
        out[at] = own
        below = receivers[at]
        if below < 0:
            continue
        if own > highest[below]:
            highest[below], times[below] = own, 1
        elif own == highest[below]:
            times[below] += 1


@njit(nogil=True, cache=True)
def shreve(
    receivers: NDArray[np.int64],
    order: NDArray[np.int64],
    streams: NDArray[np.bool_],
    out: NDArray[np.int32],
) -> None:
    """Fill `out`, zeros at first, with the magnitudes of streams after Shreve."""
    for at in order:
        if not streams[at]:
            continue
        out[at] = max(out[at], 1)
        below = receivers[at]
        if below >= 0 and streams[below]:
            out[below] += out[at]
