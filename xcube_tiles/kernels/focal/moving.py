"""Which cells enter and leave a window that moves one cell to the right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TILE = 256
"""Least width of a tile in cells: what a kernel keeps of a tile should stay in the L1 cache, and
its rims should be few beside its cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The cells of a window, and those that change when it moves; all as (row, col)."""

    inside: NDArray[np.int64]
    """Each cell, counted from the corner of the window's box."""

    leaving: NDArray[np.int64]
    """Cells of the old window that the new one lacks, counted from the old one's corner."""

    entering: NDArray[np.int64]
    """Cells of the new window that the old one lacks, counted from the new one's corner."""


def moves(mask: NDArray[np.bool_]) -> Moves:
    """Return which cells enter and leave a window.

    Examples
    --------
    >>> moves(np.ones((1, 3), bool)).entering
    array([[0, 2]])
    """
    return _moves(mask.shape, mask.tobytes())


@lru_cache(maxsize=64)
def _moves(shape: tuple[int, int], cells: bytes) -> Moves:
    mask = np.frombuffer(cells, np.bool_).reshape(shape)
    edged = np.pad(mask, ((0, 0), (1, 1)))
    return Moves(
        inside=np.argwhere(mask),
        leaving=np.argwhere(mask & ~edged[:, :-2]),
        entering=np.argwhere(mask & ~edged[:, 2:]),
    )


def tiles(width: int, mask: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Cut the columns of a result; yield those of each tile and those that its windows cover."""
    reach = mask.shape[1] - 1
    edge = max(TILE, 2 * reach)
    for left in range(0, width, edge):
        right = min(left + edge, width)
        yield slice(left, right), slice(left, right + reach)
