"""Flow over the borders of blocks: what a block tells of itself, and how blocks join.

A block knows for each of its cells where the water leaves the block, or ends in it: an *end*. Ends
that drain into another block enter it at a cell of its border, whose end is known as well. So the
ends of all blocks form a network like that of cells, but with few nodes, and what holds for the
cells' network is computed for that of the ends first.

R. Barnes (2017), *Parallel non-divergent flow accumulation for trillion cell digital elevation
models on desktops or clusters*, Environmental Modelling & Software 92.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.kernels.hydrology.directions import DOWN, NODATA, RIGHT, STEP
from xcube_tiles.kernels.hydrology.routing import accumulate, downstream, inherit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What other blocks need to know of a block; cells are indices in the whole raster, by rows."""

    border: NDArray[np.int64]
    """Valid cells of the block's border."""

    border_ends: NDArray[np.int64]
    """Position in `ends` of the end of each of them."""

    ends: NDArray[np.int64]
    """Cells where water ends or leaves the block."""

    targets: NDArray[np.int64]
    """Cell of another block that each end drains to, -1 where there is none."""

    values: NDArray[np.int64]
    """Of each end: how much leaves the block there, or the number of a pour point, else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The network of a block's cells."""

    receivers: NDArray[np.int64]
    """Index in the block of the cell that each cell flows to, or -1 or -2."""

    order: NDArray[np.int64]
    """Cells of the block, each before its receiver."""

    roots: NDArray[np.int64]
    """Position of each cell's end among the block's ends; -1 for NoData."""

    ends: NDArray[np.int64]
    """Index in the block of each end, ascending."""


def flow_of(receivers: NDArray[np.int64]) -> Flow:
    """Return the network of a block, given the receivers of its cells."""
    order = downstream(receivers)
    ends = np.flatnonzero(receivers == -1)
    roots = np.full(receivers.size, -1, np.int64)
    roots[ends] = np.arange(len(ends))
    inherit(receivers, order, roots)
    return Flow(receivers=receivers, order=order, roots=roots, ends=ends)


def outline(
    flow: Flow,
    codes: NDArray[np.uint8],
    values: NDArray[np.int64],
    *,
    stopped: NDArray[np.bool_] | None = None,
    origin: tuple[int, int],
    shape: tuple[int, int],
) -> Outline:
    """Return what other blocks need to know of a block.

    Parameters
    ----------
    flow
        Network of the block.
    codes
        Its directions (rows, cols).
    values
        Of its ends.
    stopped
        Ends whose water goes no further, whatever their direction; None: none are.
    origin
        Row and column of its first cell in the raster.
    shape
        Shape of the raster.
    """
    border = _border(codes)
    rows, cols = _in_raster(flow.ends, codes.shape, origin)
    step = STEP[codes.reshape(-1)[flow.ends]]
    y, x = rows + DOWN[step], cols + RIGHT[step]
    leaves = (step >= 0) & _is_in(y, x, (0, 0), shape) & ~_is_in(y, x, origin, codes.shape)
    if stopped is not None:
        leaves &= ~stopped
    return Outline(
        border=_number(*_in_raster(border, codes.shape, origin), shape),
        border_ends=flow.roots[border],
        ends=_number(rows, cols, shape),
        targets=np.where(leaves, _number(y, x, shape), -1),
        values=values,
    )


def _border(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    rim = np.ones(codes.shape, np.bool_)
    rim[1:-1, 1:-1] = False
    return np.flatnonzero(rim & (codes != NODATA))


def _is_in(
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    origin: tuple[int, int],
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    down, right = rows - origin[0], cols - origin[1]
    return (down >= 0) & (down < shape[0]) & (right >= 0) & (right < shape[1])


def _in_raster(
    cells: NDArray[np.int64], shape: tuple[int, ...], origin: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return cells // shape[1] + origin[0], cells % shape[1] + origin[1]


def _number(rows: Any, cols: Any, shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.asarray(rows * np.int64(shape[1]) + cols, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The network of the ends of all blocks."""

    receivers: NDArray[np.int64]
    """Position of the end that each end flows to, or -1."""

    order: NDArray[np.int64]
    """Ends, each before its receiver."""

    starts: tuple[int, ...]
    """Where the ends of each block start, and one past the last."""


def join(outlines: Sequence[Outline]) -> Joined:
    """Return how the ends of blocks drain into each other."""
    starts = (0, *np.cumsum([len(each.ends) for each in outlines]).tolist())
    border = np.concatenate([each.border for each in outlines])
    of_border = np.concatenate(
        [each.border_ends + start for each, start in zip(outlines, starts, strict=False)]
    )
    targets = np.concatenate([each.targets for each in outlines])
    by_number = np.argsort(border)
    at = np.searchsorted(border, targets, sorter=by_number)
    place = by_number[np.minimum(at, max(len(border) - 1, 0))] if len(border) else at
    # What drains to NoData in another block finds no cell there, and ends.
    known = (targets >= 0) & (border[place] == targets) if len(border) else targets >= 0
    receivers = np.where(known, of_border[place], -1) if len(border) else targets
    return Joined(receivers=receivers, order=downstream(receivers), starts=starts)


def inflows(outlines: Sequence[Outline]) -> list[NDArray[np.int64]]:
    """Return what flows into each block from others, for each cell of its border."""
    joined = join(outlines)
    leaving = np.concatenate([each.values for each in outlines])
    through = np.zeros_like(leaving)
    accumulate(joined.receivers, joined.order, leaving, through)
    through += leaving
    targets = np.concatenate([each.targets for each in outlines])
    entering = targets >= 0
    cells, at = np.unique(targets[entering], return_inverse=True)
    totals = np.zeros(len(cells) + 1, np.int64)
    np.add.at(totals, at, through[entering])
    results = []
    for each in outlines:
        place = np.searchsorted(cells, each.border)
        found = np.append(cells, -1)[place] == each.border
        results.append(np.where(found, totals[place], 0))
    return results


def labels_of_ends(outlines: Sequence[Outline], *, number: bool) -> list[NDArray[np.int64]]:
    """Return the label of each end of each block: that of the end where its water ends.

    `number` gives the ends of all water the numbers 1..n, by rows; otherwise their values are the
    labels.
    """
    joined = join(outlines)
    labels = np.concatenate([each.values for each in outlines])
    if number:
        ends = np.concatenate([each.ends for each in outlines])
        final = joined.receivers < 0
        labels[final] = np.argsort(np.argsort(ends[final])) + 1
    inherit(joined.receivers, joined.order, labels)
    return [labels[start:stop] for start, stop in pairwise(joined.starts)]
